package sqlledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// connect opens the pools for a ledger URL. Errors never show the URL: it may hold a password.
func connect(ctx context.Context, rawURL string) (*Ledger, error) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	if !ok {
		return nil, errors.New("sqlledger: no ledger URL; known schemes: sqlite, mem, postgres, awspostgres, gcppostgres")
	}
	switch scheme {
	case "postgres", "postgresql", "awspostgres", "gcppostgres":
		return connectPostgres(ctx, rawURL)
	case "mem":
		return connectMemory()
	case "sqlite":
		return connectSQLite(rest)
	}
	return nil, fmt.Errorf("sqlledger: unknown ledger scheme %q; known: sqlite, mem, postgres, awspostgres, gcppostgres", scheme)
}

// checkpoints makes SQLite move its log into the file each 16 MiB, four times as seldom as by itself:
// the commit that has to do it takes some milliseconds, and one in 150 would be such a one.
const checkpoints = "&_pragma=wal_autocheckpoint(4000)"

// connectSQLite opens the file named by what follows "sqlite:".
func connectSQLite(rest string) (*Ledger, error) {
	path, query, _ := strings.Cut(rest, "?")
	path = strings.TrimPrefix(path, "//") // sqlite:///abs is /abs
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("sqlledger: ledger URL: %w", err)
	}
	sync := "normal"
	for name, values := range params {
		switch value := values[0]; {
		case name != "synchronous":
			return nil, fmt.Errorf("sqlledger: unknown parameter %q of a sqlite URL; known: synchronous", name)
		case value != "normal" && value != "full" && value != "off":
			return nil, fmt.Errorf("sqlledger: synchronous=%q; want normal, full or off", value)
		default:
			sync = value
		}
	}
	switch path {
	case "":
		return nil, errors.New("sqlledger: a sqlite URL names a file, as sqlite:///abs/path or sqlite:rel/path")
	case ":memory:":
		return connectMemory()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sqlledger: folder of the ledger: %w", err)
	}
	pragmas := "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + sync + ")" + checkpoints
	file := "file:" + (&url.URL{Path: path}).EscapedPath()
	write, err := openSQLite(file+"?_txlock=immediate&"+pragmas, 1)
	if err != nil {
		return nil, err
	}
	read, err := openSQLite(file+"?"+pragmas+"&_pragma=query_only(1)", 4)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &Ledger{write: &statements{db: write}, read: &statements{db: read}, d: sqliteDialect()}, nil
}

// connectMemory opens a new database in memory. Reads share the one connection of the writes: an
// in-memory database has no WAL, so a second one would only wait for locks. A further, idle
// connection keeps the database when database/sql replaces the first.
func connectMemory() (*Ledger, error) {
	file := "file:/" + rand.Text() + "?vfs=memdb&_txlock=immediate&_pragma=busy_timeout(10000)"
	keep, err := openSQLite(file, 1)
	if err != nil {
		return nil, err
	}
	if err := keep.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlledger: in-memory database: %w", err), keep.Close())
	}
	db, err := openSQLite(file, 1)
	if err != nil {
		return nil, errors.Join(err, keep.Close())
	}
	both := &statements{db: db}
	return &Ledger{write: both, read: both, keep: keep, d: sqliteDialect()}, nil
}

func openSQLite(dsn string, conns int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("sqlledger: opening sqlite: %w", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}
