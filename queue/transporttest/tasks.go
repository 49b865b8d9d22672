package transporttest

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

const (
	kind    = "noop"
	perLane = 10 // tasks

	// overdue is when the janitor sends a message again that nobody has answered.
	overdue = time.Second
)

var quiet = slog.New(slog.DiscardHandler)

// watched tells how claims end.
type watched struct {
	queue.Ledger
	ended   chan string   // ids of tasks that a worker finished
	refused chan struct{} // claims of tasks that need nothing
	dead    chan struct{} // unreadable messages that were recorded
}

func (w *watched) Claim(ctx context.Context, id, worker string, lease time.Duration) (*queue.Claim, error) {
	c, err := w.Ledger.Claim(ctx, id, worker, lease)
	if err != nil {
		w.refused <- struct{}{}
	}
	return c, err
}

func (w *watched) Finish(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	err := w.Ledger.Finish(ctx, c, o)
	if err == nil {
		w.ended <- c.Task.ID
	}
	return err
}

func (w *watched) RecordDead(ctx context.Context, t queue.Task) error {
	err := w.Ledger.RecordDead(ctx, t)
	if err == nil {
		w.dead <- struct{}{}
	}
	return err
}

// shop is a ledger, a publisher, a worker and a janitor around a broker.
type shop struct {
	broker    Broker
	ledger    *watched
	topics    map[string]queue.Topic
	publisher *queue.Publisher
	ids       []string

	mu   sync.Mutex
	runs map[string]int // of the handler, by task
}

// openShop opens the topics, each behind a fault, and the ledger. Nobody works yet.
func openShop(t *testing.T, b Broker, f fault) *shop {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	const many = 1000 // more than any of these scenarios has
	s := &shop{broker: b, topics: map[string]queue.Topic{}, runs: map[string]int{},
		ledger: &watched{ledger, make(chan string, many), make(chan struct{}, many), make(chan struct{}, many)}}
	for _, lane := range b.lanes() {
		s.topics[lane] = f(Topic(t, b.Topics[lane]))
	}
	s.publisher = queue.NewPublisher(s.ledger, s.topics, &queue.PublisherOptions{Logger: quiet})
	return s
}

// Handle does a task, which takes no time.
func (s *shop) Handle(_ context.Context, j *queue.Job) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[j.Task.ID]++
	return json.RawMessage(`{}`), nil
}

func (s *shop) Discard(context.Context, string) error { return nil }

// work has a worker and a janitor at work until the returned function has ended them.
func (s *shop) work(t *testing.T) (stop func()) {
	t.Helper()
	subs := map[string]queue.Subscription{}
	for _, lane := range s.broker.lanes() {
		subs[lane] = Subscription(t, s.broker.Subscriptions[lane])
	}
	worker := queue.NewWorker(s.ledger, map[string]queue.Handler{kind: s}, &queue.WorkerOptions{Slots: 3, Logger: quiet})
	janitor := queue.NewJanitor(s.ledger, s.publisher, &queue.JanitorOptions{StaleEvery: overdue / 10, UnclaimedAfter: overdue, Logger: quiet})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := worker.Run(ctx, subs); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	wg.Go(func() { janitor.Run(ctx) })
	stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop) // before the subscriptions are closed
	return stop
}

// submit hands in perLane tasks for every lane, in turn.
func (s *shop) submit(t *testing.T) {
	t.Helper()
	for range perLane {
		for _, lane := range s.broker.lanes() {
			task, created, err := s.publisher.Submit(t.Context(), queue.Task{Kind: kind, Lane: lane})
			if err != nil || !created {
				t.Fatalf("Submit: created %v, %v", created, err)
			}
			s.ids = append(s.ids, task.ID)
		}
	}
}

// await returns after n signals.
func await[T any](t *testing.T, n int, what string, signals <-chan T) {
	t.Helper()
	late := time.After(2 * soon)
	for i := range n {
		select {
		case <-signals:
		case <-late:
			t.Fatalf("%d of %d %s", i, n, what)
		}
	}
}

func (s *shop) awaitAll(t *testing.T) {
	t.Helper()
	await(t, len(s.ids), "tasks are done", s.ledger.ended)
}

// check compares the end with what it always must be: each task done, once, at the first attempt.
func (s *shop) check(t *testing.T, dead int64) {
	t.Helper()
	ctx := t.Context()
	counts, err := s.ledger.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for state, n := range counts {
		want := map[queue.State]int64{queue.Succeeded: int64(len(s.ids)), queue.Dead: dead}[state]
		if n != want {
			t.Errorf("%d tasks are %s, want %d", n, state, want)
		}
	}
	lanes, err := s.ledger.LaneCounts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, lane := range s.broker.lanes() {
		if n := lanes[lane][queue.Succeeded]; n != perLane {
			t.Errorf("%d %s tasks succeeded, want %d", n, lane, perLane)
		}
	}
	for _, id := range s.ids {
		task, err := s.ledger.Get(ctx, id)
		if err != nil || task.State != queue.Succeeded || task.Attempts != 1 {
			t.Errorf("task is %s after %d attempts, %v", task.State, task.Attempts, err)
		}
		attempts, err := s.ledger.Attempts(ctx, id)
		if err != nil || len(attempts) != 1 || attempts[0].State != queue.Succeeded {
			t.Errorf("attempts are %v, %v", attempts, err)
		}
		if n := s.runs[id]; n != 1 {
			t.Errorf("a task ran %d times", n)
		}
	}
}

func eachTaskIsDoneOnce(t *testing.T, b Broker) { throughFault(t, b, faultless) }

func throughFault(t *testing.T, b Broker, f fault) {
	s := openShop(t, b, f)
	stop := s.work(t)
	s.submit(t)
	s.awaitAll(t)
	stop()
	s.check(t, 0)
}

func doubledMessagesChangeNothing(t *testing.T, b Broker) {
	s := openShop(t, b, doubling)
	stop := s.work(t)
	s.submit(t)
	s.awaitAll(t)
	await(t, len(s.ids), "repetitions are refused", s.ledger.refused)
	stop()
	s.check(t, 0)
}

func droppedMessagesAreMadeUpFor(t *testing.T, b Broker) { throughFault(t, b, dropping(perLane)) }

func reorderedMessagesChangeNothing(t *testing.T, b Broker) { throughFault(t, b, reversing(perLane/2)) }

func unreadableMessagesAreRecorded(t *testing.T, b Broker) {
	unreadable := []string{"\xff\xfe no message", `{"task":[]}`, `{"task_id":""}`}
	s := openShop(t, b, faultless)
	stop := s.work(t)
	for _, lane := range b.lanes() {
		for _, body := range unreadable {
			if err := s.topics[lane].Send(t.Context(), &pubsub.Message{Body: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.submit(t)
	s.awaitAll(t)
	await(t, len(unreadable)*len(b.lanes()), "unreadable messages are recorded", s.ledger.dead)
	stop()
	s.check(t, int64(len(unreadable))) // the same one is recorded once
}

// earlyTasksAreDone: where messages wait for receivers they are done at once, elsewhere when the
// janitor sends their messages again.
func earlyTasksAreDone(t *testing.T, b Broker) {
	s := openShop(t, b, faultless)
	s.submit(t)
	stop := s.work(t)
	s.awaitAll(t)
	stop()
	s.check(t, 0)
}

// killedReceiverLosesNothing kills a process that has taken a message and done nothing yet.
func killedReceiverLosesNothing(t *testing.T, b Broker) {
	s := openShop(t, b, faultless)
	h := newHolder(t, b, b.Subscriptions[queue.Express])
	s.submit(t)
	h.hold(t)
	h.kill(t)
	stop := s.work(t)
	s.awaitAll(t)
	stop()
	s.check(t, 0)
}
