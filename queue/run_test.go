package queue_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/transport"
)

// ends opens both ends of an in-memory queue of its own.
func ends(t *testing.T) (*transport.Topic, *transport.Subscription) {
	t.Helper()
	url := "mem://" + rand.Text() // queues outlive the test: no name twice
	topic, err := transport.OpenTopic(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := transport.OpenSubscription(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return topic, sub
}

// run runs a worker on the queue and returns what stops it and waits for its end.
func run(t *testing.T, w *queue.Worker, sub queue.Subscription) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, pulls(sub)) }()
	return func() error {
		cancel()
		return <-ended
	}
}

func submit(t *testing.T, p *queue.Publisher) queue.Task {
	t.Helper()
	task, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop"})
	if err != nil {
		t.Errorf("Submit: %v", err)
	}
	return task
}

func TestADrainLetsRunningWorkFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		topic, sub := ends(t)
		started := make(chan struct{})
		w := worker(l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			close(started)
			return nil, j.Stage(ctx, "matte", func(context.Context) error { time.Sleep(15 * time.Second); return nil })
		}))
		stop := run(t, w, sub)
		task := submit(t, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}))
		<-started
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if got := get(t, l, task.ID); got.State != queue.Succeeded {
			t.Errorf("task is %s", got.State)
		}
		closeEnds(t, topic, sub)
	})
}

func TestADrainHandsBackWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		topic, sub := ends(t)
		started := make(chan struct{})
		w := worker(l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			close(started)
			for { // short stages, so that none is hung
				if err := j.Stage(ctx, "step", func(context.Context) error { time.Sleep(time.Second); return nil }); err != nil {
					return nil, err
				}
			}
		}))
		stop := run(t, w, sub)
		task := submit(t, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}))
		<-started
		began := time.Now()
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 22*time.Second {
			t.Errorf("drained in %v, want the grace time of 20s", took)
		}
		got := get(t, l, task.ID)
		if got.State != queue.Retrying || got.Code != queue.CodeHandedBack || got.DueAt.After(time.Now()) {
			t.Errorf("task is %s, code %q, due %v", got.State, got.Code, got.DueAt)
		}
		if left := got.MaxAttempts - got.Attempts; left != queue.DefaultMaxAttempts {
			t.Errorf("%d attempts left, want all %d: being handed back does not count", left, queue.DefaultMaxAttempts)
		}
		closeEnds(t, topic, sub)
	})
}

func closeEnds(t *testing.T, topic *transport.Topic, sub *transport.Subscription) {
	t.Helper()
	if err := sub.Close(context.Background()); err != nil {
		t.Errorf("closing the subscription: %v", err)
	}
	if err := topic.Close(context.Background()); err != nil {
		t.Errorf("closing the topic: %v", err)
	}
}

// counting counts the messages that were asked for and given.
type counting struct {
	queue.Subscription
	given atomic.Int32
}

func (c *counting) Receive(ctx context.Context) (*pubsub.Message, error) {
	m, err := c.Subscription.Receive(ctx)
	if err == nil {
		c.given.Add(1)
	}
	return m, err
}

func TestAMessageIsAskedForOnlyWhenASlotIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		topic, sub := ends(t)
		release := make(chan struct{})
		h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { <-release; return nil, nil })
		w := queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Slots: 2, Logger: quiet})
		c := &counting{Subscription: sub}
		stop := run(t, w, c)
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
		for range 6 {
			submit(t, p)
		}
		synctest.Wait()
		if n := c.given.Load(); n != 2 {
			t.Errorf("%d messages taken with 2 slots busy", n)
		}
		release <- struct{}{}
		synctest.Wait()
		if n := c.given.Load(); n != 3 {
			t.Errorf("%d messages taken after one slot became free, want 3", n)
		}
		close(release)
		synctest.Wait()
		if n := c.given.Load(); n != 6 {
			t.Errorf("%d messages taken, want all 6", n)
		}
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		closeEnds(t, topic, sub)
	})
}

func TestAWorkerWaitsForALedgerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &flaky{Ledger: memoryLedger(t)}
		l.claimFails.Store(5)
		topic, sub := ends(t)
		done := make(chan struct{})
		stop := run(t, worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { close(done); return nil, nil })), sub)
		task := submit(t, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}))
		<-done
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if got := get(t, l, task.ID); got.State != queue.Succeeded {
			t.Errorf("task is %s", got.State)
		}
		closeEnds(t, topic, sub)
	})
}

func TestAMessageNotProcessedGoesBackWhenTheWorkerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &flaky{Ledger: memoryLedger(t)}
		l.claimFails.Store(1 << 30)
		topic, sub := ends(t)
		stop := run(t, worker(l, does(nil)), sub)
		task := submit(t, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}))
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		m, err := sub.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := queue.ParseMessage(m.Body); err != nil || got.TaskID != task.ID {
			t.Errorf("message = %+v, %v", got, err)
		}
		m.Ack()
		closeEnds(t, topic, sub)
	})
}

// TestStartsAndStopsAreClean starts and stops workers in a hurry, with messages coming in. Each
// task runs once.
func TestStartsAndStopsAreClean(t *testing.T) {
	const tasks = 100
	l := memoryLedger(t)
	topic, sub := ends(t)
	ran := make(chan string, 2*tasks)
	w := worker(l, does(func(_ context.Context, j *queue.Job) (json.RawMessage, error) { ran <- j.Task.ID; return nil, nil }))
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for range tasks {
			submit(t, p)
		}
	})
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		if err := w.Run(ctx, pulls(sub)); err != nil {
			t.Errorf("Run = %v", err)
		}
		cancel()
	}
	feeding.Wait()
	stop := run(t, w, sub)
	seen := map[string]bool{}
	for len(seen) < tasks {
		id := <-ran
		if seen[id] {
			t.Errorf("task %s ran twice", id)
		}
		seen[id] = true
	}
	if err := stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if counts, err := l.Counts(t.Context()); err != nil || counts[queue.Succeeded] != tasks {
		t.Errorf("counts = %v, %v", counts, err)
	}
	closeEnds(t, topic, sub)
}

func TestFullJitterStaysWithinItsCeiling(t *testing.T) {
	wait := queue.FullJitter(10*time.Second, time.Minute)
	for attempt, ceiling := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 4: time.Minute, 60: time.Minute} {
		var longest time.Duration
		for range 2000 {
			d := wait(attempt)
			if d < 0 || d > ceiling {
				t.Fatalf("wait after attempt %d = %v, want within %v", attempt, d, ceiling)
			}
			longest = max(longest, d)
		}
		if longest < ceiling*9/10 {
			t.Errorf("2000 waits after attempt %d stay below %v; the whole range to %v is to be used", attempt, longest, ceiling)
		}
	}
}
