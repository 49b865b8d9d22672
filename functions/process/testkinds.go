package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// TestHandlers are the handlers of the kinds that TEST_KINDS switches on, for measuring and killing.
func TestHandlers() map[string]queue.Handler {
	return map[string]queue.Handler{photo.Noop: testKind{noop}, photo.Crash: testKind{crash}}
}

// stageFunc is queue.Job.Stage.
type stageFunc func(ctx context.Context, name string, f func(context.Context) error) error

// testKind is a handler that writes nothing.
type testKind struct {
	run func(ctx context.Context, o photo.TestOptions, attempt int, stage stageFunc) error
}

func (k testKind) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	var o photo.TestOptions
	if len(j.Task.Options) > 0 {
		if err := json.Unmarshal(j.Task.Options, &o); err != nil {
			return nil, queue.Permanent(fmt.Errorf("reading a test task's options: %w", err))
		}
	}
	return json.RawMessage("{}"), k.run(ctx, o, j.Attempt, j.Stage)
}

func (testKind) Discard(context.Context, string) error { return nil }

// noop passes its stages, each as long as asked.
func noop(ctx context.Context, o photo.TestOptions, _ int, stage stageFunc) error {
	for i := range max(o.Stages, 1) {
		err := stage(ctx, fmt.Sprintf("noop %d", i+1), func(ctx context.Context) error {
			if o.Sleep <= 0 {
				return nil
			}
			timer := time.NewTimer(o.Sleep)
			defer timer.Stop()
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-timer.C:
				return nil
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// crash passes its stages like noop, then fails as asked. It returns only when it cannot, or when it
// has crashed often enough.
func crash(ctx context.Context, o photo.TestOptions, attempt int, stage stageFunc) error {
	if o.Stages > 0 || o.Sleep > 0 {
		if err := noop(ctx, o, attempt, stage); err != nil {
			return err
		}
	}
	if o.Times > 0 && attempt > o.Times {
		return nil
	}
	return stage(ctx, "crash", func(context.Context) error {
		switch o.How {
		case photo.Panic:
			panic("a crash was asked for")
		case photo.Hang:
			select {}
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		if err := self.Kill(); err != nil {
			return err
		}
		select {} // the signal is on its way
	})
}
