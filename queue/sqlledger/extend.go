package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"idphoto/queue"
)

// Extend adds tasks to the batch of a running task. It locks the task's row, so that a cancel, the
// reaper or another attempt comes before or after it, and then the batch's, as the end of a task does.
func (l *Ledger) Extend(ctx context.Context, c *queue.Claim, tasks []queue.Task, refused int64) (added []queue.Task, err error) {
	batch := c.Task.BatchID
	if batch == "" {
		return nil, errors.New("sqlledger: extend: the task is in no batch")
	}
	stored := make([]queue.Task, len(tasks))
	for i, t := range tasks {
		t.BatchID = batch
		if stored[i], err = l.fresh(t); err != nil {
			return nil, err
		}
	}
	err = l.inTx(ctx, func(tx *transaction) error {
		if err := l.mayExtend(ctx, tx, c); err != nil {
			return err
		}
		if added, err = l.unknown(ctx, tx, stored); err != nil || len(added) == 0 {
			return err
		}
		if err := l.insertAll(ctx, tx, added); err != nil {
			return err
		}
		return tx.exec(ctx, `UPDATE batches SET total = total + ?, refused = refused + ?, updated_at = ? WHERE id = ?`,
			len(added), refused, micros(l.now()), batch)
	})
	if err != nil {
		return nil, wrap("extend", err)
	}
	return added, nil
}

// mayExtend locks what decides whether c's batch still takes tasks from c.
func (l *Ledger) mayExtend(ctx context.Context, tx *transaction, c *queue.Claim) error {
	var cancelled, erased int64
	err := tx.queryRow(ctx, `SELECT cancel_requested FROM tasks WHERE id = ? AND token = ? AND `+isRunning+l.d.lock, c.Task.ID, c.Token).Scan(&cancelled)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.ErrLeaseLost
	}
	if err != nil {
		return err
	}
	err = tx.queryRow(ctx, `SELECT erased FROM batches WHERE id = ?`+l.d.lock, c.Task.BatchID).Scan(&erased)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return queue.ErrNotFound
	case err == nil && cancelled+erased > 0:
		return queue.ErrCancelled
	}
	return err
}

// unknown returns those of the tasks that are not in the ledger.
func (l *Ledger) unknown(ctx context.Context, tx *transaction, tasks []queue.Task) ([]queue.Task, error) {
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
	}
	rows, err := tx.query(ctx, `SELECT id FROM tasks WHERE `+l.d.oneOf("id"), idList(ids))
	if err != nil {
		return nil, err
	}
	known, err := collect(rows, func(scan func(...any) error) (id string, err error) {
		err = scan(&id)
		return id, err
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(tasks), func(t queue.Task) bool { return slices.Contains(known, t.ID) }), nil
}
