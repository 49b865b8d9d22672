package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// JanitorOptions tunes a Janitor. The zero value is ready to use.
type JanitorOptions struct {
	ReapEvery      time.Duration // default 2 s
	StaleEvery     time.Duration // default 1 s: due retries start within this
	UnclaimedAfter time.Duration // a message unanswered for so long is sent again; default 1 min
	Batch          int           // tasks per transaction; default 100

	// Backoff is the wait before a task runs again whose worker was lost; default full jitter from
	// 1 s. It is shorter than a worker's: a dead worker says nothing against the task.
	Backoff func(attempt int) time.Duration

	// Forgetful says that the transport lost its messages when the process before this one ended
	// (the in-memory transport does): Run publishes every waiting task once at its start.
	Forgetful bool

	Logger        *slog.Logger
	MeterProvider metric.MeterProvider // default the global one
}

// Janitor makes up for what gets lost: it ends attempts whose lease is over, starts due retries,
// and publishes again what was not published or not claimed. Several at once do no harm.
type Janitor struct {
	ledger    Ledger
	publisher *Publisher
	opts      JanitorOptions
	meters    *meters
}

// NewJanitor returns a Janitor that publishes through publisher.
func NewJanitor(ledger Ledger, publisher *Publisher, opts *JanitorOptions) *Janitor {
	var o JanitorOptions
	if opts != nil {
		o = *opts
	}
	o.fill()
	return &Janitor{ledger: ledger, publisher: publisher, opts: o, meters: newMeters(o.MeterProvider)}
}

func (o *JanitorOptions) fill() {
	setDefault(&o.ReapEvery, 2*time.Second)
	setDefault(&o.StaleEvery, time.Second)
	setDefault(&o.UnclaimedAfter, time.Minute)
	setDefault(&o.Batch, 100)
	if o.Backoff == nil {
		o.Backoff = FullJitter(time.Second, 30*time.Second)
	}
	setDefault(&o.Logger, slog.Default())
	setDefault(&o.MeterProvider, otel.GetMeterProvider())
}

// setDefault replaces the zero value.
func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Run works until ctx is done. What fails is logged and tried again at the next tick.
func (j *Janitor) Run(ctx context.Context) {
	reap := time.NewTicker(j.opts.ReapEvery)
	defer reap.Stop()
	stale := time.NewTicker(j.opts.StaleEvery)
	defer stale.Stop()
	if j.opts.Forgetful {
		j.note(ctx, j.ledger.UnpublishAll(ctx))
	}
	j.note(ctx, j.Tick(ctx))
	for {
		select {
		case <-ctx.Done():
			return
		case <-reap.C:
			j.note(ctx, j.reap(ctx))
		case <-stale.C:
			j.note(ctx, j.publishStale(ctx))
		}
	}
}

func (j *Janitor) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		j.opts.Logger.WarnContext(ctx, "janitor will try again", "err", err)
	}
}

// Tick does all the work there is, once: for a function that a timer calls.
func (j *Janitor) Tick(ctx context.Context) error {
	return errors.Join(j.reap(ctx), j.publishStale(ctx))
}

func (j *Janitor) reap(ctx context.Context) error {
	for {
		tasks, err := j.ledger.Reap(ctx, j.opts.Backoff, j.opts.Batch)
		if err != nil {
			return fmt.Errorf("reaping leases: %w", err)
		}
		for _, t := range tasks {
			j.noteLost(ctx, t)
		}
		if len(tasks) < j.opts.Batch {
			return nil
		}
	}
}

// noteLost counts an attempt that no worker will report: its process died, hung, or lost the
// ledger. It may have been the task's last.
func (j *Janitor) noteLost(ctx context.Context, t Task) {
	j.meters.leasesLost.Add(ctx, 1, labels(t))
	if t.State.Final() {
		j.meters.finished.Add(ctx, 1, labels(t, attribute.String("state", string(t.State))))
	}
	j.opts.Logger.WarnContext(ctx, "a lease was over", "task", t.ID, "kind", t.Kind, "attempt", t.Attempts, "state", string(t.State))
}

func (j *Janitor) publishStale(ctx context.Context) error {
	for {
		tasks, err := j.ledger.Stale(ctx, j.opts.UnclaimedAfter, j.opts.Batch)
		if err != nil {
			return fmt.Errorf("looking for tasks without a message: %w", err)
		}
		for i, t := range tasks {
			if err := j.publisher.Publish(ctx, t); err != nil {
				return errors.Join(err, j.takeBack(ctx, tasks[i:]))
			}
		}
		if len(tasks) < j.opts.Batch {
			return nil
		}
	}
}

// takeBack notes that these were not published after all: the transport is down or full, and the
// next tick is to try again rather than the next UnclaimedAfter.
func (j *Janitor) takeBack(ctx context.Context, tasks []Task) error {
	ctx = context.WithoutCancel(ctx)
	for _, t := range tasks {
		if err := j.ledger.Unpublished(ctx, t.ID); err != nil {
			return fmt.Errorf("noting that a task was not published: %w", err)
		}
	}
	return nil
}
