package queue

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/pubsub"
)

// DefaultMaxAttempts is one run and three retries.
const DefaultMaxAttempts = 4

// Topic takes messages: a *pubsub.Topic, or a *transport.Topic that also reconnects.
type Topic interface {
	Send(ctx context.Context, m *pubsub.Message) error
}

// PublisherOptions tunes a Publisher. The zero value is ready to use.
type PublisherOptions struct {
	System         string // messaging.system of spans, as "rabbitmq" or "aws_sqs"; default "gocdk"
	Logger         *slog.Logger
	TracerProvider trace.TracerProvider // default the global one
	MeterProvider  metric.MeterProvider // default the global one
}

// Publisher accepts tasks: the ledger first, then a message. Safe for concurrent use.
type Publisher struct {
	ledger Ledger
	topic  Topic
	system string
	log    *slog.Logger
	tracer trace.Tracer
	meters *meters
}

// NewPublisher returns a Publisher. The caller closes ledger and topic after its last use.
func NewPublisher(ledger Ledger, topic Topic, opts *PublisherOptions) *Publisher {
	var o PublisherOptions
	if opts != nil {
		o = *opts
	}
	o.fill()
	return &Publisher{ledger: ledger, topic: topic, system: o.System, log: o.Logger,
		tracer: o.TracerProvider.Tracer(scope), meters: newMeters(o.MeterProvider)}
}

func (o *PublisherOptions) fill() {
	setDefault(&o.System, "gocdk")
	setDefault(&o.Logger, slog.Default())
	setDefault(&o.TracerProvider, otel.GetTracerProvider())
	setDefault(&o.MeterProvider, otel.GetMeterProvider())
}

// Submit stores t and publishes its message. It fills in ID, Lane (Express) and MaxAttempts where
// they are empty, and the trace context of ctx. created is false when t's idempotency key names a
// task that is there already; with another digest the error is ErrConflict.
//
// Once the row is stored the task is accepted, so a failing transport is not an error here: a
// janitor publishes what was not published. An error means that nothing was accepted, unless the
// ledger's answer was lost on the way.
func (p *Publisher) Submit(ctx context.Context, t Task) (task Task, created bool, err error) {
	if t.ID == "" {
		t.ID = NewID()
	}
	if t.Lane == "" {
		t.Lane = Express
	}
	if t.MaxAttempts == 0 {
		t.MaxAttempts = DefaultMaxAttempts
	}
	ctx, span := p.startSend(ctx, t)
	defer span.End()
	inject(ctx, &t)
	task, created, err = p.ledger.Create(ctx, t)
	if err != nil {
		span.SetStatus(codes.Error, "not stored")
		span.RecordError(err)
		return Task{}, false, fmt.Errorf("submitting task: %w", err)
	}
	if !created {
		return task, false, nil
	}
	p.meters.enqueued.Add(ctx, 1, labels(task))
	p.announce(ctx, task, span)
	return task, true, nil
}

// announce sends the message of a task just stored. The ledger hears of it even if the caller
// goes away meanwhile.
func (p *Publisher) announce(ctx context.Context, t Task, span trace.Span) {
	if err := p.send(ctx, t); err != nil {
		p.noteFailure(ctx, t, span, err)
		return
	}
	if err := p.ledger.Published(context.WithoutCancel(ctx), t.ID); err != nil {
		p.log.WarnContext(ctx, "publication not noted, the task may be published twice", "task", t.ID, "err", err)
	}
}

// Publish sends a message for a task that is in the ledger; a janitor's errand. The span joins
// the trace of the submission.
func (p *Publisher) Publish(ctx context.Context, t Task) error {
	ctx, span := p.startSend(creation(ctx, t), t)
	defer span.End()
	if err := p.send(ctx, t); err != nil {
		p.noteFailure(ctx, t, span, err)
		return fmt.Errorf("publishing task %s: %w", t.ID, err)
	}
	return nil
}

func (p *Publisher) startSend(ctx context.Context, t Task) (context.Context, trace.Span) {
	return p.tracer.Start(ctx, "send tasks", trace.WithSpanKind(trace.SpanKindProducer),
		spanAttributes(t), trace.WithAttributes(messaging(p.system, "send")...))
}

func (p *Publisher) send(ctx context.Context, t Task) error {
	return p.topic.Send(ctx, &pubsub.Message{Body: MessageOf(t).Encode()})
}

func (p *Publisher) noteFailure(ctx context.Context, t Task, span trace.Span, err error) {
	span.SetStatus(codes.Error, "not published")
	span.RecordError(err)
	p.meters.publishFailed.Add(ctx, 1, labels(t))
	p.log.WarnContext(ctx, "message not published, a janitor will", "task", t.ID, "err", err.Error()) // without the frames that the Go CDK adds
}
