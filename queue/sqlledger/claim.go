package sqlledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"idphoto/queue"
)

// Claim is one conditional update: the guard decides who gets the task, the database that there
// is only one.
func (l *Ledger) Claim(ctx context.Context, id, worker string, lease time.Duration) (*queue.Claim, error) {
	c := &queue.Claim{Worker: worker, Token: rand.Text()}
	err := l.inTx(ctx, func(tx *transaction) error {
		now := l.now()
		r, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET was = state, state = 'running', stage = '', code = '',
			attempts = attempts + 1, worker = ?, token = ?, lease_until = ?, updated_at = ?,
			started_at = CASE WHEN started_at = 0 THEN ? ELSE started_at END
			WHERE id = ? AND cancel_requested = 0 AND attempts < max_attempts AND (
				(state IN ('queued', 'retrying') AND due_at <= ?) OR (state = 'running' AND lease_until <= ?))
			RETURNING `+columns,
			worker, c.Token, micros(now.Add(lease)), micros(now), micros(now), id, micros(now), micros(now)).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return l.whyNot(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		c.Task, c.Attempt = r.Task, r.Attempts
		return l.startAttempt(ctx, tx, r, worker, now)
	})
	if err != nil {
		return nil, fmt.Errorf("sqlledger: claim: %w", err)
	}
	return c, nil
}

// whyNot tells a task that cannot be claimed from one that does not exist.
func (l *Ledger) whyNot(ctx context.Context, tx *transaction, id string) error {
	var n int
	err := tx.queryRow(ctx, `SELECT 1 FROM tasks WHERE id = ?`, id).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.ErrNotFound
	}
	if err != nil {
		return err
	}
	return queue.ErrNotClaimable
}

// startAttempt writes the row of the attempt that r just began, and ends the one it took over.
func (l *Ledger) startAttempt(ctx context.Context, tx *transaction, r row, worker string, now time.Time) error {
	if r.was == queue.Running {
		if err := l.loseAttempt(ctx, tx, r.ID, r.Attempts-1, queue.Retrying, now); err != nil {
			return err
		}
	}
	err := tx.exec(ctx, `INSERT INTO attempts (task_id, number, worker, token, state, started_at) VALUES (?, ?, ?, ?, 'running', ?)`,
		r.ID, r.Attempts, worker, r.token, micros(now))
	if err != nil {
		return fmt.Errorf("attempt's row: %w", err)
	}
	m := moves{}
	m.move(r.Lane, r.was, queue.Running)
	return l.apply(ctx, tx, m)
}

// loseAttempt ends an attempt whose lease is over.
func (l *Ledger) loseAttempt(ctx context.Context, tx *transaction, id string, number int, state queue.State, now time.Time) error {
	err := tx.exec(ctx, `UPDATE attempts SET state = ?, code = ?, finished_at = ? WHERE task_id = ? AND number = ? AND finished_at = 0`,
		string(state), queue.CodeLeaseLost, micros(now), id, number)
	if err != nil {
		return fmt.Errorf("lost attempt's row: %w", err)
	}
	return nil
}

// Renew prolongs the lease and notes the stage.
func (l *Ledger) Renew(ctx context.Context, c *queue.Claim, stage string, lease time.Duration) error {
	now := l.now()
	var cancel int64
	err := l.queryRow(ctx, l.write, `UPDATE tasks SET lease_until = ?, stage = ?, updated_at = ?
		WHERE id = ? AND token = ? AND state = 'running' RETURNING cancel_requested`,
		micros(now.Add(lease)), stage, micros(now), c.Task.ID, c.Token).Scan(&cancel)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return queue.ErrLeaseLost
	case err != nil:
		return fmt.Errorf("sqlledger: renew: %w", err)
	case cancel != 0:
		return queue.ErrCancelled
	}
	return nil
}

// Finish records the outcome, unless the claim is no longer the task's.
func (l *Ledger) Finish(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	if !o.State.Final() && o.State != queue.Retrying {
		return fmt.Errorf("sqlledger: finish: %q is no outcome", o.State)
	}
	cancelled := false
	err := l.inTx(ctx, func(tx *transaction) error {
		r, err := scanTask(tx.queryRow(ctx, `SELECT `+columns+` FROM tasks WHERE id = ? AND token = ? AND state = 'running'`+l.d.lock, c.Task.ID, c.Token).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			cancelled, err = l.recorded(ctx, tx, c, o)
			return err
		}
		if err != nil {
			return err
		}
		cancelled = r.CancelRequested && o.State != queue.Cancelled
		o = decide(r, o)
		return l.end(ctx, tx, r, o, l.now())
	})
	if err != nil {
		return fmt.Errorf("sqlledger: finish: %w", err)
	}
	if cancelled {
		return queue.ErrCancelled
	}
	return nil
}

// decide turns the outcome that a worker reports into the one that is stored.
func decide(r row, o queue.Outcome) queue.Outcome {
	switch {
	case r.CancelRequested:
		return queue.Outcome{State: queue.Cancelled, Code: queue.CodeCancelled, Error: o.Error, Stack: o.Stack, Stages: o.Stages}
	case o.State == queue.Retrying && !o.HandedBack && r.Attempts >= r.MaxAttempts:
		o.State = queue.Dead
	}
	return o
}

// end writes the outcome to the task, its attempt and the counters.
func (l *Ledger) end(ctx context.Context, tx *transaction, r row, o queue.Outcome, now time.Time) error {
	due, finished, more := micros(r.DueAt), micros(now), 0
	if o.State == queue.Retrying {
		due, finished = micros(now.Add(o.RetryAfter)), 0
		if o.HandedBack {
			more = 1
		}
	}
	err := tx.exec(ctx, `UPDATE tasks SET was = state, state = ?, stage = '', code = ?, detail = ?, result_prefix = ?, result = ?,
		max_attempts = max_attempts + ?, lease_until = 0, due_at = ?, finished_at = ?, updated_at = ? WHERE id = ?`,
		string(o.State), o.Code, string(o.Detail), o.ResultPrefix, string(o.Result), more, due, finished, micros(now), r.ID)
	if err != nil {
		return fmt.Errorf("task's row: %w", err)
	}
	stages := ""
	if len(o.Stages) > 0 {
		b, err := json.Marshal(o.Stages)
		if err != nil {
			return fmt.Errorf("stages: %w", err)
		}
		stages = string(b)
	}
	err = tx.exec(ctx, `UPDATE attempts SET state = ?, code = ?, error = ?, stack = ?, stages = ?, finished_at = ? WHERE task_id = ? AND number = ?`,
		string(o.State), o.Code, text(o.Error), text(o.Stack), stages, micros(now), r.ID, r.Attempts)
	if err != nil {
		return fmt.Errorf("attempt's row: %w", err)
	}
	m := moves{}
	m.move(r.Lane, r.State, o.State)
	return l.apply(ctx, tx, m)
}

// recorded answers a Finish that finds the claim over: nil when this claim itself ended the
// attempt this way before (the answer was lost), else ErrLeaseLost.
func (l *Ledger) recorded(ctx context.Context, tx *transaction, c *queue.Claim, o queue.Outcome) (cancelled bool, err error) {
	var state queue.State
	err = tx.queryRow(ctx, `SELECT state FROM attempts WHERE task_id = ? AND number = ? AND token = ? AND finished_at > 0 AND code <> ?`,
		c.Task.ID, c.Attempt, c.Token, queue.CodeLeaseLost).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, queue.ErrLeaseLost
	case err != nil:
		return false, err
	case state == queue.Cancelled && o.State != queue.Cancelled:
		return true, nil
	case state == o.State, state == queue.Dead && o.State == queue.Retrying:
		return false, nil
	}
	return false, queue.ErrLeaseLost
}

// text makes s fit for a text column: Postgres refuses bytes that are no UTF-8, and zero bytes.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
