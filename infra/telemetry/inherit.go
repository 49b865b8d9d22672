package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// inherited attributes pass from a span to the spans below it, also to those of libraries that
// know nothing of tasks: a search for a task then finds all that was done for it.
var inherited = attribute.NewAllowKeysFilter("idphoto.task.id")

// inherit is the span processor that hands them down.
type inherit struct{}

func (inherit) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) {
	parent, ok := trace.SpanFromContext(ctx).(sdktrace.ReadOnlySpan)
	if !ok || parent.SpanContext().TraceID() != s.SpanContext().TraceID() {
		return
	}
	for _, kv := range parent.Attributes() {
		if inherited(kv) {
			s.SetAttributes(kv)
		}
	}
}

func (inherit) OnEnd(sdktrace.ReadOnlySpan)      {}
func (inherit) Shutdown(context.Context) error   { return nil }
func (inherit) ForceFlush(context.Context) error { return nil }
