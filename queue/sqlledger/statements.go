package sqlledger

import (
	"context"
	"database/sql"
	"sync"
)

// statements keeps prepared statements of one pool. Otherwise SQLite parses each statement anew,
// which costs more than running it, and Postgres needs another round trip.
type statements struct {
	db *sql.DB
	m  sync.Map // query -> *sql.Stmt; database/sql closes them with db
}

// get returns the prepared statement, or nil when there is none yet.
func (s *statements) get(query string) *sql.Stmt {
	if stmt, ok := s.m.Load(query); ok {
		return stmt.(*sql.Stmt)
	}
	return nil
}

// prepare prepares a statement for the next use. It needs a connection of the pool, so nobody who
// holds the only one may call it. Failing is no harm: the query then runs unprepared.
func (s *statements) prepare(ctx context.Context, query string) *sql.Stmt {
	if stmt := s.get(query); stmt != nil {
		return stmt
	}
	stmt, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	if other, loaded := s.m.LoadOrStore(query, stmt); loaded {
		_ = stmt.Close() // another caller was faster
		return other.(*sql.Stmt)
	}
	return stmt
}

// queryRow runs a query outside of a transaction.
func (l *Ledger) queryRow(ctx context.Context, s *statements, query string, args ...any) *sql.Row {
	query = l.q(query)
	if stmt := s.prepare(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return s.db.QueryRowContext(ctx, query, args...)
}

func (l *Ledger) query(ctx context.Context, s *statements, query string, args ...any) (*sql.Rows, error) {
	query = l.q(query)
	if stmt := s.prepare(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return s.db.QueryContext(ctx, query, args...)
}

// change runs a statement that writes, and returns how many rows it changed.
func (l *Ledger) change(ctx context.Context, query string, args ...any) (int64, error) {
	query = l.q(query)
	if stmt := l.write.prepare(ctx, query); stmt != nil {
		return changed(stmt.ExecContext(ctx, args...))
	}
	return changed(l.write.db.ExecContext(ctx, query, args...))
}

func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (l *Ledger) exec(ctx context.Context, query string, args ...any) error {
	_, err := l.change(ctx, query, args...)
	return err
}

// transaction is a transaction that uses prepared statements where there are some, and has those
// prepared afterwards that were missing: during it, it may hold the pool's only connection.
type transaction struct {
	*sql.Tx
	l       *Ledger
	missing []string
}

func (t *transaction) stmt(ctx context.Context, query string) *sql.Stmt {
	if stmt := t.l.write.get(query); stmt != nil {
		return t.StmtContext(ctx, stmt)
	}
	t.missing = append(t.missing, query)
	return nil
}

func (t *transaction) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	query = t.l.q(query)
	if stmt := t.stmt(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return t.QueryRowContext(ctx, query, args...)
}

func (t *transaction) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query = t.l.q(query)
	if stmt := t.stmt(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return t.QueryContext(ctx, query, args...)
}

func (t *transaction) change(ctx context.Context, query string, args ...any) (int64, error) {
	query = t.l.q(query)
	if stmt := t.stmt(ctx, query); stmt != nil {
		return changed(stmt.ExecContext(ctx, args...))
	}
	return changed(t.ExecContext(ctx, query, args...))
}

func (t *transaction) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.change(ctx, query, args...)
	return err
}

// inTx runs f in a transaction that may write.
func (l *Ledger) inTx(ctx context.Context, f func(tx *transaction) error) error {
	sqlTx, err := l.write.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	tx := &transaction{Tx: sqlTx, l: l}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the error of f says more
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, query := range tx.missing {
		l.write.prepare(ctx, query)
	}
	return nil
}

// collect reads all rows of a query and closes them.
func collect[T any](rows *sql.Rows, scan func(func(...any) error) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
