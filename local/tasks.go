package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"idphoto/queue"
)

// tasksCmd shows tasks, and what an operator does with them. It works on the ledger itself, so
// that it is of use when no server answers, and may be used while one runs.
type tasksCmd struct {
	List    listCmd    `cmd:"" help:"List tasks, the newest first."`
	Show    showCmd    `cmd:"" help:"Show one task with its attempts."`
	Retry   retryCmd   `cmd:"" help:"Let dead, cancelled or waiting tasks run again, by id or by filter."`
	Cancel  cancelCmd  `cmd:"" help:"Cancel tasks, by id or by filter."`
	Erase   eraseCmd   `cmd:"" help:"Erase tasks and their pictures, by id or by filter."`
	Lanes   lanesCmd   `cmd:"" help:"Show the lanes: what waits, what runs, what is paused."`
	Pause   pauseCmd   `cmd:"" help:"Start no more tasks of a lane."`
	Resume  resumeCmd  `cmd:"" help:"Start them again."`
	Workers workersCmd `cmd:"" help:"Show the workers."`
}

// filterFlags pick tasks.
type filterFlags struct {
	State  []string      `enum:"queued,running,retrying,succeeded,rejected,dead,cancelled" help:"Only tasks in these states (comma separated)."`
	Code   string        `help:"Only tasks with this code, e.g. no_face or lease_lost."`
	Kind   string        `help:"Only tasks of this kind, e.g. photo."`
	Label  string        `help:"Only tasks with this label: a specification's id."`
	Lane   string        `help:"Only tasks of this lane: express or bulk."`
	Batch  string        `help:"Only tasks of this batch."`
	Worker string        `help:"Only tasks that this worker had last."`
	Since  time.Duration `help:"Only tasks that came in within this time, e.g. 2h."`
}

func (f *filterFlags) filter(now time.Time) queue.Filter {
	q := queue.Filter{Code: f.Code, Kind: f.Kind, Label: f.Label, Lane: f.Lane, BatchID: f.Batch, Worker: f.Worker}
	for _, s := range f.State {
		q.States = append(q.States, queue.State(s))
	}
	if f.Since > 0 {
		q.From = now.Add(-f.Since)
	}
	return q
}

// String writes the filter as it was given, for the audit log.
func (f *filterFlags) String() string {
	var parts []string
	for _, p := range [][2]string{
		{"state", strings.Join(f.State, ",")}, {"code", f.Code}, {"kind", f.Kind}, {"label", f.Label}, {"lane", f.Lane},
		{"batch", f.Batch}, {"worker", f.Worker}, {"since", f.Since.String()},
	} {
		if p[1] != "" && p[1] != "0s" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	return strings.Join(parts, " ")
}

// pageSize is how many tasks are read at once.
const pageSize = 500

// eachTask passes the tasks that f selects to visit, the newest first, until it says that it is
// enough.
func eachTask(ctx context.Context, l queue.Reading, f queue.Filter, visit func(queue.Task) (more bool, err error)) error {
	for after := queue.Cursor(""); ; {
		tasks, next, err := l.List(ctx, f, after, pageSize)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if more, err := visit(t); err != nil || !more {
				return err
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// listCmd is a table of tasks.
type listCmd struct {
	Stores storeFlags  `embed:""`
	Filter filterFlags `embed:""`
	Limit  int         `default:"50" help:"At most so many; 0: all."`
	JSON   bool        `name:"json" help:"One JSON object a line instead of a table."`
}

// Run prints the tasks, and the counts of all of the ledger below the table.
func (c *listCmd) Run(ctx context.Context, out io.Writer) (err error) {
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	show := func(t queue.Task) error { return listRow(w, t) }
	if c.JSON {
		lines := json.NewEncoder(out)
		show = func(t queue.Task) error { return lines.Encode(describe(t)) }
	} else {
		fmt.Fprintln(w, "ID\tSTATE\tCODE\tKIND\tLABEL\tLANE\tATTEMPTS\tCREATED\tTOOK")
	}
	shown := 0
	err = eachTask(ctx, l, c.Filter.filter(time.Now()), func(t queue.Task) (bool, error) {
		shown++
		return shown != c.Limit, show(t)
	})
	if err != nil || c.JSON {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	counts, err := l.Counts(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d shown; in the ledger: %s\n", shown, countsLine(counts))
	return err
}

func listRow(w io.Writer, t queue.Task) error {
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d/%d\t%s\t%s\n", t.ID, stateWords(t), cmp.Or(t.Code, "-"), t.Kind, cmp.Or(t.Label, "-"), t.Lane,
		t.Attempts, t.MaxAttempts, clockTime(t.CreatedAt), took(t))
	return err
}

// stateWords is the state with what qualifies it.
func stateWords(t queue.Task) string {
	words := []string{string(t.State)}
	if t.State == queue.Running && t.Stage != "" {
		words[0] += ":" + t.Stage
	}
	for _, mark := range []struct {
		set  bool
		word string
	}{{t.CancelRequested && !t.State.Final(), "cancelling"}, {t.Erased, "erased"}, {t.Expired, "expired"}} {
		if mark.set {
			words = append(words, mark.word)
		}
	}
	return strings.Join(words, ",")
}

func countsLine(counts map[queue.State]int64) string {
	var parts []string
	for _, s := range []queue.State{queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled} {
		if counts[s] != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no tasks")
}

// clockTime is a time for people here; "-" for none.
func clockTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// took is the time from the first claim to the end.
func took(t queue.Task) string {
	if t.StartedAt.IsZero() || t.FinishedAt.IsZero() {
		return "-"
	}
	return t.FinishedAt.Sub(t.StartedAt).Round(time.Millisecond).String()
}

// described is a task for programs. Keys and digests stay out: they say nothing to an operator,
// and an idempotency key is the client's own.
type described struct {
	ID          string          `json:"id"`
	State       queue.State     `json:"state"`
	Stage       string          `json:"stage,omitempty"`
	Code        string          `json:"code,omitempty"`
	Detail      json.RawMessage `json:"detail,omitempty"`
	Kind        string          `json:"kind"`
	Label       string          `json:"label,omitempty"`
	Lane        string          `json:"lane"`
	Batch       string          `json:"batch_id,omitempty"`
	Options     json.RawMessage `json:"options,omitempty"`
	Attempts    int             `json:"attempts"`
	MaxAttempts int             `json:"max_attempts"`
	Cancelling  bool            `json:"cancel_requested,omitempty"`
	Erased      bool            `json:"erased,omitempty"`
	Expired     bool            `json:"expired,omitempty"`
	Trace       string          `json:"traceparent,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	DueAt       time.Time       `json:"due_at"`
	StartedAt   time.Time       `json:"started_at,omitzero"`
	FinishedAt  time.Time       `json:"finished_at,omitzero"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

func describe(t queue.Task) described {
	return described{
		ID: t.ID, State: t.State, Stage: t.Stage, Code: t.Code, Detail: t.Detail, Kind: t.Kind, Label: t.Label, Lane: t.Lane, Batch: t.BatchID,
		Options: t.Options, Attempts: t.Attempts, MaxAttempts: t.MaxAttempts, Cancelling: t.CancelRequested, Erased: t.Erased, Expired: t.Expired,
		Trace: t.TraceParent, CreatedAt: t.CreatedAt, DueAt: t.DueAt, StartedAt: t.StartedAt, FinishedAt: t.FinishedAt, UpdatedAt: t.UpdatedAt,
	}
}

// findTask returns the task of an id, or of the beginning of one that only one task has.
func findTask(ctx context.Context, l queue.Ledger, id string) (queue.Task, error) {
	if len(id) == len(queue.NewID()) {
		t, err := l.Get(ctx, id)
		if err != nil {
			return queue.Task{}, fmt.Errorf("%s: %w", id, err)
		}
		return t, nil
	}
	tasks, _, err := l.List(ctx, queue.Filter{IDPrefix: id}, "", 2)
	switch {
	case err != nil:
		return queue.Task{}, err
	case len(tasks) == 0:
		return queue.Task{}, fmt.Errorf("%s: %w", id, queue.ErrNotFound)
	case len(tasks) > 1:
		return queue.Task{}, fmt.Errorf("%s is the beginning of several ids, e.g. %s and %s", id, tasks[0].ID, tasks[1].ID)
	}
	return tasks[0], nil
}

// stageList writes stages with their durations, the longest marked.
func stageList(stages []queue.StageTime) string {
	if len(stages) == 0 {
		return "none"
	}
	longest := slices.MaxFunc(stages, func(a, b queue.StageTime) int { return cmp.Compare(a.Duration, b.Duration) })
	parts := make([]string, len(stages))
	for i, s := range stages {
		parts[i] = fmt.Sprintf("%s %v", s.Name, s.Duration.Round(100*time.Microsecond))
		if len(stages) > 1 && s == longest {
			parts[i] += " (longest)"
		}
	}
	return strings.Join(parts, ", ")
}
