package sqlledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// What the databases cannot share: the triggers that keep the counters, migration 4, and those that
// note what people are told of, migration 7.
var (
	//go:embed triggers/sqlite.sql
	sqliteTriggers string
	//go:embed triggers/postgres.sql
	postgresTriggers string

	//go:embed triggers/notices_sqlite.sql
	sqliteNotices string
	//go:embed triggers/notices_postgres.sql
	postgresNotices string
)

// migrate brings the schema up to date. On Postgres it runs under an advisory lock, so processes
// that start together take turns. On SQLite, where goose has no lock, one of them may lose the
// race for a migration: it looks again, and goes on when the winner has done the work.
func (l *Ledger) migrate(ctx context.Context) error {
	p, err := l.migrations()
	if err != nil {
		return err
	}
	var upErr error
	for range 3 {
		current, target, err := p.GetVersions(ctx)
		if err != nil {
			upErr = err
			continue
		}
		if current > target {
			return fmt.Errorf("the ledger has schema version %d, this program knows up to %d: start a newer program", current, target)
		}
		if current == target {
			return nil
		}
		if _, upErr = p.Up(ctx); upErr == nil {
			return nil
		}
	}
	return upErr
}

func (l *Ledger) migrations() (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	opts := []goose.ProviderOption{goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(
		goose.NewGoMigration(4, l.triggers(sqliteTriggers, postgresTriggers), nil),
		goose.NewGoMigration(7, l.triggers(sqliteNotices, postgresNotices), nil),
	)}
	if !l.d.postgres {
		return goose.NewProvider(goose.DialectSQLite3, l.write.db, files, opts...)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, l.write.db, files, append(opts, goose.WithSessionLocker(locker))...)
}

// triggers is a migration that this database has its own statements for.
func (l *Ledger) triggers(sqlite, postgres string) *goose.GoFunc {
	statements := sqlite
	if l.d.postgres {
		statements = postgres
	}
	return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statements)
		return err
	}}
}
