package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// shelf is blobs in memory: when each was written.
type shelf struct {
	mu     sync.Mutex
	blobs  map[string]time.Time
	broken string // no key that contains it can be deleted
	listed int
}

func newShelf(keys ...string) *shelf {
	s := &shelf{blobs: make(map[string]time.Time)}
	for _, key := range keys {
		s.blobs[key] = time.Now()
	}
	return s
}

var errShelf = errors.New("the shelf is stuck")

func (s *shelf) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != "" && strings.Contains(key, s.broken) {
		return errShelf
	}
	delete(s.blobs, key)
	return nil
}

func (s *shelf) DeletePrefix(ctx context.Context, prefix string) error {
	for _, key := range s.keys() {
		if strings.HasPrefix(key, prefix) {
			if err := s.Delete(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shelf) List(_ context.Context, prefix, after string, show func(string, int64, time.Time) bool) error {
	for _, key := range s.keys() {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		s.listed++
		if !show(key, 1, s.blobs[key]) {
			return nil
		}
	}
	return nil
}

func (s *shelf) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.blobs))
}

// keeper is a janitor of a ledger and blobs, whose chores run when the test says so.
func keeper(l queue.Ledger, blobs queue.Blobs, o queue.JanitorOptions) *queue.Janitor {
	o.Blobs, o.Logger = blobs, quiet
	p := queue.NewPublisher(l, express(&chanTopic{messages: make(chan *pubsub.Message, 1000)}), &queue.PublisherOptions{Logger: quiet})
	return queue.NewJanitor(l, p, &o)
}

func tick(t *testing.T, j *queue.Janitor) {
	t.Helper()
	if err := j.Tick(t.Context()); err != nil {
		t.Errorf("Tick = %v", err)
	}
}

// finished makes a task that succeeded, with an original and a result.
func finished(t *testing.T, l queue.Ledger, s *shelf) queue.Task {
	t.Helper()
	id := queue.NewID()
	task, _, err := l.Create(t.Context(), queue.Task{ID: id, Kind: "noop", Lane: queue.Express, MaxAttempts: 1, InputKey: queue.TaskPrefix(id) + "original"})
	if err != nil {
		t.Fatal(err)
	}
	s.blobs[task.InputKey] = time.Now()
	process(t, worker(l, does(func(_ context.Context, j *queue.Job) (json.RawMessage, error) {
		s.blobs[j.ResultPrefix+"photo"] = time.Now()
		return json.RawMessage(`{}`), nil
	})), task)
	return get(t, l, id)
}

func TestWhatIsPastItsRetentionGoesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := memoryLedger(t), newShelf()
		reader := sdkmetric.NewManualReader()
		j := keeper(l, s, queue.JanitorOptions{Batch: 2, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), Retention: queue.Retention{Originals: time.Hour, Results: 2 * time.Hour, Rows: 3 * time.Hour}})
		var tasks []queue.Task
		for range 5 { // more than one transaction takes
			tasks = append(tasks, finished(t, l, s))
		}
		waiting := create(t, l)
		s.blobs[queue.TaskPrefix(waiting.ID)+"original"] = time.Now()
		time.Sleep(59 * time.Minute)
		tick(t, j)
		if n := len(s.keys()); n != 11 {
			t.Errorf("%d blobs before the time is over, want all 11", n)
		}
		time.Sleep(2 * time.Minute)
		tick(t, j)
		if got := get(t, l, tasks[4].ID); got.InputKey != "" || got.Expired || got.ResultPrefix == "" {
			t.Errorf("after an hour the row is %+v", got)
		}
		if got := s.keys(); len(got) != 6 || slices.Contains(got, tasks[0].InputKey) {
			t.Errorf("after an hour the blobs are %v", got)
		}
		time.Sleep(time.Hour)
		s.blobs[queue.TaskPrefix(tasks[0].ID)+"7/cutout"] = time.Now() // a killed attempt's
		tick(t, j)
		if got := get(t, l, tasks[4].ID); !got.Expired || got.ResultPrefix != "" || got.State != queue.Succeeded {
			t.Errorf("after two hours the row is %+v", got)
		}
		if got := s.keys(); len(got) != 1 || !strings.HasPrefix(got[0], queue.TaskPrefix(waiting.ID)) {
			t.Errorf("after two hours the blobs are %v", got)
		}
		time.Sleep(time.Hour)
		tick(t, j)
		if got := metrics(t, reader)["idphoto.tasks.purged"]; !strings.HasPrefix(got, "5 kind=noop,queue=express,what=") {
			t.Errorf("idphoto.tasks.purged = %q, want 5 of each", got)
		}
		for _, task := range tasks {
			if _, err := l.Get(t.Context(), task.ID); !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("after three hours the row is there: %v", err)
			}
		}
		if got := get(t, l, waiting.ID); got.State != queue.Queued {
			t.Errorf("the task that still waits is %+v", got)
		}
	})
}

func TestNegativeRetentionKeepsAndWithoutBlobsNothingIsPurged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := memoryLedger(t), newShelf()
		task := finished(t, l, s)
		time.Sleep(10000 * time.Hour)
		tick(t, keeper(l, s, queue.JanitorOptions{Retention: queue.Retention{Originals: -1, Results: -1, Rows: -1}}))
		p := queue.NewPublisher(l, express(&chanTopic{}), &queue.PublisherOptions{Logger: quiet})
		tick(t, queue.NewJanitor(l, p, &queue.JanitorOptions{Logger: quiet}))
		if got := get(t, l, task.ID); got.InputKey == "" || got.Expired || len(s.keys()) != 2 {
			t.Errorf("row %+v, blobs %v", got, s.keys())
		}
	})
}

// TestABlobThatCannotBeDeletedKeepsItsRow: the row is what names it. The others go.
func TestABlobThatCannotBeDeletedKeepsItsRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := memoryLedger(t), newShelf()
		bad, good := finished(t, l, s), finished(t, l, s)
		s.broken = bad.ID
		j := keeper(l, s, queue.JanitorOptions{Batch: 2})
		time.Sleep(time.Second)
		if err := j.Tick(t.Context()); !errors.Is(err, errShelf) {
			t.Errorf("Tick = %v, want the store's error", err)
		}
		if got := get(t, l, bad.ID); got.InputKey == "" {
			t.Error("the row forgot a blob that is still there")
		}
		s.broken = ""
		tick(t, j)
		for _, task := range []queue.Task{bad, good} {
			if _, err := l.Get(t.Context(), task.ID); !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("row of %s: %v", task.ID, err)
			}
		}
		if got := s.keys(); len(got) != 0 {
			t.Errorf("blobs left: %v", got)
		}
	})
}

func TestABatchsManifestGoesWithItsResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := memoryLedger(t), newShelf()
		id, taskID := queue.NewID(), queue.NewID()
		manifest := queue.BatchPrefix(id) + "manifest.json"
		s.blobs[manifest] = time.Now()
		_, _, err := l.CreateBatch(t.Context(), queue.Batch{ID: id, ManifestKey: manifest, Total: 1},
			[]queue.Task{{ID: taskID, Kind: "noop", Lane: queue.Bulk, BatchID: id, MaxAttempts: 1}})
		if err != nil {
			t.Fatal(err)
		}
		process(t, worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil })), get(t, l, taskID))
		j := keeper(l, s, queue.JanitorOptions{Retention: queue.Retention{Results: time.Hour, Rows: 2 * time.Hour}})
		time.Sleep(61 * time.Minute)
		tick(t, j)
		if b, err := l.GetBatch(t.Context(), id); err != nil || b.ManifestKey != "" || len(s.keys()) != 0 {
			t.Errorf("the batch is %+v, %v, blobs %v", b, err, s.keys())
		}
		time.Sleep(time.Hour)
		tick(t, j)
		if _, err := l.GetBatch(t.Context(), id); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("the batch's row: %v", err)
		}
	})
}

// TestBlobsThatNoRowNamesAreSwept: of every kind of owner, and only when they are old enough.
func TestBlobsThatNoRowNamesAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := memoryLedger(t), newShelf()
		done, waiting, erased := finished(t, l, s), create(t, l), finished(t, l, s)
		if _, err := l.Erase(t.Context(), erased.ID); err != nil {
			t.Fatal(err)
		}
		batch := queue.NewID()
		manifest := queue.BatchPrefix(batch) + "manifest.json"
		if _, _, err := l.CreateBatch(t.Context(), queue.Batch{ID: batch, ManifestKey: manifest, Total: 1},
			[]queue.Task{{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, BatchID: batch, MaxAttempts: 1}}); err != nil {
			t.Fatal(err)
		}
		keep := []string{
			done.InputKey, done.ResultPrefix + "photo", queue.TaskPrefix(waiting.ID) + "original", queue.ResultPrefix(waiting.ID, 1) + "photo", manifest,
		}
		orphans := []string{
			queue.TaskPrefix(queue.NewID()) + "original",       // an upload was killed before the row
			queue.ResultPrefix(done.ID, 2) + "photo",           // an attempt was overtaken
			queue.TaskPrefix(done.ID) + "fileblob123",          // a writer was killed
			erased.ResultPrefix + "photo",                      // the eraser was killed
			queue.BatchPrefix(queue.NewID()) + "manifest.json", // a batch's upload was killed
			"tasks/stray", queue.TaskPrefix("not-an-id") + "file", // who knows
		}
		s.blobs = newShelf(append(keep, orphans...)...).blobs
		j := keeper(l, s, queue.JanitorOptions{Retention: queue.Retention{Originals: -1, Results: -1, Rows: -1}})
		tick(t, j)
		if n := len(s.keys()); n != len(keep)+len(orphans) {
			t.Errorf("%d blobs are left of young ones", n)
		}
		time.Sleep(61 * time.Minute)
		s.blobs[queue.TaskPrefix(queue.NewID())+"original"] = time.Now()
		tick(t, j)
		slices.Sort(keep)
		if got := s.keys(); len(got) != len(keep)+1 || !slices.Equal(got[:1], keep[:1]) {
			t.Errorf("left are %v, want %v and a young one", got, keep)
		}
		for _, key := range keep {
			if !slices.Contains(s.keys(), key) {
				t.Errorf("%s is gone", key)
			}
		}
	})
}

// TestASweepIsBoundedAndGoesRound: some keys at a time, and everything in the end, though each tick
// may be in a new process.
func TestASweepIsBoundedAndGoesRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := memoryLedger(t), newShelf()
		for range 100 {
			s.blobs[queue.TaskPrefix(queue.NewID())+"original"] = time.Now()
			time.Sleep(20 * time.Minute) // a day and more
		}
		time.Sleep(time.Hour)
		j := keeper(l, s, queue.JanitorOptions{SweepKeys: 10})
		for left := 90; left >= 0; left -= 10 {
			s.listed = 0
			tick(t, j)
			if got := len(s.keys()); got != left || s.listed > 12 {
				t.Fatalf("%d keys looked at, %d left, want %d", s.listed, got, left)
			}
		}
		tick(t, j) // nothing at all
		fresh := newShelf()
		for range 50 {
			fresh.blobs[queue.TaskPrefix(queue.NewID())+"original"] = time.Now()
			time.Sleep(20 * time.Minute)
		}
		time.Sleep(time.Hour)
		ticks := 0
		for ; len(fresh.keys()) > 0 && ticks < 1000; ticks++ {
			tick(t, keeper(l, fresh, queue.JanitorOptions{SweepKeys: 10})) // a new process
		}
		if ticks < 5 || ticks == 1000 {
			t.Errorf("50 orphans were gone after %d new processes", ticks)
		}
	})
}

func TestATickStopsWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := &endless{Ledger: memoryLedger(t)}, newShelf()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // as a function's invocation has
		defer cancel()
		began := time.Now()
		if err := keeper(l, s, queue.JanitorOptions{}).Tick(ctx); err != nil {
			t.Errorf("Tick = %v", err)
		}
		if took := time.Since(began); took > 30*time.Second || took < 20*time.Second {
			t.Errorf("the tick took %v of its 30s", took)
		}
	})
}

// endless is a ledger whose history is never up to date.
type endless struct{ queue.Ledger }

func (endless) RollUp(_ context.Context, limit int) (int, error) {
	time.Sleep(time.Second)
	return limit, nil
}

// TestOneLaneThatIsDownDoesNotHoldUpTheOther: the bulk topic is full, an express task is published.
func TestOneLaneThatIsDownDoesNotHoldUpTheOther(t *testing.T) {
	l := memoryLedger(t)
	for i := range 5 {
		lane := queue.Bulk
		if i == 2 {
			lane = queue.Express
		}
		if _, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: lane, MaxAttempts: 1}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(queue.PublishGrace)
	up, down := &chanTopic{messages: make(chan *pubsub.Message, 5)}, &chanTopic{messages: make(chan *pubsub.Message, 5)}
	down.down.Store(true)
	p := queue.NewPublisher(l, map[string]queue.Topic{queue.Express: up, queue.Bulk: down}, &queue.PublisherOptions{Logger: quiet})
	j := queue.NewJanitor(l, p, &queue.JanitorOptions{Batch: 1, Logger: quiet})
	if err := j.Tick(t.Context()); err == nil {
		t.Error("a full lane is no error")
	}
	if n := len(up.messages); n != 1 {
		t.Errorf("%d express messages, want 1", n)
	}
	down.down.Store(false)
	if err := j.Tick(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(down.messages); n != 4 {
		t.Errorf("%d bulk messages once there is room, want 4", n)
	}
}

func TestALostWorkerIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		reader := sdkmetric.NewManualReader()
		if _, err := l.Heartbeat(t.Context(), queue.WorkerInfo{Name: "gone", State: queue.Online}); err != nil {
			t.Fatal(err)
		}
		p := queue.NewPublisher(l, express(&chanTopic{}), &queue.PublisherOptions{Logger: quiet})
		j := queue.NewJanitor(l, p, &queue.JanitorOptions{Logger: quiet, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
		for range 3 {
			tick(t, j)
			time.Sleep(queue.LostAfter)
		}
		if got := metrics(t, reader)["idphoto.workers.lost"]; got != "1 " {
			t.Errorf("idphoto.workers.lost = %q, want once", got)
		}
		if ws, err := l.Workers(t.Context()); err != nil || len(ws) != 1 || ws[0].State != queue.Lost {
			t.Errorf("workers = %+v, %v", ws, err)
		}
	})
}

func TestTheJanitorKeepsTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		s := start(t, l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil }), queue.WorkerOptions{})
		defer s.stop()
		began := time.Now()
		for range 3 {
			s.submit(t)
		}
		time.Sleep(2 * time.Minute)
		periods, err := l.History(t.Context(), began.Add(-time.Minute), time.Now().Add(time.Minute), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var done int64
		sampled := false
		for _, p := range periods {
			for _, r := range p.Finished {
				done += r.N
			}
			sampled = sampled || p.Sample != nil
		}
		if done != 3 || !sampled {
			t.Errorf("history knows of %d tasks, sampled %v: %+v", done, sampled, periods)
		}
	})
}

// TestARowOfFailuresIsLoggedOnce: a ledger that is away for minutes does not fill the log.
func TestARowOfFailuresIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := &noStale{Ledger: memoryLedger(t)}
		l.fails = 100
		p := queue.NewPublisher(l, express(&chanTopic{}), &queue.PublisherOptions{Logger: quiet})
		j := queue.NewJanitor(l, p, &queue.JanitorOptions{Logger: slog.New(slog.NewTextHandler(&out, nil))})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		j.Run(ctx)
		if n := strings.Count(out.String(), "try again"); n != 1 || !strings.Contains(out.String(), "failed=100") {
			t.Errorf("%d warnings of 100 failures:\n%s", n, out.String())
		}
	})
}

type noStale struct {
	queue.Ledger
	fails int
}

func (n *noStale) Stale(ctx context.Context, unclaimedAfter time.Duration, limit int) ([]queue.Task, error) {
	if n.fails--; n.fails >= 0 {
		return nil, errAway
	}
	return n.Ledger.Stale(ctx, unclaimedAfter, limit)
}

// metrics returns the first data point of each instrument.
func metrics(t *testing.T, reader sdkmetric.Reader) map[string]string {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for m := range instruments(rm) {
		got[m.Name] = points(m.Data)
	}
	return got
}

func instruments(rm metricdata.ResourceMetrics) iter.Seq[metricdata.Metrics] {
	return func(yield func(metricdata.Metrics) bool) {
		for _, s := range rm.ScopeMetrics {
			for _, m := range s.Metrics {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// TestAJanitorDoesWhatOthersAskOfIt, at a tick as in Run, and says whose work failed.
func TestAJanitorDoesWhatOthersAskOfIt(t *testing.T) {
	done := make(chan struct{}, 2)
	tell := func(context.Context) error {
		done <- struct{}{}
		return errors.New("no receiver")
	}
	j := keeper(memoryLedger(t), nil, queue.JanitorOptions{Also: []queue.Chore{{Name: "tell", Every: time.Hour, Do: tell}}})
	if err := j.Tick(t.Context()); err == nil || !strings.Contains(err.Error(), "tell: no receiver") {
		t.Errorf("Tick = %v, want the error of the chore", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		j.Run(ctx)
		close(ended)
	}()
	<-done
	<-done
	stop()
	<-ended
}
