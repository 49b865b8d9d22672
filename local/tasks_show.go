package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"idphoto/queue"
)

// showCmd is everything that the ledger knows of one task.
type showCmd struct {
	ID     string     `arg:"" help:"The task's id, or its beginning."`
	Stores storeFlags `embed:""`
	JSON   bool       `name:"json" help:"A JSON object instead of text."`
}

// Run prints the task and each of its attempts.
func (c *showCmd) Run(ctx context.Context, out io.Writer) (err error) {
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	t, err := findTask(ctx, l, c.ID)
	if err != nil {
		return err
	}
	attempts, err := l.Attempts(ctx, t.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return showJSON(out, t, attempts)
	}
	if err := showTask(out, t); err != nil {
		return err
	}
	for _, a := range attempts {
		if err := showAttempt(out, a); err != nil {
			return err
		}
	}
	return nil
}

func showTask(out io.Writer, t queue.Task) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"task", t.ID},
		{"state", stateWords(t)},
		{"code", t.Code},
		{"detail", string(t.Detail)},
		{"kind", t.Kind},
		{"label", t.Label},
		{"lane", t.Lane},
		{"batch", t.BatchID},
		{"options", string(t.Options)},
		{"attempts", fmt.Sprintf("%d of %d", t.Attempts, t.MaxAttempts)},
		{"created", clockTime(t.CreatedAt)},
		{"due", dueTime(t)},
		{"started", clockTime(t.StartedAt)},
		{"finished", clockTime(t.FinishedAt)},
		{"took", took(t)},
		{"input", t.InputKey},
		{"result", t.ResultPrefix},
		{"trace", t.TraceParent},
	} {
		if row[1] != "" && row[1] != "-" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	return w.Flush()
}

// dueTime says when a waiting task runs at the earliest.
func dueTime(t queue.Task) string {
	if t.State != queue.Queued && t.State != queue.Retrying {
		return ""
	}
	return clockTime(t.DueAt)
}

func showAttempt(out io.Writer, a queue.Attempt) error {
	took := "not ended"
	if !a.FinishedAt.IsZero() {
		took = a.FinishedAt.Sub(a.StartedAt).Round(time.Millisecond).String()
	}
	_, err := fmt.Fprintf(out, "\nattempt %d: %s %s\n  worker  %s\n  began   %s, took %s\n  stages  %s\n",
		a.Number, a.State, a.Code, a.Worker, clockTime(a.StartedAt), took, stageList(a.Stages))
	for _, text := range [][2]string{{"error", a.Error}, {"stack", a.Stack}} {
		if text[1] != "" && err == nil {
			_, err = fmt.Fprintf(out, "  %-6s  %s\n", text[0], strings.ReplaceAll(strings.TrimSpace(text[1]), "\n", "\n          "))
		}
	}
	return err
}

// describedAttempt is an attempt for programs.
type describedAttempt struct {
	Number     int               `json:"number"`
	Worker     string            `json:"worker"`
	State      queue.State       `json:"state"`
	Code       string            `json:"code,omitempty"`
	Error      string            `json:"error,omitempty"`
	Stack      string            `json:"stack,omitempty"`
	Stages     []queue.StageTime `json:"stages"`
	StartedAt  time.Time         `json:"started_at"`
	FinishedAt time.Time         `json:"finished_at,omitzero"`
}

func showJSON(out io.Writer, t queue.Task, attempts []queue.Attempt) error {
	all := make([]describedAttempt, len(attempts))
	for i, a := range attempts {
		all[i] = describedAttempt(a)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		described
		Tries []describedAttempt `json:"attempt_list"`
	}{describe(t), all})
}
