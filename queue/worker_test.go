package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// kinds registers one handler under the kind that the tests use.
func kinds(h queue.Handler) map[string]queue.Handler { return map[string]queue.Handler{"noop": h} }

func does(f func(ctx context.Context, j *queue.Job) (json.RawMessage, error)) *handler {
	return &handler{handle: f}
}

func create(t *testing.T, l queue.Ledger) queue.Task {
	t.Helper()
	task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: queue.DefaultMaxAttempts})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func process(t *testing.T, w *queue.Worker, task queue.Task) {
	t.Helper()
	if err := w.Process(t.Context(), queue.MessageOf(task).Encode()); err != nil {
		t.Errorf("Process: %v", err)
	}
}

func get(t *testing.T, l queue.Ledger, id string) queue.Task {
	t.Helper()
	task, err := l.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func attempts(t *testing.T, l queue.Ledger, id string) []queue.Attempt {
	t.Helper()
	as, err := l.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return as
}

func worker(l queue.Ledger, h queue.Handler) *queue.Worker {
	return queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Name: "w", Logger: quiet})
}

// coded is an error with a code of its own.
type coded struct{}

func (coded) Error() string     { return "the original is gone" }
func (coded) ErrorCode() string { return "input_missing" }

func TestOutcomes(t *testing.T) {
	for name, tc := range map[string]struct {
		err      error
		state    queue.State
		code     string
		discards int
	}{
		"success":            {nil, queue.Succeeded, "", 0},
		"rejection":          {&queue.Rejection{Code: "many_faces", Detail: map[string]any{"count": 2}}, queue.Rejected, "many_faces", 1},
		"wrapped rejection":  {fmt.Errorf("detecting: %w", &queue.Rejection{Code: "no_face"}), queue.Rejected, "no_face", 1},
		"permanent":          {queue.Permanent(errors.New("no use")), queue.Dead, queue.CodeInternal, 1},
		"permanent and code": {fmt.Errorf("fetching: %w", queue.Permanent(coded{})), queue.Dead, "input_missing", 1},
		"unknown error":      {errors.New("odd"), queue.Retrying, queue.CodeInternal, 1},
		"out of memory":      {fmt.Errorf("matting: %w", queue.ErrOutOfMemory), queue.Retrying, queue.CodeOutOfMemory, 1},
		"own timeout":        {fmt.Errorf("writing: %w", context.DeadlineExceeded), queue.Retrying, queue.CodeTimeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := memoryLedger(t)
			task := create(t, l)
			h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { return json.RawMessage(`{"a":1}`), tc.err })
			process(t, worker(l, h), task)
			got := get(t, l, task.ID)
			if got.State != tc.state || got.Code != tc.code {
				t.Errorf("task is %s, code %q; want %s, %q", got.State, got.Code, tc.state, tc.code)
			}
			prefix := "tasks/" + task.ID + "/1/"
			if tc.err == nil && (got.ResultPrefix != prefix || string(got.Result) != `{"a":1}`) {
				t.Errorf("result = %q under %q", got.Result, got.ResultPrefix)
			}
			if d := h.discards(); len(d) != tc.discards || tc.discards == 1 && d[0] != prefix {
				t.Errorf("discarded %v, want %d times %s", d, tc.discards, prefix)
			}
			if a := attempts(t, l, task.ID)[0]; tc.err != nil && !strings.Contains(a.Error, tc.err.Error()) {
				t.Errorf("the attempt keeps %q, want the cause %q", a.Error, tc.err)
			}
		})
	}
}

// A rejection with a result holds the task: what the attempt wrote stays, and is good once somebody
// accepts it. What another attempt wrote goes.
func TestAHeldResultStays(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	h := does(func(_ context.Context, j *queue.Job) (json.RawMessage, error) {
		if j.Attempt == 1 {
			return json.RawMessage(`{"a":1}`), errors.New("odd")
		}
		return nil, fmt.Errorf("storing: %w", &queue.Rejection{Code: "doubtful", Detail: map[string]any{"share": .5}, Result: json.RawMessage(`{"a":2}`)})
	})
	w := queue.NewWorker(l, kinds(h), &queue.WorkerOptions{Logger: quiet, Retries: queue.Retries{Default: queue.RetryPolicy{Base: 1, Limit: 1}}})
	process(t, w, task)
	if got := get(t, l, task.ID); got.State != queue.Retrying || got.ResultPrefix != "" || got.Result != nil {
		t.Fatalf("after the first attempt the task is %s with %s under %q", got.State, got.Result, got.ResultPrefix)
	}
	process(t, w, task)
	got := get(t, l, task.ID)
	if got.State != queue.Rejected || got.Code != "doubtful" || string(got.Detail) != `{"share":0.5}` {
		t.Errorf("task is %s %s %s", got.State, got.Code, got.Detail)
	}
	if string(got.Result) != `{"a":2}` || got.ResultPrefix != queue.ResultPrefix(task.ID, 2) {
		t.Errorf("result = %s under %q", got.Result, got.ResultPrefix)
	}
	if d := h.discards(); !slices.Equal(d, []string{queue.ResultPrefix(task.ID, 1)}) {
		t.Errorf("discarded %v, want what the first attempt wrote", d)
	}
	accepted, err := l.Accept(t.Context(), task.ID)
	if err != nil || accepted.State != queue.Succeeded || string(accepted.Result) != `{"a":2}` {
		t.Errorf("Accept = %s %s, %v", accepted.State, accepted.Result, err)
	}
}

// A cancelled task holds nothing.
func TestACancelledTaskHoldsNothing(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	h := does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		if _, err := l.Cancel(ctx, task.ID); err != nil {
			t.Error(err)
		}
		return nil, &queue.Rejection{Code: "doubtful", Result: json.RawMessage(`{"a":1}`)}
	})
	process(t, worker(l, h), task)
	if got := get(t, l, task.ID); got.State != queue.Cancelled || got.ResultPrefix != "" {
		t.Errorf("task is %s with %s under %q", got.State, got.Result, got.ResultPrefix)
	}
	if d := h.discards(); !slices.Equal(d, []string{queue.ResultPrefix(task.ID, 1)}) {
		t.Errorf("discarded %v, want what the attempt wrote", d)
	}
	if _, err := l.Accept(t.Context(), task.ID); !errors.Is(err, queue.ErrNotHeld) {
		t.Errorf("Accept: %v, want ErrNotHeld", err)
	}
}

func TestRejectionKeepsItsDetail(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	process(t, worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) {
		return nil, &queue.Rejection{Code: "many_faces", Detail: map[string]any{"count": 2}}
	})), task)
	if got := get(t, l, task.ID); string(got.Detail) != `{"count":2}` {
		t.Errorf("detail = %s", got.Detail)
	}
}

func TestAPanicFailsTheAttemptAndKeepsTheStack(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	process(t, worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { panic("out of range") })), task)
	if got := get(t, l, task.ID); got.State != queue.Retrying || got.Code != queue.CodePanic {
		t.Errorf("task is %s, code %q", got.State, got.Code)
	}
	if a := attempts(t, l, task.ID)[0]; !strings.Contains(a.Error, "out of range") || !strings.Contains(a.Stack, "worker_test.go") {
		t.Errorf("attempt = %q, stack %q", a.Error, a.Stack)
	}
}

func TestAnUnknownKindEndsVisiblyDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		w := queue.NewWorker(l, nil, &queue.WorkerOptions{Logger: quiet})
		for range queue.DefaultMaxAttempts {
			process(t, w, task)
			time.Sleep(10 * time.Minute)
		}
		if got := get(t, l, task.ID); got.State != queue.Dead || got.Code != queue.CodeUnknownKind {
			t.Errorf("task is %s, code %q", got.State, got.Code)
		}
	})
}

func TestStagesAreTimedAndShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		process(t, worker(l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			time.Sleep(time.Second)
			for _, name := range []string{"decode", "matte"} {
				err := j.Stage(ctx, name, func(context.Context) error {
					if got := get(t, l, task.ID).Stage; got != name {
						t.Errorf("stage shown = %q, want %q", got, name)
					}
					time.Sleep(2 * time.Second)
					return nil
				})
				if err != nil {
					t.Errorf("Stage: %v", err)
				}
			}
			return nil, nil
		})), task)
		want := []queue.StageTime{
			{Name: "decode", Start: time.Second, Duration: 2 * time.Second},
			{Name: "matte", Start: 3 * time.Second, Duration: 2 * time.Second},
		}
		if got := attempts(t, l, task.ID)[0].Stages; !slices.Equal(got, want) {
			t.Errorf("stages = %v, want %v", got, want)
		}
	})
}

// system is a worker, a janitor and a transport without delay, on a fake clock.
type system struct {
	ledger    queue.Ledger
	publisher *queue.Publisher
	topic     *chanTopic
	stop      func()
}

// chanTopic is a topic and its subscription: a channel.
type chanTopic struct {
	messages chan *pubsub.Message
	down     atomic.Bool
}

func (c *chanTopic) Send(ctx context.Context, m *pubsub.Message) error {
	if c.down.Load() {
		return errors.New("broker is down")
	}
	c.messages <- m
	return nil
}

// body is what Worker.Process gets of a message: here the test delivers, so that no driver's
// goroutines and acks are in the way of the fake clock.
func (c *chanTopic) pump(ctx context.Context, w *queue.Worker, done *sync.WaitGroup) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-c.messages:
			done.Go(func() { _ = w.Process(ctx, m.Body) }) // a failed Process is a lost message: the janitor's business
		}
	}
}

// start runs a system until the test ends. Call it inside a synctest bubble.
func start(t *testing.T, l queue.Ledger, h queue.Handler, o queue.WorkerOptions) *system {
	o.Logger, o.Name = quiet, "w"
	s := &system{ledger: l, topic: &chanTopic{messages: make(chan *pubsub.Message, 1000)}}
	s.publisher = queue.NewPublisher(l, express(s.topic), &queue.PublisherOptions{Logger: quiet})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.topic.pump(ctx, queue.NewWorker(l, kinds(h), &o), &wg) })
	wg.Go(func() { queue.NewJanitor(l, s.publisher, &queue.JanitorOptions{Logger: quiet}).Run(ctx) })
	s.stop = func() { cancel(); wg.Wait() }
	return s
}

func (s *system) submit(t *testing.T) queue.Task {
	t.Helper()
	task, _, err := s.publisher.Submit(t.Context(), queue.Task{Kind: "noop"})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestAFailureIsRetriedWithGrowingBackoffUntilDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		var ended []time.Time
		s := start(t, l, does(func(_ context.Context, j *queue.Job) (json.RawMessage, error) {
			if n := len(ended); n > 0 {
				backoff, ceiling := j.Task.DueAt.Sub(ended[n-1]), 10*time.Second<<(n-1)
				if backoff < 0 || backoff > ceiling {
					t.Errorf("retry %d is due after %v, want at most %v", n, backoff, ceiling)
				}
				if late := time.Since(j.Task.DueAt); late < 0 || late > time.Second {
					t.Errorf("retry %d started %v after it was due, want within a second", n, late)
				}
			}
			ended = append(ended, time.Now())
			return nil, fmt.Errorf("failure %d", j.Attempt)
		}), queue.WorkerOptions{})
		defer s.stop()
		task := s.submit(t)
		time.Sleep(2 * time.Minute)
		if got := get(t, l, task.ID); got.State != queue.Dead || got.Attempts != 4 {
			t.Fatalf("task is %s after %d attempts", got.State, got.Attempts)
		}
		for i, a := range attempts(t, l, task.ID) {
			if want := fmt.Sprintf("failure %d", i+1); !strings.Contains(a.Error, want) {
				t.Errorf("attempt %d keeps %q, want %q", i+1, a.Error, want)
			}
		}
	})
}

func TestAKindMayHaveRetriesOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		retries := queue.Retries{Kinds: map[string]queue.RetryPolicy{"noop": {Attempts: 2, Base: 1, Limit: 1}}}
		h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, errors.New("odd") })
		topic := &chanTopic{messages: make(chan *pubsub.Message, 2)}
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Retries: retries, Logger: quiet})
		w := queue.NewWorker(l, map[string]queue.Handler{"noop": h, "other": h}, &queue.WorkerOptions{Retries: retries, Logger: quiet})
		for kind, want := range map[string]struct {
			attempts int
			state    queue.State // after a second attempt in the same second
		}{"noop": {2, queue.Dead}, "other": {queue.DefaultMaxAttempts, queue.Retrying}} {
			task, _, err := p.Submit(t.Context(), queue.Task{Kind: kind})
			if err != nil || task.MaxAttempts != want.attempts {
				t.Errorf("%s may be tried %d times, %v; want %d", kind, task.MaxAttempts, err, want.attempts)
			}
			process(t, w, task)
			time.Sleep(time.Microsecond)
			process(t, w, task)
			if got := get(t, l, task.ID); got.State != want.state {
				t.Errorf("%s is %s after %d attempts, want %s", kind, got.State, got.Attempts, want.state)
			}
		}
	})
}

func TestALongStageKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		s := start(t, l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			return nil, j.Stage(ctx, "matte", func(context.Context) error { time.Sleep(25 * time.Second); return nil })
		}), queue.WorkerOptions{})
		defer s.stop()
		task := s.submit(t)
		time.Sleep(26 * time.Second)
		if got := get(t, l, task.ID); got.State != queue.Succeeded || got.Attempts != 1 {
			t.Errorf("task is %s after %d attempts", got.State, got.Attempts)
		}
	})
}

// TestAHungWorkerLosesItsTask: a handler that ignores its context for ever must not keep the task
// by the heartbeat of its process.
func TestAHungWorkerLosesItsTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		release := make(chan struct{})
		h := does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			if j.Attempt == 1 {
				_ = j.Stage(ctx, "matte", func(context.Context) error { <-release; return nil })
			}
			return json.RawMessage(fmt.Sprint(j.Attempt)), nil
		})
		s := start(t, l, h, queue.WorkerOptions{})
		task := s.submit(t)
		time.Sleep(30*time.Second + 20*time.Second) // the stage's limit, then lease, reaper, back-off
		got := get(t, l, task.ID)
		if got.State != queue.Succeeded || string(got.Result) != "2" {
			t.Errorf("task is %s with result %s, want the second attempt's", got.State, got.Result)
		}
		close(release)
		s.stop()
		if after := get(t, l, task.ID); string(after.Result) != "2" {
			t.Errorf("the overtaken worker changed the result to %s", after.Result)
		}
		if d, want := h.discards(), queue.ResultPrefix(task.ID, 1); len(d) != 1 || d[0] != want {
			t.Errorf("discarded %v, want %s", d, want)
		}
	})
}

func TestAStageThatTakesTooLongIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		began := time.Now()
		process(t, worker(l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			return nil, j.Stage(ctx, "matte", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		})), task)
		if took := time.Since(began); took < 30*time.Second || took > 34*time.Second {
			t.Errorf("stopped after %v, want soon after 30s", took)
		}
		if got := get(t, l, task.ID); got.State != queue.Retrying || got.Code != queue.CodeTimeout {
			t.Errorf("task is %s, code %q", got.State, got.Code)
		}
	})
}

func TestTheDeadlineEndsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		began := time.Now()
		process(t, worker(l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			for {
				if err := j.Stage(ctx, "step", func(context.Context) error { time.Sleep(time.Second); return nil }); err != nil {
					return nil, err
				}
			}
		})), task)
		if took := time.Since(began); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("ended after %v, want at the first stage's end after 1m", took)
		}
		if got := get(t, l, task.ID); got.State != queue.Retrying || got.Code != queue.CodeTimeout {
			t.Errorf("task is %s, code %q", got.State, got.Code)
		}
	})
}

func TestCancelStopsARunningTaskAtItsNextStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		h := does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			if _, err := l.Cancel(ctx, task.ID); err != nil {
				t.Error(err)
			}
			err := j.Stage(ctx, "matte", func(context.Context) error { t.Error("the stage ran"); return nil })
			if !errors.Is(err, queue.ErrCancelled) {
				t.Errorf("Stage = %v, want ErrCancelled", err)
			}
			return nil, err
		})
		process(t, worker(l, h), task)
		if got := get(t, l, task.ID); got.State != queue.Cancelled {
			t.Errorf("task is %s", got.State)
		}
		if len(h.discards()) != 1 {
			t.Errorf("discarded %v, want once", h.discards())
		}
	})
}

func TestCancelReachesTheInsideOfAStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		s := start(t, l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			return nil, j.Stage(ctx, "matte", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}), queue.WorkerOptions{})
		defer s.stop()
		task := s.submit(t)
		time.Sleep(time.Second)
		if _, err := l.Cancel(t.Context(), task.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // one renewal
		if got := get(t, l, task.ID); got.State != queue.Cancelled {
			t.Errorf("task is %s", got.State)
		}
	})
}

func TestErasingARunningTaskRemovesWhatItWrote(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	h := does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		_, err := l.Erase(ctx, task.ID)
		return json.RawMessage(`{"a":1}`), err // it does not notice, and succeeds
	})
	process(t, worker(l, h), task)
	if got := get(t, l, task.ID); got.State != queue.Cancelled || !got.Erased || got.Result != nil || got.ResultPrefix != "" {
		t.Errorf("task = %+v", got)
	}
	if len(h.discards()) != 1 {
		t.Errorf("discarded %v, want once", h.discards())
	}
}

func TestARepeatedMessageRunsNothing(t *testing.T) {
	l := memoryLedger(t)
	task := create(t, l)
	runs := 0
	w := worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { runs++; return nil, nil }))
	for range 3 {
		process(t, w, task)
	}
	if runs != 1 || len(attempts(t, l, task.ID)) != 1 {
		t.Errorf("ran %d times in %d attempts, want once", runs, len(attempts(t, l, task.ID)))
	}
}

func TestALostMessageIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		s := start(t, l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil }), queue.WorkerOptions{})
		defer s.stop()
		task := create(t, l)
		if err := l.Published(t.Context(), task.ID); err != nil { // but the broker lost it
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if got := get(t, l, task.ID); got.State != queue.Queued {
			t.Errorf("task is %s too early", got.State)
		}
		time.Sleep(3 * time.Second)
		if got := get(t, l, task.ID); got.State != queue.Succeeded {
			t.Errorf("task is %s", got.State)
		}
	})
}

// TestAForgetfulTransportIsFilledAtStart is what a start of the one-process server looks like.
func TestAForgetfulTransportIsFilledAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		if err := l.Published(t.Context(), task.ID); err != nil { // by the process before this one
			t.Fatal(err)
		}
		time.Sleep(queue.PublishGrace)
		topic := &chanTopic{messages: make(chan *pubsub.Message, 1)}
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go queue.NewJanitor(l, p, &queue.JanitorOptions{Forgetful: true, Logger: quiet}).Run(ctx)
		synctest.Wait()
		select {
		case m := <-topic.messages:
			if got, err := queue.ParseMessage(m.Body); err != nil || got.TaskID != task.ID {
				t.Errorf("message = %+v, %v", got, err)
			}
		default:
			t.Error("nothing was published at the start")
		}
	})
}

// flaky is a ledger that fails in chosen calls, before or after it did the work.
type flaky struct {
	queue.Ledger
	claimFails  atomic.Int32
	finishFails atomic.Int32 // the work is done, the answer is lost
	renewFails  atomic.Int32
}

var errAway = errors.New("ledger is away")

func (f *flaky) Claim(ctx context.Context, id, worker string, lease time.Duration) (*queue.Claim, error) {
	if f.claimFails.Add(-1) >= 0 {
		return nil, errAway
	}
	return f.Ledger.Claim(ctx, id, worker, lease)
}

func (f *flaky) Renew(ctx context.Context, c *queue.Claim, stage string, lease time.Duration) error {
	if f.renewFails.Add(-1) >= 0 {
		return errAway
	}
	return f.Ledger.Renew(ctx, c, stage, lease)
}

func (f *flaky) Finish(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	err := f.Ledger.Finish(ctx, c, o)
	if f.finishFails.Add(-1) >= 0 {
		return errAway
	}
	return err
}

func TestALostAnswerOfFinishLosesNoResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &flaky{Ledger: memoryLedger(t)}
		l.finishFails.Store(3)
		task := create(t, l)
		h := does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil })
		process(t, worker(l, h), task)
		if got := get(t, l, task.ID); got.State != queue.Succeeded {
			t.Errorf("task is %s", got.State)
		}
		if len(h.discards()) != 0 {
			t.Error("the recorded result was discarded")
		}
	})
}

func TestALedgerThatIsAwayForAMomentStopsNoStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &flaky{Ledger: memoryLedger(t)}
		l.renewFails.Store(2)
		task := create(t, l)
		process(t, worker(l, does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
			return nil, j.Stage(ctx, "matte", func(context.Context) error { time.Sleep(5 * time.Second); return nil })
		})), task)
		if got := get(t, l, task.ID); got.State != queue.Succeeded {
			t.Errorf("task is %s", got.State)
		}
	})
}

func TestProcessReportsALedgerThatIsAway(t *testing.T) {
	l := &flaky{Ledger: memoryLedger(t)}
	l.claimFails.Store(1)
	task := create(t, l)
	w := worker(l, does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, nil }))
	if err := w.Process(t.Context(), queue.MessageOf(task).Encode()); !errors.Is(err, errAway) {
		t.Errorf("Process = %v, want the ledger's error", err)
	}
	process(t, w, task)
	if got := get(t, l, task.ID); got.State != queue.Succeeded {
		t.Errorf("task is %s", got.State)
	}
}

func TestADeadlineOfTheCallerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memoryLedger(t)
		task := create(t, l)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // as a function's invocation has
		defer cancel()
		w := worker(l, does(func(ctx context.Context, _ *queue.Job) (json.RawMessage, error) { <-ctx.Done(); return nil, ctx.Err() }))
		if err := w.Process(ctx, queue.MessageOf(task).Encode()); err != nil {
			t.Errorf("Process: %v", err)
		}
		if got := get(t, l, task.ID); got.State != queue.Retrying || got.Code != queue.CodeTimeout || got.MaxAttempts != queue.DefaultMaxAttempts {
			t.Errorf("task is %s, code %q, %d attempts allowed", got.State, got.Code, got.MaxAttempts)
		}
	})
}
