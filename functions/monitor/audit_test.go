package monitor

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"idphoto/infra/auth"
	"idphoto/queue"
)

func (s *scene) auditPage(query string) audit {
	s.Helper()
	w := s.ask(auth.Operator, "/api/v1/monitor/audit"+query, nil)
	var page audit
	if err := json.Unmarshal(w.Body.Bytes(), &page); w.Code != 200 || err != nil {
		s.Fatalf("answered %d %v: %s", w.Code, err, w.Body)
	}
	return page
}

func (s *scene) auditEntries(query string) []auditView { s.Helper(); return s.auditPage(query).Entries }

func TestTheAuditLogIsReadPageByPage(t *testing.T) {
	s := newScene(t)
	s.deeds() // 130
	first := s.auditPage("")
	second := s.auditPage("?before=" + strconv.FormatInt(first.Next, 10))
	if len(first.Entries) != auditPage || len(second.Entries) != 30 || second.Next != 0 || second.Entries[0].Number != first.Next-1 {
		t.Errorf("%d and %d entries, then %d", len(first.Entries), len(second.Entries), second.Next)
	}
	if page := s.see("/monitor/audit"); !strings.Contains(page, "audit?before="+strconv.FormatInt(first.Next, 10)) || strings.Contains(page, "To the first page") {
		t.Error("the first page does not lead on")
	}
	if page := s.see("/monitor/audit?before=31"); strings.Contains(page, "Next page") || !strings.Contains(page, "To the first page") {
		t.Error("the last page does not lead back")
	}
}

func TestAuditEntriesLeadToWhatTheyAreAbout(t *testing.T) {
	id := queue.NewID()
	for _, tc := range []struct{ action, target, want string }{
		{"retry", id, "/monitor/tasks/" + id},
		{"again", id + " → " + id, "/monitor/tasks/" + id},
		{"batch_cancel", id, "/monitor/batches/" + id},
		{"pause", "bulk", "/monitor/lanes"},
		{"drain", "<b>", "/monitor/workers"},
		{"bulk_retry", "state=dead", ""},
		{"retry", "../../" + id[6:], ""},
	} {
		if got := auditPath(tc.action, tc.target); got != tc.want {
			t.Errorf("%s %s leads to %q, want %q", tc.action, tc.target, got, tc.want)
		}
	}
}
