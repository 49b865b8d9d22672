package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/pubsub"
)

// Subscription gives messages: a *pubsub.Subscription, or a *transport.Subscription that also
// reconnects.
type Subscription interface {
	Receive(ctx context.Context) (*pubsub.Message, error)
}

// WorkerOptions tunes a Worker. The zero value is ready to use.
type WorkerOptions struct {
	Name       string        // shown with attempts; default host name and process id
	Slots      int           // tasks at once in Run; default the number of CPUs
	Lease      time.Duration // default 10 s
	RenewEvery time.Duration // default 3 s
	Deadline   time.Duration // bound on one attempt; default 60 s
	StageLimit time.Duration // bound on one stage: a longer one counts as hung; default 30 s
	Grace      time.Duration // how long running work may go on once Run's ctx is done; default 20 s

	// Backoff is the wait after the n-th failed attempt; default full jitter from 10 s to 10 min.
	Backoff func(attempt int) time.Duration

	System         string // messaging.system of spans; default "gocdk"
	Logger         *slog.Logger
	TracerProvider trace.TracerProvider // default the global one
	MeterProvider  metric.MeterProvider // default the global one
}

// Worker does tasks: it claims them in the ledger, runs their kind's handler under a lease, and
// records how each attempt ended. Safe for concurrent use.
type Worker struct {
	ledger   Ledger
	handlers map[string]Handler // by kind
	opts     WorkerOptions
	log      *slog.Logger
	tracer   trace.Tracer
	meters   *meters
}

// NewWorker returns a worker for the kinds that have a handler. The caller closes ledger when the
// worker has ended.
func NewWorker(ledger Ledger, handlers map[string]Handler, opts *WorkerOptions) *Worker {
	var o WorkerOptions
	if opts != nil {
		o = *opts
	}
	o.fill()
	return &Worker{ledger: ledger, handlers: maps.Clone(handlers), opts: o, log: o.Logger.With("worker", o.Name),
		tracer: o.TracerProvider.Tracer(scope), meters: newMeters(o.MeterProvider)}
}

func (o *WorkerOptions) fill() {
	if o.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		o.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	setDefault(&o.Slots, runtime.NumCPU())
	setDefault(&o.Lease, 10*time.Second)
	setDefault(&o.RenewEvery, 3*time.Second)
	setDefault(&o.Deadline, time.Minute)
	setDefault(&o.StageLimit, 30*time.Second)
	setDefault(&o.Grace, 20*time.Second)
	setDefault(&o.System, "gocdk")
	if o.Backoff == nil {
		o.Backoff = FullJitter(10*time.Second, 10*time.Minute)
	}
	setDefault(&o.Logger, slog.Default())
	setDefault(&o.TracerProvider, otel.GetTracerProvider())
	setDefault(&o.MeterProvider, otel.GetMeterProvider())
}

// Run pulls messages from sub and does their tasks until ctx is done. Then it takes no more, lets
// running work finish for the grace time, and hands back what has not: those attempts do not
// count. It returns nil then, or sub's error when sub gave up. A message is asked for only when a
// slot is free, so that none waits here while another worker is idle. The caller shuts sub down
// afterwards, which sends the last acknowledgements.
func (w *Worker) Run(ctx context.Context, sub Subscription) error {
	working, handBack := context.WithCancel(context.WithoutCancel(ctx))
	defer handBack()
	var running sync.WaitGroup
	err := w.pull(ctx, sub, func(m *pubsub.Message, done func()) {
		running.Go(func() {
			defer done()
			w.deliver(ctx, working, m)
		})
	})
	drained := make(chan struct{})
	go func() {
		running.Wait()
		close(drained)
	}()
	grace := time.NewTimer(w.opts.Grace)
	defer grace.Stop()
	select {
	case <-drained:
	case <-grace.C:
		w.log.Warn("grace time is over, running tasks are handed back")
		handBack()
		<-drained
	}
	return err
}

// pull receives one message per free slot until ctx is done or sub fails for good.
func (w *Worker) pull(ctx context.Context, sub Subscription, start func(m *pubsub.Message, done func())) error {
	slots := make(chan struct{}, w.opts.Slots)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		m, err := sub.Receive(ctx)
		switch {
		case err == nil:
			start(m, func() { <-slots })
		case ctx.Err() != nil:
			return nil
		default:
			return fmt.Errorf("receiving messages: %w", err)
		}
	}
}

// deliver processes one message and acknowledges it once its outcome is durable. While the ledger
// does not answer, it waits and asks again, holding the message: giving it back (Nack) would only
// send it round in a circle. When the worker stops meanwhile, the message goes back for others.
func (w *Worker) deliver(ctx, working context.Context, m *pubsub.Message) {
	wait := FullJitter(200*time.Millisecond, 5*time.Second)
	for n := 1; ; n++ {
		err := w.Process(working, m.Body)
		if err == nil {
			m.Ack()
			return
		}
		w.log.WarnContext(ctx, "message not processed yet", "err", err)
		select {
		case <-time.After(wait(n)):
		case <-ctx.Done():
			if m.Nackable() {
				m.Nack()
			}
			return
		}
	}
}

// Process handles one message, however it arrived. Nil means that the message has done its duty
// and can be acknowledged: the task's outcome is recorded, or the message was a repetition, or
// unreadable, or for a task that does not exist. An error means that the ledger did not answer:
// the message should come again. When ctx is cancelled, the work is handed back without counting
// as an attempt; when ctx's deadline passes, it counts.
func (w *Worker) Process(ctx context.Context, body []byte) error {
	m, err := ParseMessage(body)
	if err != nil {
		w.meters.undecodable.Add(ctx, 1)
		w.log.ErrorContext(ctx, "message dropped: it cannot be read", "bytes", len(body))
		return nil
	}
	c, err := w.ledger.Claim(ctx, m.TaskID, w.opts.Name, w.opts.Lease)
	switch {
	case errors.Is(err, ErrNotClaimable):
		w.meters.duplicates.Add(ctx, 1)
		w.log.DebugContext(ctx, "message dropped: nothing to do", "task", m.TaskID)
		return nil
	case errors.Is(err, ErrNotFound):
		w.meters.unknown.Add(ctx, 1)
		w.log.WarnContext(ctx, "message dropped: no such task", "task", clip(m.TaskID, 64))
		return nil
	case err != nil:
		return fmt.Errorf("claiming task %s: %w", clip(m.TaskID, 64), err)
	}
	return w.attempt(ctx, c)
}
