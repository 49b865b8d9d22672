package sqlledger

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"idphoto/queue"
	"idphoto/queue/sqlledger/postgrestest"
)

// TestStatementsMakeSpansOnlyWithinATrace: the sweeps of an idle ledger, which belong to no trace,
// would otherwise send one each second.
func TestStatementsMakeSpansOnlyWithinATrace(t *testing.T) {
	schema := postgrestest.Schema(t)
	recorded := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(before)
	l := open(t, schema, time.Now)
	if err := work(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	for _, s := range recorded.Ended() {
		t.Errorf("a span without a trace: %s", s.Name())
	}

	ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
	if err := work(ctx, l); err != nil {
		t.Fatal(err)
	}
	parent.End()
	statements := 0
	for _, s := range recorded.Ended() {
		if s.SpanContext().TraceID() != parent.SpanContext().TraceID() {
			t.Errorf("span %s belongs to another trace", s.Name())
		}
		if s.Parent().SpanID() == parent.SpanContext().SpanID() {
			statements++
		}
	}
	if statements < 5 || statements > 12 {
		t.Errorf("%d spans below the parent, want one for each of some 6 statements", statements)
	}
}

// work is a task's way and a janitor's looks.
func work(ctx context.Context, l *Ledger) error {
	if err := oneTask(ctx, l); err != nil {
		return err
	}
	if _, err := l.Reap(ctx, func(int) time.Duration { return 0 }, 1); err != nil {
		return err
	}
	_, err := l.Stale(ctx, time.Minute, 1)
	return err
}

// TestCountersOfProcessesThatAreGoneAreFolded: each server process counts for itself, and a long
// life of the ledger sees very many of them.
func TestCountersOfProcessesThatAreGoneAreFolded(t *testing.T) {
	url := postgrestest.Schema(t)
	l := open(t, url, time.Now)
	batch := queue.Batch{ID: queue.NewID()}
	tasks := []queue.Task{{ID: "1", Kind: "noop", Lane: queue.Bulk, MaxAttempts: 1}, {ID: "2", Kind: "noop", Lane: queue.Bulk, MaxAttempts: 1}}
	if _, _, err := l.CreateBatch(t.Context(), batch, tasks); err != nil {
		t.Fatal(err)
	}
	const nobody = 1 // no server process has this id
	for _, table := range []string{"task_counts", "batch_counts"} {
		if err := l.exec(t.Context(), `UPDATE `+table+` SET shard = ?`, nobody); err != nil {
			t.Fatal(err)
		}
	}
	later := open(t, url, time.Now)
	for _, table := range []string{"task_counts", "batch_counts"} {
		var shard, n int64
		if err := later.queryRow(t.Context(), later.read, `SELECT MAX(shard), SUM(n) FROM `+table).Scan(&shard, &n); err != nil || shard != 0 || n != 2 {
			t.Errorf("%s: highest shard %d, sum %d, %v; want 0 and 2", table, shard, n, err)
		}
	}
	wantCounted(t, later, map[queue.State]int64{queue.Queued: 2})
	if b, err := later.GetBatch(t.Context(), batch.ID); err != nil || b.Counts[queue.Queued] != 2 {
		t.Errorf("batch = %+v, %v", b, err)
	}
}

// TestErrorsNeverShowThePassword: neither when the server is away nor when it refuses.
func TestErrorsNeverShowThePassword(t *testing.T) {
	urls := []string{
		"postgres://user:hunter2@127.0.0.1:1/db?sslmode=disable",
		"postgres://user:hunter2@127.0.0.1:1/db?sslmode=nonsense",
		"awspostgres://user:hunter2@127.0.0.1:1/db?sslmode=disable",
		"gcppostgres://user:hunter2@project/region/db",
	}
	if base := os.Getenv(postgrestest.Env); base != "" {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("nobody_here", "hunter2")
		urls = append(urls, u.String())
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent")
	for _, url := range urls {
		l, err := Open(t.Context(), url, nil)
		if err == nil {
			l.Close()
			t.Errorf("Open(%q) succeeded", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestByIDPlansGoByTheKey: planned for an empty table, where an index on states looks as good.
func TestByIDPlansGoByTheKey(t *testing.T) {
	l := open(t, postgrestest.Schema(t), time.Now)
	for name, query := range map[string]string{
		"claim":     strings.Replace(claimTask+whenReady, "worker = ?, token = ?", "worker = '', token = ''", 1),
		"finish":    endTask + unlessCancelled,
		"unpublish": unpublish,
	} {
		plan := strings.Join(postgresPlan(t, l, query), " ")
		if !strings.Contains(plan, "Index Scan using tasks_pkey on tasks") {
			t.Errorf("%s is planned as %s, want by its key", name, plan)
		}
	}
}

// postgresPlan explains a query whose parameters it fills in: their types do not matter to a plan.
func postgresPlan(t *testing.T, l *Ledger, query string) []string {
	t.Helper()
	query = strings.ReplaceAll(query, "id = ?", "id = 'x'")
	query = strings.ReplaceAll(query, "token = ?", "token = 'x'")
	query = strings.NewReplacer("COALESCE(?,", "COALESCE(1,", "max_attempts + ?", "max_attempts + 1").Replace(query)
	query = strings.ReplaceAll(query, "?", "'1'")
	rows, err := l.write.db.QueryContext(t.Context(), "EXPLAIN "+query)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := collect(rows, func(scan func(...any) error) (line string, err error) { err = scan(&line); return line, err })
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
