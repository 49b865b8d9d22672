package canary

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/pubsub"

	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// topic takes messages, or does not.
type topic struct {
	sent int
	err  error
}

func (t *topic) Send(context.Context, *pubsub.Message) error {
	if t.err == nil {
		t.sent++
	}
	return t.err
}

type house struct {
	ledger *sqlledger.Ledger
	store  *blobs.Store
	topic  *topic
	sender *Sender
}

func open(t *testing.T, every time.Duration) *house {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	store, err := blobs.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	top := &topic{}
	p := queue.NewPublisher(l, map[string]queue.Topic{queue.Express: top}, &queue.PublisherOptions{Logger: log})
	return &house{l, store, top, New(p, l, store, &Options{Every: every, Log: log})}
}

// canaries returns those of a lane, the newest first.
func (h *house) canaries(t *testing.T, lane string) []queue.Task {
	t.Helper()
	tasks, _, err := h.ledger.List(t.Context(), queue.Filter{Label: photo.CanaryLabel, Lane: lane}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	return tasks
}

func (h *house) send(t *testing.T) {
	t.Helper()
	if err := h.sender.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) end(t *testing.T, id string, s queue.State) {
	t.Helper()
	c, err := h.ledger.Claim(t.Context(), id, "w", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ledger.Finish(t.Context(), c, queue.Outcome{State: s, Code: "x"}); err != nil {
		t.Fatal(err)
	}
}

func TestOneCanaryPerLaneAndTheNextOnlyAfterIt(t *testing.T) {
	h := open(t, time.Nanosecond)
	h.send(t)
	h.send(t)
	for _, lane := range queue.Lanes {
		if n := len(h.canaries(t, lane)); n != 1 {
			t.Errorf("%d canaries in lane %s, want one that waits and no other behind it", n, lane)
		}
	}
	first := h.canaries(t, queue.Express)[0]
	if data, err := h.store.Read(t.Context(), first.InputKey, 1<<20); err != nil || len(data) == 0 {
		t.Errorf("picture of %d bytes, %v", len(data), err)
	}
	h.end(t, first.ID, queue.Succeeded)
	h.send(t)
	tasks := h.canaries(t, queue.Express)
	if len(tasks) != 2 || !tasks[1].Erased || tasks[1].State != queue.Succeeded {
		t.Fatalf("canaries = %+v, want a second one, and the first erased", tasks)
	}
	if _, err := h.store.Read(t.Context(), first.InputKey, 1<<20); !errors.Is(err, blobs.ErrNotExist) {
		t.Errorf("the first one's picture: %v, want it gone", err)
	}

	h.end(t, tasks[0].ID, queue.Dead)
	h.send(t)
	if tasks := h.canaries(t, queue.Express); len(tasks) != 3 || tasks[1].Erased {
		t.Errorf("canaries = %+v, want a third one, and the dead one kept for the operator", tasks)
	}
}

func TestACanaryIsNotSentEarlyByAnotherProcess(t *testing.T) {
	h := open(t, time.Hour)
	h.send(t)
	h.end(t, h.canaries(t, queue.Express)[0].ID, queue.Succeeded)
	h.send(t)
	if n := len(h.canaries(t, queue.Express)); n != 1 {
		t.Errorf("%d canaries within an hour, want one", n)
	}
}

func TestACanaryThatCannotBePublishedLeavesNothing(t *testing.T) {
	h := open(t, time.Hour)
	h.topic.err = errors.New("the transport is down")
	if err := h.sender.Send(t.Context()); !errors.Is(err, queue.ErrNotPublished) {
		t.Errorf("Send = %v, want ErrNotPublished", err)
	}
	if n := len(h.canaries(t, queue.Express)); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestRunSendsUntilItIsStopped(t *testing.T) {
	h := open(t, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.sender.Run(ctx) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(h.canaries(t, queue.Bulk)) == 0 {
		<-tick.C
	}
	cancel()
	<-done
}
