package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/pubsub"
)

// DefaultMaxAttempts is one run and three retries.
const DefaultMaxAttempts = 4

// withdrawWithin bounds what follows a message that could not be sent.
const withdrawWithin = 5 * time.Second

// Topic takes messages: a *pubsub.Topic, or a *transport.Topic that also reconnects.
type Topic interface {
	Send(ctx context.Context, m *pubsub.Message) error
}

// PublisherOptions tunes a Publisher. The zero value is ready to use.
type PublisherOptions struct {
	SendWithin time.Duration // bound on handing one message over; default 5 s
	Retries    Retries       // says MaxAttempts of a task that has none

	System         string // messaging.system of spans, as "rabbitmq" or "aws_sqs"; default "gocdk"
	Logger         *slog.Logger
	TracerProvider trace.TracerProvider // default the global one
	MeterProvider  metric.MeterProvider // default the global one
}

// Publisher accepts tasks: the ledger first, then a message. Safe for concurrent use.
type Publisher struct {
	ledger Ledger
	topics map[string]Topic // by lane, complete
	opts   PublisherOptions
	log    *slog.Logger
	tracer trace.Tracer
	meters *meters
}

// NewPublisher returns a Publisher. A lane without a topic of its own shares that of Express, which
// there must be. The caller closes ledger and topics after its last use.
func NewPublisher(ledger Ledger, topics map[string]Topic, opts *PublisherOptions) *Publisher {
	if topics[Express] == nil {
		panic("queue: NewPublisher: the express lane has no topic")
	}
	var o PublisherOptions
	if opts != nil {
		o = *opts
	}
	o.fill()
	all := make(map[string]Topic)
	for _, lane := range Lanes {
		if all[lane] = topics[lane]; all[lane] == nil {
			all[lane] = topics[Express]
		}
	}
	return &Publisher{ledger: ledger, topics: all, opts: o, log: o.Logger,
		tracer: o.TracerProvider.Tracer(scope), meters: newMeters(o.MeterProvider)}
}

func (o *PublisherOptions) fill() {
	setDefault(&o.SendWithin, 5*time.Second)
	setDefault(&o.System, "gocdk")
	setDefault(&o.Logger, slog.Default())
	setDefault(&o.TracerProvider, otel.GetTracerProvider())
	setDefault(&o.MeterProvider, otel.GetMeterProvider())
}

// Submit stores t and publishes its message. It fills in ID, Lane (Express) and MaxAttempts where
// they are empty, and the trace context of ctx. created is false when t's idempotency key names a
// task that is there already; with another digest the error is ErrConflict.
//
// ErrNotPublished means that the transport took no message: the row is withdrawn, and the caller
// may drop what belongs to it. A task that a worker or a janitor found meanwhile is accepted all
// the same, and so is one that the ledger does not withdraw: a janitor publishes it. Any other error
// means that nothing was accepted, unless the ledger's answer was lost on the way.
func (p *Publisher) Submit(ctx context.Context, t Task) (task Task, created bool, err error) {
	p.complete(&t, Express)
	ctx, span := p.startSend(ctx, taskAttributes(t), messageID(t))
	defer span.End()
	inject(ctx, &t)
	task, created, err = p.ledger.Create(ctx, t)
	if err != nil {
		fail(span, "not_stored")
		span.RecordError(err)
		return Task{}, false, fmt.Errorf("submitting task: %w", err)
	}
	if created {
		err = p.announce(ctx, task, span)
	} else {
		task, err = p.rely(ctx, task)
	}
	if err != nil {
		return Task{}, false, err
	}
	if created {
		p.meters.enqueued.Add(ctx, 1, labels(task))
	}
	return task, created, nil
}

// complete fills in what the submitter left to the queue.
func (p *Publisher) complete(t *Task, lane string) {
	setDefault(&t.Lane, lane)
	if t.ID == "" {
		t.ID = NewID()
	}
	if t.MaxAttempts == 0 {
		t.MaxAttempts = p.opts.Retries.For(t.Kind).Attempts
	}
}

// announce sends the message of a task just stored. The ledger hears of it even if the caller
// goes away meanwhile.
func (p *Publisher) announce(ctx context.Context, t Task, span trace.Span) error {
	if err := p.send(ctx, t); err != nil {
		p.noteFailure(ctx, t, span, err)
		return p.withdraw(ctx, t, err)
	}
	p.notePublished(ctx, t)
	return nil
}

func (p *Publisher) notePublished(ctx context.Context, t Task) {
	if err := p.ledger.Published(context.WithoutCancel(ctx), t.ID); err != nil {
		p.log.WarnContext(ctx, "publication not noted, the task may be published twice", "task", t.ID, "err", err)
	}
}

// withdraw undoes the acceptance of a task whose message was not sent. Nil means that the task is
// accepted after all.
func (p *Publisher) withdraw(ctx context.Context, t Task, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawWithin)
	defer cancel()
	withdrawn, err := p.ledger.Withdraw(ctx, t.ID)
	switch {
	case withdrawn, errors.Is(err, ErrNotFound):
		return fmt.Errorf("%w: %w", ErrNotPublished, cause)
	case err != nil:
		p.log.WarnContext(ctx, "task not withdrawn, a janitor will publish it", "task", t.ID, "err", err)
	default:
		// Found by another; but if that one only relies on us, nobody has sent a message.
		if err := p.ledger.Unpublished(ctx, t.ID); err != nil {
			p.log.WarnContext(ctx, "not noted that a task has no message, a janitor will be late", "task", t.ID, "err", err)
		}
	}
	return nil
}

// rely answers a repeated submission by the task that is there. Its first submitter may be about to
// withdraw it, so it is marked as published, which forbids that; then it must still be there.
func (p *Publisher) rely(ctx context.Context, t Task) (Task, error) {
	age := time.Since(t.CreatedAt)
	if t.State != Queued || age > p.opts.SendWithin+withdrawWithin {
		return t, nil
	}
	if err := p.ledger.Published(ctx, t.ID); err != nil {
		return Task{}, fmt.Errorf("submitting task again: %w", err)
	}
	t, err := p.ledger.Get(ctx, t.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return Task{}, fmt.Errorf("%w: the first submission failed meanwhile", ErrNotPublished)
	case err != nil:
		return Task{}, fmt.Errorf("submitting task again: %w", err)
	}
	if t.State == Queued && age > PublishGrace {
		// The first submitter hangs, or died before it sent the message that now counts as sent.
		// When this one is not sent either, a janitor sends another.
		if err := p.Publish(ctx, t); err != nil {
			p.log.WarnContext(ctx, "a task waits for a janitor", "task", t.ID)
		}
	}
	return t, nil
}

// Publish sends a message for a task that is in the ledger; a janitor's errand. The span joins
// the trace of the submission.
func (p *Publisher) Publish(ctx context.Context, t Task) error {
	ctx, span := p.startSend(creation(ctx, t), taskAttributes(t), messageID(t))
	defer span.End()
	if err := p.send(ctx, t); err != nil {
		p.noteFailure(ctx, t, span, err)
		return fmt.Errorf("publishing task %s: %w", t.ID, err)
	}
	return nil
}

func (p *Publisher) send(ctx context.Context, t Task) error {
	ctx, cancel := context.WithTimeout(ctx, p.opts.SendWithin)
	defer cancel()
	topic := p.topics[t.Lane]
	if topic == nil {
		topic = p.topics[Express] // a lane that this program does not know yet
	}
	began := time.Now()
	err := topic.Send(ctx, &pubsub.Message{Body: MessageOf(t).Encode()})
	p.meters.countSend(ctx, p.opts.System, t.Lane, began, err)
	return err
}

func (p *Publisher) noteFailure(ctx context.Context, t Task, span trace.Span, err error) {
	fail(span, "not_published")
	span.RecordError(err)
	p.meters.publishFailed.Add(ctx, 1, labels(t))
	p.log.WarnContext(ctx, "message not sent", "task", t.ID, "err", err.Error()) // without the frames that the Go CDK adds
}
