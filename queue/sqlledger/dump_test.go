package sqlledger

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"idphoto/queue"
)

// lived makes a ledger in which everything has happened: tasks in all states, a batch, a worker,
// an audit entry, a paused lane, history.
func lived(t *testing.T, url string) *Ledger {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := open(t, url, func() time.Time { return now })
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	batch := queue.Batch{ID: queue.NewID(), Name: "三班 \"A\" <1>", ManifestKey: "batches/b/manifest", IdempotencyKey: "batch-key", Digest: "bd"}
	var tasks []queue.Task
	for i := range 7 {
		tasks = append(tasks, queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Lanes[i%2], Label: "visa", MaxAttempts: 2,
			InputKey: "tasks/x/original", Digest: "d"})
	}
	_, _, err := l.CreateBatch(ctx, batch, tasks[:3])
	check(err)
	for _, task := range tasks[3:] {
		_, _, err := l.Create(ctx, task)
		check(err)
	}
	for i, o := range []queue.Outcome{
		{State: queue.Succeeded, ResultPrefix: "tasks/x/1/", Result: json.RawMessage(`{"kb":40}`), Stages: []queue.StageTime{{Name: "matte", Duration: time.Second}}},
		{State: queue.Rejected, Code: "no_face", Detail: json.RawMessage(`{"count":0}`)},
		{State: queue.Dead, Code: "panic", Error: "line one\nline two\x00", Stack: "goroutine 1 [running]"},
		{State: queue.Retrying, Code: "storage", RetryAfter: time.Minute},
	} {
		c, err := l.Claim(ctx, tasks[i].ID, "w1", time.Minute)
		check(err)
		now = now.Add(time.Second)
		check(l.Finish(ctx, c, o))
	}
	_, err = l.Cancel(ctx, tasks[4].ID)
	check(err)
	_, err = l.Claim(ctx, tasks[5].ID, "w1", time.Minute)
	check(err)
	_, err = l.Heartbeat(ctx, queue.WorkerInfo{Name: "w1", State: queue.Online, Slots: 2, Tasks: []queue.WorkerTask{{ID: tasks[5].ID}}})
	check(err)
	check(l.Record(ctx, queue.AuditEntry{Actor: "ann", Action: "cancel", Target: tasks[4].ID, Count: 1}))
	check(l.PauseLane(ctx, queue.Bulk, "ann"))
	check(l.exec(ctx, `INSERT INTO people (name, role, password, created_at) VALUES ('ann', 'admin', '$argon2id$v=19$...', 1)`))
	check(l.exec(ctx, `INSERT INTO api_keys (id, name, role, secret, created_by, created_at) VALUES ('k1', 'school', 'viewer', 'ab12', 'ann', 1)`))
	_, err = l.RollUp(ctx, 100)
	check(err)
	check(l.Sample(ctx))
	check(l.Purged(ctx, queue.PurgeOriginal, []string{tasks[0].ID}))
	return l
}

func dump(t *testing.T, l *Ledger) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := l.Dump(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzip(t *testing.T, dump []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(dump))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func zip(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantSound(t *testing.T, l *Ledger) {
	t.Helper()
	if faults, err := l.Verify(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("Verify = %q, %v", faults, err)
	}
}

// TestADumpLoadsIntoEveryDatabase goes round: each database loads the dump of each, and dumps the
// same again.
func TestADumpLoadsIntoEveryDatabase(t *testing.T) {
	for from, fromURL := range databases(t) {
		original := lived(t, fromURL)
		wantSound(t, original)
		first := dump(t, original)
		for to, toURL := range databases(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				l := open(t, toURL, original.now)
				if err := l.Load(t.Context(), bytes.NewReader(first)); err != nil {
					t.Fatal(err)
				}
				if got, want := unzip(t, dump(t, l)), unzip(t, first); got != want {
					t.Errorf("dumped again:\n%s\nwant:\n%s", got, want)
				}
				wantSound(t, l)
				tasks, _, err := l.List(t.Context(), queue.Filter{States: []queue.State{queue.Running}}, "", 10)
				if err != nil || len(tasks) != 1 {
					t.Fatalf("running: %d tasks, %v", len(tasks), err)
				}
			})
		}
	}
}

// TestALoadedLedgerGoesOn: work that was under way when the dump was made is taken up again.
func TestALoadedLedgerGoesOn(t *testing.T) {
	original := lived(t, "mem://")
	later := original.now().Add(time.Hour)
	l := open(t, "mem://", func() time.Time { return later })
	if err := l.Load(t.Context(), bytes.NewReader(dump(t, original))); err != nil {
		t.Fatal(err)
	}
	if err := l.ResumeLane(t.Context(), queue.Bulk); err != nil {
		t.Fatal(err)
	}
	reaped, err := l.Reap(t.Context(), func(int) time.Duration { return 0 }, 10)
	if err != nil || len(reaped) != 1 {
		t.Fatalf("Reap = %d tasks, %v", len(reaped), err)
	}
	c, err := l.Claim(t.Context(), reaped[0].ID, "w2", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), c, queue.Outcome{State: queue.Succeeded}); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), queue.AuditEntry{Actor: "cli", Action: "restore"}); err != nil {
		t.Fatal(err)
	}
	wantSound(t, l)
}

func TestEveryTableIsDumpedOrKnownNotToBe(t *testing.T) {
	l := open(t, "mem://", time.Now)
	rows, err := l.read.db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := collect(rows, func(scan func(...any) error) (name string, err error) { return name, scan(&name) })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tables {
		dumped := slices.ContainsFunc(dumpedTables, func(d struct{ name, order string }) bool { return d.name == name })
		other := slices.Contains([]string{"schema_version", "health", "task_counts", "batch_counts", "sessions", "guesses", "notices"}, name)
		if dumped == other {
			t.Errorf("table %s: dumped %v, known not to be %v", name, dumped, other)
		}
	}
}

// TestLoadRefuses what is no whole dump of an empty ledger's own version, and leaves nothing.
func TestLoadRefuses(t *testing.T) {
	original := lived(t, "mem://")
	whole := dump(t, original)
	lines := strings.SplitAfter(strings.TrimSuffix(unzip(t, whole), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	row := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, `"no_face"`) })
	table := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, `"table":"workers"`) })
	edited := func(edit func([]string) []string) []byte {
		return zip(t, strings.Join(edit(slices.Clone(lines)), ""))
	}
	for name, tc := range map[string]struct {
		dump []byte
		want string
	}{
		"nothing":           {nil, "not a dump"},
		"no gzip":           {[]byte("photo"), "not a dump"},
		"another file":      {zip(t, "{\"format\":\"photos\"}\n"), "not a dump"},
		"an empty gzip":     {zip(t, ""), "cut short"},
		"another version":   {edited(func(s []string) []string { s[0] = strings.Replace(s[0], `"schema":`, `"schema":9`, 1); return s }), "schema version 9"},
		"gzip cut short":    {whole[:len(whole)-20], "cut short"},
		"gzip cut in half":  {whole[:len(whole)/2], "cut short"},
		"a bit flipped":     {flip(whole, len(whole)-7), "the dump is"}, // of the checksum: elsewhere it may make no difference
		"no last line":      {edited(func(s []string) []string { return s[:len(s)-1] }), "cut short"},
		"half a last line":  {zip(t, strings.Join(lines, "")[:len(strings.Join(lines, ""))-9]), "cut short"},
		"a row less":        {edited(func(s []string) []string { return slices.Delete(s, row, row+1) }), "damaged"},
		"a row twice":       {edited(func(s []string) []string { return slices.Insert(s, row, s[row]) }), "table tasks"},
		"a word changed":    {edited(func(s []string) []string { s[row] = strings.Replace(s[row], "no_face", "no_fact", 1); return s }), "damaged"},
		"a table less":      {edited(func(s []string) []string { return slices.Delete(s, table, table+2) }), "damaged"},
		"a column renamed":  {edited(func(s []string) []string { s[table] = strings.Replace(s[table], "host", "hose", 1); return s }), "damaged"},
		"a column less":     {edited(func(s []string) []string { s[table] = strings.Replace(s[table], `"host",`, "", 1); return s }), "damaged"},
		"a strange table":   {edited(func(s []string) []string { s[table] = strings.Replace(s[table], "workers", "health", 1); return s }), "damaged"},
		"a text for a time": {edited(func(s []string) []string { s[row] = strings.Replace(s[row], ",0,", `,"0",`, 1); return s }), "damaged"},
		"a short row":       {edited(func(s []string) []string { s[row] = "[1]\n"; return s }), "damaged"},
		"something after":   {edited(func(s []string) []string { return append(s, "[]\n") }), "follows"},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, "mem://", time.Now)
			if err := l.Load(t.Context(), bytes.NewReader(tc.dump)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Load = %v, want %q", err, tc.want)
			}
			if tasks, _, err := l.List(t.Context(), queue.Filter{}, "", 1); err != nil || len(tasks) > 0 {
				t.Errorf("left %d tasks, %v", len(tasks), err)
			}
			if lanes, err := l.LaneStates(t.Context()); err != nil || lanes[1].Paused {
				t.Errorf("left lanes %+v, %v", lanes, err)
			}
			if _, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, MaxAttempts: 1}); err != nil {
				t.Errorf("the ledger does not go on: %v", err)
			}
		})
	}
	if err := original.Load(t.Context(), bytes.NewReader(whole)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("Load into a ledger in use = %v", err)
	}
}

func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 4
	return b
}

// TestDumpWhileTheLedgerIsInUse: what a dump has belongs to one moment.
func TestDumpWhileTheLedgerIsInUse(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			l := lived(t, url)
			ctx, stop := context.WithCancel(t.Context())
			var worker sync.WaitGroup
			defer worker.Wait()
			defer stop()
			var done atomic.Int64
			worker.Go(func() {
				for ; ctx.Err() == nil; done.Add(1) {
					if err := oneTask(context.WithoutCancel(ctx), l); err != nil {
						t.Errorf("task %d: %v", done.Load(), err)
						return
					}
				}
			})
			var dumps [][]byte
			for meanwhile := false; len(dumps) < 5 || !meanwhile && len(dumps) < 1000; {
				before := done.Load()
				dumps = append(dumps, dump(t, l))
				meanwhile = meanwhile || before > 0 && done.Load() > before
			}
			stop()
			worker.Wait()
			if len(dumps) == 1000 {
				t.Error("nobody could work during any dump")
			}
			for _, d := range dumps[len(dumps)-5:] {
				copied := open(t, "sqlite://"+filepath.Join(t.TempDir(), "copy.db"), l.now)
				if err := copied.Load(t.Context(), bytes.NewReader(d)); err != nil {
					t.Fatal(err)
				}
				wantSound(t, copied)
			}
			wantSound(t, l)
		})
	}
}
