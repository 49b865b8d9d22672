package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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
	LostEvery      time.Duration // looks for lost workers; default 5 s
	RollUpEvery    time.Duration // brings the history up to date; default 2 s
	SampleEvery    time.Duration // notes the backlog; default 1 min
	PurgeEvery     time.Duration // removes what its retention no longer covers; default 1 min
	SweepEvery     time.Duration // looks for orphaned blobs; default 10 min
	Batch          int           // tasks per transaction; default 100

	// Backoff is the wait before a task runs again whose worker was lost; default full jitter from
	// 1 s. It is shorter than a worker's: a dead worker says nothing against the task.
	Backoff func(attempt int) time.Duration

	Blobs     Blobs         // what tasks wrote; nil: nothing is purged or swept
	Retention Retention     // with Blobs
	OrphanAge time.Duration // a blob younger than that may belong to a row that is yet to come; default 1 h
	SweepKeys int           // blobs looked at in one sweep; default 2,000

	// Kinds are those whose counters of lost leases and deaths start at zero: an alert does not see
	// the first of a counter that was not there before.
	Kinds []string

	// Also is what others have to do regularly where the janitor does.
	Also []Chore

	// Forgetful says that the transport lost its messages when the process before this one ended
	// (the in-memory transport does): Run publishes every waiting task once at its start.
	Forgetful bool

	Logger        *slog.Logger
	MeterProvider metric.MeterProvider // default the global one
}

// Janitor makes up for what gets lost: it ends attempts whose lease is over, starts due retries,
// and publishes again what was not published or not claimed. It also keeps house: lost workers, the
// history, and what retention no longer covers. Several at once do no harm.
type Janitor struct {
	ledger    Ledger
	publisher *Publisher
	opts      JanitorOptions
	sweeper   *sweeper // nil without blobs
	meters    *meters
}

// NewJanitor returns a Janitor that publishes through publisher.
func NewJanitor(ledger Ledger, publisher *Publisher, opts *JanitorOptions) *Janitor {
	var o JanitorOptions
	if opts != nil {
		o = *opts
	}
	o.fill()
	j := &Janitor{ledger: ledger, publisher: publisher, opts: o, meters: newMeters(o.MeterProvider)}
	j.meters.startAtZero(context.Background(), o.Kinds)
	if o.Blobs != nil {
		j.sweeper = newSweeper(ledger, o.Blobs, o.OrphanAge, o.SweepKeys)
	}
	return j
}

func (o *JanitorOptions) fill() {
	setDefault(&o.ReapEvery, 2*time.Second)
	setDefault(&o.StaleEvery, time.Second)
	setDefault(&o.UnclaimedAfter, time.Minute)
	setDefault(&o.LostEvery, 5*time.Second)
	setDefault(&o.RollUpEvery, 2*time.Second)
	setDefault(&o.SampleEvery, time.Minute)
	setDefault(&o.PurgeEvery, time.Minute)
	setDefault(&o.SweepEvery, 10*time.Minute)
	setDefault(&o.Batch, 100)
	setDefault(&o.OrphanAge, time.Hour)
	setDefault(&o.SweepKeys, 2000)
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

// Chore is one regular work. It ends early, without an error, when ctx leaves it no more time.
type Chore struct {
	Name  string
	Every time.Duration
	Do    func(ctx context.Context) error
}

// chores lists them, the most urgent first.
func (j *Janitor) chores() []Chore {
	o := &j.opts
	all := []Chore{
		{"reap leases", o.ReapEvery, j.reap},
		{"publish waiting tasks", o.StaleEvery, j.publishStale},
		{"mark lost workers", o.LostEvery, j.markLost},
		{"roll up the history", o.RollUpEvery, j.rollUp},
		{"sample the backlog", o.SampleEvery, j.ledger.Sample},
	}
	if o.Blobs != nil {
		all = append(all, Chore{"purge", o.PurgeEvery, j.purge}, Chore{"sweep orphaned blobs", o.SweepEvery, j.sweep})
	}
	return append(all, o.Also...)
}

// Run works until ctx is done, each chore in its own rhythm: a slow purge delays no retry. What
// fails is logged and tried again at the next tick.
func (j *Janitor) Run(ctx context.Context) {
	if j.opts.Forgetful {
		if err := j.ledger.UnpublishAll(ctx); err != nil && ctx.Err() == nil {
			j.opts.Logger.WarnContext(ctx, "tasks whose messages are gone are published late", "err", err)
		}
	}
	var wg sync.WaitGroup
	for _, c := range j.chores() {
		wg.Go(func() { j.keepDoing(ctx, c) })
	}
	wg.Wait()
}

// keepDoing does a chore at every tick. A row of failures is logged once, and once when it is over.
func (j *Janitor) keepDoing(ctx context.Context, c Chore) {
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for failed := 0; ; {
		err := c.Do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			j.meters.choreFailed.Add(ctx, 1, metric.WithAttributes(attribute.String("chore", c.Name)))
			if failed++; failed == 1 {
				j.opts.Logger.WarnContext(ctx, "janitor will try again", "chore", c.Name, "err", err)
			}
		case failed > 0:
			j.opts.Logger.InfoContext(ctx, "janitor succeeds again", "chore", c.Name, "failed", failed)
			failed = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tick does all the work there is, once: for a function that a timer calls. What ctx's deadline
// leaves no time for is left to the next tick.
func (j *Janitor) Tick(ctx context.Context) error {
	var errs []error
	for _, c := range j.chores() {
		if !timeLeft(ctx) {
			break
		}
		if err := c.Do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
		}
	}
	return errors.Join(errs...)
}

// roundTime is what one more round of a chore may take.
const roundTime = 3 * time.Second

// timeLeft reports whether ctx leaves time for one more round.
func timeLeft(ctx context.Context) bool {
	end, bounded := ctx.Deadline()
	return ctx.Err() == nil && (!bounded || time.Until(end) > roundTime)
}

func (j *Janitor) reap(ctx context.Context) error {
	for timeLeft(ctx) {
		tasks, err := j.ledger.Reap(ctx, j.opts.Backoff, j.opts.Batch)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			j.noteLost(ctx, t)
		}
		if len(tasks) < j.opts.Batch {
			break
		}
	}
	return nil
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

// publishStale sends the messages that tasks want. A lane whose topic takes none does not hold up
// the other one.
func (j *Janitor) publishStale(ctx context.Context) error {
	var failed []Task
	var errs []error
	down := make(map[string]bool)
	for timeLeft(ctx) && len(failed) <= 4*j.opts.Batch {
		tasks, err := j.ledger.Stale(ctx, j.opts.UnclaimedAfter, j.opts.Batch)
		if err != nil {
			errs = append(errs, err)
			break
		}
		for _, t := range tasks {
			if !down[t.Lane] {
				err := j.publisher.Publish(ctx, t)
				if err == nil {
					continue
				}
				errs = append(errs, err)
				down[t.Lane] = true
			}
			failed = append(failed, t)
		}
		if len(tasks) < j.opts.Batch {
			break
		}
	}
	return errors.Join(append(errs, j.takeBack(ctx, failed))...)
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

// rollUpBatch is how many ends one transaction adds to the history: few enough not to hold up the
// tasks' own writes.
const rollUpBatch = 500

func (j *Janitor) rollUp(ctx context.Context) error {
	for timeLeft(ctx) {
		n, err := j.ledger.RollUp(ctx, rollUpBatch)
		if err != nil || n < rollUpBatch {
			return err
		}
	}
	return nil
}

// forgetWorkers is how long workers that are gone are still shown.
const forgetWorkers = 24 * time.Hour

func (j *Janitor) markLost(ctx context.Context) error {
	lost, err := j.ledger.MarkLost(ctx, time.Now().Add(-forgetWorkers))
	for _, w := range lost {
		j.meters.workersLost.Add(ctx, 1)
		j.opts.Logger.WarnContext(ctx, "a worker is lost", "worker", w.Name, "seen", w.SeenAt, "tasks", len(w.Tasks))
	}
	return err
}
