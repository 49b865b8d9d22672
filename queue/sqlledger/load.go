package sqlledger

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
)

const (
	maxDumpLine   = 16 << 20 // bytes; a row of the ledger is some kilobytes
	rowsPerInsert = 100
)

var (
	errCutShort  = errors.New("the dump is cut short")
	errNotADump  = errors.New("not a dump of a ledger")
	errDamaged   = errors.New("the dump is damaged")
	errAfterDump = errors.New("something follows the dump")
)

// Load reads a dump into this ledger, which must be empty, all of it or nothing. It refuses a dump
// of another schema version (load it with the program that wrote it, and let the newer one open
// that ledger), and one that is cut short or damaged. Nobody else may use the ledger meanwhile.
func (l *Ledger) Load(ctx context.Context, r io.Reader) error {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return wrap("load", fmt.Errorf("%w: %w", errNotADump, err))
	}
	tx, err := l.write.db.BeginTx(ctx, nil)
	if err != nil {
		return wrap("load", err)
	}
	defer tx.Rollback()
	d := loader{l: l, tx: tx, in: bufio.NewReaderSize(zipped, 64<<10), hash: sha256.New(), rows: make(map[string]int64)}
	if err := d.load(ctx); err != nil {
		return wrap("load", err)
	}
	return wrap("load", tx.Commit())
}

type loader struct {
	l    *Ledger
	tx   *sql.Tx
	in   *bufio.Reader
	hash hash.Hash
	rows map[string]int64
}

func (d *loader) load(ctx context.Context) error {
	if err := d.wantHead(ctx); err != nil {
		return err
	}
	if err := d.wantEmpty(ctx); err != nil {
		return err
	}
	var into *tableLoader
	for {
		line, err := d.line()
		if err != nil {
			return err
		}
		if line[0] == '[' && into != nil {
			if err := into.add(ctx, line); err != nil {
				return fmt.Errorf("table %s, row %d: %w", into.name, d.rows[into.name]+1, err)
			}
			d.hash.Write(line)
			d.rows[into.name]++
			continue
		}
		if err := into.flush(ctx); err != nil {
			return err
		}
		var next struct {
			dumpTable
			dumpEnd
		}
		if err := json.Unmarshal(line, &next); err != nil {
			return errDamaged
		}
		if next.Table == "" {
			return d.wantEnd(next.dumpEnd)
		}
		d.hash.Write(line)
		if into, err = d.begin(ctx, next.dumpTable); err != nil {
			return err
		}
	}
}

// wantHead checks that this is a dump of this schema.
func (d *loader) wantHead(ctx context.Context) error {
	var head dumpHead
	line, err := d.line()
	if err != nil {
		return err
	}
	if json.Unmarshal(line, &head) != nil || head.Format != dumpFormat {
		return errNotADump
	}
	d.hash.Write(line)
	schema, err := schemaVersion(ctx, d.tx)
	if err == nil && schema != head.Schema {
		err = fmt.Errorf("the dump has schema version %d, this ledger %d", head.Schema, schema)
	}
	return err
}

// wantEmpty checks that nothing would be mixed with the dump. A new ledger knows its lanes, which
// the dump has too.
func (d *loader) wantEmpty(ctx context.Context) error {
	for _, t := range dumpedTables {
		if t.name == "lanes" {
			continue
		}
		var n int64
		if err := d.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+t.name).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("the ledger is not empty: %d rows in %s", n, t.name)
		}
	}
	_, err := d.tx.ExecContext(ctx, `DELETE FROM lanes`)
	return err
}

func (d *loader) wantEnd(end dumpEnd) error {
	if end.SHA256 != hex.EncodeToString(d.hash.Sum(nil)) || !maps.Equal(end.Rows, d.rows) || len(d.rows) != len(dumpedTables) {
		return errDamaged
	}
	if _, err := d.in.ReadByte(); err == nil {
		return errAfterDump
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// line returns the next line, which is valid until the next call. It is not empty.
func (d *loader) line() ([]byte, error) {
	var long []byte
	for {
		part, err := d.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) && len(long) < maxDumpLine {
			long = append(long, part...)
			continue
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errCutShort
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if long != nil {
			part = append(long, part...)
		}
		return part, nil
	}
}

// tableLoader collects the rows of one table, to insert many at once. A nil one has none.
type tableLoader struct {
	d       *loader
	name    string
	columns []string
	texts   []bool // which columns hold texts; the others hold integers
	values  []any
}

// begin checks that the table is one of a ledger's, has exactly these columns, and comes once.
func (d *loader) begin(ctx context.Context, t dumpTable) (*tableLoader, error) {
	known := slices.ContainsFunc(dumpedTables, func(known struct{ name, order string }) bool { return known.name == t.Table })
	if _, again := d.rows[t.Table]; !known || again {
		return nil, errDamaged
	}
	rows, err := d.tx.QueryContext(ctx, `SELECT * FROM `+t.Table+` LIMIT 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	texts := make(map[string]bool)
	for _, c := range types {
		texts[c.Name()] = c.DatabaseTypeName() == "TEXT"
	}
	into := &tableLoader{d: d, name: t.Table, columns: t.Columns}
	for _, c := range t.Columns {
		isText, known := texts[c]
		if !known {
			return nil, errDamaged
		}
		delete(texts, c)
		into.texts = append(into.texts, isText)
	}
	if len(texts) > 0 {
		return nil, errDamaged
	}
	d.rows[t.Table] = 0
	return into, nil
}

// add takes a row, and inserts when there are enough.
func (t *tableLoader) add(ctx context.Context, line []byte) error {
	var row []any
	in := json.NewDecoder(bytes.NewReader(line))
	in.UseNumber() // times do not fit a float
	if err := in.Decode(&row); err != nil || len(row) != len(t.columns) {
		return errDamaged
	}
	for i, v := range row {
		switch v := v.(type) {
		case json.Number:
			n, err := v.Int64()
			if err != nil || t.texts[i] {
				return errDamaged
			}
			row[i] = n
		case string:
			if !t.texts[i] {
				return errDamaged
			}
			row[i] = text(v)
		case nil:
		default:
			return errDamaged
		}
	}
	if t.values = append(t.values, row...); len(t.values) < rowsPerInsert*len(t.columns) {
		return nil
	}
	return t.flush(ctx)
}

// flush inserts the rows that were added.
func (t *tableLoader) flush(ctx context.Context) error {
	if t == nil || len(t.values) == 0 {
		return nil
	}
	row := `(?` + strings.Repeat(`, ?`, len(t.columns)-1) + `)`
	n := len(t.values) / len(t.columns)
	_, err := t.d.tx.ExecContext(ctx, t.d.l.q(`INSERT INTO `+t.name+` (`+strings.Join(t.columns, `, `)+`) VALUES `+
		row+strings.Repeat(`, `+row, n-1)), t.values...)
	t.values = t.values[:0]
	if err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}
