// Package telemetry sets up traces, metrics and logs for one process.
//
// Traces go out by OTLP when a URL is set. Without one spans still exist, so that logs carry trace
// ids and a message carries its context to the next process, but nothing is sent. Metrics are read
// by Prometheus from Metrics. Nothing here adds request data: pictures, file names and other
// personal data are kept out by those who write spans and logs.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Options describes the process. Service is required.
type Options struct {
	Service string // service.name, e.g. idphoto-upload
	Version string // service.version
	OTLPURL string // base URL of an OTLP/HTTP receiver; /v1/traces is added when it has no path. Empty: nothing is sent

	Sampling *Sampling                                  // which spans are sent; nil: all
	SpanID   func(context.Context) (trace.SpanID, bool) // an id that a span is to have, as queue.SpanID; nil: ids are random
}

// Telemetry is what a process measures with.
type Telemetry struct {
	Tracers trace.TracerProvider
	Meters  metric.MeterProvider
	Metrics http.Handler // the Prometheus page; who may read it is the caller's affair

	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
}

// Setup makes providers and installs them, and W3C propagation, as the process's own.
func Setup(ctx context.Context, o Options) (*Telemetry, error) {
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(
		semconv.ServiceName(o.Service), semconv.ServiceVersion(o.Version)))
	if err != nil {
		return nil, fmt.Errorf("describing the process: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("making the Prometheus exporter: %w", err)
	}
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(exporter), sdkmetric.WithView(serverView))

	if err := buildInfo(metrics, o.Version); err != nil {
		return nil, errors.Join(err, metrics.Shutdown(ctx))
	}
	traces, err := tracerProvider(ctx, o, res, metrics)
	if err != nil {
		return nil, errors.Join(err, metrics.Shutdown(ctx))
	}

	otel.SetTracerProvider(withoutPubsub{traces})
	otel.SetMeterProvider(metrics)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	return &Telemetry{
		Tracers: traces, Meters: metrics,
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		traces:  traces, metrics: metrics,
	}, nil
}

func tracerProvider(ctx context.Context, o Options, res *resource.Resource, metrics metric.MeterProvider) (*sdktrace.TracerProvider, error) {
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res), sdktrace.WithSampler(begins{}), sdktrace.WithIDGenerator(ids{o.SpanID})}
	if o.OTLPURL == "" {
		return sdktrace.NewTracerProvider(options...), nil
	}
	endpoint, err := tracesURL(o.OTLPURL)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, fmt.Errorf("making the OTLP exporter: %w", err)
	}
	var send sdktrace.SpanProcessor = sdktrace.NewBatchSpanProcessor(withoutPeople{exporter})
	if o.Sampling != nil && o.Sampling.Ratio < 1 {
		lost, _ := metrics.Meter("idphoto/telemetry").Int64Counter("idphoto.spans.lost", metric.WithDescription("Spans for which sampling had no room."))
		lost.Add(ctx, 0)
		send = newTail(*o.Sampling, send, func() { lost.Add(context.Background(), 1) })
	}
	return sdktrace.NewTracerProvider(append(options, sdktrace.WithSpanProcessor(inherit{}), sdktrace.WithSpanProcessor(send))...), nil
}

// Flush sends what is waiting. A function that is frozen between events calls it after each.
func (t *Telemetry) Flush(ctx context.Context) error { return t.traces.ForceFlush(ctx) }

// Shutdown sends what is waiting and stops.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	return errors.Join(t.traces.Shutdown(ctx), t.metrics.Shutdown(ctx))
}
