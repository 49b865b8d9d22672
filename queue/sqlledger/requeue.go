package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"idphoto/queue"
)

// Requeue lets a task run again. Its end goes into the history before it is forgotten: the task
// will have another, which counts anew, and so does its retention.
func (l *Ledger) Requeue(ctx context.Context, id string, attempts int) (queue.Task, error) {
	if attempts < 1 {
		return queue.Task{}, fmt.Errorf("sqlledger: requeue: %d attempts", attempts)
	}
	now := micros(l.now())
	var requeued row
	err := l.inTx(ctx, func(tx *transaction) error {
		if _, err := l.locked(ctx, tx, id); err != nil {
			return err
		}
		if err := l.countEnds(ctx, tx, id); err != nil {
			return err
		}
		r, err := scanTask(tx.queryRow(ctx, `UPDATE tasks SET state = 'queued', stage = '', code = '', detail = '', cancel_requested = 0,
			max_attempts = CASE WHEN max_attempts < attempts + ? THEN attempts + ? ELSE max_attempts END,
			hints = 0, hinted_at = 0, due_at = ?, finished_at = 0, updated_at = ?, counted = 0, purge_step = 0
			WHERE id = ? AND state IN ('dead', 'cancelled', 'retrying') AND erased = 0 AND purge_step = 0
			RETURNING `+columns, attempts, attempts, now, now, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return queue.ErrNotRequeued
		}
		requeued = r
		return err
	})
	if err != nil {
		return queue.Task{}, wrap("requeue", err)
	}
	return requeued.Task, nil
}
