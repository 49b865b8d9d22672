package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
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
	Name       string        // shown with attempts; default host name, process id and a random part
	Slots      int           // tasks at once in Run; default the number of CPUs
	Lease      time.Duration // default 10 s
	RenewEvery time.Duration // of leases and of the worker's registration; default 3 s
	Deadline   time.Duration // bound on one attempt; default 60 s
	StopMargin time.Duration // a handler that has not returned so long after Deadline is stuck; default 10 s
	StageLimit time.Duration // bound on one stage: a longer one counts as hung; default 30 s
	Grace      time.Duration // how long running work may go on once Run's ctx is done; default 20 s
	HoldFor    time.Duration // how long Run keeps a message that no slot is free for; default 1 s
	HeadStart  time.Duration // how long Run waits for the lane whose turn it is; default 10 ms, negative: not at all
	Retries    Retries       // back-off after failed attempts
	Publisher  *Publisher    // of tasks that running ones add (Job.Extend); default none: they may not

	// What the registration tells beside that.
	Version   string        // of the program
	Provider  string        // execution provider of the networks
	LoadTime  time.Duration // how long opening the networks took
	ColdStart bool          // it runs where a process is started for work (a function)

	// Stuck is called when a handler does not return and the worker is not inside Run; default
	// ends the process with status 70, since nothing else stops the handler.
	Stuck func()

	System         string // messaging.system of spans; default "gocdk"
	Logger         *slog.Logger
	TracerProvider trace.TracerProvider // default the global one
	MeterProvider  metric.MeterProvider // default the global one
}

// Worker does tasks: it claims them in the ledger, runs their kind's handler under a lease, and
// records how each attempt ended. Safe for concurrent use, but for one Run at a time.
type Worker struct {
	ledger   Ledger
	handlers map[string]Handler // by kind
	opts     WorkerOptions
	host     string
	presence *presence
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
	host := hostName()
	o.fill(host)
	w := &Worker{ledger: ledger, handlers: maps.Clone(handlers), opts: o, host: host, presence: newPresence(),
		log: o.Logger.With("worker", o.Name), tracer: o.TracerProvider.Tracer(scope), meters: newMeters(o.MeterProvider)}
	w.meters.startAtZero(context.Background(), slices.Sorted(maps.Keys(handlers)))
	return w
}

func (o *WorkerOptions) fill(host string) {
	setDefault(&o.Name, newWorkerName(host))
	setDefault(&o.Slots, runtime.NumCPU())
	setDefault(&o.Lease, 10*time.Second)
	setDefault(&o.RenewEvery, 3*time.Second)
	setDefault(&o.Deadline, time.Minute)
	setDefault(&o.StopMargin, 10*time.Second)
	setDefault(&o.StageLimit, 30*time.Second)
	setDefault(&o.Grace, 20*time.Second)
	setDefault(&o.HoldFor, time.Second)
	setDefault(&o.HeadStart, 10*time.Millisecond)
	setDefault(&o.System, "gocdk")
	if o.Stuck == nil {
		o.Stuck = func() { os.Exit(exitStuck) }
	}
	setDefault(&o.Logger, slog.Default())
	setDefault(&o.TracerProvider, otel.GetTracerProvider())
	setDefault(&o.MeterProvider, otel.GetMeterProvider())
}

// exitStuck is the exit status for ErrStuck where nobody takes the error: EX_SOFTWARE of sysexits.h.
const exitStuck = 70

// Process handles one message, however it arrived; Run does it for those that it pulls. Nil means
// that the message has done its duty and can be acknowledged: the task's outcome is recorded, or the
// message was a repetition, or unreadable (then it is kept as a dead task), or for a task that does
// not exist or whose lane is paused. An error means that the ledger did not answer: the message
// should come again. When ctx is cancelled, the work is handed back without counting as an attempt;
// when ctx's deadline passes, it counts.
//
// A handler that does not return is given up after Deadline and StopMargin: Process calls
// WorkerOptions.Stuck then, and returns ErrStuck should that return.
func (w *Worker) Process(ctx context.Context, body []byte) error {
	defer w.show(ctx)()
	_, err := w.process(ctx, Express, body)
	if errors.Is(err, ErrStuck) {
		w.opts.Stuck()
	}
	return err
}

// process is Process for a message of a lane.
func (w *Worker) process(ctx context.Context, lane string, body []byte) (done processed, err error) {
	began := time.Now()
	defer func() { w.meters.countProcess(ctx, w.opts.System, lane, began, err) }()
	m, err := ParseMessage(body)
	if err != nil {
		return done, w.bury(ctx, lane, body)
	}
	c, err := w.ledger.Claim(ctx, m.TaskID, w.opts.Name, w.opts.Lease)
	switch {
	case errors.Is(err, ErrNotClaimable):
		w.meters.duplicates.Add(ctx, 1, laneLabel(lane))
		w.log.DebugContext(ctx, "message dropped: nothing to do", "task", m.TaskID)
		return done, nil
	case errors.Is(err, ErrPaused):
		w.meters.paused.Add(ctx, 1, laneLabel(lane))
		w.log.DebugContext(ctx, "message dropped: the lane is paused", "task", m.TaskID)
		return done, nil
	case errors.Is(err, ErrNotFound):
		w.meters.unknown.Add(ctx, 1)
		w.log.WarnContext(ctx, "message dropped: no such task", "task", clip(m.TaskID, 64))
		return done, nil
	case err != nil:
		w.meters.ledgerErrors.Add(ctx, 1, operation("claim"))
		return done, fmt.Errorf("claiming task %s: %w", clip(m.TaskID, 64), err)
	}
	return w.attempt(ctx, c)
}

// bury makes a message that cannot be read visible as a dead task.
func (w *Worker) bury(ctx context.Context, lane string, body []byte) error {
	if err := w.ledger.RecordDead(ctx, unreadable(lane, body)); err != nil {
		return fmt.Errorf("recording an unreadable message of %d bytes: %w", len(body), err)
	}
	w.meters.undecodable.Add(ctx, 1, laneLabel(lane))
	w.log.ErrorContext(ctx, "message cannot be read, it is kept as a dead task", "bytes", len(body), "lane", lane)
	return nil
}
