package sqlledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"idphoto/queue"
)

// Purgeable returns the tasks whose next step this is, the longest finished first.
func (l *Ledger) Purgeable(ctx context.Context, step int, endedBefore time.Time, limit int) ([]queue.Task, error) {
	rows, err := l.query(ctx, l.read, `SELECT `+columns+` FROM tasks WHERE purge_step = ? AND finished_at > 0 AND finished_at < ?
		ORDER BY finished_at LIMIT ?`, step, micros(endedBefore), limit)
	if err != nil {
		return nil, wrap("purgeable", err)
	}
	tasks, err := collect(rows, func(scan func(...any) error) (queue.Task, error) {
		r, err := scanTask(scan)
		return r.Task, err
	})
	return tasks, wrap("purgeable", err)
}

// purging is one step: what it clears in a task's row, and where the history counts it.
type purging struct{ clear, counter string }

// With its result a task loses its digest and its idempotency key: neither may lead to a result
// that is gone.
var purgings = map[int]purging{
	queue.PurgeOriginal: {`input_key = ''`, `originals_purged`},
	queue.PurgeResult:   {`result_prefix = '', result = '', detail = '', digest = '', idempotency_key = NULL, expired = 1`, `results_purged`},
	queue.PurgeRow:      {``, `rows_purged`},
}

// Purged notes a step for those of the tasks whose next one it still is.
func (l *Ledger) Purged(ctx context.Context, step int, ids []string) error {
	p, known := purgings[step]
	if !known {
		return fmt.Errorf("sqlledger: purged: there is no step %d", step)
	}
	if len(ids) == 0 {
		return nil
	}
	err := l.inTx(ctx, func(tx *transaction) error {
		done, err := l.lockPurged(ctx, tx, step, ids)
		if err != nil || len(done) == 0 {
			return err
		}
		list := make([]string, 0, len(done))
		lanes := make(map[string]int64)
		for _, t := range done {
			list = append(list, t.id)
			lanes[t.lane]++
		}
		if step == queue.PurgeRow {
			err = l.deleteTasks(ctx, tx, done, list)
		} else {
			err = tx.exec(ctx, `UPDATE tasks SET purge_step = purge_step + 1, `+p.clear+` WHERE `+l.d.oneOf("id"), idList(list))
		}
		if err != nil {
			return err
		}
		return l.countPurged(ctx, tx, p.counter, lanes)
	})
	return wrap("purged", err)
}

// purgedTask is what a purge must know of a task.
type purgedTask struct{ id, lane, batch string }

// lockPurged locks those of the tasks whose next step this is, in the order of their ids, so that
// two janitors with the same tasks do not wait for each other in a circle.
func (l *Ledger) lockPurged(ctx context.Context, tx *transaction, step int, ids []string) ([]purgedTask, error) {
	rows, err := tx.query(ctx, `SELECT id, lane, batch_id FROM tasks WHERE `+l.d.oneOf("id")+` AND purge_step = ? AND finished_at > 0
		ORDER BY id`+l.d.lock, idList(ids), step)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(scan func(...any) error) (t purgedTask, err error) {
		err = scan(&t.id, &t.lane, &t.batch)
		return t, err
	})
}

// deleteTasks removes tasks that the transaction has locked, once the history knows their ends.
// The kept counters follow by themselves; a batch has so many tasks less.
func (l *Ledger) deleteTasks(ctx context.Context, tx *transaction, tasks []purgedTask, ids []string) error {
	if err := l.countEnds(ctx, tx, ids...); err != nil {
		return err
	}
	for _, rows := range []string{`attempts WHERE ` + l.d.oneOf("task_id"), `tasks WHERE ` + l.d.oneOf("id")} {
		if err := tx.exec(ctx, `DELETE FROM `+rows, idList(ids)); err != nil {
			return err
		}
	}
	batches := make(map[string]int64)
	for _, t := range tasks {
		if t.batch != "" {
			batches[t.batch]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(batches)) {
		if err := tx.exec(ctx, `UPDATE batches SET total = total - ? WHERE id = ?`, batches[id], id); err != nil {
			return err
		}
	}
	return nil
}

// countPurged adds to the history of the current minute and hour.
func (l *Ledger) countPurged(ctx context.Context, tx *transaction, counter string, lanes map[string]int64) error {
	n := make(map[period]int64)
	for lane, tasks := range lanes {
		for _, p := range periodsOf(micros(l.now()), lane) {
			n[p] = tasks
		}
	}
	for _, p := range sortedPeriods(n) {
		err := tx.exec(ctx, `INSERT INTO history (step, began_at, lane, `+counter+`) VALUES (?, ?, ?, ?)
			ON CONFLICT (step, began_at, lane) DO UPDATE SET `+counter+` = history.`+counter+` + excluded.`+counter,
			p.step, p.beganAt, p.lane, n[p])
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}

// PurgeableBatches returns ended batches, the longest ended first, whose manifest can go, or whose
// row can, when that is gone and so are all its tasks.
func (l *Ledger) PurgeableBatches(ctx context.Context, step int, endedBefore time.Time, limit int) ([]queue.Batch, error) {
	ripe, err := ripeBatch(step)
	if err != nil {
		return nil, err
	}
	rows, err := l.query(ctx, l.read, `SELECT `+batchColumns+` FROM batches WHERE finished_at > 0 AND finished_at < ? AND `+ripe+`
		ORDER BY finished_at LIMIT ?`, micros(endedBefore), limit)
	if err != nil {
		return nil, wrap("purgeable batches", err)
	}
	batches, err := collect(rows, scanBatch)
	if err != nil {
		return nil, wrap("purgeable batches", err)
	}
	return batches, wrap("purgeable batches", l.count(ctx, batches))
}

// ripeBatch is the condition under which a step of an ended batch is due.
func ripeBatch(step int) (string, error) {
	switch step {
	case queue.PurgeResult:
		return `manifest_key <> ''`, nil
	case queue.PurgeRow:
		return `manifest_key = '' AND NOT EXISTS (SELECT 1 FROM tasks WHERE batch_id = batches.id AND batch_id <> '')`, nil
	}
	return "", fmt.Errorf("sqlledger: a batch has no purge step %d", step)
}

// PurgedBatches notes a step for those of the batches that it is still due for. With its manifest
// a batch loses what would let a repeated submission find it.
func (l *Ledger) PurgedBatches(ctx context.Context, step int, ids []string) error {
	ripe, err := ripeBatch(step)
	if err != nil {
		return err
	}
	change := `UPDATE batches SET manifest_key = '', idempotency_key = NULL, digest = ''`
	if step == queue.PurgeRow {
		change = `DELETE FROM batches`
	}
	return wrap("purged batches", l.exec(ctx, change+` WHERE `+l.d.oneOf("id")+` AND finished_at > 0 AND `+ripe, idList(ids)))
}
