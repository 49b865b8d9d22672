package queue

import (
	"context"
	"crypto/sha256"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A task's life is one trace, and its id is on every span of it:
//
//	send tasks         producer; the submission, and each message that a janitor sends later
//	  process tasks    consumer; one per attempt, linked to the submission and to the attempt before
//	    stage ...
//	    ack tasks      client; the message is told off
//
// A task of a batch has a span "create tasks" in place of the submission, and a trace of its own:
// that of a batch would be too long to look at. One "send tasks" of the batch links to all of them.
const scope = "idphoto/queue"

// Attributes of spans, beside those of the messaging conventions.
const (
	attrTaskID  = attribute.Key("idphoto.task.id")
	attrKind    = attribute.Key("idphoto.task.kind")
	attrLane    = attribute.Key("idphoto.task.lane")
	attrAttempt = attribute.Key("idphoto.task.attempt")
	attrWait    = attribute.Key("idphoto.task.queue_wait_ms")
	attrOutcome = attribute.Key("idphoto.task.outcome")
	attrCode    = attribute.Key("idphoto.task.code")
	attrWorker  = attribute.Key("idphoto.worker.id")
	attrBatchID = attribute.Key("idphoto.batch.id")

	attrBatchSize = attribute.Key("messaging.batch.message_count")
	attrErrorType = attribute.Key("error.type")
)

// messageOp is what a span does with a message: its name and its type in the conventions.
type messageOp struct{ name, kind string }

var (
	opCreate  = messageOp{"create", "create"}
	opSend    = messageOp{"send", "send"}
	opProcess = messageOp{"process", "process"}
	opAck     = messageOp{"ack", "settle"}
)

func (o messageOp) span() string { return o.name + " tasks" }

// attributes returns those that the messaging conventions ask for.
func (o messageOp) attributes(system string) trace.SpanStartEventOption {
	return trace.WithAttributes(
		attribute.String("messaging.system", system),
		attribute.String("messaging.operation.name", o.name),
		attribute.String("messaging.operation.type", o.kind),
		attribute.String("messaging.destination.name", "tasks"),
	)
}

// taskAttributes are those of every span of a task. Its message has the task's id.
func taskAttributes(t Task) trace.SpanStartEventOption {
	kvs := []attribute.KeyValue{attrTaskID.String(t.ID), attrKind.String(t.Kind), attrLane.String(t.Lane)}
	if t.BatchID != "" {
		kvs = append(kvs, attrBatchID.String(t.BatchID))
	}
	return trace.WithAttributes(kvs...)
}

func messageID(t Task) trace.SpanStartEventOption {
	return trace.WithAttributes(attribute.String("messaging.message.id", t.ID))
}

// fail marks a span as failed; code is one of few words.
func fail(span trace.Span, code string) {
	span.SetStatus(codes.Error, code)
	span.SetAttributes(attrErrorType.String(code))
}

var traceContext propagation.TraceContext

// inject writes ctx's trace context into t.
func inject(ctx context.Context, t *Task) {
	carrier := propagation.MapCarrier{}
	traceContext.Inject(ctx, carrier)
	t.TraceParent, t.TraceState = carrier["traceparent"], carrier["tracestate"]
}

// creation returns ctx with the trace context in which t was submitted as the remote parent.
func creation(ctx context.Context, t Task) context.Context {
	carrier := propagation.MapCarrier{"traceparent": t.TraceParent, "tracestate": t.TraceState}
	return traceContext.Extract(ctx, carrier)
}

type spanIDKey struct{}

// SpanID returns the id that a span about to start with ctx is to have; false when any will do. An
// attempt's span has an id that follows from the task, so that the next attempt, which may run
// in another process, can link to it. A tracer provider whose id generator does not ask this makes
// such links lead nowhere.
func SpanID(ctx context.Context) (trace.SpanID, bool) {
	id, ok := ctx.Value(spanIDKey{}).(trace.SpanID)
	return id, ok
}

func attemptSpanID(taskID string, attempt int) trace.SpanID {
	sum := sha256.Sum256([]byte(taskID + "/" + strconv.Itoa(attempt)))
	return trace.SpanID(sum[:8])
}

// startProcess opens the attempt's span. It is a child of the submission, so that a viewer shows
// one trace, and linked to it, as the messaging conventions ask, and to the attempt before. A span
// that was already active (a function's invocation) is linked too.
func (w *Worker) startProcess(ctx context.Context, c *Claim) (context.Context, trace.Span) {
	around := trace.SpanContextFromContext(ctx)
	ctx = creation(ctx, c.Task)
	created := trace.SpanContextFromContext(ctx)
	var links []trace.Link
	if created.IsValid() {
		links = append(links, trace.Link{SpanContext: created})
		if c.Attempt > 1 {
			links = append(links, trace.Link{SpanContext: created.WithSpanID(attemptSpanID(c.Task.ID, c.Attempt-1))})
		}
	}
	if around.IsValid() && !around.Equal(created) {
		links = append(links, trace.Link{SpanContext: around})
	}
	_, span := w.tracer.Start(context.WithValue(ctx, spanIDKey{}, attemptSpanID(c.Task.ID, c.Attempt)), opProcess.span(),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), opProcess.attributes(w.opts.System),
		taskAttributes(c.Task), messageID(c.Task), trace.WithAttributes(attrAttempt.Int(c.Attempt), attrWorker.String(c.Worker)))
	return trace.ContextWithSpan(ctx, span), span // not what Start returned: spans below have ids of their own
}

// startAck opens the span of an acknowledgement, below that of the attempt that it follows. The
// transport sends it in its own time.
func (w *Worker) startAck(ctx context.Context, done processed) trace.Span {
	_, span := w.tracer.Start(trace.ContextWithSpan(ctx, done.span), opAck.span(), trace.WithSpanKind(trace.SpanKindClient),
		opAck.attributes(w.opts.System), taskAttributes(done.task), messageID(done.task))
	return span
}

// processed is an attempt that has ended, and its span. The zero value stands for a message for
// which there was nothing to do.
type processed struct {
	span trace.Span
	task Task
}

// startSend opens the span of a submission, or of a later message.
func (p *Publisher) startSend(ctx context.Context, what ...trace.SpanStartOption) (context.Context, trace.Span) {
	return p.tracer.Start(ctx, opSend.span(), append(what, trace.WithSpanKind(trace.SpanKindProducer), opSend.attributes(p.opts.System))...)
}

// create gives a task of a batch its trace. send is the batch's span.
func (p *Publisher) create(ctx context.Context, t *Task, send trace.Span) {
	ctx, span := p.tracer.Start(ctx, opCreate.span(), trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithLinks(trace.Link{SpanContext: send.SpanContext()}), opCreate.attributes(p.opts.System), taskAttributes(*t), messageID(*t))
	defer span.End()
	inject(ctx, t)
	send.AddLink(trace.Link{SpanContext: span.SpanContext()}) // the SDK keeps the first 128
}
