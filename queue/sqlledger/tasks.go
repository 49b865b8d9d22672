package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"idphoto/queue"
)

// columns is what scanTask reads, in its order.
const columns = `id, kind, lane, batch_id, label, options, input_key, COALESCE(idempotency_key, ''), digest, trace_parent, trace_state,
	state, stage, attempts, max_attempts, code, detail, result_prefix, result, cancel_requested, erased, expired,
	created_at, due_at, started_at, finished_at, updated_at, lease_until, hints`

// The state of a task that goes by its id, written so that no index on states serves it: Postgres
// plans for the few tasks it knows of, then an index on the waiting ones looks as good as the key,
// and the plan stays when a backlog has grown.
const (
	isQueued  = `(state || '') = 'queued'`
	isRunning = `(state || '') = 'running'`
)

// row is a task and what only the ledger knows of it.
type row struct {
	queue.Task
	leaseUntil time.Time
	hints      int64
}

func scanTask(scan func(...any) error) (row, error) {
	var r row
	var options, detail, result string
	var cancel, erased, expired, created, due, started, finished, updated, leaseUntil int64
	err := scan(&r.ID, &r.Kind, &r.Lane, &r.BatchID, &r.Label, &options, &r.InputKey, &r.IdempotencyKey, &r.Digest, &r.TraceParent, &r.TraceState,
		&r.State, &r.Stage, &r.Attempts, &r.MaxAttempts, &r.Code, &detail, &r.ResultPrefix, &result, &cancel, &erased, &expired,
		&created, &due, &started, &finished, &updated, &leaseUntil, &r.hints)
	if err != nil {
		return row{}, err
	}
	r.Options, r.Detail, r.Result = raw(options), raw(detail), raw(result)
	r.CancelRequested, r.Erased, r.Expired = cancel != 0, erased != 0, expired != 0
	r.CreatedAt, r.DueAt = fromMicros(created), fromMicros(due)
	r.StartedAt, r.FinishedAt, r.UpdatedAt = fromMicros(started), fromMicros(finished), fromMicros(updated)
	r.leaseUntil = fromMicros(leaseUntil)
	return r, nil
}

func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// Get returns the task, or queue.ErrNotFound.
func (l *Ledger) Get(ctx context.Context, id string) (queue.Task, error) {
	r, err := scanTask(l.queryRow(ctx, l.read, `SELECT `+columns+` FROM tasks WHERE id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.Task{}, queue.ErrNotFound
	}
	if err != nil {
		return queue.Task{}, fmt.Errorf("sqlledger: get: %w", err)
	}
	return r.Task, nil
}

// Attempts returns a task's attempts, oldest first. One that runs is only in the task's row.
func (l *Ledger) Attempts(ctx context.Context, id string) ([]queue.Attempt, error) {
	rows, err := l.query(ctx, l.read, `SELECT number, worker, state, code, error, stack, stages, started_at, finished_at
		FROM attempts WHERE task_id = ? UNION ALL
		SELECT attempts, worker, state, '', '', '', '', claimed_at, 0 FROM tasks WHERE id = ? AND `+isRunning+` ORDER BY 1`, id, id)
	if err != nil {
		return nil, fmt.Errorf("sqlledger: attempts: %w", err)
	}
	defer rows.Close()
	var attempts []queue.Attempt
	for rows.Next() {
		a, err := scanAttempt(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("sqlledger: attempts: %w", err)
		}
		attempts = append(attempts, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlledger: attempts: %w", err)
	}
	return attempts, nil
}

func scanAttempt(scan func(...any) error) (queue.Attempt, error) {
	var a queue.Attempt
	var stages string
	var started, finished int64
	if err := scan(&a.Number, &a.Worker, &a.State, &a.Code, &a.Error, &a.Stack, &stages, &started, &finished); err != nil {
		return a, err
	}
	a.StartedAt, a.FinishedAt = fromMicros(started), fromMicros(finished)
	if stages != "" {
		if err := json.Unmarshal([]byte(stages), &a.Stages); err != nil {
			return a, fmt.Errorf("stages: %w", err)
		}
	}
	return a, nil
}

// Published notes that a message for the task was handed to the transport. A server that crashes
// may forget it: then there is a second message.
func (l *Ledger) Published(ctx context.Context, id string) error {
	err := l.exec(ctx, `UPDATE tasks SET hints = 1, hinted_at = ?`+l.d.lightly+` WHERE id = ? AND hints = 0 AND `+isQueued,
		micros(l.now()), id)
	if err != nil {
		return fmt.Errorf("sqlledger: published: %w", err)
	}
	return nil
}

const unpublish = `UPDATE tasks SET hints = 0, hinted_at = 0 WHERE id = ? AND ` + isQueued

// Unpublished makes Stale return the task again.
func (l *Ledger) Unpublished(ctx context.Context, id string) error {
	err := l.exec(ctx, unpublish, id)
	if err != nil {
		return fmt.Errorf("sqlledger: unpublished: %w", err)
	}
	return nil
}

// UnpublishAll makes Stale return every waiting task again.
func (l *Ledger) UnpublishAll(ctx context.Context) error {
	err := l.exec(ctx, `UPDATE tasks SET hints = 0, hinted_at = 0 WHERE state = 'queued' AND hinted_at > 0`)
	if err != nil {
		return fmt.Errorf("sqlledger: unpublish all: %w", err)
	}
	return nil
}
