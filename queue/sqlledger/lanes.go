package sqlledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"idphoto/queue"
)

func knownLane(lane string) error {
	if !slices.Contains(queue.Lanes, lane) {
		return fmt.Errorf("sqlledger: no lane %q", lane)
	}
	return nil
}

// PauseLane keeps tasks of the lane from being claimed.
func (l *Ledger) PauseLane(ctx context.Context, lane, by string) error {
	if err := knownLane(lane); err != nil {
		return err
	}
	return wrap("pause lane", l.exec(ctx, `UPDATE lanes SET paused_at = ?, paused_by = ? WHERE lane = ? AND paused_at = 0`,
		micros(l.now()), text(by), lane))
}

// ResumeLane undoes it, and has the lane's waiting tasks published again.
func (l *Ledger) ResumeLane(ctx context.Context, lane string) error {
	if err := knownLane(lane); err != nil {
		return err
	}
	return wrap("resume lane", l.inTx(ctx, func(tx *transaction) error {
		n, err := tx.change(ctx, `UPDATE lanes SET paused_at = 0, paused_by = '' WHERE lane = ? AND paused_at > 0`, lane)
		if err != nil || n == 0 {
			return err
		}
		return tx.exec(ctx, `UPDATE tasks SET hints = 0, hinted_at = 0 WHERE state = 'queued' AND lane = ? AND hinted_at > 0`, lane)
	}))
}

// paused reports whether the lane is paused.
func (l *Ledger) paused(ctx context.Context, tx *transaction, lane string) (bool, error) {
	var n int
	err := tx.queryRow(ctx, `SELECT COUNT(*) FROM lanes WHERE lane = ? AND paused_at > 0`, lane).Scan(&n)
	return n > 0, err
}

// LaneStates returns how the lanes stand.
func (l *Ledger) LaneStates(ctx context.Context) ([]queue.LaneState, error) {
	states, err := l.pauses(ctx)
	if err != nil {
		return nil, wrap("lane states", err)
	}
	counts, err := l.LaneCounts(ctx)
	if err != nil {
		return nil, err
	}
	now := l.now()
	for i := range states {
		s := &states[i]
		n := counts[s.Lane]
		s.Waiting, s.Running = n[queue.Queued]+n[queue.Retrying], n[queue.Running]
		if s.OldestAge, err = l.oldest(ctx, s.Lane, now, ready); err != nil {
			return nil, wrap("lane states", err)
		}
		if s.Paused {
			continue
		}
		if s.Unsent, err = l.oldest(ctx, s.Lane, now, unsent); err != nil {
			return nil, wrap("lane states", err)
		}
	}
	return states, nil
}

// pauses returns the lanes with nothing but their pauses.
func (l *Ledger) pauses(ctx context.Context) ([]queue.LaneState, error) {
	rows, err := l.query(ctx, l.read, `SELECT lane, paused_at, paused_by FROM lanes`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	states := make([]queue.LaneState, len(queue.Lanes))
	for i, lane := range queue.Lanes {
		states[i].Lane = lane
	}
	for rows.Next() {
		var s queue.LaneState
		var at int64
		if err := rows.Scan(&s.Lane, &at, &s.PausedBy); err != nil {
			return nil, err
		}
		s.Paused, s.PausedAt = at > 0, fromMicros(at)
		if i := slices.Index(queue.Lanes, s.Lane); i >= 0 {
			states[i] = s
		}
	}
	return states, rows.Err()
}

var (
	// The oldest ready task of a lane stands first in one of these two.
	ready = []sweep{
		{index: "tasks_ready", where: ` WHERE state = 'queued' AND lane = ? AND due_at <= ? ORDER BY due_at LIMIT ?`},
		{index: "tasks_retry", where: ` WHERE state = 'retrying' AND lane = ? AND due_at <= ? ORDER BY due_at LIMIT ?`},
	}

	// The oldest that wants a message, in one of these. The first index holds tasks without a message
	// in the order in which they came to be so, or nearly: sorting them would read all.
	unsent = []sweep{
		{index: "tasks_waiting", where: ` WHERE state = 'queued' AND lane = ? AND hinted_at = 0 AND due_at <= ? ORDER BY hinted_at LIMIT ?`},
		ready[1],
	}
)

// oldest returns how long the first task of several sweeps has been due; 0 without one.
func (l *Ledger) oldest(ctx context.Context, lane string, now time.Time, sweeps []sweep) (time.Duration, error) {
	var age time.Duration
	for _, s := range sweeps {
		rows, err := l.query(ctx, l.read, `SELECT due_at`+l.from(s), lane, micros(now), 1)
		if err != nil {
			return 0, err
		}
		due, err := collect(rows, func(scan func(...any) error) (us int64, err error) { err = scan(&us); return us, err })
		if err != nil {
			return 0, err
		}
		if len(due) > 0 {
			age = max(age, now.Sub(fromMicros(due[0])))
		}
	}
	return age, nil
}
