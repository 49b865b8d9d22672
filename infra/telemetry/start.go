package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// begins is the sampler. It records everything, whatever a caller from outside says of its own
// trace, but what the Go CDK does by itself, for nobody: its listings and looks would be a trace each.
type begins struct{}

func (begins) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	decision := sdktrace.RecordAndSample
	if parent.IsValid() && !parent.IsRemote() && !parent.IsSampled() || !parent.IsValid() && strings.HasPrefix(p.Name, "gocloud.dev/") {
		decision = sdktrace.Drop
	}
	return sdktrace.SamplingResult{Decision: decision, Tracestate: parent.TraceState()}
}

func (begins) Description() string { return "all that is done for somebody" }

// withoutPubsub gives the Go CDK's queues no tracer: package queue has spans of each message, and
// below these are none of a driver's batches, which belong to many messages or to none.
type withoutPubsub struct{ trace.TracerProvider }

func (p withoutPubsub) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	if strings.HasPrefix(name, "gocloud.dev/pubsub") {
		return noop.NewTracerProvider().Tracer(name)
	}
	return p.TracerProvider.Tracer(name, options...)
}

// ids makes ids at random, but for spans whose id somebody else must be able to work out.
type ids struct {
	wanted func(context.Context) (trace.SpanID, bool) // may be nil
}

func (g ids) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id, g.NewSpanID(ctx, id)
}

func (g ids) NewSpanID(ctx context.Context, _ trace.TraceID) (span trace.SpanID) {
	if g.wanted != nil {
		if id, ok := g.wanted(ctx); ok && id.IsValid() {
			return id
		}
	}
	for !span.IsValid() {
		binary.NativeEndian.PutUint64(span[:], rand.Uint64())
	}
	return span
}
