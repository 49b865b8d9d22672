package sqlledger

import (
	"context"
	"database/sql"
)

// SQL runs statements on the ledger's database, for packages whose tables lie beside the tasks and
// that are no affair of package queue. A query has ? for each value, whatever the database, and
// no ? elsewhere.
type SQL struct{ l *Ledger }

// SQL returns the ledger's database. It is closed with the ledger.
func (l *Ledger) SQL() SQL { return SQL{l} }

// Exec runs a statement that writes, and returns how many rows it changed.
func (s SQL) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return s.l.change(ctx, query, args...)
}

// Returning runs a statement that writes and returns at most one row.
func (s SQL) Returning(ctx context.Context, query string, args ...any) *sql.Row {
	return s.l.queryRow(ctx, s.l.write, query, args...)
}

// QueryRow runs a query of at most one row.
func (s SQL) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return s.l.queryRow(ctx, s.l.read, query, args...)
}

// Query runs a query. The caller closes the rows.
func (s SQL) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.l.query(ctx, s.l.read, query, args...)
}
