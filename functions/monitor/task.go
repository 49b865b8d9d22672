package monitor

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/infra/blobs"
	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// taskModel is everything about one task.
type taskModel struct {
	Task       taskView        `json:"task"`
	Moments    []moment        `json:"moments"`
	Attempts   []attemptView   `json:"attempts"`
	Waterfall  waterfall       `json:"waterfall"`
	Report     json.RawMessage `json:"report,omitempty"`
	Unreadable *unreadable     `json:"unreadable,omitempty"`
	People     []member        `json:"people,omitempty"` // of a group picture
	TraceID    string          `json:"trace_id,omitempty"`
	TraceURL   string          `json:"trace_url,omitempty"`

	Why      map[string]any `json:"-"` // values for the sentence of Task.Code
	Rules    *reportView    `json:"-"`
	Options  photo.Options  `json:"-"`
	Wishes   []wish         `json:"-"`
	May      taskMay        `json:"-"`
	Pictures []pictureLink  `json:"-"` // none until they are asked for
	Show     string         `json:"-"` // address that asks for them; empty when there are none or they are shown
	Hide     string         `json:"-"`
	JSON     string         `json:"-"` // address of this model
	Raw      string         `json:"-"` // the task as JSON, to read
	Specs    []string       `json:"-"` // that can be chosen
}

// moment is a change of the task's state, and how long after the one before it came.
type moment struct {
	Name  string        `json:"name"` // created, started, due, or the state that ended it, see shownState
	At    time.Time     `json:"at"`
	After time.Duration `json:"after_ns"`
}

// attemptView is one attempt as it was.
type attemptView struct {
	Number     int               `json:"number"`
	Worker     string            `json:"worker"`
	State      queue.State       `json:"state"`
	Code       string            `json:"code,omitempty"`
	Error      string            `json:"error,omitempty"`
	Stack      string            `json:"stack,omitempty"`
	Stages     []queue.StageTime `json:"stages"`
	StartedAt  time.Time         `json:"started_at"`
	FinishedAt *time.Time        `json:"finished_at,omitempty"`
	Took       time.Duration     `json:"took_ns"` // until its end, or until now

	Causes []string `json:"-"` // Error, from the outside in
}

// unreadable is the message that a task of that kind stands for.
type unreadable struct {
	Bytes int    `json:"bytes"`
	Head  string `json:"head"` // hex
	Dump  string `json:"-"`
}

// taskMay says whether the reader may act, and which deeds make sense.
type taskMay struct{ Act, Settle, Retry, Again, Cancel, Erase bool }

// pictureLink is one picture of the task.
type pictureLink struct{ Part, Path string }

func (m *Monitor) task(r *http.Request) (any, error) {
	t, err := m.taskOf(r)
	if err != nil {
		return nil, err
	}
	attempts, err := m.ledger.Attempts(r.Context(), t.ID)
	if err != nil {
		return nil, err
	}
	now := m.opts.Now()
	p := taskModel{Task: viewOf(t, now), Moments: momentsOf(t), Attempts: make([]attemptView, len(attempts)),
		Waterfall: newWaterfall(t, attempts, now), Unreadable: unreadableOf(t), JSON: api.Prefix + "/monitor/tasks/" + t.ID}
	for i, a := range attempts {
		p.Attempts[i] = attemptOf(a, now)
	}
	if p.TraceID = traceID(t.TraceParent); p.TraceID != "" && m.opts.TraceURL != "" {
		p.TraceURL = strings.ReplaceAll(m.opts.TraceURL, "{trace}", p.TraceID)
	}
	if err := m.addReport(r, t, &p); err != nil {
		return nil, err
	}
	if p.People, err = m.members(r.Context(), t); err != nil {
		return nil, err
	}
	p.addDeeds(t, r)
	return p, nil
}

func momentsOf(t queue.Task) []moment {
	var all []moment
	add := func(name string, at time.Time) {
		if at.IsZero() {
			return
		}
		m := moment{Name: name, At: at.UTC()}
		if len(all) > 0 {
			m.After = at.Sub(all[len(all)-1].At)
		}
		all = append(all, m)
	}
	add("created", t.CreatedAt)
	add("started", t.StartedAt)
	switch {
	case t.State.Final():
		add(shownState(t), t.FinishedAt)
	case t.State == queue.Retrying:
		add("due", t.DueAt)
	}
	return all
}

func attemptOf(a queue.Attempt, now time.Time) attemptView {
	v := attemptView{Number: a.Number, Worker: a.Worker, State: a.State, Code: a.Code, Error: a.Error, Stack: a.Stack, Stages: a.Stages,
		StartedAt: a.StartedAt.UTC(), Took: max(0, now.Sub(a.StartedAt))}
	if v.Stages == nil {
		v.Stages = []queue.StageTime{}
	}
	if !a.FinishedAt.IsZero() {
		v.FinishedAt = new(a.FinishedAt.UTC())
		v.Took = max(0, a.FinishedAt.Sub(a.StartedAt))
	}
	if a.Error != "" {
		v.Causes = strings.Split(a.Error, ": ")
	}
	return v
}

// unreadableOf returns the head of a message that nobody could read, or nil.
func unreadableOf(t queue.Task) *unreadable {
	if t.Kind != queue.KindUnreadable {
		return nil
	}
	var u unreadable
	if json.Unmarshal(t.Detail, &u) != nil {
		return &u
	}
	head, err := hex.DecodeString(u.Head)
	if err == nil {
		u.Dump = hex.Dump(head)
	}
	return &u
}

// traceID is the trace of a W3C traceparent; empty for anything else.
func traceID(parent string) string {
	parts := strings.Split(parent, "-")
	if len(parts) != 4 || len(parts[1]) != 32 {
		return ""
	}
	if _, err := hex.DecodeString(parts[1]); err != nil {
		return ""
	}
	return parts[1]
}

// maxReport bounds what is read of a report: they have some 3 KB.
const maxReport = 1 << 20

// addReport reads the report of a finished photo. One that has gone meanwhile is no error.
func (m *Monitor) addReport(r *http.Request, t queue.Task, p *taskModel) error {
	if t.Erased || t.Expired || resultOf(t).Parts[photo.Report] == "" {
		return nil
	}
	data, err := m.blobs.Read(r.Context(), photo.Key(t.ResultPrefix, photo.Report), maxReport)
	switch {
	case errors.Is(err, blobs.ErrNotExist):
		return nil
	case err != nil:
		return problem.Unavailable("blobs", err)
	case !json.Valid(data):
		return nil
	}
	p.Report, p.Rules = data, reportOf(data)
	return nil
}

// addDeeds says what can be done with the task, and what of it can be seen, by whoever asks.
func (p *taskModel) addDeeds(t queue.Task, r *http.Request) {
	readable := t.Kind != queue.KindUnreadable
	original := t.InputKey != "" && !t.Erased
	who := auth.From(r.Context())
	p.May = taskMay{
		Act:    who.May(auth.Operator),
		Retry:  readable && !t.Erased && (original || t.Kind != photo.Kind && t.Kind != photo.Group) && slices.Contains(retried, t.State),
		Settle: photo.Held(t),
		Again:  original && t.Kind == photo.Kind,
		Cancel: !t.State.Final() && !t.CancelRequested,
		Erase:  !t.Erased,
	}
	_ = json.Unmarshal(t.Options, &p.Options) // other kinds have others
	p.Wishes = wishesOf(p.Options.Wishes)
	if p.May.Again {
		for _, s := range spec.All() {
			p.Specs = append(p.Specs, s.ID)
		}
	}
	_, p.Why = problem.OfTask(t)
	if raw, err := json.Marshal(p.Task); err == nil {
		p.Raw = pretty(raw)
	}
	p.addPictures(t, r.URL.Query(), who)
}

// addPictures links the pictures once they are asked for, by somebody who may see them.
func (p *taskModel) addPictures(t queue.Task, q url.Values, who auth.Identity) {
	parts := []string{originalPart}
	for _, part := range []photo.Part{photo.Photo, photo.HD, photo.Cutout} {
		parts = append(parts, string(part))
	}
	page := Base + "/tasks/" + t.ID
	var links []pictureLink
	for _, part := range parts {
		if _, err := pictureKey(t, part); err == nil {
			links = append(links, pictureLink{part, page + "/picture/" + part})
		}
	}
	switch {
	case len(links) == 0 || !who.May(auth.Operator):
	case q.Get("pictures") == "show":
		p.Pictures, p.Hide = links, page
	default:
		p.Show = page + "?pictures=show#pictures"
	}
}
