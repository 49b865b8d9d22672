package monitor

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// audit is a page of the log, the newest first.
type audit struct {
	Entries []auditView `json:"entries"`
	Next    int64       `json:"next,omitempty"` // ?before=, for the page that follows

	First string `json:"-"` // addresses of pages
	More  string `json:"-"`
}

type auditView struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Target string    `json:"target,omitempty"`
	Count  int64     `json:"count"`

	Path string `json:"-"` // of what it was done to, where that has a page
}

const auditPage = 100

func (m *Monitor) audit(r *http.Request) (any, error) {
	before := int64(0)
	if text := r.URL.Query().Get("before"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return nil, fault.New(problem.BadOption, err, "field", "before")
		}
		before = n
	}
	entries, err := m.ledger.AuditLog(r.Context(), before, auditPage+1)
	if err != nil {
		return nil, err
	}
	page := audit{Entries: []auditView{}}
	for _, e := range entries[:min(len(entries), auditPage)] {
		page.Entries = append(page.Entries, auditView{e.Number, e.At, e.Actor, e.Action, e.Target, e.Count, auditPath(e.Action, e.Target)})
	}
	if len(entries) > auditPage {
		page.Next = page.Entries[auditPage-1].Number
		page.More = Base + "/audit?before=" + strconv.FormatInt(page.Next, 10)
	}
	if before > 0 {
		page.First = Base + "/audit"
	}
	return page, nil
}

// auditPath is the page about what something was done to: lanes and workers have one for all.
func auditPath(action, target string) string {
	switch action {
	case "pause", "resume":
		return Base + "/lanes"
	case "drain":
		return Base + "/workers"
	}
	if id, _, _ := strings.Cut(target, " "); len(id) == 36 && strings.Count(id, "-") == 4 && strings.Trim(id, "0123456789abcdef-") == "" {
		if strings.HasPrefix(action, "batch") {
			return Base + "/batches/" + id
		}
		return Base + "/tasks/" + id
	}
	return ""
}
