package monitor

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// bulkJob does one thing to all tasks that a filter finds, one after the other, whether the person
// who asked for it is still looking or not. It ends with the process: what it has done by then is
// done, and doing it again does the rest.
type bulkJob struct {
	id       string
	deed     deed
	filter   taskFilter // as it was asked for
	narrowed taskFilter // what of it the deed may change
	by       string
	over     chan struct{} // closed once it has ended and the audit log says so

	mu   sync.Mutex // guards what is below
	said bulkProgress
}

// bulkProgress is what a job tells of itself.
type bulkProgress struct {
	ID        string           `json:"id"`
	Action    string           `json:"action"`
	Filter    string           `json:"filter"`
	By        string           `json:"by"`
	Found     int64            `json:"found"` // when it began
	More      bool             `json:"more"`  // than Found
	Looked    int64            `json:"looked"`
	Changed   int64            `json:"changed"`
	Refused   map[string]int64 `json:"refused"`  // tasks by code
	Examples  []bulkRefusal    `json:"examples"` // of refused tasks, at most maxExamples
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`
	Failure   string           `json:"failure,omitempty"` // code of what ended it before its end
}

// bulkRefusal is a task that a job could not change, and the code why.
type bulkRefusal struct {
	TaskID string `json:"task_id"`
	Code   string `json:"code"`
}

const (
	maxExamples = 100 // refusals listed, the others are only counted
	maxBulkJobs = 50  // that are remembered
	maxRunning  = 4   // at once
	bulkPage    = 500
)

// Running reports whether the job goes on.
func (p bulkProgress) Running() bool { return p.EndedAt == nil }

// NotChanged is how many tasks were refused.
func (p bulkProgress) NotChanged() (n int64) {
	for _, count := range p.Refused {
		n += count
	}
	return n
}

// Percent is how far the job is, by the number that was found at its start.
func (p bulkProgress) Percent() int64 {
	switch {
	case !p.Running() && p.Failure == "", p.Found == 0:
		return 100
	case p.More:
		return min(99, p.Looked*100/(2*p.Found)) // nobody knows: it stays below the end
	}
	return min(100, p.Looked*100/p.Found)
}

func newBulkJob(d deed, f taskFilter, by string) *bulkJob {
	id := queue.NewID()
	return &bulkJob{id: id, deed: d, filter: f, by: by, over: make(chan struct{}), said: bulkProgress{ID: id, Action: d.name, Filter: f.String(), By: by,
		Refused: map[string]int64{}, Examples: []bulkRefusal{}}}
}

func (j *bulkJob) progress() bulkProgress {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.said
	p.Refused, p.Examples = maps.Clone(p.Refused), slices.Clone(p.Examples)
	return p
}

func (j *bulkJob) changed() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said.Looked++
	j.said.Changed++
}

func (j *bulkJob) refused(id, code string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said.Looked++
	j.said.Refused[code]++
	if len(j.said.Examples) < maxExamples {
		j.said.Examples = append(j.said.Examples, bulkRefusal{id, code})
	}
}

func (j *bulkJob) ended(at time.Time, failure string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said.EndedAt, j.said.Failure = &at, failure
}

// bulkJobs are those that run, and the last that did.
type bulkJobs struct {
	mu   sync.Mutex // guards jobs
	jobs []*bulkJob // oldest first
}

// find returns nil for an unknown id.
func (b *bulkJobs) find(id string) *bulkJob {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, j := range b.jobs {
		if j.id == id {
			return j
		}
	}
	return nil
}

// running returns the job that works on what the filter finds, or nil.
func (b *bulkJobs) running(filter string) *bulkJob {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runningOn(filter)
}

func (b *bulkJobs) runningOn(filter string) *bulkJob {
	for _, j := range b.jobs {
		if p := j.progress(); p.Running() && p.Filter == filter {
			return j
		}
	}
	return nil
}

// add notes a job. It is refused as Busy when another works on the same tasks, or too many run.
func (b *bulkJobs) add(j *bulkJob) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	running := 0
	for _, j := range b.jobs {
		if j.progress().Running() {
			running++
		}
	}
	if running >= maxRunning || b.runningOn(j.filter.String()) != nil {
		return fault.New(problem.Busy, nil, "retry_after", 5)
	}
	b.jobs = append(b.jobs, j)
	b.forget()
	return nil
}

// forget drops the oldest jobs that ended.
func (b *bulkJobs) forget() {
	for i := 0; len(b.jobs) > maxBulkJobs && i < len(b.jobs); {
		if b.jobs[i].progress().Running() {
			i++
			continue
		}
		b.jobs = slices.Delete(b.jobs, i, i+1)
	}
}

// frozenFor is how long a request may take for an action on many tasks, where it has to end with
// it: API Gateway waits for 29 s.
const frozenFor = 20 * time.Second

// run does the job until its end, or until stop is closed.
func (m *Monitor) run(ctx context.Context, j *bulkJob) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer close(j.over)
	working, stop := ctx, context.CancelFunc(func() {})
	if m.opts.Frozen {
		working, stop = context.WithTimeout(ctx, frozenFor)
	}
	err := m.each(working, j)
	stop()
	failure := ""
	if err != nil {
		failure = problem.Of(known(err)).Code
		m.opts.Log.ErrorContext(ctx, "bulk action ended early", "action", j.deed.name, "err", err)
	}
	j.ended(m.opts.Now().UTC(), failure) // before the audit log: what follows that shows the end
	entry := queue.AuditEntry{Actor: j.by, Action: "bulk_" + j.deed.name + "_ended", Target: j.narrowed.String(), Count: j.progress().Changed}
	if err := m.ledger.Record(ctx, entry); err != nil {
		m.opts.Log.ErrorContext(ctx, "the end of a bulk action is not in the audit log", "action", j.deed.name, "changed", entry.Count, "err", err)
	}
}

// each goes through the tasks by key, the newest first, so none comes twice. A task that cannot be
// changed does not stop the others; a ledger that does not answer does.
func (m *Monitor) each(ctx context.Context, j *bulkJob) error {
	var after queue.Cursor
	for {
		tasks, next, err := m.ledger.List(ctx, j.narrowed.Filter, after, bulkPage)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			select {
			case <-m.opts.Stop:
				return fault.New(problem.Unreachable, nil, "part", "monitor", "retry_after", 5)
			default:
			}
			err := known(j.deed.do(m, ctx, t))
			switch code := problem.Of(err).Code; {
			case err == nil:
				j.changed()
			case code == problem.LedgerAway, code == problem.Internal:
				return err
			default:
				j.refused(t.ID, code)
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}
