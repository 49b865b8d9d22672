package sqlledger

import (
	"context"
	"database/sql"
	"errors"

	"idphoto/queue"
)

// isHeld holds for a task whose result waits for somebody's look. Erasing and purging clear the prefix.
const isHeld = `state = 'rejected' AND result_prefix <> ''`

// Accept makes a held task's result good. The rejection has been counted where the history says what
// became of attempts; the kept counters follow the state.
func (l *Ledger) Accept(ctx context.Context, id string) (queue.Task, error) {
	_, accepted, err := l.settle(ctx, id, `state = 'succeeded', code = '', detail = ''`)
	return accepted, wrap("accept", err)
}

// Refuse takes a held task's result away. The state stays, and with it all that was counted.
func (l *Ledger) Refuse(ctx context.Context, id string) (queue.Task, error) {
	before, _, err := l.settle(ctx, id, `result_prefix = '', result = ''`)
	return before, wrap("refuse", err)
}

// settle changes a task that is held and will not be then: whoever comes second finds it so.
func (l *Ledger) settle(ctx context.Context, id, change string) (before, after queue.Task, err error) {
	err = l.inTx(ctx, func(tx *transaction) error {
		r, err := l.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		before = r.Task
		if err := l.countEnds(ctx, tx, id); err != nil {
			return err
		}
		r, err = scanTask(tx.queryRow(ctx, `UPDATE tasks SET `+change+`, updated_at = ? WHERE id = ? AND `+isHeld+`
			RETURNING `+columns, micros(l.now()), id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return queue.ErrNotHeld
		}
		after = r.Task
		return err
	})
	if err != nil {
		return queue.Task{}, queue.Task{}, err
	}
	return before, after, nil
}
