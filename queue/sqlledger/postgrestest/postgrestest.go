// Package postgrestest gives tests an empty ledger on a real Postgres, where there is one.
package postgrestest

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"gocloud.dev/postgres"
)

// Env names the variable with the Postgres that tests may use: a URL of a database in which they
// may make schemas.
const Env = "IDPHOTO_TEST_POSTGRES"

// Schema makes an empty schema, which goes with the test, and returns a ledger URL for it. It skips
// the test where there is no Postgres.
func Schema(t testing.TB) string {
	t.Helper()
	base := os.Getenv(Env)
	if base == "" {
		t.Skipf("no Postgres: %s is not set", Env)
	}
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
