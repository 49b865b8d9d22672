package queue_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

var quiet = slog.New(slog.DiscardHandler)

// express and pulls name the only topic or subscription that a test has.
func express(topic queue.Topic) map[string]queue.Topic {
	return map[string]queue.Topic{queue.Express: topic}
}

func pulls(sub queue.Subscription) map[string]queue.Subscription {
	return map[string]queue.Subscription{queue.Express: sub}
}

// handler is a queue.Handler made of functions. It notes what was discarded.
type handler struct {
	handle func(ctx context.Context, j *queue.Job) (json.RawMessage, error)

	mu        sync.Mutex
	discarded []string
}

func (h *handler) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	return h.handle(ctx, j)
}

func (h *handler) Discard(_ context.Context, prefix string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.discarded = append(h.discarded, prefix)
	return nil
}

func (h *handler) discards() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.discarded...)
}

func memoryLedger(t *testing.T) *sqlledger.Ledger {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestFlow submits tasks and has a worker do them, over the in-memory transport.
func TestFlow(t *testing.T) {
	l := memoryLedger(t)
	url := "mem://" + rand.Text()
	topic, err := transport.OpenTopic(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer topic.Close(context.Background())
	sub, err := transport.OpenSubscription(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close(context.Background())

	const tasks = 20
	done := make(chan string, tasks)
	h := &handler{handle: func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		err := j.Stage(ctx, "think", func(context.Context) error { return nil })
		done <- j.Task.ID
		return json.RawMessage(`{"answer":42}`), err
	}}
	w := queue.NewWorker(l, map[string]queue.Handler{"noop": h}, &queue.WorkerOptions{Slots: 4, Logger: quiet})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, pulls(sub)) }()

	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
	ids := map[string]bool{}
	for range tasks {
		task, created, err := p.Submit(t.Context(), queue.Task{Kind: "noop"})
		if err != nil || !created {
			t.Fatalf("Submit: created %v, %v", created, err)
		}
		ids[task.ID] = true
	}
	for range tasks {
		delete(ids, <-done)
	}
	if len(ids) > 0 {
		t.Errorf("%d tasks were not run", len(ids))
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	counts, err := l.Counts(t.Context())
	if err != nil || counts[queue.Succeeded] != tasks || counts[queue.Queued] != 0 || counts[queue.Running] != 0 {
		t.Errorf("counts = %v, %v", counts, err)
	}
}

func TestAMessageForAnUnknownTaskIsDropped(t *testing.T) {
	w := queue.NewWorker(memoryLedger(t), nil, &queue.WorkerOptions{Logger: quiet})
	if err := w.Process(t.Context(), []byte(`{"task_id":"0198c1f0-0000-7000-8000-000000000000"}`)); err != nil {
		t.Errorf("Process = %v, want nil", err)
	}
}

// TestAnUnreadableMessageIsKeptAsADeadTask: once, with its length and its head.
func TestAnUnreadableMessageIsKeptAsADeadTask(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, tc := range map[string]struct{ body, detail string }{
		"empty":    {"", `{"bytes":0,"head":""}`},
		"binary":   {"\x00\xff", `{"bytes":2,"head":"00ff"}`},
		"no task":  {"{}", `{"bytes":2,"head":"7b7d"}`},
		"a list":   {"[1]", `{"bytes":3,"head":"5b315d"}`},
		"too long": {long, `{"bytes":5000,"head":"` + strings.Repeat("78", 1024) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			l := memoryLedger(t)
			w := queue.NewWorker(l, nil, &queue.WorkerOptions{Logger: quiet})
			for range 2 {
				if err := w.Process(t.Context(), []byte(tc.body)); err != nil {
					t.Errorf("Process = %v, want nil", err)
				}
			}
			dead, _, err := l.List(t.Context(), queue.Filter{States: []queue.State{queue.Dead}, Code: queue.CodeUnreadable}, "", 10)
			if err != nil || len(dead) != 1 {
				t.Fatalf("dead tasks are %v, %v; want one", dead, err)
			}
			if got := dead[0]; got.Kind != queue.KindUnreadable || got.Lane != queue.Express || string(got.Detail) != tc.detail {
				t.Errorf("the task is %+v", got)
			}
		})
	}
}

// cannotBury is a ledger that is away when a message cannot be read.
type cannotBury struct{ queue.Ledger }

func (cannotBury) RecordDead(context.Context, queue.Task) error { return errAway }

func TestAnUnreadableMessageComesAgainWhileTheLedgerIsAway(t *testing.T) {
	w := queue.NewWorker(cannotBury{memoryLedger(t)}, nil, &queue.WorkerOptions{Logger: quiet})
	if err := w.Process(t.Context(), []byte("{")); !errors.Is(err, errAway) {
		t.Errorf("Process = %v, want the ledger's error", err)
	}
}

func TestConflictReachesTheSubmitter(t *testing.T) {
	l := memoryLedger(t)
	topic, err := transport.OpenTopic(t.Context(), "mem://"+rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	defer topic.Close(context.Background())
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
	first, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop", IdempotencyKey: "k", Digest: "a"})
	if err != nil {
		t.Fatal(err)
	}
	again, created, err := p.Submit(t.Context(), queue.Task{Kind: "noop", IdempotencyKey: "k", Digest: "a"})
	if err != nil || created || again.ID != first.ID {
		t.Errorf("repeated Submit = %s, created %v, %v; want %s", again.ID, created, err, first.ID)
	}
	if _, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop", IdempotencyKey: "k", Digest: "b"}); !errors.Is(err, queue.ErrConflict) {
		t.Errorf("Submit of another picture = %v, want ErrConflict", err)
	}
}
