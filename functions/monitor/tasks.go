package monitor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"idphoto/functions/photo"
	"idphoto/infra/auth"
	"idphoto/queue"
)

// taskView is what the ledger knows of a task, without the keys of its pictures.
type taskView struct {
	ID              string          `json:"id"`
	State           queue.State     `json:"state"`
	Stage           string          `json:"stage,omitempty"`
	Kind            string          `json:"kind"`
	Lane            string          `json:"lane"`
	BatchID         string          `json:"batch_id,omitempty"`
	Label           string          `json:"label,omitempty"` // the specification
	Code            string          `json:"code,omitempty"`
	Detail          json.RawMessage `json:"detail,omitempty"`
	Options         json.RawMessage `json:"options,omitempty"`
	Result          json.RawMessage `json:"result,omitempty"`
	Attempts        int             `json:"attempts"`
	MaxAttempts     int             `json:"max_attempts"`
	CancelRequested bool            `json:"cancel_requested,omitempty"`
	Erased          bool            `json:"erased,omitempty"`
	Expired         bool            `json:"expired,omitempty"`
	HasOriginal     bool            `json:"has_original"`
	Digest          string          `json:"digest,omitempty"`
	TraceParent     string          `json:"traceparent,omitempty"`
	CreatedAt       time.Time       `json:"created_at"`
	DueAt           time.Time       `json:"due_at"`
	StartedAt       *time.Time      `json:"started_at,omitempty"`
	FinishedAt      *time.Time      `json:"finished_at,omitempty"`
	UpdatedAt       time.Time       `json:"updated_at"`
	Wait            time.Duration   `json:"wait_ns"`          // from creation to the first claim, or until now
	Took            time.Duration   `json:"took_ns,omitzero"` // from the first claim to the end, or until now
	Held            bool            `json:"held,omitempty"`   // it has a photo, which somebody has to look at
	Person          *photo.Person   `json:"-"`                // whom of a group picture it is about; Options say so too
	Shown           string          `json:"-"`                // word for its state
	Started         bool            `json:"-"`
}

func viewOf(t queue.Task, now time.Time) taskView {
	v := taskView{
		ID: t.ID, State: t.State, Stage: t.Stage, Kind: t.Kind, Lane: t.Lane, BatchID: t.BatchID, Label: t.Label, Code: t.Code,
		Detail: t.Detail, Options: t.Options, Result: t.Result, Attempts: t.Attempts, MaxAttempts: t.MaxAttempts,
		CancelRequested: t.CancelRequested, Erased: t.Erased, Expired: t.Expired, HasOriginal: t.InputKey != "", Digest: t.Digest,
		Held: photo.Held(t), Person: photo.PersonOf(t.Options), Shown: shownState(t), TraceParent: t.TraceParent, CreatedAt: t.CreatedAt.UTC(), DueAt: t.DueAt.UTC(), UpdatedAt: t.UpdatedAt.UTC(),
	}
	begun, end := now, now
	if !t.FinishedAt.IsZero() {
		v.FinishedAt = new(t.FinishedAt.UTC())
		begun, end = t.FinishedAt, t.FinishedAt // it may have ended without a claim
	}
	if !t.StartedAt.IsZero() {
		v.StartedAt, v.Started = new(t.StartedAt.UTC()), true
		begun = t.StartedAt
		v.Took = max(0, end.Sub(begun))
	}
	v.Wait = max(0, begun.Sub(t.CreatedAt))
	return v
}

// tasksModel is a page of the list.
type tasksModel struct {
	Tasks    []taskView            `json:"tasks"`
	Counts   map[queue.State]int64 `json:"counts"` // of all tasks, whatever the filter
	Filter   string                `json:"filter"`
	Next     string                `json:"next,omitempty"`        // address of the page of this list that follows
	Searched *time.Time            `json:"searched_to,omitempty"` // how far back a page looked that is not full

	States   []stateChip   `json:"-"`
	Fields   []filterField `json:"-"`
	Narrowed bool          `json:"-"` // by more than the state
	Words    []filterWord  `json:"-"` // what narrows beside the state
	First    string        `json:"-"` // the newest page, when this is another
	More     string        `json:"-"`
	Bulk     []bulkLink    `json:"-"`
}

// stateChip leads to the tasks of a state; that of no state to all.
type stateChip struct {
	State queue.State
	Count int64
	Path  string
	Here  bool
}

// bulkLink leads to the question before a deed on all that the filter finds.
type bulkLink struct{ Action, Path string }

const (
	tasksPage    = 50
	maxTasksPage = 500
	lookingFor   = 150 * time.Millisecond // how long a page that narrows without an index looks on
)

func (m *Monitor) tasks(r *http.Request) (any, error) {
	q := r.URL.Query()
	zone := zoneOf(r)
	f, err := readFilter(q, zone)
	if err != nil {
		return nil, err
	}
	limit := tasksPage
	if n := q.Get("limit"); n != "" {
		if limit, err = strconv.Atoi(n); err != nil || limit < 1 || limit > maxTasksPage {
			return nil, badField("limit")
		}
	}
	after := queue.Cursor(word(q, "after"))
	if len(after) > maxFilterWord {
		return nil, badField("after")
	}
	tasks, next, err := m.list(r.Context(), f.Filter, after, limit)
	if err != nil {
		return nil, err
	}
	counts, err := m.ledger.Counts(r.Context())
	if err != nil {
		return nil, err
	}
	p := tasksModel{Tasks: make([]taskView, len(tasks)), Counts: counts, Filter: f.String(), States: f.chips(counts), Fields: f.fields(zone)}
	for i, t := range tasks {
		p.Tasks[i] = viewOf(t, m.opts.Now())
	}
	p.page(f, after, next, q.Get("limit"))
	if next != "" && len(tasks) < limit {
		p.Searched = timeOfID(string(next))
	}
	if auth.From(r.Context()).May(auth.Operator) {
		p.Bulk = f.bulkLinks()
	}
	return p, nil
}

// list fills a page: the ledger may stop early when a filter narrows much, and is asked again, but
// not for long. A page that is not full and has a cursor goes on.
func (m *Monitor) list(ctx context.Context, f queue.Filter, after queue.Cursor, limit int) ([]queue.Task, queue.Cursor, error) {
	deadline := m.opts.Now().Add(lookingFor)
	var tasks []queue.Task
	for {
		page, next, err := m.ledger.List(ctx, f, after, limit-len(tasks))
		if err != nil {
			return nil, "", err
		}
		tasks = append(tasks, page...)
		if next == "" || len(tasks) >= limit || m.opts.Now().After(deadline) {
			return tasks, next, nil
		}
		after = next
	}
}

func (p *tasksModel) page(f taskFilter, after, next queue.Cursor, limit string) {
	q := f.values()
	if limit != "" {
		q.Set("limit", limit)
	}
	if after != "" {
		p.First = listPath(q)
	}
	if next != "" {
		q.Set("after", string(next))
		p.More = listPath(q)
		p.Next = addressOf(jsonPath("/tasks"), q)
	}
	narrowed := f
	narrowed.States = nil
	p.Narrowed = len(narrowed.values()) > 0
	for _, w := range f.words() {
		if w.States == nil {
			p.Words = append(p.Words, w)
		}
	}
}

// timeOfID is the moment that a UUIDv7 holds; nil for another id.
func timeOfID(id string) *time.Time {
	if len(id) != 36 || id[14] != '7' {
		return nil
	}
	ms, err := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	if err != nil {
		return nil
	}
	return new(time.UnixMilli(ms).UTC())
}

// chips are all tasks, and each state; the counts are kept ones.
func (f taskFilter) chips(counts map[queue.State]int64) []stateChip {
	var all int64
	for _, n := range counts {
		all += n
	}
	chips := []stateChip{{Count: all, Path: f.with("state", ""), Here: len(f.States) == 0}}
	for _, s := range taskStates {
		here := false
		for _, chosen := range f.States {
			here = here || chosen == s
		}
		chips = append(chips, stateChip{State: s, Count: counts[s], Path: f.with("state", string(s)), Here: here})
	}
	return chips
}

// bulkLinks are the deeds that make sense for the states chosen.
func (f taskFilter) bulkLinks() []bulkLink {
	var links []bulkLink
	for _, d := range deeds {
		if _, ok := d.narrow(f, time.Time{}); !ok {
			continue
		}
		q := f.values()
		q.Set("action", d.name)
		links = append(links, bulkLink{d.name, addressOf(Base+"/tasks/bulk", q)})
	}
	return links
}

// listOf is the address of the list with these fields.
func listOf(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return listPath(q)
}
