package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

const (
	finishWithin  = 30 * time.Second // how long an outcome is offered to a ledger that does not answer
	discardWithin = 10 * time.Second
	maxErrorText  = 4 << 10 // bytes kept of an error chain
	maxStackText  = 16 << 10
)

var errUnknownKind = errors.New("queue: no handler for this kind of task")

// attempt works on a claimed task to its recorded end. It returns an error only when the ledger
// did not take the outcome, or ErrStuck when the handler did not return; the lease then decides.
func (w *Worker) attempt(ctx context.Context, c *Claim) (processed, error) {
	ctx, span := w.startProcess(ctx, c)
	defer span.End()
	done := processed{span, c.Task}
	began := time.Now()
	wait := max(0, c.Task.UpdatedAt.Sub(c.Task.DueAt)) // deliberate back-off is not waiting
	w.meters.wait.Record(ctx, wait.Seconds(), labels(c.Task))
	span.SetAttributes(attrWait.Int64(wait.Milliseconds()))

	o, err := w.work(ctx, c, began)
	if errors.Is(err, ErrStuck) {
		return done, w.giveUp(ctx, span, c, err) // nothing is discarded: the handler may still write
	}
	if err == nil {
		err = w.finish(ctx, c, o)
	}
	if errors.Is(err, ErrCancelled) {
		o.State, o.Code = Cancelled, CodeCancelled
	}
	if o.ResultPrefix == "" || err != nil && !errors.Is(err, errUnrecorded) {
		w.discard(ctx, c)
	}
	return done, w.report(ctx, span, c, o, err, time.Since(began))
}

// work runs the handler under the lease and the deadline. The error is ErrLeaseLost when the outcome
// is not to be recorded, since the task is no longer ours, and ErrStuck when there is none.
func (w *Worker) work(ctx context.Context, c *Claim, began time.Time) (Outcome, error) {
	stoppable, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hctx, release := context.WithTimeoutCause(stoppable, w.opts.Deadline, errAttemptTooLong)
	defer release()
	j := &Job{Task: c.Task, Attempt: c.Attempt, ResultPrefix: ResultPrefix(c.Task.ID, c.Attempt),
		worker: w, claim: c, began: began, stageBegan: began, stop: stop}
	w.presence.take(j)
	defer w.presence.drop(j)

	keepCtx, stopKeeping := context.WithCancel(hctx)
	var keeper sync.WaitGroup
	keeper.Go(func() { j.keepLease(keepCtx) })
	result, err := w.await(hctx, j)
	stopKeeping()
	keeper.Wait()
	if errors.Is(err, ErrStuck) {
		return Outcome{}, err
	}
	if cause := context.Cause(hctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err) // why the context ended says more than that it did
	}
	if errors.Is(context.Cause(hctx), ErrLeaseLost) || errors.Is(err, ErrLeaseLost) {
		return Outcome{State: Retrying, Code: CodeLeaseLost}, ErrLeaseLost
	}
	o := w.outcome(ctx, j, result, err)
	o.Stages = j.stageTimes()
	return o, nil
}

// await calls the handler and waits for it, but not for ever: one that ignores the end of its
// context for StopMargin after the deadline is left to itself, and the error is ErrStuck.
func (w *Worker) await(ctx context.Context, j *Job) (json.RawMessage, error) {
	type answer struct {
		result json.RawMessage
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		result, err := w.handle(ctx, j)
		answers <- answer{result, err}
	}()
	limit := time.NewTimer(w.opts.Deadline + w.opts.StopMargin)
	defer limit.Stop()
	select {
	case a := <-answers:
		return a.result, a.err
	case <-limit.C:
		return nil, ErrStuck
	}
}

// giveUp reports a handler that did not return. Its task is no longer ours: the lease is not renewed.
func (w *Worker) giveUp(ctx context.Context, span trace.Span, c *Claim, err error) error {
	w.meters.stuck.Add(ctx, 1, labels(c.Task))
	fail(span, "stuck")
	w.log.ErrorContext(ctx, "handler does not return: its task is given up and this process has to end",
		"task", c.Task.ID, "kind", c.Task.Kind, "attempt", c.Attempt)
	return fmt.Errorf("task %s: %w", c.Task.ID, err)
}

// handle calls the handler, and turns a panic into an error with its stack.
func (w *Worker) handle(ctx context.Context, j *Job) (result json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			result, err = nil, &panicError{v, string(debug.Stack())}
		}
	}()
	h := w.handlers[j.Task.Kind]
	if h == nil {
		return nil, errUnknownKind
	}
	return h.Handle(ctx, j)
}

// outcome says what an attempt that ended with err means for its task. ctx is the worker's: when
// it was cancelled, the attempt was interrupted rather than failed.
func (w *Worker) outcome(ctx context.Context, j *Job, result json.RawMessage, err error) Outcome {
	if err == nil {
		return Outcome{State: Succeeded, ResultPrefix: j.ResultPrefix, Result: result}
	}
	o := Outcome{Error: clip(chain(err), maxErrorText)}
	c := classOf(err)
	rejection, rejected := errors.AsType[*Rejection](err)
	switch {
	case rejected:
		o.State, o.Code, o.Detail = Rejected, rejection.Code, detail(rejection.Detail)
		if rejection.Result != nil {
			o.ResultPrefix, o.Result = j.ResultPrefix, rejection.Result
		}
	case errors.Is(err, ErrCancelled):
		o.State, o.Code = Cancelled, CodeCancelled
	case errors.Is(ctx.Err(), context.Canceled) && c.retry && c.code != CodePanic:
		o.State, o.Code, o.HandedBack = Retrying, CodeHandedBack, true
	case c.retry:
		o.State, o.Code, o.RetryAfter = Retrying, c.code, w.opts.Retries.Backoff(j.Task.Kind, j.Attempt)
	default:
		o.State, o.Code = Dead, c.code
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		o.Stack = clip(p.stack, maxStackText)
	}
	return o
}

// detail encodes a rejection's values. A value that JSON cannot hold is a bug of the handler, but
// no reason to lose the code.
func detail(values map[string]any) json.RawMessage {
	if len(values) == 0 {
		return nil
	}
	b, err := json.Marshal(values)
	if err != nil {
		return nil
	}
	return b
}

// chain writes an error with the type of its deepest cause, which messages often leave out.
func chain(err error) string {
	root := err
	for next := errors.Unwrap(root); next != nil; next = errors.Unwrap(root) {
		root = next
	}
	return fmt.Sprintf("%v (%T)", err, root)
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + " ..."
}

// errUnrecorded wraps the ledger's error when it did not take an outcome in time.
var errUnrecorded = errors.New("queue: outcome not recorded")

// finish records the outcome, and keeps trying while the ledger is away: the work is done, and
// only this process knows. It goes on after ctx ends, for a time.
func (w *Worker) finish(ctx context.Context, c *Claim, o Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	retryAfter := FullJitter(100*time.Millisecond, 2*time.Second)
	for n := 1; ; n++ {
		err := w.ledger.Finish(ctx, c, o)
		if err == nil || errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrCancelled) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errUnrecorded, err)
		case <-time.After(retryAfter(n)):
		}
	}
}

func (w *Worker) discard(ctx context.Context, c *Claim) {
	h := w.handlers[c.Task.Kind]
	if h == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardWithin)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			w.log.ErrorContext(ctx, "discard panicked", "task", c.Task.ID, "attempt", c.Attempt, "panic", fmt.Sprint(v))
		}
	}()
	if err := h.Discard(ctx, ResultPrefix(c.Task.ID, c.Attempt)); err != nil {
		w.log.WarnContext(ctx, "results of an attempt not removed", "task", c.Task.ID, "attempt", c.Attempt, "err", err)
	}
}

// report counts and logs how an attempt ended, and returns the error for Process.
func (w *Worker) report(ctx context.Context, span trace.Span, c *Claim, o Outcome, err error, took time.Duration) error {
	log := w.log.With("task", c.Task.ID, "kind", c.Task.Kind, "attempt", c.Attempt, "took", took)
	if errors.Is(err, errUnrecorded) {
		fail(span, "unrecorded")
		w.meters.ledgerErrors.Add(ctx, 1, operation("finish"))
		log.ErrorContext(ctx, "outcome not recorded, the lease will decide", "outcome", o.State, "err", err)
		return err
	}
	label := string(o.State)
	if errors.Is(err, ErrLeaseLost) {
		label = CodeLeaseLost
		w.meters.refused.Add(ctx, 1, labels(c.Task))
	}
	if o.State == Retrying && label != CodeLeaseLost && !o.HandedBack && c.Attempt >= c.Task.MaxAttempts {
		label = string(Dead) // as the ledger stored it
	}
	outcome := attribute.String("outcome", label)
	w.meters.attempts.Add(ctx, 1, labels(c.Task, outcome))
	w.meters.run.Record(ctx, took.Seconds(), labels(c.Task, outcome))
	if State(label).Final() {
		w.meters.finished.Add(ctx, 1, labels(c.Task, attribute.String("state", label)))
		total := c.Task.UpdatedAt.Sub(c.Task.CreatedAt) + took
		w.meters.endToEnd.Record(ctx, total.Seconds(), labels(c.Task))
	}
	span.SetAttributes(attrOutcome.String(label))
	if o.Code != "" {
		span.SetAttributes(attrCode.String(o.Code))
	}
	switch State(label) {
	case Succeeded, Rejected, Cancelled: // a rejection is an answer, not a failure
		log.InfoContext(ctx, "attempt ended", "outcome", label, "code", o.Code)
	default:
		fail(span, o.Code)
		log.WarnContext(ctx, "attempt failed", "outcome", label, "code", o.Code, "err", o.Error)
	}
	return nil
}
