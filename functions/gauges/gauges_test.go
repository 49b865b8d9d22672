package gauges

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"idphoto/functions/photo"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// collect returns all values as "name label label".
func collect(t *testing.T, reader *metric.ManualReader) map[string]float64 {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			note(values, strings.TrimPrefix(m.Name, "idphoto."), m.Data)
		}
	}
	return values
}

func note(values map[string]float64, name string, data metricdata.Aggregation) {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			values[name+labels(p)] = float64(p.Value)
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			values[name+labels(p)] = p.Value
		}
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			values[name+labels(p)] = float64(p.Value)
		}
	}
}

func labels[N int64 | float64](p metricdata.DataPoint[N]) string {
	var all string
	for _, kv := range p.Attributes.ToSlice() {
		all += " " + kv.Value.AsString()
	}
	return all
}

func register(t *testing.T, l Ledger, o *Options) *metric.ManualReader {
	t.Helper()
	o.Log = quiet
	reader := metric.NewManualReader()
	if _, err := Register(metric.NewMeterProvider(metric.WithReader(reader)), l, o); err != nil {
		t.Fatal(err)
	}
	return reader
}

func ledger(t *testing.T, now func() time.Time) *sqlledger.Ledger {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), "mem://", &sqlledger.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGaugesSayHowTheLedgerStands goes through a day of a small ledger with a clock of its own.
func TestGaugesSayHowTheLedgerStands(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	l := ledger(t, clock)
	reader := register(t, l, &Options{Now: clock, CanaryEvery: 5 * time.Minute, MaxAge: 1})
	create := func(lane, label string) string {
		task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: lane, Label: label, MaxAttempts: 1})
		must(t, err)
		return task.ID
	}
	end := func(id string, s queue.State) {
		c, err := l.Claim(t.Context(), id, "w", time.Minute)
		must(t, err)
		must(t, l.Finish(t.Context(), c, queue.Outcome{State: s, Code: "x"}))
	}
	began := float64(now.Unix())
	end(create(queue.Express, photo.CanaryLabel), queue.Rejected)
	end(create(queue.Bulk, "1-inch"), queue.Dead)
	must(t, l.Sample(t.Context()))
	batch, _, err := l.CreateBatch(t.Context(), queue.Batch{ID: queue.NewID(), Total: 1},
		[]queue.Task{{ID: queue.NewID(), Kind: photo.Kind, Lane: queue.Bulk, MaxAttempts: 1}})
	must(t, err)
	if batch.Total != 1 {
		t.Fatalf("batch = %+v", batch)
	}
	now = now.Add(3 * time.Second)
	must(t, l.Published(t.Context(), create(queue.Express, "1-inch")))
	must(t, l.PauseLane(t.Context(), queue.Bulk, "ann"))
	beat := func(name string, s queue.WorkerState, slots int, tasks ...queue.WorkerTask) {
		_, err := l.Heartbeat(t.Context(), queue.WorkerInfo{Name: name, State: s, Slots: slots, Tasks: tasks, StartedAt: now})
		must(t, err)
	}
	beat("a", queue.Online, 3, queue.WorkerTask{ID: "1", Kind: photo.Kind, StartedAt: now.Add(-20 * time.Second)})
	beat("b", queue.Draining, 2, queue.WorkerTask{ID: "2", Kind: photo.Kind, StartedAt: now})
	beat("c", queue.Stopped, 2)
	now = now.Add(4 * time.Second)

	got := collect(t, reader)
	for name, want := range map[string]float64{
		"task_queue.tasks express queued": 1, "task_queue.tasks bulk dead": 1, "task_queue.tasks express rejected": 1,
		"task_queue.oldest_age express": 4, "task_queue.oldest_age bulk": 7, "task_queue.promise express": 10, "task_queue.promise bulk": 600,
		"outbox.oldest_age express": 0, "outbox.oldest_age bulk": 0, "dead_letter.tasks bulk": 1, "dead_letter.tasks express": 0,
		"queue.paused express": 0, "queue.paused bulk": 1,
		"workers online": 1, "workers draining": 1, "workers stopped": 1, "workers lost": 0,
		"worker.slots busy": 1, "worker.slots free": 2, "worker.slots draining": 1,
		"task.oldest_running photo": 24, "task.timeout": 60, "batch.oldest_stalled": 7,
		"canary.last_success.timestamp express": began, "canary.last_success.timestamp bulk": began, "canary.interval": 300,
		"janitor.last_sample.timestamp": began, "ledger.errors observe": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v, %v; want %v", name, v, ok, want)
		}
	}

	now = now.Add(time.Hour)
	must(t, l.ResumeLane(t.Context(), queue.Bulk))
	end(create(queue.Bulk, photo.CanaryLabel), queue.Succeeded)
	got = collect(t, reader)
	if v := got["canary.last_success.timestamp bulk"]; v != float64(now.Unix()) {
		t.Errorf("the canary of bulk was through at %v, want %v", v, now.Unix())
	}
	if v := got["outbox.oldest_age bulk"]; v < 3600 {
		t.Errorf("a task that nobody published wanted a message for %v s, want an hour", v)
	}
	if v := got["workers lost"]; v != 2 {
		t.Errorf("%v workers are lost an hour later, want 2", v)
	}
}

// counted counts how often the ledger is read, and fails when told to.
type counted struct {
	Ledger
	reads atomic.Int64
	fail  atomic.Bool
}

func (c *counted) LaneStates(ctx context.Context) ([]queue.LaneState, error) {
	c.reads.Add(1)
	if c.fail.Load() {
		return nil, errors.New("away")
	}
	return c.Ledger.LaneStates(ctx)
}

func TestTheLedgerIsReadOnceInMaxAge(t *testing.T) {
	c := &counted{Ledger: ledger(t, nil)}
	reader := register(t, c, &Options{MaxAge: time.Hour})
	for range 5 {
		if got := collect(t, reader); got["task_queue.promise express"] != 10 || len(got) < 20 {
			t.Fatalf("a page has only %v", slices.Sorted(maps.Keys(got)))
		}
	}
	if n := c.reads.Load(); n != 1 {
		t.Errorf("the ledger was read %d times, want once", n)
	}
}

// TestAnAbsentLedgerLeavesNoOldValues: what is not known is not shown, and counted.
func TestAnAbsentLedgerLeavesNoOldValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{Ledger: still{}}
		reader := register(t, c, &Options{})
		if _, ok := collect(t, reader)["task_queue.oldest_age express"]; !ok {
			t.Fatal("no age of a lane")
		}
		c.fail.Store(true)
		time.Sleep(6 * time.Second) // the bubble's clock: past MaxAge
		got := collect(t, reader)
		if _, ok := got["task_queue.oldest_age express"]; ok {
			t.Error("the age of a lane is shown although nobody knows it")
		}
		if got["task_queue.promise express"] != 10 {
			t.Error("what is set is not shown")
		}
		if got := collect(t, reader); got["ledger.errors observe"] != 1 {
			t.Errorf("%v errors are counted, want 1", got["ledger.errors observe"])
		}
	})
}

// still is an empty ledger without a database, whose goroutines a bubble could not wait for.
type still struct{ Ledger }

func (still) LaneStates(context.Context) ([]queue.LaneState, error) {
	return []queue.LaneState{{Lane: queue.Express}, {Lane: queue.Bulk}}, nil
}
func (still) LaneCounts(context.Context) (map[string]map[queue.State]int64, error) { return nil, nil }
func (still) Workers(context.Context) ([]queue.WorkerInfo, error)                  { return nil, nil }
func (still) ListBatches(context.Context, string, int) ([]queue.Batch, error)      { return nil, nil }
func (still) History(context.Context, time.Time, time.Time, time.Duration) ([]queue.Period, error) {
	return nil, nil
}
