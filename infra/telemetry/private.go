package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// personal are the attributes that instrumentation of HTTP sets by itself and that tell who asked.
// They never leave the process.
var personal = attribute.NewDenyKeysFilter("client.address", "client.port", "network.peer.address", "network.peer.port", "user_agent.original", "url.query")

// withoutPeople exports spans without the attributes above.
type withoutPeople struct{ sdktrace.SpanExporter }

func (e withoutPeople) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		clean[i] = cleanSpan{s}
	}
	return e.SpanExporter.ExportSpans(ctx, clean)
}

type cleanSpan struct{ sdktrace.ReadOnlySpan }

func (s cleanSpan) Attributes() []attribute.KeyValue {
	all := s.ReadOnlySpan.Attributes()
	kept := make([]attribute.KeyValue, 0, len(all))
	for _, kv := range all {
		if personal(kv) {
			kept = append(kept, kv)
		}
	}
	return kept
}

// httpBuckets are those that the conventions advise, and further ones: a batch takes minutes to come in.
var httpBuckets = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300}

// serverView keeps the Host header, which a client chooses, out of the labels of HTTP metrics: each
// value would be a series of its own. Durations get buckets that reach as far as they do.
func serverView(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	if !strings.HasPrefix(i.Name, "http.server.") {
		return sdkmetric.Stream{}, false
	}
	s := sdkmetric.Stream{
		Name: i.Name, Description: i.Description, Unit: i.Unit,
		AttributeFilter: attribute.NewDenyKeysFilter("server.address", "server.port"),
	}
	if i.Kind == sdkmetric.InstrumentKindHistogram && i.Unit == "s" {
		s.Aggregation = sdkmetric.AggregationExplicitBucketHistogram{Boundaries: httpBuckets}
	}
	return s, true
}
