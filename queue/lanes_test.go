package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/driver"

	"idphoto/queue"
	"idphoto/queue/transport"
)

// twoLanes is both ends of a queue for each lane, and a publisher on them.
type twoLanes struct {
	ledger    queue.Ledger
	publisher *queue.Publisher
	topics    map[string]*transport.Topic
	subs      map[string]*transport.Subscription
}

func openTwoLanes(t *testing.T, l queue.Ledger) *twoLanes {
	t.Helper()
	two := &twoLanes{ledger: l, topics: make(map[string]*transport.Topic), subs: make(map[string]*transport.Subscription)}
	topics := make(map[string]queue.Topic)
	for _, lane := range queue.Lanes {
		two.topics[lane], two.subs[lane] = ends(t)
		topics[lane] = two.topics[lane]
	}
	two.publisher = queue.NewPublisher(l, topics, &queue.PublisherOptions{Logger: quiet})
	return two
}

func (two *twoLanes) pulled() map[string]queue.Subscription {
	return map[string]queue.Subscription{queue.Express: two.subs[queue.Express], queue.Bulk: two.subs[queue.Bulk]}
}

// fill submits n tasks of a lane.
func (two *twoLanes) fill(t *testing.T, lane string, n int) (tasks []queue.Task) {
	t.Helper()
	for range n {
		task, _, err := two.publisher.Submit(t.Context(), queue.Task{Kind: "noop", Lane: lane})
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	return tasks
}

func (two *twoLanes) close(t *testing.T) {
	t.Helper()
	for _, lane := range queue.Lanes {
		closeEnds(t, two.topics[lane], two.subs[lane])
	}
}

// runLanes runs a worker and returns what stops it and waits for its end.
func runLanes(t *testing.T, w *queue.Worker, subs map[string]queue.Subscription) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, subs) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// TestExpressGoesFirstAndBulkNeverStarves: while both lanes have tasks, each fifth is bulk.
func TestExpressGoesFirstAndBulkNeverStarves(t *testing.T) {
	for _, slots := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d slots", slots), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				two := openTwoLanes(t, memoryLedger(t))
				two.fill(t, queue.Bulk, 6)
				two.fill(t, queue.Express, 20)
				var mu sync.Mutex
				var order strings.Builder
				h := does(func(_ context.Context, j *queue.Job) (json.RawMessage, error) {
					mu.Lock()
					order.WriteString(j.Task.Lane[:1])
					mu.Unlock()
					time.Sleep(300 * time.Millisecond) // as long as a photo
					return nil, nil
				})
				w := queue.NewWorker(two.ledger, kinds(h), &queue.WorkerOptions{Slots: slots, Logger: quiet})
				stop := runLanes(t, w, two.pulled())
				time.Sleep(time.Minute)
				if err := stop(); err != nil {
					t.Errorf("Run = %v", err)
				}
				got := order.String()
				if slots == 1 && got != strings.Repeat("eeeeb", 5)+"b" {
					t.Errorf("order is %s", got)
				}
				if len(got) != 26 {
					t.Fatalf("%d tasks were done, want 26: %s", len(got), got)
				}
				for i := 0; i+10 <= 20; i++ { // any ten in a row, while both wait
					if n := strings.Count(got[i:i+10], "b"); n < 1 || n > 3 {
						t.Errorf("%d of ten tasks are bulk: %s", n, got[i:i+10])
					}
				}
				two.close(t)
			})
		})
	}
}

// TestALaneWithoutTasksHoldsUpNobody: bulk work alone has all slots, at once.
func TestALaneWithoutTasksHoldsUpNobody(t *testing.T) {
	for _, lane := range queue.Lanes {
		t.Run(lane, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				two := openTwoLanes(t, memoryLedger(t))
				done := make(chan struct{}, 50)
				h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { done <- struct{}{}; return nil, nil })
				stop := runLanes(t, queue.NewWorker(two.ledger, kinds(h), &queue.WorkerOptions{Slots: 1, Logger: quiet}), two.pulled())
				time.Sleep(time.Second) // idle
				began := time.Now()
				two.fill(t, lane, 50)
				for range 50 {
					<-done
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("50 tasks without work took %v", took)
				}
				if err := stop(); err != nil {
					t.Errorf("Run = %v", err)
				}
				two.close(t)
			})
		})
	}
}

// TestAMessageThatNoSlotIsFreeForIsPutBack: it is for others, and costs no attempt.
func TestAMessageThatNoSlotIsFreeForIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := openTwoLanes(t, memoryLedger(t))
		started := make(chan struct{}, 1)
		h := does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			started <- struct{}{}
			return nil, j.Stage(ctx, "matte", func(context.Context) error { time.Sleep(5 * time.Second); return nil })
		})
		reader := sdkmetric.NewManualReader()
		stop := runLanes(t, queue.NewWorker(two.ledger, kinds(h), &queue.WorkerOptions{Slots: 1, Logger: quiet,
			MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))}), two.pulled())
		two.fill(t, queue.Express, 1)
		<-started
		task := two.fill(t, queue.Bulk, 1)[0] // the only slot is busy, but a Receive was on its way
		began := time.Now()
		m, err := two.subs[queue.Bulk].Receive(t.Context()) // another worker
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("another worker got the message after %v, want the hold time of 1s", waited)
		}
		if got, err := queue.ParseMessage(m.Body); err != nil || got.TaskID != task.ID {
			t.Errorf("message = %+v, %v", got, err)
		}
		if got := get(t, two.ledger, task.ID); got.State != queue.Queued || got.Attempts != 0 {
			t.Errorf("the task is %s after %d attempts", got.State, got.Attempts)
		}
		m.Ack()
		if got := metrics(t, reader)["idphoto.messages.put_back"]; got != "1 queue=bulk" {
			t.Errorf("idphoto.messages.put_back = %q", got)
		}
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		two.close(t)
	})
}

// noNack is a driver of a transport that cannot take messages back, as Kafka's: a channel.
type noNack struct {
	messages chan *driver.Message
	acks     chan driver.AckID
}

func (n *noNack) ReceiveBatch(ctx context.Context, _ int) ([]*driver.Message, error) {
	select {
	case m := <-n.messages:
		return []*driver.Message{m}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *noNack) SendAcks(_ context.Context, ids []driver.AckID) error {
	for _, id := range ids {
		n.acks <- id
	}
	return nil
}

func (*noNack) SendNacks(context.Context, []driver.AckID) error { return errors.New("cannot") }
func (*noNack) CanNack() bool                                   { return false }
func (*noNack) IsRetryable(error) bool                          { return false }
func (*noNack) As(any) bool                                     { return false }
func (*noNack) ErrorAs(error, any) bool                         { return false }
func (*noNack) ErrorCode(err error) gcerrors.ErrorCode          { return gcerrors.Code(err) }
func (*noNack) Close() error                                    { return nil }

// TestWhereNothingCanBePutBackTheJanitorSendsAgain: the message is acknowledged, and the task counts
// as unpublished.
func TestWhereNothingCanBePutBackTheJanitorSendsAgain(t *testing.T) {
	l := memoryLedger(t)
	d := &noNack{messages: make(chan *driver.Message, 1), acks: make(chan driver.AckID, 2)}
	bulk := pubsub.NewSubscription(d, nil, nil)
	topic, sub := ends(t)
	release, started := make(chan struct{}), make(chan struct{})
	h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { close(started); <-release; return nil, nil })
	w := queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Slots: 1, HoldFor: time.Millisecond, Logger: quiet})
	stop := runLanes(t, w, map[string]queue.Subscription{queue.Express: sub, queue.Bulk: bulk})
	submit(t, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}))
	<-started
	task := create(t, l)
	if err := l.Published(t.Context(), task.ID); err != nil {
		t.Fatal(err)
	}
	d.messages <- &driver.Message{Body: queue.MessageOf(task).Encode(), AckID: task.ID}
	if id := <-d.acks; id != task.ID {
		t.Errorf("acknowledged %v", id)
	}
	time.Sleep(time.Until(task.CreatedAt.Add(queue.PublishGrace)))
	stale, err := l.Stale(t.Context(), time.Hour, 10)
	if err != nil || len(stale) != 1 || stale[0].ID != task.ID {
		t.Errorf("tasks without a message are %v, %v", stale, err)
	}
	close(release)
	if err := stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if err := bulk.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	closeEnds(t, topic, sub)
}

func TestLanesThatShareASubscriptionPullItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		topic, sub := ends(t)
		release := make(chan struct{})
		h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { <-release; return nil, nil })
		c := &counting{Subscription: sub}
		w := queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Slots: 1, Logger: quiet})
		stop := runLanes(t, w, map[string]queue.Subscription{queue.Express: c, queue.Bulk: c})
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
		for range 3 {
			submit(t, p)
		}
		synctest.Wait()
		if n := c.given.Load(); n != 1 {
			t.Errorf("%d messages taken with one slot", n)
		}
		close(release)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		closeEnds(t, topic, sub)
	})
}

func TestRunRefusesLanesThatItDoesNotKnow(t *testing.T) {
	_, sub := ends(t)
	defer sub.Close(context.Background())
	for name, subs := range map[string]map[string]queue.Subscription{
		"none": nil, "unknown": {queue.Express: sub, "urgent": sub},
	} {
		if err := queue.NewWorker(memoryLedger(t), nil, &queue.WorkerOptions{Logger: quiet}).Run(t.Context(), subs); err == nil {
			t.Errorf("%s: Run accepted it", name)
		}
	}
}

func TestAMessageForAPausedLaneIsDropped(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	if err := l.PauseLane(t.Context(), queue.Express, "test"); err != nil {
		t.Fatal(err)
	}
	process(t, worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) {
		t.Error("a task of a paused lane ran")
		return nil, nil
	})), task)
	if got := get(t, l, task.ID); got.State != queue.Queued || got.Attempts != 0 {
		t.Errorf("task is %s after %d attempts", got.State, got.Attempts)
	}
}
