package notify

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// notice is a row of the ledger's table. Triggers add them (sqlledger, triggers/notices_*.sql).
type notice struct {
	id, event                            string
	at                                   time.Time
	task, batch, lane, kind, label, code string
	attempts                             int
	tries                                int
	dueAt                                int64
}

// due returns the notices to send, the longest due first.
func (n *Notifier) due(ctx context.Context) ([]notice, error) {
	rows, err := n.db.Query(ctx, `SELECT id, event, at, task_id, batch_id, lane, kind, label, code, attempts, tries, due_at
		FROM notices WHERE due_at <= ? ORDER BY due_at LIMIT ?`, n.opts.Now().UnixMicro(), n.opts.Batch)
	if err != nil {
		return nil, fmt.Errorf("notify: reading notices: %w", err)
	}
	defer rows.Close()
	var all []notice
	for rows.Next() {
		var w notice
		var at int64
		if err := rows.Scan(&w.id, &w.event, &at, &w.task, &w.batch, &w.lane, &w.kind, &w.label, &w.code, &w.attempts, &w.tries, &w.dueAt); err != nil {
			return nil, fmt.Errorf("notify: reading notices: %w", err)
		}
		w.at = time.UnixMicro(at).UTC()
		all = append(all, w)
	}
	return all, rows.Err()
}

// take counts the try before it is made, and puts the next one off: whoever crashes meanwhile, or
// fails, has done what there is to do. It reports false when another process was faster.
func (n *Notifier) take(ctx context.Context, w notice, putOff time.Duration) (ours bool, err error) {
	changed, err := n.db.Exec(ctx, `UPDATE notices SET tries = tries + 1, due_at = ? WHERE id = ? AND tries = ? AND due_at = ?`,
		n.opts.Now().Add(putOff).UnixMicro(), w.id, w.tries, w.dueAt)
	if err != nil {
		return false, fmt.Errorf("notify: taking a notice: %w", err)
	}
	return changed > 0, nil
}

func (n *Notifier) drop(ctx context.Context, w notice) error {
	if _, err := n.db.Exec(context.WithoutCancel(ctx), `DELETE FROM notices WHERE id = ?`, w.id); err != nil {
		return fmt.Errorf("notify: forgetting a notice: %w", err)
	}
	return nil
}

// forget gives up what is too old to be news.
func (n *Notifier) forget(ctx context.Context) error {
	old, err := n.tooOld(ctx)
	if err != nil {
		return err
	}
	for _, w := range old {
		changed, err := n.db.Exec(ctx, `DELETE FROM notices WHERE id = ?`, w.id)
		if err != nil {
			return fmt.Errorf("notify: giving up a notice: %w", err)
		}
		if changed > 0 && n.client != nil {
			n.count(ctx, w.event, "given_up")
			n.opts.Logger.ErrorContext(ctx, "a webhook is given up", "event", w.event, "id", w.id)
		}
	}
	return nil
}

func (n *Notifier) tooOld(ctx context.Context) ([]notice, error) {
	rows, err := n.db.Query(ctx, `SELECT id, event FROM notices WHERE at < ? LIMIT ?`, n.opts.Now().Add(-n.opts.Keep).UnixMicro(), n.opts.Batch)
	if err != nil {
		return nil, fmt.Errorf("notify: reading old notices: %w", err)
	}
	return scanIDs(rows)
}

func scanIDs(rows *sql.Rows) ([]notice, error) {
	defer rows.Close()
	var all []notice
	for rows.Next() {
		var w notice
		if err := rows.Scan(&w.id, &w.event); err != nil {
			return nil, fmt.Errorf("notify: reading old notices: %w", err)
		}
		all = append(all, w)
	}
	return all, rows.Err()
}
