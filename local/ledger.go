package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"idphoto/queue/sqlledger"
)

// ledgerCmd keeps the ledger safe. Pictures are not in it: copy their folder or bucket as well.
type ledgerCmd struct {
	Backup  backupCmd  `cmd:"" help:"Copy the ledger into a file, consistently, while it is in use."`
	Restore restoreCmd `cmd:"" help:"Fill an empty ledger from such a file; SQLite and Postgres read each other's."`
	Verify  verifyCmd  `cmd:"" help:"Check that counters, tasks, pictures and batches agree."`
}

// backupCmd writes a copy of the ledger.
type backupCmd struct {
	File   string     `arg:"" type:"path" help:"The copy."`
	Force  bool       `help:"Replace a file that is there."`
	Stores storeFlags `embed:""`
}

// Run writes the whole file or none: what is there under its name is always a whole copy.
func (c *backupCmd) Run(ctx context.Context, out io.Writer) (err error) {
	if _, err := os.Stat(c.File); !c.Force && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already; --force replaces it", c.File), err)
	}
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	size, err := writeWhole(c.File, func(w io.Writer) error { return l.Dump(ctx, w) })
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s: %.1f MiB\n", c.File, float64(size)/(1<<20))
	return err
}

// writeWhole writes a file that only its owner reads, under its name once it is whole and on disk.
func writeWhole(name string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(write(f), f.Sync())
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(f.Name(), name)
}

// restoreCmd fills a ledger from a copy.
type restoreCmd struct {
	File   string     `arg:"" type:"existingfile" help:"The copy."`
	Stores storeFlags `embed:""`
}

// Run makes the ledger where there is none. One that has tasks is left as it is.
func (c *restoreCmd) Run(ctx context.Context, out io.Writer) (err error) {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	l, err := sqlledger.Open(ctx, c.Stores.ledgerURL(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.Load(ctx, f); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	counts, err := l.Counts(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "restored: %s\n", countsLine(counts))
	return err
}
