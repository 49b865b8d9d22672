package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"idphoto/queue"
)

// Requeue lets a task run again. Its end counts anew, and so does its retention.
func (l *Ledger) Requeue(ctx context.Context, id string, attempts int) (queue.Task, error) {
	if attempts < 1 {
		return queue.Task{}, fmt.Errorf("sqlledger: requeue: %d attempts", attempts)
	}
	now := micros(l.now())
	r, err := scanTask(l.queryRow(ctx, l.write, `UPDATE tasks SET state = 'queued', stage = '', code = '', detail = '', cancel_requested = 0,
		max_attempts = CASE WHEN max_attempts < attempts + ? THEN attempts + ? ELSE max_attempts END,
		hints = 0, hinted_at = 0, due_at = ?, finished_at = 0, updated_at = ?, counted = 0, purge_step = 0
		WHERE id = ? AND state IN ('dead', 'cancelled', 'retrying') AND erased = 0 AND purge_step = 0
		RETURNING `+columns, attempts, attempts, now, now, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err := l.Get(ctx, id); err != nil {
			return queue.Task{}, err
		}
		return queue.Task{}, queue.ErrNotRequeued
	}
	return r.Task, wrap("requeue", err)
}
