package sqlledger

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"idphoto/queue"
)

// scaleEnv asks for the measurements at a million tasks, which take minutes.
const scaleEnv = "IDPHOTO_TEST_MILLION"

// pageLimit is how long 95 of 100 pages may take.
const pageLimit = 50 * time.Millisecond

// TestPagesOfAMillionTasks measures every kind of list and count on a ledger with 30 days behind it.
func TestPagesOfAMillionTasks(t *testing.T) {
	if testing.Short() || os.Getenv(scaleEnv) == "" {
		t.Skipf("takes minutes: %s is not set", scaleEnv)
	}
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			l := open(t, url, time.Now)
			made := million{n: 1_000_000, end: now, rng: rand.New(rand.NewPCG(1, 2))}
			began := time.Now()
			made.load(t, l)
			t.Logf("%d tasks loaded in %v", made.n, time.Since(began).Round(time.Second))
			if l.d.postgres { // as autovacuum would, a little later
				if err := l.exec(t.Context(), `ANALYZE`); err != nil {
					t.Fatal(err)
				}
			}
			for _, tc := range []struct {
				name   string
				filter queue.Filter
			}{
				{"all", queue.Filter{}},
				{"state succeeded", queue.Filter{States: []queue.State{queue.Succeeded}}},
				{"state dead", queue.Filter{States: []queue.State{queue.Dead}}},
				{"state running", queue.Filter{States: []queue.State{queue.Running}}},
				{"three states", queue.Filter{States: []queue.State{queue.Queued, queue.Rejected, queue.Dead}}},
				{"code", queue.Filter{Code: "eyes_closed"}},
				{"rare code", queue.Filter{Code: "panic"}},
				{"label", queue.Filter{Label: "label-20"}},
				{"batch", queue.Filter{BatchID: made.batchID(3)}},
				{"an hour", queue.Filter{From: now.Add(-100 * time.Hour), To: now.Add(-99 * time.Hour)}},
				{"id", queue.Filter{IDPrefix: made.id(500_000)[:10]}},
				{"label and state dead", queue.Filter{Label: "label-1", States: []queue.State{queue.Dead}}},
				{"rare worker", queue.Filter{Worker: "worker-0"}},
				{"worker that is none", queue.Filter{Worker: "nobody"}},
				{"rare kind, succeeded", queue.Filter{Kind: "restore", States: []queue.State{queue.Succeeded}}},
				{"lane and label", queue.Filter{Lane: queue.Bulk, Label: "label-0"}},
				{"longer than 20 s", queue.Filter{LongerThan: 20 * time.Second}},
			} {
				measure(t, pageLimit, "list: "+tc.name, func(i int) error {
					after := queue.Cursor("")
					if bounded := tc.filter.IDPrefix + tc.filter.BatchID; i > 0 && bounded == "" && tc.filter.From.IsZero() { // somewhere in the middle
						after = queue.Cursor(made.id(made.rng.IntN(made.n)))
					}
					_, _, err := l.List(t.Context(), tc.filter, after, 50)
					return err
				})
			}
			measure(t, pageLimit, "find finished", func(int) error {
				_, err := l.FindFinished(t.Context(), made.digest(made.rng.IntN(made.n)))
				if err == queue.ErrNotFound {
					err = nil
				}
				return err
			})
			measure(t, pageLimit, "counts", func(int) error { _, err := l.Counts(t.Context()); return err })
			measure(t, pageLimit, "lane counts", func(int) error { _, err := l.LaneCounts(t.Context()); return err })
			measure(t, pageLimit, "lane states", func(int) error { _, err := l.LaneStates(t.Context()); return err })
			measure(t, pageLimit, "batches", func(int) error { _, err := l.ListBatches(t.Context(), "", 50); return err })
			measure(t, pageLimit, "purgeable", func(int) error {
				_, err := l.Purgeable(t.Context(), queue.PurgeOriginal, now.Add(-24*time.Hour), 100)
				return err
			})
			measure(t, pageLimit, "nothing to roll up", func(int) error { _, err := l.RollUp(t.Context(), 500); return err })
			began = time.Now()
			if err := l.Dump(t.Context(), io.Discard); err != nil {
				t.Error(err)
			}
			t.Logf("dumped in %v", time.Since(began).Round(time.Second))
			began = time.Now()
			if _, err := l.Verify(t.Context()); err != nil {
				t.Error(err)
			}
			t.Logf("verified in %v", time.Since(began).Round(time.Second))
		})
	}
}

// measure calls f often, reports how long that took, and wants 95 of 100 calls within the limit.
func measure(t *testing.T, limit time.Duration, what string, f func(i int) error) {
	t.Helper()
	var took []time.Duration
	for i := range 100 {
		began := time.Now()
		if err := f(i); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p95 := took[94]
	t.Logf("%-28s median %8v  p95 %8v  worst %8v", what, took[49].Round(10*time.Microsecond), p95.Round(10*time.Microsecond), took[99].Round(10*time.Microsecond))
	if p95 > limit {
		t.Errorf("%s: p95 = %v, want at most %v", what, p95, limit)
	}
}

// million is a made-up past of 30 days.
type million struct {
	n   int
	end time.Time
	rng *rand.Rand
}

func (m *million) at(i int) time.Time {
	return m.end.Add(-time.Duration(m.n-i) * (30 * 24 * time.Hour / time.Duration(m.n)))
}

func (m *million) id(i int) string {
	var id uuid.UUID
	ms := m.at(i).UnixMilli()
	for b := range 6 {
		id[b] = byte(ms >> (40 - 8*b))
	}
	id[6], id[8] = 0x70, 0x80
	id[13], id[14], id[15] = byte(i>>16), byte(i>>8), byte(i)
	return id.String()
}

func (m *million) batchID(i int) string { return m.id(i * 1000) }

func (m *million) digest(i int) string {
	sum := sha256.Sum256([]byte(m.id(i)))
	return hex.EncodeToString(sum[:])
}

// load writes the past as a dump, and loads that.
func (m *million) load(t *testing.T, l *Ledger) {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		zipped, _ := gzip.NewWriterLevel(w, gzip.NoCompression)
		d := dumper{hash: sha256.New(), rows: make(map[string]int64)}
		d.out = bufio.NewWriter(io.MultiWriter(zipped, d.hash))
		err := m.write(t.Context(), l, &d)
		if err == nil {
			err = zipped.Close()
		}
		w.CloseWithError(err)
	}()
	if err := l.Load(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func (m *million) write(ctx context.Context, l *Ledger, d *dumper) error {
	// The schema and the empty tables are those of a new ledger.
	empty, err := Open(ctx, "mem://", nil)
	if err != nil {
		return err
	}
	defer empty.Close()
	return empty.snapshot(ctx, func(tx *sql.Tx) error {
		schema, err := schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		if err := d.line(dumpHead{dumpFormat, schema}); err != nil {
			return err
		}
		for _, table := range dumpedTables {
			if err := d.table(ctx, tx, table.name, table.order); err != nil {
				return err
			}
			rows, err := tx.QueryContext(ctx, `SELECT * FROM `+table.name+` LIMIT 0`)
			if err != nil {
				return err
			}
			columns, err := rows.Columns()
			if err := rows.Close(); err != nil {
				return err
			}
			if err != nil {
				return err
			}
			row, n := map[string]func(int) map[string]any{"tasks": m.task, "batches": m.batch}[table.name], m.n
			if table.name == "batches" {
				n /= 1000
			}
			for i := 0; row != nil && i < n; i++ {
				if err := d.row(columns, row(i)); err != nil {
					return err
				}
				d.rows[table.name]++
			}
		}
		if err := d.out.Flush(); err != nil {
			return err
		}
		if err := d.line(dumpEnd{d.rows, hex.EncodeToString(d.hash.Sum(nil))}); err != nil {
			return err
		}
		return d.out.Flush()
	})
}

// row writes a row; columns without a value are 0 or empty.
func (d *dumper) row(columns []string, values map[string]any) error {
	line := make([]any, len(columns))
	for i, c := range columns {
		v, ok := values[c]
		if !ok {
			return fmt.Errorf("no value for column %s", c)
		}
		line[i] = v
	}
	return d.line(line)
}

func (m *million) batch(i int) map[string]any {
	at := micros(m.at(i * 1000))
	return map[string]any{"id": m.batchID(i), "name": "class", "options": "{}", "manifest_key": "batches/x/manifest", "idempotency_key": nil,
		"digest": "d", "total": 1000, "refused": 0, "erased": 0, "created_at": at, "updated_at": at, "finished_at": at}
}

func (m *million) task(i int) map[string]any {
	created := m.at(i)
	started := created.Add(time.Duration(m.rng.ExpFloat64() * float64(time.Second)))
	finished := started.Add(time.Duration(math.Exp(m.rng.NormFloat64()) * float64(time.Second)))
	state, code := queue.Succeeded, ""
	switch p := m.rng.IntN(10_000); {
	case p < 500:
		state, code = queue.Rejected, []string{"no_face", "eyes_closed", "too_blurred"}[p%3]
	case p < 600:
		state, code = queue.Dead, []string{"storage", "lease_lost"}[p%2]
	case p == 600:
		state, code = queue.Dead, "panic"
	case p < 700:
		state, code = queue.Cancelled, "cancelled"
	}
	if i > m.n-20_000 {
		state, code, started, finished = queue.Queued, "", time.Time{}, time.Time{}
	} else if i%99_991 == 0 {
		state, code, finished = queue.Running, "", time.Time{}
	}
	lane, batch := queue.Express, ""
	if i%2 == 0 {
		lane, batch = queue.Bulk, m.batchID(i/1000)
	}
	kind := "photo"
	if i%5003 == 0 {
		kind = "restore"
	}
	lease := int64(0)
	if state == queue.Running {
		lease = micros(m.end)
	}
	return map[string]any{"id": m.id(i), "kind": kind, "lane": lane, "batch_id": batch, "label": fmt.Sprintf("label-%d", int(30*math.Pow(m.rng.Float64(), 3))),
		"options": `{"size":"35x45","background":"blue","sheet":"6-inch"}`, "input_key": "tasks/" + m.id(i) + "/original", "idempotency_key": nil,
		"digest": m.digest(i), "trace_parent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "trace_state": "",
		"state": string(state), "stage": "", "attempts": 1, "max_attempts": 4, "code": code, "detail": "", "result_prefix": "tasks/" + m.id(i) + "/1/",
		"result":           `{"files":{"photo":{"key":"photo.jpg","bytes":40960},"sheet":{"key":"sheet.jpg","bytes":409600}},"width":413,"height":531}`,
		"cancel_requested": 0, "erased": 0, "expired": 0, "worker": fmt.Sprintf("worker-%d", int(math.Sqrt(float64(m.rng.IntN(400))))), "token": "t",
		"lease_until": lease, "hints": 1, "hinted_at": micros(created), "created_at": micros(created), "due_at": micros(created),
		"started_at": micros(started), "finished_at": micros(finished), "updated_at": micros(created), "purge_step": 0, "counted": 1,
		"claimed_at": micros(started), "ready_at": micros(created)}
}
