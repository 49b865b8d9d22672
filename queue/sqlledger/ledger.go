// Package sqlledger keeps the ledger in SQL: in SQLite, a file or memory, for one machine, or in
// Postgres for many. One schema and one body of code serve both.
//
// Every transition is one conditional UPDATE, or an UPDATE of a row locked in the same
// transaction, so two processes never both believe that they made it. The counters of tasks and
// batches move in the transaction of the transition, by triggers.
//
// # Durability
//
// SQLite runs in WAL mode with synchronous=NORMAL: a commit survives the crash of any process,
// which is what an accepted task is promised. A power cut may lose the last commits (never the
// file's consistency); who needs them too adds ?synchronous=full to the URL, at about a quarter
// of the speed. Postgres syncs each commit by its own default, except for what may be forgotten: that
// a message was sent, and a renewal.
//
// # Clocks
//
// Leases and due times are compared with the clock of the process that asks. Machines that share
// a Postgres ledger must agree to well within a lease (NTP does).
package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"idphoto/queue"
)

// Options tunes a Ledger. The zero value is ready to use.
type Options struct {
	Now func() time.Time // the clock; default time.Now
}

// Ledger is a queue.Ledger on a SQL database.
type Ledger struct {
	write *statements // one connection on SQLite: more of them starve each other for seconds
	read  *statements // the same as write where one pool does for both
	keep  *sql.DB     // holds an in-memory database alive; nil otherwise
	d     dialect
	now   func() time.Time
}

var _ queue.Ledger = (*Ledger)(nil)

// Open opens the ledger at url, creates it when there is none, and brings its schema up to date.
//
//	sqlite:///var/lib/idphoto/ledger.db   a file (absolute path)
//	sqlite:data/ledger.db                 a file (relative path); its folder is created
//	sqlite::memory:  or  mem://           in this process, gone with it; each Open is a new one
//	postgres://user@host/db?sslmode=...   Postgres 13 or later; ?pool=N connections, default 10
//	awspostgres://user@host/db            the same on Amazon RDS, by IAM where no password is given
//	gcppostgres://user:password@project/region/instance/db   the same on Google Cloud SQL
//
// SQLite URLs take ?synchronous=normal|full|off. It refuses a ledger whose schema is newer than
// this program.
func Open(ctx context.Context, url string, opts *Options) (*Ledger, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	l.now = o.Now
	if err := l.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlledger: bringing the schema up to date: %w", err), l.Close())
	}
	if err := l.foldCounts(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlledger: adding up the counters: %w", err), l.Close())
	}
	return l, nil
}

// Ping writes to the ledger: a full disk, a read-only file or a lost server is an error.
func (l *Ledger) Ping(ctx context.Context) error {
	err := l.exec(ctx, `UPDATE health SET checked_at = ? WHERE id = 1`, micros(l.now()))
	if err != nil {
		return fmt.Errorf("sqlledger: ping: %w", err)
	}
	return nil
}

// Close closes the ledger. Calls in flight fail.
func (l *Ledger) Close() error {
	var errs []error
	if l.read != l.write {
		errs = append(errs, l.read.db.Close())
	}
	errs = append(errs, l.write.db.Close())
	if l.keep != nil {
		errs = append(errs, l.keep.Close())
	}
	return errors.Join(errs...)
}

// micros is t as the ledger stores it; 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
