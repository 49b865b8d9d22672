package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"idphoto/queue"
)

// TestAStuckHandlerEndsTheWorker: Run gives the task up, lets the other slot finish, and says that
// the process has to end. The lease is over by then, so that the task runs elsewhere.
func TestAStuckHandlerEndsTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		topic, sub := ends(t)
		release := make(chan struct{})
		h := does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			if string(j.Task.Options) == `"stuck"` {
				<-release // whatever ctx says
				return nil, nil
			}
			return nil, j.Stage(ctx, "matte", func(context.Context) error { time.Sleep(15 * time.Second); return nil })
		})
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
		stuck, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop", Options: json.RawMessage(`"stuck"`)})
		if err != nil {
			t.Fatal(err)
		}
		var other queue.Task
		go func() {
			time.Sleep(65 * time.Second)
			other = submit(t, p)
		}()
		began := time.Now()
		err = queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Slots: 2, Logger: quiet}).Run(t.Context(), pulls(sub))
		if !errors.Is(err, queue.ErrStuck) {
			t.Errorf("Run = %v, want ErrStuck", err)
		}
		if took := time.Since(began); took != 80*time.Second {
			t.Errorf("Run took %v, want 80s: the stuck one's time, and the rest of the other's", took)
		}
		if got := get(t, l, other.ID); got.State != queue.Succeeded {
			t.Errorf("the other task is %s", got.State)
		}
		if len(h.discards()) != 0 {
			t.Error("results were discarded that the stuck handler may still be writing")
		}
		reaped, err := l.Reap(t.Context(), queue.FullJitter(1, 1), 10)
		if err != nil || len(reaped) != 1 || reaped[0].ID != stuck.ID {
			t.Errorf("reaped %v, %v: the stuck task's lease ought to be over", reaped, err)
		}
		close(release)
		closeEnds(t, topic, sub)
	})
}

// TestAHandlerThatIgnoresTheHandBackDoesNotHoldUpTheEnd: a signal ends the process in bounded time.
func TestAHandlerThatIgnoresTheHandBackDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		topic, sub := ends(t)
		started, release := make(chan struct{}), make(chan struct{})
		h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { close(started); <-release; return nil, nil })
		stop := run(t, queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Deadline: time.Hour, Logger: quiet}), sub)
		submit(t, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}))
		<-started
		began := time.Now()
		if err := stop(); !errors.Is(err, queue.ErrStuck) {
			t.Errorf("Run = %v, want ErrStuck", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the end took %v", took)
		}
		close(release)
		synctest.Wait()
		closeEnds(t, topic, sub)
	})
}

// TestAPushedMessageThatIsStuckEndsTheProcess: outside Run nobody else can.
func TestAPushedMessageThatIsStuckEndsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		release := make(chan struct{})
		reader := sdkmetric.NewManualReader()
		ended := 0
		w := queue.NewWorker(l, kinds(does(func(context.Context, *queue.Job) (json.RawMessage, error) { <-release; return nil, nil })),
			&queue.WorkerOptions{Stuck: func() { ended++ }, Logger: quiet, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
		began := time.Now()
		err := w.Process(t.Context(), queue.MessageOf(create(t, l)).Encode())
		if !errors.Is(err, queue.ErrStuck) || ended != 1 {
			t.Errorf("Process = %v, the process was ended %d times", err, ended)
		}
		if took := time.Since(began); took != 70*time.Second {
			t.Errorf("given up after %v, want deadline and margin: 70s", took)
		}
		if got := metrics(t, reader)["idphoto.task.stuck"]; got != "1 kind=noop,queue=express" {
			t.Errorf("idphoto.task.stuck = %q", got)
		}
		close(release)
	})
}

// registry is a ledger that keeps what workers tell, and may be away.
type registry struct {
	queue.Ledger

	mu    sync.Mutex
	beats []beat
	away  bool
	drain bool
}

type beat struct {
	at time.Time
	queue.WorkerInfo
}

func (r *registry) Heartbeat(ctx context.Context, w queue.WorkerInfo) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return false, errAway
	}
	r.beats = append(r.beats, beat{time.Now(), w})
	_, err := r.Ledger.Heartbeat(ctx, w)
	return r.drain, err
}

func (r *registry) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// take returns what was told since the last call.
func (r *registry) take() []beat {
	r.mu.Lock()
	defer r.mu.Unlock()
	beats := r.beats
	r.beats = nil
	return beats
}

func states(beats []beat) (all []queue.WorkerState) {
	for _, b := range beats {
		all = append(all, b.State)
	}
	return all
}
