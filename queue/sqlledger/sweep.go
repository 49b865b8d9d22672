package sqlledger

import (
	"context"
	"fmt"
	"time"

	"idphoto/queue"
)

// Reap ends attempts whose lease is over.
func (l *Ledger) Reap(ctx context.Context, backoff func(attempt int) time.Duration, limit int) ([]queue.Task, error) {
	const over = ` FROM tasks WHERE state = 'running' AND lease_until <= ? ORDER BY lease_until LIMIT ?`
	if idle, err := l.idle(ctx, over, micros(l.now()), 1); err != nil || idle {
		return nil, wrap("reap", err)
	}
	var reaped []queue.Task
	err := l.inTx(ctx, func(tx *transaction) error {
		now := l.now()
		rows, err := l.pick(ctx, tx, over, micros(now), limit)
		if err != nil {
			return err
		}
		m := moves{}
		for _, r := range rows {
			t, err := l.reap(ctx, tx, r, backoff, now, m)
			if err != nil {
				return err
			}
			reaped = append(reaped, t)
		}
		return l.apply(ctx, tx, m)
	})
	if err != nil {
		return nil, wrap("reap", err)
	}
	return reaped, nil
}

// reap ends the running attempt of r. An empty token fences whoever still works on it.
func (l *Ledger) reap(ctx context.Context, tx *transaction, r row, backoff func(int) time.Duration, now time.Time, m moves) (queue.Task, error) {
	state, code, due, finished := queue.Retrying, queue.CodeLeaseLost, now.Add(backoff(r.Attempts)), int64(0)
	switch {
	case r.CancelRequested:
		state, code, due, finished = queue.Cancelled, queue.CodeCancelled, r.DueAt, micros(now)
	case r.Attempts >= r.MaxAttempts:
		state, due, finished = queue.Dead, r.DueAt, micros(now)
	}
	reaped, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET was = state, state = ?, stage = '', code = ?, token = '', lease_until = 0,
		due_at = ?, finished_at = ?, updated_at = ? WHERE id = ? RETURNING `+columns,
		string(state), code, micros(due), finished, micros(now), r.ID).Scan)
	if err != nil {
		return queue.Task{}, err
	}
	m.move(r.Lane, r.State, state)
	return reaped.Task, l.loseAttempt(ctx, tx, r.ID, r.Attempts, state, now)
}

const (
	// The two reasons why a task wants a message, each served by its own partial index.
	dueRetry  = ` FROM tasks WHERE state = 'retrying' AND due_at <= ? ORDER BY due_at LIMIT ?`
	unclaimed = ` FROM tasks WHERE state = 'queued' AND hinted_at <= ? AND (hints > 0 OR created_at <= ?) ORDER BY hinted_at LIMIT ?`

	maxHintDoublings = 6 // a task that nobody claims is hinted at least once in 64 times unclaimedAfter
)

// Stale returns tasks that want a message, and notes that they get one now.
func (l *Ledger) Stale(ctx context.Context, unclaimedAfter time.Duration, limit int) ([]queue.Task, error) {
	now := l.now()
	quiet, fresh := micros(now.Add(-unclaimedAfter)), micros(now.Add(-queue.PublishGrace))
	noRetry, err := l.idle(ctx, dueRetry, micros(now), 1)
	if err != nil {
		return nil, wrap("stale", err)
	}
	if noRetry {
		if idle, err := l.idle(ctx, unclaimed, quiet, fresh, 1); err != nil || idle {
			return nil, wrap("stale", err)
		}
	}
	var tasks []queue.Task
	err = l.inTx(ctx, func(tx *transaction) error {
		rows, err := l.pick(ctx, tx, dueRetry, micros(now), limit)
		if err != nil {
			return err
		}
		waiting, err := l.pick(ctx, tx, unclaimed, quiet, fresh, limit-len(rows))
		if err != nil {
			return err
		}
		m := moves{}
		for _, r := range append(rows, waiting...) {
			t, err := l.hint(ctx, tx, r, unclaimedAfter, now, m)
			if err != nil {
				return err
			}
			tasks = append(tasks, t)
		}
		return l.apply(ctx, tx, m)
	})
	if err != nil {
		return nil, wrap("stale", err)
	}
	return tasks, nil
}

// hint notes that r gets a message now. Each further one puts the next off twice as far.
func (l *Ledger) hint(ctx context.Context, tx *transaction, r row, unclaimedAfter time.Duration, now time.Time, m moves) (queue.Task, error) {
	hints, putOff := int64(1), time.Duration(0)
	if r.State == queue.Queued {
		hints = r.hints + 1
		putOff = unclaimedAfter * (1<<min(hints-1, maxHintDoublings) - 1)
	}
	updated, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET was = state, state = 'queued', hints = ?, hinted_at = ?, updated_at = ?
		WHERE id = ? RETURNING `+columns, hints, micros(now.Add(putOff)), micros(now), r.ID).Scan)
	if err != nil {
		return queue.Task{}, err
	}
	m.move(r.Lane, r.State, queue.Queued)
	return updated.Task, nil
}

// idle reports whether a sweep would find nothing, without taking a lock: most ticks do.
func (l *Ledger) idle(ctx context.Context, from string, args ...any) (bool, error) {
	rows, err := l.query(ctx, l.read, `SELECT id`+from, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	return !found, rows.Err()
}

// pick locks the tasks that a sweep found. On Postgres it passes over those that another janitor
// has locked, so that several share the work.
func (l *Ledger) pick(ctx context.Context, tx *transaction, from string, args ...any) ([]row, error) {
	rows, err := tx.query(ctx, `SELECT `+columns+from+l.d.skip, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var picked []row
	for rows.Next() {
		r, err := scanTask(rows.Scan)
		if err != nil {
			return nil, err
		}
		picked = append(picked, r)
	}
	return picked, rows.Err()
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlledger: %s: %w", what, err)
}
