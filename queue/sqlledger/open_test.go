package sqlledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"idphoto/queue"
	"idphoto/queue/sqlledger/postgrestest"
)

func TestOpenRefusesBadURLs(t *testing.T) {
	for _, url := range []string{
		"", "ledger.db", "mysql://host/db", "sqlite:", "sqlite://", "sqlite:x.db?synchronous=extra", "sqlite:x.db?cache=shared",
		"postgres://127.0.0.1/db?pool=0", "postgres://127.0.0.1/db?pool=many", "postgres://us er:secret@%zz/",
	} {
		l, err := Open(t.Context(), url, nil)
		if err == nil {
			l.Close()
			t.Errorf("Open(%q) succeeded", url)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) shows the password: %v", url, err)
		}
	}
	if _, err := os.Stat("x.db"); err == nil {
		t.Error("a refused URL left a file")
	}
}

func TestAFileInAFolderThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), "sqlite://"+filepath.Join(file, "ledger.db"), nil); err == nil {
		t.Error("Open below a file succeeded")
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder", "50% #1.db")
	l := open(t, "sqlite://"+path, time.Now)
	if err := l.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not where the URL says: %v", err)
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, "sqlite:data/ledger.db", time.Now)
	if _, err := os.Stat(filepath.Join("data", "ledger.db")); err != nil {
		t.Error(err)
	}
}

func TestTasksSurviveReopening(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db") + "?synchronous=full"
	l, err := Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, url, time.Now).Get(t.Context(), task.ID)
	if err != nil || got.State != queue.Queued {
		t.Errorf("after reopening: %+v, %v", got, err)
	}
}

func TestEachMemoryLedgerIsANewOne(t *testing.T) {
	a, b := open(t, "mem://", time.Now), open(t, "sqlite::memory:", time.Now)
	if _, _, err := a.Create(t.Context(), queue.Task{ID: "1", Kind: "noop", Lane: queue.Express, MaxAttempts: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "1"); err == nil {
		t.Error("two in-memory ledgers share their tasks")
	}
}

// TestMemorySurvivesABrokenConnection cancels calls in mid-statement: database/sql may drop the
// connection then, and an in-memory database with it, if nothing else held it.
func TestMemorySurvivesABrokenConnection(t *testing.T) {
	l := open(t, "mem://", time.Now)
	task, _, err := l.Create(t.Context(), queue.Task{ID: "1", Kind: "noop", Lane: queue.Express, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	l.write.db.SetMaxIdleConns(-1) // drops the connection after each use
	for range 3 {
		if _, err := l.Get(t.Context(), task.ID); err != nil {
			t.Fatalf("the task is gone: %v", err)
		}
	}
}

// TestANewerLedgerIsRefused: an old program must not write rows that it does not understand.
func TestANewerLedgerIsRefused(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			l := open(t, url, time.Now)
			if _, err := l.write.db.ExecContext(t.Context(), l.q(`INSERT INTO schema_version (version_id, is_applied) VALUES (?, ?)`), 9999, true); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), url, nil)
			if err == nil || !strings.Contains(err.Error(), "9999") || !strings.Contains(err.Error(), "newer") {
				t.Errorf("Open of a newer ledger = %v", err)
			}
		})
	}
}

// TestStartingTogether: several processes that start at once bring the schema up to date once.
func TestStartingTogether(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					l, err := Open(t.Context(), url, nil)
					if err != nil {
						t.Errorf("Open: %v", err)
						return
					}
					if err := l.Ping(t.Context()); err != nil {
						t.Errorf("Ping: %v", err)
					}
					if err := l.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// databases returns URLs of empty ledgers that can be opened more than once.
func databases(t *testing.T) map[string]string {
	urls := map[string]string{"SQLite": "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")}
	if os.Getenv(postgrestest.Env) != "" {
		urls["Postgres"] = postgrestest.Schema(t)
	}
	return urls
}

func TestPingOfAReadOnlyLedgerFails(t *testing.T) {
	l := open(t, "sqlite://"+filepath.Join(t.TempDir(), "ledger.db"), time.Now)
	if _, err := l.write.db.ExecContext(t.Context(), `PRAGMA query_only(1)`); err != nil {
		t.Fatal(err)
	}
	if err := l.Ping(t.Context()); err == nil {
		t.Error("Ping of a ledger that cannot write = nil")
	}
}

// TestSweepsUseTheirIndex: beside a wrong index, or without its own, a sweep sorts every task.
func TestSweepsUseTheirIndex(t *testing.T) {
	l := open(t, "mem://", time.Now)
	for _, s := range slices.Concat([]sweep{overdue, dueRetry, unclaimed}, ready, unsent) {
		plan := explain(t, l, `SELECT id`+strings.ReplaceAll(l.from(s), "?", "1"))
		if !strings.Contains(plan, "USING INDEX "+s.index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("plan = %s, want the index %s and no sort", plan, s.index)
		}
	}
	if plan := explain(t, l, strings.ReplaceAll(claimTask+whenReady, "?", "1")); !strings.HasPrefix(plan, "SEARCH tasks USING INDEX sqlite_autoindex_tasks_1 (id=?)") {
		t.Errorf("a claim is planned as %s, want by its id", plan)
	}
}

func explain(t *testing.T, l *Ledger, query string) string {
	t.Helper()
	rows, err := l.write.db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	return strings.Join(plan, "; ")
}

// BenchmarkTask is one no-op task through the ledger: create, publish, claim, renew, finish.
func BenchmarkTask(b *testing.B) {
	urls := map[string]string{"memory": "mem://", "file": "sqlite://" + filepath.Join(b.TempDir(), "ledger.db")}
	if pg := os.Getenv(postgrestest.Env); pg != "" {
		urls["postgres"] = pg
	}
	for name, url := range urls {
		for _, workers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/workers=%d", name, workers), func(b *testing.B) {
				l, err := Open(b.Context(), url, nil)
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				b.SetParallelism(max(1, workers/2)) // two processors
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := oneTask(b.Context(), l); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			})
		}
	}
}

func oneTask(ctx context.Context, l *Ledger) error {
	t, _, err := l.Create(ctx, queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 1})
	if err != nil {
		return err
	}
	if err := l.Published(ctx, t.ID); err != nil {
		return err
	}
	c, err := l.Claim(ctx, t.ID, "w", time.Minute)
	if err != nil {
		return err
	}
	if err := l.Renew(ctx, c, "stage", time.Minute); err != nil {
		return err
	}
	return l.Finish(ctx, c, queue.Outcome{State: queue.Succeeded})
}
