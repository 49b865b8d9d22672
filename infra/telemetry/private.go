package telemetry

import (
	"context"

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

// withoutHosts keeps the Host header, which a client chooses, out of the labels of HTTP metrics:
// each value would be a series of its own.
func withoutHosts() sdkmetric.View {
	return sdkmetric.NewView(sdkmetric.Instrument{Name: "http.server.*"},
		sdkmetric.Stream{AttributeFilter: attribute.NewDenyKeysFilter("server.address", "server.port")})
}
