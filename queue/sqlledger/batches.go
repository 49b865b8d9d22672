package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"idphoto/queue"
)

const batchColumns = `id, name, options, manifest_key, COALESCE(idempotency_key, ''), digest, total, refused, erased,
	created_at, updated_at, finished_at`

// scanBatch reads batchColumns. The counts come from elsewhere, see count.
func scanBatch(scan func(...any) error) (queue.Batch, error) {
	var b queue.Batch
	var options string
	var erased, created, updated, finished int64
	err := scan(&b.ID, &b.Name, &options, &b.ManifestKey, &b.IdempotencyKey, &b.Digest, &b.Total, &b.Refused, &erased,
		&created, &updated, &finished)
	if err != nil {
		return queue.Batch{}, err
	}
	b.Options, b.Erased = raw(options), erased != 0
	b.CreatedAt, b.UpdatedAt, b.FinishedAt = fromMicros(created), fromMicros(updated), fromMicros(finished)
	return b, nil
}

// CreateBatch stores b and its tasks, or finds the batch that its idempotency key already names.
func (l *Ledger) CreateBatch(ctx context.Context, b queue.Batch, tasks []queue.Task) (batch queue.Batch, created bool, err error) {
	if b.ID == "" {
		return queue.Batch{}, false, errors.New("sqlledger: create batch: a batch needs an ID")
	}
	stored := make([]queue.Task, len(tasks))
	for i, t := range tasks {
		t.BatchID = b.ID
		if stored[i], err = l.fresh(t); err != nil {
			return queue.Batch{}, false, err
		}
	}
	err = l.inTx(ctx, func(tx *transaction) error {
		n, err := l.insertBatch(ctx, tx, b, len(tasks))
		if err != nil {
			return err
		}
		if created = n > 0; created {
			return l.insertAll(ctx, tx, stored)
		}
		found, err := scanBatch(tx.queryRow(ctx, `SELECT `+batchColumns+` FROM batches WHERE idempotency_key = ?`, b.IdempotencyKey).Scan)
		if err != nil {
			return err
		}
		if found.Digest != b.Digest {
			return queue.ErrConflict
		}
		b.ID = found.ID
		return nil
	})
	if err != nil {
		return queue.Batch{}, false, fmt.Errorf("sqlledger: create batch: %w", err)
	}
	batch, err = l.GetBatch(ctx, b.ID)
	return batch, created, err
}

// insertBatch returns 0 when the idempotency key is taken. A batch without tasks is over at once.
func (l *Ledger) insertBatch(ctx context.Context, tx *transaction, b queue.Batch, tasks int) (int64, error) {
	now, finished := micros(l.now()), int64(0)
	if tasks == 0 {
		finished = now
	}
	return tx.change(ctx, `INSERT INTO batches (id, name, options, manifest_key, idempotency_key, digest, total, refused, created_at, updated_at, finished_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`+unlessKeyExists,
		b.ID, text(b.Name), string(b.Options), b.ManifestKey, optional(b.IdempotencyKey), b.Digest, tasks, b.Refused, now, now, finished)
}

// GetBatch returns the batch, or queue.ErrNotFound.
func (l *Ledger) GetBatch(ctx context.Context, id string) (queue.Batch, error) {
	b, err := scanBatch(l.queryRow(ctx, l.read, `SELECT `+batchColumns+` FROM batches WHERE id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.Batch{}, queue.ErrNotFound
	}
	if err != nil {
		return queue.Batch{}, wrap("get batch", err)
	}
	batches := []queue.Batch{b}
	if err := l.count(ctx, batches); err != nil {
		return queue.Batch{}, wrap("get batch", err)
	}
	return batches[0], nil
}

// ListBatches returns batches, the newest first.
func (l *Ledger) ListBatches(ctx context.Context, after string, limit int) ([]queue.Batch, error) {
	if after == "" {
		after = "~" // above every id
	}
	rows, err := l.query(ctx, l.read, `SELECT `+batchColumns+` FROM batches WHERE id < ? ORDER BY id DESC LIMIT ?`, after, limit)
	if err != nil {
		return nil, wrap("list batches", err)
	}
	batches, err := collect(rows, scanBatch)
	if err != nil {
		return nil, wrap("list batches", err)
	}
	return batches, wrap("list batches", l.count(ctx, batches))
}

// EraseBatch clears the name, the manifest's key and what tells the submission.
func (l *Ledger) EraseBatch(ctx context.Context, id string) (before queue.Batch, err error) {
	err = l.inTx(ctx, func(tx *transaction) error {
		before, err = scanBatch(tx.queryRow(ctx, `SELECT `+batchColumns+` FROM batches WHERE id = ?`+l.d.lock, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return queue.ErrNotFound
		}
		if err != nil {
			return err
		}
		return tx.exec(ctx, `UPDATE batches SET erased = 1, name = '', manifest_key = '', idempotency_key = NULL, digest = '', updated_at = ?
			WHERE id = ?`, micros(l.now()), id)
	})
	if err != nil {
		return queue.Batch{}, wrap("erase batch", err)
	}
	batches := []queue.Batch{before}
	if err := l.count(ctx, batches); err != nil {
		return queue.Batch{}, wrap("erase batch", err)
	}
	return batches[0], nil
}

// count adds the kept counts to batches, and when a task of theirs moved last.
func (l *Ledger) count(ctx context.Context, batches []queue.Batch) error {
	if len(batches) == 0 {
		return nil
	}
	at := make(map[string]*queue.Batch, len(batches))
	ids := make([]any, len(batches))
	for i := range batches {
		b := &batches[i]
		b.Counts = make(map[queue.State]int64)
		at[b.ID], ids[i] = b, b.ID
	}
	rows, err := l.query(ctx, l.read, `SELECT batch_id, state, CAST(SUM(n) AS BIGINT), MAX(updated_at) FROM batch_counts
		WHERE batch_id IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`) GROUP BY batch_id, state`, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var state queue.State
		var n, updated int64
		if err := rows.Scan(&id, &state, &n, &updated); err != nil {
			return err
		}
		b := at[id]
		b.Counts[state] = n
		if t := fromMicros(updated); t.After(b.UpdatedAt) {
			b.UpdatedAt = t
		}
	}
	return rows.Err()
}
