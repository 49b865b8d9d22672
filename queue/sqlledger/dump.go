package sqlledger

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
)

// A dump is a gzip file of JSON lines. It begins with a dumpHead. Each table is a dumpTable and
// then its rows, as arrays. The last line is a dumpEnd: without it the dump is cut short.
type (
	dumpHead struct {
		Format string `json:"format"`
		Schema int64  `json:"schema"`
	}
	dumpTable struct {
		Table   string   `json:"table"`
		Columns []string `json:"columns"`
	}
	dumpEnd struct {
		Rows   map[string]int64 `json:"rows"`   // of each table
		SHA256 string           `json:"sha256"` // of all lines before, hex
	}
)

const dumpFormat = "idphoto ledger 1"

// dumpedTables are those that a dump has, with the order of their rows. The kept counters are not
// among them: whoever adds a task adds to these. Nor are sessions: people sign in again. Nor
// are notices: those of the last day come into being anew, with the same ids.
var dumpedTables = []struct{ name, order string }{
	{"lanes", "lane"},
	{"batches", "id"},
	{"tasks", "id"},
	{"attempts", "task_id, number"},
	{"workers", "name"},
	{"audit", "number"},
	{"history", "step, began_at, lane"},
	{"people", "name"},
	{"api_keys", "id"},
}

// Dump writes the ledger as it is at one moment, in a form that Load reads into any database. It
// needs little memory, and others can use the ledger meanwhile (but for one in memory, which has
// only one connection). The dump holds no pictures, but the keys of pictures, and hashes of
// passwords: it is for the eyes of those who may read the ledger.
func (l *Ledger) Dump(ctx context.Context, w io.Writer) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return wrap("dump", err)
	}
	err = l.snapshot(ctx, func(tx *sql.Tx) error {
		d := dumper{hash: sha256.New(), rows: make(map[string]int64)}
		d.out = bufio.NewWriter(io.MultiWriter(zipped, d.hash))
		return d.dump(ctx, tx)
	})
	if err != nil {
		return wrap("dump", err)
	}
	return wrap("dump", zipped.Close())
}

// snapshot runs f in a transaction that sees the ledger at one moment, and changes nothing.
func (l *Ledger) snapshot(ctx context.Context, f func(tx *sql.Tx) error) error {
	var opts *sql.TxOptions // a transaction of SQLite is that by itself
	if l.d.postgres {
		opts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	tx, err := l.read.db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx)
}

type dumper struct {
	out  *bufio.Writer
	hash hash.Hash
	rows map[string]int64
}

func (d *dumper) dump(ctx context.Context, tx *sql.Tx) error {
	schema, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if err := d.line(dumpHead{dumpFormat, schema}); err != nil {
		return err
	}
	for _, t := range dumpedTables {
		if err := d.table(ctx, tx, t.name, t.order); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if err := d.out.Flush(); err != nil {
		return err
	}
	if err := d.line(dumpEnd{d.rows, hex.EncodeToString(d.hash.Sum(nil))}); err != nil {
		return err
	}
	return d.out.Flush()
}

// schemaVersion returns the number of the last migration.
func schemaVersion(ctx context.Context, tx *sql.Tx) (version int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT MAX(version_id) FROM schema_version WHERE is_applied`).Scan(&version)
	return version, err
}

func (d *dumper) table(ctx context.Context, tx *sql.Tx, name, order string) error {
	rows, err := tx.QueryContext(ctx, `SELECT * FROM `+name+` ORDER BY `+order)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := d.line(dumpTable{name, columns}); err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	d.rows[name] = 0
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = string(b)
			}
		}
		if err := d.line(values); err != nil {
			return err
		}
		d.rows[name]++
	}
	return rows.Err()
}

func (d *dumper) line(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := d.out.WriteString(b.String())
	return err
}
