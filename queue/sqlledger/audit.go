package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"idphoto/queue"
)

// Record adds an entry under the next number. Numbers have no gaps, so that Verify sees when an
// entry was removed. Whoever finds its number taken meanwhile takes the next.
func (l *Ledger) Record(ctx context.Context, e queue.AuditEntry) error {
	if e.Actor == "" || e.Action == "" {
		return errors.New("sqlledger: record: an audit entry needs Actor and Action")
	}
	if e.At.IsZero() {
		e.At = l.now()
	}
	for {
		var number int64
		err := l.queryRow(ctx, l.write, `INSERT INTO audit (number, at, actor, action, target, n)
			SELECT COALESCE(MAX(number), 0) + 1, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT)
			FROM audit WHERE true
			ON CONFLICT (number) DO NOTHING RETURNING number`,
			micros(e.At), text(e.Actor), text(e.Action), text(e.Target), e.Count).Scan(&number)
		if !errors.Is(err, sql.ErrNoRows) {
			return wrap("record", err)
		}
	}
}

// AuditLog returns the entries before a number, the newest first.
func (l *Ledger) AuditLog(ctx context.Context, before int64, limit int) ([]queue.AuditEntry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := l.query(ctx, l.read, `SELECT number, at, actor, action, target, n FROM audit WHERE number < ?
		ORDER BY number DESC LIMIT ?`, before, limit)
	if err != nil {
		return nil, wrap("audit log", err)
	}
	entries, err := collect(rows, func(scan func(...any) error) (e queue.AuditEntry, err error) {
		var at int64
		err = scan(&e.Number, &at, &e.Actor, &e.Action, &e.Target, &e.Count)
		e.At = fromMicros(at)
		return e, err
	})
	return entries, wrap("audit log", err)
}
