package sqlledger

import (
	"context"
	"database/sql"
	"errors"

	"idphoto/queue"
)

// Accept makes a held task's result good. The rejection has been counted where the history says what
// became of attempts; the kept counters follow the state.
func (l *Ledger) Accept(ctx context.Context, id string) (queue.Task, error) {
	var accepted row
	err := l.inTx(ctx, func(tx *transaction) error {
		if _, err := l.locked(ctx, tx, id); err != nil {
			return err
		}
		if err := l.countEnds(ctx, tx, id); err != nil {
			return err
		}
		r, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET state = 'succeeded', code = '', detail = '', updated_at = ?
			WHERE id = ? AND state = 'rejected' AND result_prefix <> '' AND erased = 0
			RETURNING `+columns, micros(l.now()), id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return queue.ErrNotHeld
		}
		accepted = r
		return err
	})
	if err != nil {
		return queue.Task{}, wrap("accept", err)
	}
	return accepted.Task, nil
}
