package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"idphoto/queue"
)

const (
	newTask = `INSERT INTO tasks (id, kind, lane, batch_id, label, options, input_key, idempotency_key, digest, trace_parent, trace_state,
		state, code, detail, max_attempts, created_at, due_at, updated_at, finished_at) VALUES `
	newTaskValues   = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	unlessKeyExists = ` ON CONFLICT (idempotency_key) DO NOTHING`
)

// newTaskArgs are the values of newTaskValues.
func newTaskArgs(t queue.Task) []any {
	return []any{t.ID, t.Kind, t.Lane, t.BatchID, t.Label, string(t.Options), t.InputKey, optional(t.IdempotencyKey), t.Digest, t.TraceParent, t.TraceState,
		string(t.State), t.Code, string(t.Detail), t.MaxAttempts, micros(t.CreatedAt), micros(t.DueAt), micros(t.UpdatedAt), micros(t.FinishedAt)}
}

// optional is NULL for "": a column that is unique may hold many of those.
func optional(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// fresh returns t as it is stored when it is new: only what its submitter may say, Queued and due.
func (l *Ledger) fresh(t queue.Task) (queue.Task, error) {
	if t.ID == "" || t.Kind == "" || t.MaxAttempts < 1 {
		return queue.Task{}, errors.New("sqlledger: a task needs ID, Kind, Lane and MaxAttempts")
	}
	if err := knownLane(t.Lane); err != nil {
		return queue.Task{}, err
	}
	now := fromMicros(micros(l.now()))
	return queue.Task{ID: t.ID, Kind: t.Kind, Lane: t.Lane, BatchID: t.BatchID, Label: t.Label, Options: raw(string(t.Options)),
		InputKey: t.InputKey, IdempotencyKey: t.IdempotencyKey, Digest: t.Digest, TraceParent: t.TraceParent, TraceState: t.TraceState,
		State: queue.Queued, MaxAttempts: t.MaxAttempts, CreatedAt: now, DueAt: now, UpdatedAt: now}, nil
}

// Create inserts t, or finds the task that its idempotency key already names.
func (l *Ledger) Create(ctx context.Context, t queue.Task) (task queue.Task, created bool, err error) {
	if t, err = l.fresh(t); err != nil {
		return queue.Task{}, false, err
	}
	for {
		n, err := l.change(ctx, newTask+newTaskValues+unlessKeyExists, newTaskArgs(t)...)
		if err != nil {
			return queue.Task{}, false, fmt.Errorf("sqlledger: create: %w", err)
		}
		if n > 0 {
			return t, true, nil
		}
		found, err := scanTask(l.queryRow(ctx, l.write, `SELECT `+columns+` FROM tasks WHERE idempotency_key = ?`, t.IdempotencyKey).Scan)
		switch {
		case errors.Is(err, sql.ErrNoRows): // erased or withdrawn just now
		case err != nil:
			return queue.Task{}, false, fmt.Errorf("sqlledger: create: %w", err)
		case found.Digest != t.Digest:
			return queue.Task{}, false, queue.ErrConflict
		default:
			return found.Task, false, nil
		}
	}
}

// Withdraw removes a task that nobody has claimed.
func (l *Ledger) Withdraw(ctx context.Context, id string) (bool, error) {
	n, err := l.change(ctx, `DELETE FROM tasks WHERE id = ? AND attempts = 0 AND hints = 0 AND `+isQueued, id)
	if err != nil {
		return false, wrap("withdraw", err)
	}
	if n == 0 {
		_, err = l.Get(ctx, id)
	}
	return n > 0, err
}

// RecordDead stores a task that is dead from the start.
func (l *Ledger) RecordDead(ctx context.Context, t queue.Task) error {
	code, detail := t.Code, t.Detail
	if code == "" {
		return errors.New("sqlledger: record dead: a dead task needs a Code")
	}
	t.MaxAttempts = max(t.MaxAttempts, 1)
	t, err := l.fresh(t)
	if err != nil {
		return err
	}
	t.State, t.Code, t.Detail, t.FinishedAt = queue.Dead, code, detail, t.CreatedAt
	return wrap("record dead", l.exec(ctx, newTask+newTaskValues+unlessKeyExists, newTaskArgs(t)...))
}

// insertAll inserts tasks, many with each statement.
func (l *Ledger) insertAll(ctx context.Context, tx *transaction, tasks []queue.Task) error {
	const most = 50
	for len(tasks) > 0 {
		n := min(len(tasks), most)
		var args []any
		for _, t := range tasks[:n] {
			args = append(args, newTaskArgs(t)...)
		}
		values := newTaskValues + strings.Repeat(", "+newTaskValues, n-1)
		if _, err := tx.ExecContext(ctx, l.q(newTask+values), args...); err != nil {
			return err
		}
		tasks = tasks[n:]
	}
	return nil
}
