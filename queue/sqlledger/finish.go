package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"idphoto/queue"
)

const (
	// endTask records an outcome, if the token's attempt still runs and the conditions that
	// follow allow the outcome.
	endTask = `UPDATE tasks SET state = ?, stage = '', code = ?, detail = ?, result_prefix = ?, result = ?,
		max_attempts = max_attempts + ?, lease_until = 0, due_at = COALESCE(?, due_at), finished_at = ?, updated_at = ?
		WHERE id = ? AND token = ? AND ` + isRunning
	unlessCancelled = ` AND cancel_requested = 0`
	withAttemptLeft = ` AND attempts < max_attempts`

	// endedAttempt writes the row of an attempt from its task's row, just after that has ended. A
	// source follows.
	endedAttempt = `INSERT INTO attempts (task_id, number, worker, token, state, code, error, stack, stages, ready_at, started_at, finished_at)
		SELECT id, attempts, worker, token, state, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ready_at, claimed_at, updated_at FROM `

	// lostAttempt does so for an attempt that ended without a word. The task's row says nothing of
	// it yet.
	lostAttempt = `INSERT INTO attempts (task_id, number, worker, token, state, code, ready_at, started_at, finished_at)
		SELECT id, attempts, worker, token, CAST(? AS TEXT), CAST(? AS TEXT), ready_at, claimed_at, CAST(? AS BIGINT) FROM tasks WHERE id = ?`
)

// Finish records the outcome, unless the claim is no longer the task's. In the common case it does
// not look first: the update itself refuses an outcome that cannot be stored as it is.
func (l *Ledger) Finish(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	if !o.State.Final() && o.State != queue.Retrying {
		return fmt.Errorf("sqlledger: finish: %q is no outcome", o.State)
	}
	for stored := o; ; {
		ended, err := l.end(ctx, c, stored, l.now())
		if err != nil {
			return fmt.Errorf("sqlledger: finish: %w", err)
		}
		if ended {
			return cancelledInstead(o, stored.State)
		}
		r, err := scanTask(l.queryRow(ctx, l.write, `SELECT `+columns+` FROM tasks WHERE id = ? AND token = ? AND `+isRunning,
			c.Task.ID, c.Token).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return l.recorded(ctx, c, o)
		}
		if err != nil {
			return fmt.Errorf("sqlledger: finish: %w", err)
		}
		stored = decide(r, o) // once more if cancel is asked for just now, then never again
	}
}

// cancelledInstead tells the caller that its outcome was stored as cancelled.
func cancelledInstead(o queue.Outcome, stored queue.State) error {
	if stored == queue.Cancelled && o.State != queue.Cancelled {
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

// end writes the outcome to the task and its attempt, in one statement where the database has
// that. It reports false, and changes nothing, when the claim is over or the outcome must be
// another one: see decide.
func (l *Ledger) end(ctx context.Context, c *queue.Claim, o queue.Outcome, now time.Time) (bool, error) {
	update, due, finished, more := endTask, sql.NullInt64{}, micros(now), 0
	if o.State != queue.Cancelled {
		update += unlessCancelled
	}
	if o.State == queue.Retrying {
		due, finished = sql.NullInt64{Int64: micros(now.Add(o.RetryAfter)), Valid: true}, 0
		if o.HandedBack {
			more = 1
		} else {
			update += withAttemptLeft
		}
	}
	stages := ""
	if len(o.Stages) > 0 {
		b, err := json.Marshal(o.Stages)
		if err != nil {
			return false, fmt.Errorf("stages: %w", err)
		}
		stages = string(b)
	}
	outcome := []any{string(o.State), o.Code, string(o.Detail), o.ResultPrefix, string(o.Result), more, due, finished, micros(now), c.Task.ID, c.Token}
	attempt := []any{o.Code, text(o.Error), text(o.Stack), text(stages)}
	if l.d.postgres {
		n, err := l.change(ctx, `WITH changed AS (`+update+` RETURNING *) `+endedAttempt+`changed`, append(outcome, attempt...)...)
		return n > 0, err
	}
	ended := false
	err := l.inTx(ctx, func(tx *transaction) error {
		n, err := tx.change(ctx, update, outcome...)
		if ended = n > 0; err != nil || !ended {
			return err
		}
		return tx.exec(ctx, endedAttempt+`tasks WHERE id = ?`, append(attempt, c.Task.ID)...)
	})
	return ended, err
}

// recorded answers a Finish that finds the claim over: as the first time when this claim itself
// ended the attempt this way before (the answer was lost), else ErrLeaseLost.
func (l *Ledger) recorded(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	var state queue.State
	err := l.queryRow(ctx, l.write, `SELECT state FROM attempts WHERE task_id = ? AND number = ? AND token = ? AND code <> ?`,
		c.Task.ID, c.Attempt, c.Token, queue.CodeLeaseLost).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return queue.ErrLeaseLost
	case err != nil:
		return fmt.Errorf("sqlledger: finish: %w", err)
	case state == queue.Cancelled, state == o.State, state == queue.Dead && o.State == queue.Retrying:
		return cancelledInstead(o, state)
	}
	return queue.ErrLeaseLost
}

// text makes s fit for a text column: Postgres refuses bytes that are no UTF-8, and zero bytes.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
