package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"idphoto/queue"
)

// What is told. Receivers know these words: add, never rename.
const (
	TaskDead      = "task.dead"      // attempts used up, a permanent error or an unreadable message
	BatchEnded    = "batch.ended"    // its last task ended; again when failures are retried
	LaneLate      = "lane.late"      // its oldest task has waited longer than promised, for a while
	LaneRecovered = "lane.recovered" // no longer so
)

// Events lists them.
var Events = []string{TaskDead, BatchEnded, LaneLate, LaneRecovered}

// Event is the body of a request. Of Task, Batch and Lane one is set.
type Event struct {
	ID    string    `json:"id"` // the same in each try
	Event string    `json:"event"`
	At    time.Time `json:"at"`
	Task  *Task     `json:"task,omitempty"`
	Batch *Batch    `json:"batch,omitempty"`
	Lane  *Lane     `json:"lane,omitempty"`
	URL   string    `json:"url,omitempty"` // of the monitor's page
}

// Task is a task that died.
type Task struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Lane     string `json:"lane"`
	Label    string `json:"label,omitempty"` // the specification
	Batch    string `json:"batch,omitempty"`
	Code     string `json:"code"` // why
	Attempts int    `json:"attempts"`
}

// Batch is a batch that ended, with its tasks as they are when this is sent. Its name is left out:
// people write what they like there.
type Batch struct {
	ID      string                `json:"id"`
	Total   int64                 `json:"total"`
	Refused int64                 `json:"refused"` // files that never became tasks
	Counts  map[queue.State]int64 `json:"counts"`
}

// Lane is a lane whose promise is meant.
type Lane struct {
	Lane    string  `json:"lane"`
	Promise float64 `json:"promise_seconds"`
}

// describe makes the event of a notice.
func (n *Notifier) describe(ctx context.Context, w notice) (Event, error) {
	e := Event{ID: w.id, Event: w.event, At: w.at}
	switch w.event {
	case TaskDead:
		e.Task = &Task{ID: w.task, Kind: w.kind, Lane: w.lane, Label: w.label, Batch: w.batch, Code: w.code, Attempts: w.attempts}
		e.URL = n.page("tasks", w.task)
	case BatchEnded:
		e.Batch = &Batch{ID: w.batch}
		e.URL = n.page("batches", w.batch)
		b, err := n.ledger.GetBatch(ctx, w.batch)
		if err != nil && !errors.Is(err, queue.ErrNotFound) { // purged meanwhile: that it ended is still true
			return e, fmt.Errorf("notify: reading a batch: %w", err)
		}
		e.Batch.Total, e.Batch.Refused, e.Batch.Counts = b.Total, b.Refused, b.Counts
	case LaneLate, LaneRecovered:
		e.Lane = &Lane{Lane: w.lane, Promise: n.opts.Promises[w.lane].Seconds()}
		e.URL = n.page("lanes")
	}
	return e, nil
}

// page is a page of the monitor.
func (n *Notifier) page(path ...string) string {
	if n.opts.Console == "" {
		return ""
	}
	for i := range path {
		path[i] = url.PathEscape(path[i])
	}
	return strings.TrimSuffix(n.opts.Console, "/") + "/" + strings.Join(path, "/")
}
