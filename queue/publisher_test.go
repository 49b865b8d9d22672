package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// silentTopic takes no message, and answers only when its caller has waited enough.
type silentTopic struct{ asked chan struct{} }

func (s *silentTopic) Send(ctx context.Context, _ *pubsub.Message) error {
	s.asked <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func TestWithoutABrokerNothingIsAccepted(t *testing.T) {
	l := memoryLedger(t)
	topic := &chanTopic{messages: make(chan *pubsub.Message, 1)}
	topic.down.Store(true)
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
	id := queue.NewID()
	if _, _, err := p.Submit(t.Context(), queue.Task{ID: id, Kind: "noop", IdempotencyKey: "k"}); !errors.Is(err, queue.ErrNotPublished) {
		t.Errorf("Submit = %v, want ErrNotPublished", err)
	}
	if _, err := l.Get(t.Context(), id); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("the row is kept: %v", err)
	}
	topic.down.Store(false)
	if _, created, err := p.Submit(t.Context(), queue.Task{Kind: "noop", IdempotencyKey: "k"}); err != nil || !created {
		t.Errorf("Submit with the broker back: created %v, %v", created, err)
	}
}

func TestABrokerThatDoesNotAnswerIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		p := queue.NewPublisher(l, express(&silentTopic{make(chan struct{}, 1)}), &queue.PublisherOptions{Logger: quiet})
		began := time.Now()
		if _, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop"}); !errors.Is(err, queue.ErrNotPublished) {
			t.Errorf("Submit = %v, want ErrNotPublished", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("the answer took %v, want 5s", took)
		}
	})
}

// TestATaskThatAWorkerFoundIsAccepted: its message is not sent, but a worker has it already.
func TestATaskThatAWorkerFoundIsAccepted(t *testing.T) {
	l := memoryLedger(t)
	id := queue.NewID()
	topic := topicFunc(func(ctx context.Context) error {
		if _, err := l.Claim(ctx, id, "quick", time.Minute); err != nil {
			t.Error(err)
		}
		return errors.New("the answer was lost")
	})
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
	if _, created, err := p.Submit(t.Context(), queue.Task{ID: id, Kind: "noop"}); err != nil || !created {
		t.Errorf("Submit: created %v, %v", created, err)
	}
}

type topicFunc func(ctx context.Context) error

func (f topicFunc) Send(ctx context.Context, _ *pubsub.Message) error { return f(ctx) }

// cannotWithdraw is a ledger that goes away between Create and Withdraw.
type cannotWithdraw struct{ queue.Ledger }

func (cannotWithdraw) Withdraw(context.Context, string) (bool, error) { return false, errAway }

func TestWhatTheLedgerDoesNotWithdrawIsPublishedByTheJanitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := cannotWithdraw{memoryLedger(t)}
		s := start(t, l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil }), queue.WorkerOptions{})
		defer s.stop()
		s.topic.down.Store(true)
		task := s.submit(t)
		time.Sleep(30 * time.Second)
		if got := get(t, l, task.ID); got.State != queue.Queued {
			t.Errorf("task is %s while the broker is down", got.State)
		}
		s.topic.down.Store(false)
		time.Sleep(2 * time.Second)
		if got := get(t, l, task.ID); got.State != queue.Succeeded {
			t.Errorf("task is %s after the broker came back", got.State)
		}
	})
}

// TestARepeatedSubmissionIsNotWithdrawnUnderItsClient: the first submission hangs at the broker and
// fails in the end, but another one with the same key has been accepted meanwhile.
func TestARepeatedSubmissionIsNotWithdrawnUnderItsClient(t *testing.T) {
	for name, tc := range map[string]struct {
		after time.Duration // between the first and the second
		sent  int32
	}{
		"at once":              {0, 0},
		"when the first hangs": {2 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := memoryLedger(t)
				silent := &silentTopic{make(chan struct{}, 1)}
				var sent atomic.Int32
				working := topicFunc(func(context.Context) error { sent.Add(1); return nil })
				task := queue.Task{Kind: "noop", IdempotencyKey: "k"}
				first := make(chan error, 1)
				go func() {
					_, _, err := queue.NewPublisher(l, express(silent), &queue.PublisherOptions{Logger: quiet}).Submit(t.Context(), task)
					first <- err
				}()
				<-silent.asked
				time.Sleep(tc.after)
				p := queue.NewPublisher(l, express(working), &queue.PublisherOptions{Logger: quiet})
				got, created, err := p.Submit(t.Context(), task)
				if err != nil || created {
					t.Fatalf("the second Submit: created %v, %v", created, err)
				}
				if err := <-first; err != nil {
					t.Errorf("the first Submit = %v: its task was accepted", err)
				}
				if n := sent.Load(); n != tc.sent {
					t.Errorf("%d messages were sent, want %d", n, tc.sent)
				}
				time.Sleep(queue.PublishGrace)
				if stale, err := l.Stale(t.Context(), time.Hour, 10); err != nil || len(stale) != 1 || stale[0].ID != got.ID {
					t.Errorf("the janitor would publish %v, %v; want the task at once", stale, err)
				}
			})
		})
	}
}

func TestABatchIsAcceptedAsAWhole(t *testing.T) {
	l := memoryLedger(t)
	topics := map[string]*chanTopic{queue.Express: {messages: make(chan *pubsub.Message, 100)}, queue.Bulk: {messages: make(chan *pubsub.Message, 100)}}
	p := queue.NewPublisher(l, map[string]queue.Topic{queue.Express: topics[queue.Express], queue.Bulk: topics[queue.Bulk]},
		&queue.PublisherOptions{Retries: queue.Retries{Default: queue.RetryPolicy{Attempts: 7}}, Logger: quiet})
	tasks := make([]queue.Task, 40)
	for i := range tasks {
		tasks[i] = queue.Task{ID: queue.NewID(), Kind: "noop"}
	}
	b, created, err := p.SubmitBatch(t.Context(), queue.Batch{Name: "class 3", IdempotencyKey: "k", Digest: "d", ManifestKey: "m"}, tasks)
	if err != nil || !created || b.Total != 40 {
		t.Fatalf("SubmitBatch = %+v, %v, %v", b, created, err)
	}
	got := get(t, l, tasks[39].ID)
	if got.BatchID != b.ID || got.Lane != queue.Bulk || got.MaxAttempts != 7 || tasks[39].BatchID != "" {
		t.Errorf("a task of it is %+v", got)
	}
	if n, m := len(topics[queue.Bulk].messages), len(topics[queue.Express].messages); n != 40 || m != 0 {
		t.Errorf("%d bulk and %d express messages were sent, want 40 and 0", n, m)
	}
	again, created, err := p.SubmitBatch(t.Context(), queue.Batch{IdempotencyKey: "k", Digest: "d"}, []queue.Task{{Kind: "noop"}})
	if err != nil || created || again.ID != b.ID || len(topics[queue.Bulk].messages) != 40 {
		t.Errorf("the same batch again: %s, created %v, %v", again.ID, created, err)
	}
	if _, _, err := p.SubmitBatch(t.Context(), queue.Batch{IdempotencyKey: "k", Digest: "other"}, []queue.Task{{Kind: "noop"}}); !errors.Is(err, queue.ErrConflict) {
		t.Errorf("another batch under the same key = %v, want ErrConflict", err)
	}
}

func TestABatchOutlivesABrokerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		s := start(t, l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil }), queue.WorkerOptions{})
		defer s.stop()
		s.topic.down.Store(true)
		b, _, err := s.publisher.SubmitBatch(t.Context(), queue.Batch{}, []queue.Task{{Kind: "noop"}, {Kind: "noop"}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		s.topic.down.Store(false)
		time.Sleep(2 * time.Second)
		if got, err := l.GetBatch(t.Context(), b.ID); err != nil || got.Counts[queue.Succeeded] != 2 || got.FinishedAt.IsZero() {
			t.Errorf("the batch is %+v, %v", got, err)
		}
	})
}
