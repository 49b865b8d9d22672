package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"idphoto/queue"
)

// Cancel ends a waiting task at once and marks a running one.
func (l *Ledger) Cancel(ctx context.Context, id string) (queue.Task, error) {
	var task queue.Task
	err := l.inTx(ctx, func(tx *transaction) error {
		r, err := l.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.State.Final() {
			return queue.ErrFinal
		}
		r, err = l.stop(ctx, tx, r)
		task = r.Task
		return err
	})
	if err != nil {
		return queue.Task{}, fmt.Errorf("sqlledger: cancel: %w", err)
	}
	return task, nil
}

// Erase clears what the row knows of a person and cancels the task if it is not final.
func (l *Ledger) Erase(ctx context.Context, id string) (queue.Task, error) {
	var before queue.Task
	err := l.inTx(ctx, func(tx *transaction) error {
		r, err := l.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		before = r.Task
		err = tx.exec(ctx, `UPDATE tasks SET erased = 1, input_key = '', idempotency_key = NULL, digest = '',
			detail = '', result_prefix = '', result = '', updated_at = ? WHERE id = ?`, micros(l.now()), id)
		if err != nil {
			return err
		}
		if r.State.Final() {
			return nil
		}
		_, err = l.stop(ctx, tx, r)
		return err
	})
	if err != nil {
		return queue.Task{}, fmt.Errorf("sqlledger: erase: %w", err)
	}
	return before, nil
}

// locked reads a task that the transaction is about to change.
func (l *Ledger) locked(ctx context.Context, tx *transaction, id string) (row, error) {
	r, err := scanTask(tx.queryRow(ctx, `SELECT `+columns+` FROM tasks WHERE id = ?`+l.d.lock, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, queue.ErrNotFound
	}
	return r, err
}

// stop marks r as to be cancelled, and ends it unless a worker has it. r is locked and not final.
func (l *Ledger) stop(ctx context.Context, tx *transaction, r row) (row, error) {
	now := micros(l.now())
	if r.State == queue.Running {
		return scanTask(tx.queryRow(ctx, `UPDATE tasks SET cancel_requested = 1, updated_at = ? WHERE id = ? RETURNING `+columns, now, r.ID).Scan)
	}
	return scanTask(tx.queryRow(ctx, `UPDATE tasks SET state = 'cancelled', code = ?, cancel_requested = 1,
		finished_at = ?, updated_at = ? WHERE id = ? RETURNING `+columns, queue.CodeCancelled, now, now, r.ID).Scan)
}
