package sqlledger

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"idphoto/queue"
	"idphoto/queue/ledgertest"
	"idphoto/queue/sqlledger/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, url string, now func() time.Time) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), url, &Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

func TestMemory(t *testing.T) {
	ledgertest.Run(t, ledgertest.Harness{New: func(t *testing.T, now func() time.Time) queue.Ledger {
		return open(t, "mem://", now)
	}})
}

func TestFile(t *testing.T) {
	ledgertest.Run(t, ledgertest.Harness{New: func(t *testing.T, now func() time.Time) queue.Ledger {
		return open(t, "sqlite://"+filepath.Join(t.TempDir(), "ledger.db"), now)
	}})
}

func TestPostgres(t *testing.T) {
	if os.Getenv(postgrestest.Env) == "" {
		t.Skipf("no Postgres: %s is not set", postgrestest.Env)
	}
	ledgertest.Run(t, ledgertest.Harness{New: func(t *testing.T, now func() time.Time) queue.Ledger {
		return open(t, postgrestest.Schema(t), now)
	}})
}
