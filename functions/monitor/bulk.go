package monitor

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// deed is something that can be done to one task and to many.
type deed struct {
	name   string
	states []queue.State // of tasks that it may change
	held   bool          // it settles held photos: of many only where the list is of these, lest nobody has looked
	typed  bool          // of many only when their number is typed
	do     func(m *Monitor, ctx context.Context, t queue.Task) error
}

// retried are the states of tasks that may run again.
var retried = []queue.State{queue.Retrying, queue.Dead, queue.Cancelled}

var deeds = []deed{
	{name: "retry", states: retried, do: (*Monitor).requeue},
	{name: "cancel", states: []queue.State{queue.Queued, queue.Running, queue.Retrying}, do: (*Monitor).cancel},
	{name: "accept", states: []queue.State{queue.Rejected}, held: true, typed: true, do: (*Monitor).accept},
	{name: "refuse", states: []queue.State{queue.Rejected}, held: true, typed: true, do: (*Monitor).refuse},
	{name: "erase", states: taskStates, typed: true, do: (*Monitor).erase},
}

func findDeed(name string) (deed, error) {
	i := slices.IndexFunc(deeds, func(d deed) bool { return d.name == name })
	if i < 0 {
		return deed{}, badField("action")
	}
	return deeds[i], nil
}

// narrow leaves of a filter what the deed may change, so that the number shown is the number meant.
// Tasks created after until are left out: nobody has seen them. ok is false when nothing is left.
func (d deed) narrow(f taskFilter, until time.Time) (narrowed taskFilter, ok bool) {
	switch {
	case d.held && !f.Held:
		return f, false
	case len(f.States) > 0:
		f.States = slices.DeleteFunc(slices.Clone(f.States), func(s queue.State) bool { return !slices.Contains(d.states, s) })
		if len(f.States) == 0 {
			return f, false
		}
	case len(d.states) < len(taskStates):
		f.States = slices.Clone(d.states)
	}
	if f.To.IsZero() || f.To.After(until) {
		f.To = until
	}
	return f, true
}

// bulkPageModel is the question how many and whether, or the job that followed.
type bulkPageModel struct {
	Action string        `json:"action"`
	Filter string        `json:"filter"`
	Until  time.Time     `json:"until"` // tasks that are newer are left alone
	Found  int64         `json:"found"`
	More   bool          `json:"more"`  // than Found: counting stops there
	Typed  bool          `json:"typed"` // the number must come with the action
	Job    *bulkProgress `json:"job,omitempty"`

	Words []filterWord `json:"-"`
	Back  string       `json:"-"` // the list
}

// filterWord is one condition, for people: a word, states or a moment.
type filterWord struct {
	Name, Value string
	States      []queue.State
	At          time.Time
	Without     string // address of the list without it
}

// Counting stops at so many tasks, or after so long.
const (
	maxCounted   = 10_000
	countingTime = 2 * time.Second
)

// bulk asks before many tasks are changed (?action=erase&state=dead), or tells how it goes (?job=).
func (m *Monitor) bulk(r *http.Request) (any, error) {
	q := r.URL.Query()
	if id := q.Get("job"); id != "" {
		j := m.bulks.find(id)
		if j == nil {
			return nil, fault.New(problem.NotFound, nil)
		}
		return j.page(), nil
	}
	d, err := findDeed(q.Get("action"))
	if err != nil {
		return nil, err
	}
	f, err := readFilter(q, zoneOf(r))
	if err != nil {
		return nil, err
	}
	if j := m.bulks.running(f.String()); j != nil {
		return j.page(), nil
	}
	p := bulkPageModel{Action: d.name, Filter: f.String(), Until: m.bulkNow(), Typed: d.typed, Back: listPath(f.values())}
	narrowed, ok := d.narrow(f, p.Until)
	p.Words = narrowed.words()
	if ok {
		p.Found, p.More, err = m.count(r.Context(), narrowed)
	}
	return p, err
}

// bulkNow is just after every task that is there: ids count milliseconds.
func (m *Monitor) bulkNow() time.Time {
	return m.opts.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond)
}

func (j *bulkJob) page() bulkPageModel {
	p := j.progress()
	return bulkPageModel{Action: p.Action, Filter: p.Filter, Until: j.narrowed.To, Found: p.Found, More: p.More, Typed: j.deed.typed, Job: &p,
		Words: j.narrowed.words(), Back: listPath(j.filter.values())}
}

func (f taskFilter) words() []filterWord {
	var words []filterWord
	q := f.values()
	for _, name := range []string{"state", "code", "spec", "kind", "lane", "worker", "batch", "id", "from", "to", "over", "held"} {
		if !q.Has(name) {
			continue
		}
		w := filterWord{Name: name, Value: q.Get(name), Without: f.with(name, "")}
		switch name {
		case "state":
			w.States = f.States
		case "from":
			w.At = f.From
		case "to":
			w.At = f.To
		}
		words = append(words, w)
	}
	return words
}

// count counts what the filter finds, up to maxCounted. more says that there may be others.
func (m *Monitor) count(ctx context.Context, f taskFilter) (n int64, more bool, err error) {
	deadline := m.opts.Now().Add(countingTime)
	var after queue.Cursor
	for {
		tasks, next, err := m.ledger.List(ctx, f.Filter, after, bulkPage)
		n += int64(len(tasks))
		switch {
		case err != nil:
			return 0, false, err
		case next == "":
			return n, false, nil
		case n >= maxCounted:
			return maxCounted, true, nil
		case m.opts.Now().After(deadline):
			return n, true, nil
		}
		after = next
	}
}

// actOnMany begins to do what the page asked about. Filter and until come as the page had them, so
// that they mean the same tasks.
func (m *Monitor) actOnMany(r *http.Request, in values) (outcome, error) {
	d, err := findDeed(in["action"])
	if err != nil {
		return outcome{}, err
	}
	q, err := url.ParseQuery(in["filter"])
	if err != nil {
		return outcome{}, badField("filter")
	}
	f, err := readFilter(q, zoneOf(r))
	if err != nil {
		return outcome{}, err
	}
	until := m.bulkNow()
	if asked := in["until"]; asked != "" {
		if until, err = time.Parse(time.RFC3339Nano, asked); err != nil {
			return outcome{}, badField("until")
		}
	}
	return m.begin(r, d, f, until, in["count"])
}

// begin starts a job. Its beginning is audited by whoever carries out the action, its end by
// itself. Typed is the number that the person typed.
func (m *Monitor) begin(r *http.Request, d deed, f taskFilter, until time.Time, typed string) (outcome, error) {
	j := newBulkJob(d, f, auth.From(r.Context()).Name)
	var found int64
	var more, ok bool
	var err error
	if j.narrowed, ok = d.narrow(f, until.UTC()); ok {
		found, more, err = m.count(r.Context(), j.narrowed)
	}
	switch {
	case err != nil:
		return outcome{}, err
	case d.typed && typed != strconv.FormatInt(found, 10):
		return outcome{}, fault.New(problem.WrongCount, nil, "count", found)
	case found == 0:
		return outcome{}, fault.New(problem.NothingToDo, nil)
	}
	j.said.Found, j.said.More, j.said.StartedAt = found, more, m.opts.Now().UTC()
	if err := m.bulks.add(j); err != nil {
		return outcome{}, err
	}
	next := Base + "/tasks/bulk?job=" + j.id
	if m.opts.Frozen {
		m.run(r.Context(), j)
		if j.progress().Failure != "" {
			return outcome{}, fault.New(problem.Busy, nil, "retry_after", 1) // what is left can be asked for again
		}
		next = listPath(j.filter.values()) // the next request may go to another process, which knows of no job
	} else {
		go m.run(r.Context(), j)
	}
	return outcome{Audit: "bulk_" + d.name, Target: j.narrowed.String(), Count: found, Message: "bulk_started",
		Next: next, Body: j.progress()}, nil
}
