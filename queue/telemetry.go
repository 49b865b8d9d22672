package queue

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const scope = "idphoto/queue"

// Attributes of spans. The task's id is on every one, so that one search finds them all.
const (
	attrTaskID  = attribute.Key("idphoto.task.id")
	attrKind    = attribute.Key("idphoto.task.kind")
	attrLane    = attribute.Key("idphoto.task.lane")
	attrAttempt = attribute.Key("idphoto.task.attempt")
	attrWait    = attribute.Key("idphoto.task.queue_wait_ms")
	attrOutcome = attribute.Key("idphoto.task.outcome")
	attrWorker  = attribute.Key("idphoto.worker.id")

	attrBatchID   = attribute.Key("idphoto.batch.id")
	attrBatchSize = attribute.Key("messaging.batch.message_count")
)

// messaging returns the attributes that the messaging conventions ask for.
func messaging(system, operation string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.system", system),
		attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.operation.type", operation),
		attribute.String("messaging.destination.name", "tasks"),
	}
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

func spanAttributes(t Task) trace.SpanStartEventOption {
	return trace.WithAttributes(attrTaskID.String(t.ID), attrKind.String(t.Kind), attrLane.String(t.Lane))
}
