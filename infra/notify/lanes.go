package notify

import (
	"context"
	"fmt"

	"idphoto/queue"
)

// standing is what the ledger remembers of a lane's promise.
type standing struct {
	since int64 // late since, microseconds; 0: not late
	told  bool
}

// watch notes which lanes break their promise. One that does so for Hold is told of, once, and
// when it is over too; the ledger's triggers make the notices. A paused lane promises nothing.
func (n *Notifier) watch(ctx context.Context) error {
	if len(n.opts.Promises) == 0 {
		return nil
	}
	lanes, err := n.ledger.LaneStates(ctx)
	if err != nil {
		return fmt.Errorf("notify: watching the lanes: %w", err)
	}
	was, err := n.standings(ctx)
	if err != nil {
		return err
	}
	for _, l := range lanes {
		if err := n.note(ctx, l, was[l.Lane]); err != nil {
			return fmt.Errorf("notify: lane %s: %w", l.Lane, err)
		}
	}
	return nil
}

// note writes only what changes. Each statement is conditional: of several processes one makes
// the change.
func (n *Notifier) note(ctx context.Context, l queue.LaneState, was standing) (err error) {
	promise := n.opts.Promises[l.Lane]
	late := promise > 0 && !l.Paused && l.OldestAge > promise
	now := n.opts.Now().UnixMicro()
	switch {
	case late && was.since == 0:
		_, err = n.db.Exec(ctx, `UPDATE lanes SET late_since = ?, late_at = ? WHERE lane = ? AND late_since = 0`, now, now, l.Lane)
	case late && !was.told && now-was.since >= n.opts.Hold.Microseconds():
		_, err = n.db.Exec(ctx, `UPDATE lanes SET late_told = 1, late_at = ? WHERE lane = ? AND late_since = ? AND late_told = 0`, now, l.Lane, was.since)
	case !late && was.since != 0:
		_, err = n.db.Exec(ctx, `UPDATE lanes SET late_told = 0, late_since = 0, late_at = ? WHERE lane = ? AND late_since = ?`, now, l.Lane, was.since)
	}
	return err
}

func (n *Notifier) standings(ctx context.Context) (map[string]standing, error) {
	rows, err := n.db.Query(ctx, `SELECT lane, late_since, late_told FROM lanes`)
	if err != nil {
		return nil, fmt.Errorf("notify: reading the lanes: %w", err)
	}
	defer rows.Close()
	all := make(map[string]standing)
	for rows.Next() {
		var lane string
		var s standing
		var told int64
		if err := rows.Scan(&lane, &s.since, &told); err != nil {
			return nil, fmt.Errorf("notify: reading the lanes: %w", err)
		}
		s.told = told != 0
		all[lane] = s
	}
	return all, rows.Err()
}
