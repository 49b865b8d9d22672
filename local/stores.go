package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"idphoto/infra/blobs"
	"idphoto/queue/sqlledger"
)

// storeFlags name the ledger and the pictures that a command looks at. They may be a running
// server's: both can be shared.
type storeFlags struct {
	Data   string `default:"./data" type:"path" help:"Folder of the ledger and the pictures."`
	Ledger string `help:"URL of another ledger, e.g. postgres://user@host/db."`
	Blobs  string `help:"URL of another picture store, e.g. s3://bucket?region=eu-central-1."`
}

// stores is what the flags name, open.
type stores struct {
	ledger *sqlledger.Ledger
	blobs  *blobs.Store
}

func (f *storeFlags) ledgerURL() string {
	return cmp.Or(f.Ledger, "sqlite:"+filepath.Join(f.Data, "ledger.db"))
}

func (f *storeFlags) blobsURL() string {
	folder := url.URL{Scheme: "file", Path: filepath.Join(f.Data, "blobs")}
	return cmp.Or(f.Blobs, folder.String())
}

// open opens a ledger that is there, and the pictures. A ledger is never made: a mistyped folder
// would look like an empty one.
func (f *storeFlags) open(ctx context.Context) (*stores, error) {
	ledger, err := f.openLedger(ctx)
	if err != nil {
		return nil, err
	}
	pictures, err := blobs.Open(ctx, f.blobsURL())
	if err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return &stores{ledger, pictures}, nil
}

func (f *storeFlags) openLedger(ctx context.Context) (*sqlledger.Ledger, error) {
	if path, ok := sqliteFile(f.ledgerURL()); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("no ledger here: %w (name its folder with --data, or its URL with --ledger)", err)
		}
	}
	return sqlledger.Open(ctx, f.ledgerURL(), nil)
}

// sqliteFile returns the file that a sqlite URL names.
func sqliteFile(ledgerURL string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(ledgerURL, "sqlite:")
	path, _, _ = strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	return path, ok && path != ":memory:"
}

func (s *stores) close() error { return errors.Join(s.blobs.Close(), s.ledger.Close()) }
