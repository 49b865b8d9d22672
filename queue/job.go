package queue

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Handler does the work of one kind of task. Its methods are called from many goroutines.
type Handler interface {
	// Handle does one attempt. It runs its steps through j.Stage, stops soon when ctx is done, and
	// writes results only under j.ResultPrefix. What it returns is kept in the ledger: small, and
	// nothing of a person. A *Rejection ends the task Rejected, Permanent ends it Dead, any other
	// error has it tried again.
	Handle(ctx context.Context, j *Job) (result json.RawMessage, err error)

	// Discard removes what an attempt wrote under prefix, when its outcome was refused or it did
	// not succeed. Removing nothing is no error.
	Discard(ctx context.Context, prefix string) error
}

// Job is one attempt at a task, as its handler sees it.
type Job struct {
	Task         Task
	Attempt      int    // 1 for the first
	ResultPrefix string // "tasks/<id>/<attempt>/"

	worker *Worker
	claim  *Claim
	began  time.Time
	stop   context.CancelCauseFunc // ends the handler's context

	renewing sync.Mutex // held during a renewal

	mu         sync.Mutex // guards what is below
	stage      string
	stageBegan time.Time
	stages     []StageTime
}

// Causes for which an attempt's context ends, beside ErrLeaseLost and ErrCancelled.
var (
	errAttemptTooLong = errors.New("queue: the attempt took longer than its deadline")
	errStageTooLong   = errors.New("queue: a stage took longer than allowed")
)

// Stage runs f as the named step of the attempt. Before it does, it looks whether to go on: it
// renews the lease, tells the ledger the stage, and returns ErrCancelled or ErrLeaseLost, without
// calling f, when the task is no longer wanted or no longer ours. The step gets a span and its
// time is kept with the attempt. A ledger that does not answer stops nothing: the end of the
// attempt decides.
func (j *Job) Stage(ctx context.Context, name string, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.enter(name)
	if err := j.renew(ctx); err != nil {
		return err
	}
	ctx, span := j.worker.tracer.Start(ctx, "stage "+name, taskAttributes(j.Task), trace.WithAttributes(attrAttempt.Int(j.Attempt)))
	defer span.End()
	began := time.Now()
	err := f(ctx)
	took := j.leave(name, began)
	j.worker.meters.stage.Record(ctx, took.Seconds(), labels(j.Task, attribute.String("stage", name)))
	if err != nil {
		if rejection, rejected := errors.AsType[*Rejection](err); rejected {
			span.SetAttributes(attrCode.String(rejection.Code)) // an answer, not a failure
		} else {
			fail(span, classOf(err).code)
			span.RecordError(err)
		}
	}
	return err
}

func (j *Job) enter(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stage, j.stageBegan = name, time.Now()
}

func (j *Job) leave(name string, began time.Time) (took time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	took = now.Sub(began)
	j.stages = append(j.stages, StageTime{Name: name, Start: began.Sub(j.began), Duration: took})
	j.stageBegan = now // what comes between stages is bounded like a stage
	return took
}

// current returns the stage and how long it has been running.
func (j *Job) current() (name string, running time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stage, time.Since(j.stageBegan)
}

func (j *Job) stageTimes() []StageTime {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]StageTime(nil), j.stages...)
}

// renew prolongs the lease and shows the current stage. On a verdict it also ends the handler's
// context. One renewal at a time, lest a late one show the stage before.
func (j *Job) renew(ctx context.Context) error {
	j.renewing.Lock()
	defer j.renewing.Unlock()
	stage, _ := j.current()
	err := j.worker.ledger.Renew(ctx, j.claim, stage, j.worker.opts.Lease)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrLeaseLost), errors.Is(err, ErrCancelled):
		j.stop(err)
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	j.worker.log.WarnContext(ctx, "lease not renewed", "task", j.Task.ID, "attempt", j.Attempt, "err", err)
	return nil
}

// keepLease renews the lease while the handler is inside a stage. It stops when a stage runs
// longer than a stage may: then the lease ends by itself, so that a hung worker loses its task
// as a dead one does.
func (j *Job) keepLease(ctx context.Context) {
	tick := time.NewTicker(j.worker.opts.RenewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, running := j.current(); running > j.worker.opts.StageLimit {
			j.stop(errStageTooLong)
			return
		}
		if j.renew(ctx) != nil {
			return
		}
	}
}
