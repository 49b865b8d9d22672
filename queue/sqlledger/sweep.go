package sqlledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"idphoto/queue"
)

// sweep is a look for tasks that something is to be done with, along an index of its own.
type sweep struct {
	index string
	where string
	args  []any // without the limit, which comes last
}

var (
	// overdue tasks have lost their worker.
	overdue = sweep{index: "tasks_lease", where: ` WHERE state = 'running' AND lease_until <= ? ORDER BY lease_until LIMIT ?`}

	// The two reasons why a task wants a message.
	dueRetry  = sweep{index: "tasks_retry", where: ` WHERE state = 'retrying' AND lane = ? AND due_at <= ? ORDER BY due_at LIMIT ?`}
	unclaimed = sweep{index: "tasks_waiting", where: ` WHERE state = 'queued' AND lane = ? AND hinted_at <= ? AND (hints > 0 OR created_at <= ?)
		ORDER BY hinted_at LIMIT ?`}
)

func (s sweep) with(args ...any) sweep {
	s.args = args
	return s
}

func (l *Ledger) from(s sweep) string { return ` FROM tasks` + l.d.along(s.index) + s.where }

// limited are the arguments of a sweep.
func (s sweep) limited(limit int) []any { return append(slices.Clone(s.args), limit) }

// Reap ends attempts whose lease is over.
func (l *Ledger) Reap(ctx context.Context, backoff func(attempt int) time.Duration, limit int) ([]queue.Task, error) {
	if idle, err := l.idle(ctx, l.from(overdue), micros(l.now()), 1); err != nil || idle {
		return nil, wrap("reap", err)
	}
	var reaped []queue.Task
	err := l.inTx(ctx, func(tx *transaction) error {
		now := l.now()
		rows, err := l.pick(ctx, tx, l.from(overdue), micros(now), limit)
		if err != nil {
			return err
		}
		// The end of a batch's task locks the batch: all must lock those in the same order.
		slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.BatchID, b.BatchID) })
		for _, r := range rows {
			t, err := l.reap(ctx, tx, r, backoff, now)
			if err != nil {
				return err
			}
			reaped = append(reaped, t)
		}
		return nil
	})
	if err != nil {
		return nil, wrap("reap", err)
	}
	return reaped, nil
}

// reap ends the running attempt of r.
func (l *Ledger) reap(ctx context.Context, tx *transaction, r row, backoff func(int) time.Duration, now time.Time) (queue.Task, error) {
	state, code, due, finished := queue.Retrying, queue.CodeLeaseLost, now.Add(backoff(r.Attempts)), int64(0)
	switch {
	case r.CancelRequested:
		state, code, due, finished = queue.Cancelled, queue.CodeCancelled, r.DueAt, micros(now)
	case r.Attempts >= r.MaxAttempts:
		state, due, finished = queue.Dead, r.DueAt, micros(now)
	}
	if err := tx.exec(ctx, lostAttempt, string(state), queue.CodeLeaseLost, micros(now), r.ID); err != nil {
		return queue.Task{}, fmt.Errorf("lost attempt's row: %w", err)
	}
	reaped, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET state = ?, stage = '', code = ?, lease_until = 0,
		due_at = ?, finished_at = ?, updated_at = ? WHERE id = ? RETURNING `+columns,
		string(state), code, micros(due), finished, micros(now), r.ID).Scan)
	return reaped.Task, err
}

const maxHintDoublings = 6 // a task that nobody claims is hinted at least once in 64 times unclaimedAfter

// Stale returns tasks that want a message, and notes that they get one now.
func (l *Ledger) Stale(ctx context.Context, unclaimedAfter time.Duration, limit int) ([]queue.Task, error) {
	now := l.now()
	sweeps, err := l.staleSweeps(ctx, unclaimedAfter, now)
	if err != nil || len(sweeps) == 0 {
		return nil, wrap("stale", err)
	}
	var tasks []queue.Task
	err = l.inTx(ctx, func(tx *transaction) error {
		for _, s := range sweeps {
			rows, err := l.pick(ctx, tx, l.from(s), s.limited(limit-len(tasks))...)
			if err != nil {
				return err
			}
			for _, r := range rows {
				t, err := l.hint(ctx, tx, r, unclaimedAfter, now)
				if err != nil {
					return err
				}
				tasks = append(tasks, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrap("stale", err)
	}
	return tasks, nil
}

// staleSweeps returns the sweeps that would find something, in lanes that are not paused.
func (l *Ledger) staleSweeps(ctx context.Context, unclaimedAfter time.Duration, now time.Time) ([]sweep, error) {
	lanes, err := l.pauses(ctx)
	if err != nil {
		return nil, err
	}
	var found []sweep
	for _, lane := range lanes {
		if lane.Paused {
			continue
		}
		for _, s := range []sweep{
			dueRetry.with(lane.Lane, micros(now)),
			unclaimed.with(lane.Lane, micros(now.Add(-unclaimedAfter)), micros(now.Add(-queue.PublishGrace))),
		} {
			idle, err := l.idle(ctx, l.from(s), s.limited(1)...)
			if err != nil {
				return nil, err
			}
			if !idle {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// hint notes that r gets a message now. Each further one puts the next off twice as far.
func (l *Ledger) hint(ctx context.Context, tx *transaction, r row, unclaimedAfter time.Duration, now time.Time) (queue.Task, error) {
	hints, putOff := int64(1), time.Duration(0)
	if r.State == queue.Queued {
		hints = r.hints + 1
		putOff = unclaimedAfter * (1<<min(hints-1, maxHintDoublings) - 1)
	}
	updated, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET state = 'queued', hints = ?, hinted_at = ?, updated_at = ?
		WHERE id = ? RETURNING `+columns, hints, micros(now.Add(putOff)), micros(now), r.ID).Scan)
	return updated.Task, err
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

// pick locks the tasks that a sweep finds. On Postgres it passes over those that another janitor
// has locked, so that several share the work.
func (l *Ledger) pick(ctx context.Context, tx *transaction, from string, args ...any) ([]row, error) {
	rows, err := tx.query(ctx, `SELECT `+columns+from+l.d.skip, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanTask)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlledger: %s: %w", what, err)
}
