package sqlledger

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/postgres"

	"idphoto/queue"
	"idphoto/queue/ledgertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// postgresEnv names the Postgres that tests may use: a URL of a database in which they may make
// schemas.
const postgresEnv = "IDPHOTO_TEST_POSTGRES"

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
	if os.Getenv(postgresEnv) == "" {
		t.Skipf("no Postgres: %s is not set", postgresEnv)
	}
	ledgertest.Run(t, ledgertest.Harness{New: func(t *testing.T, now func() time.Time) queue.Ledger {
		return open(t, newSchema(t), now)
	}})
}

// newSchema makes an empty schema of its own and returns a ledger URL for it.
func newSchema(t *testing.T) string {
	t.Helper()
	base := os.Getenv(postgresEnv)
	db, err := postgres.Open(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
			t.Errorf("dropping the schema: %v", err)
		}
		db.Close()
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}
