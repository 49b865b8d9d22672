package telemetry

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpansReachTheReceiver(t *testing.T) {
	type request struct {
		path              string
		spans, attributes []string
	}
	got := make(chan request, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var export collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &export); err != nil {
			t.Error(err)
		}
		req := request{path: r.URL.Path}
		for _, rs := range export.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					req.spans = append(req.spans, s.Name)
					for _, a := range s.Attributes {
						req.attributes = append(req.attributes, a.Key)
					}
				}
			}
		}
		got <- req
	}))
	defer receiver.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()

	tel, err := Setup(t.Context(), Options{Service: "test", OTLPURL: receiver.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Tracers.Tracer("test").Start(t.Context(), "stage decode")
	span.SetAttributes(attribute.String("idphoto.task.id", "1"), attribute.String("client.address", "192.0.2.7"), attribute.String("user_agent.original", "x"))
	_, child := tel.Tracers.Tracer("a library").Start(trace.ContextWithSpan(t.Context(), span), "write")
	child.End()
	span.End()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.path != "/v1/traces" || strings.Join(r.spans, ",") != "write,stage decode" {
		t.Errorf("the receiver got %+v", r)
	} else if strings.Join(r.attributes, ",") != "idphoto.task.id,idphoto.task.id" {
		t.Errorf("the spans left with %v, want the task's id on both and nothing else", r.attributes)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutAReceiverTheContextStillTravels(t *testing.T) {
	tel, err := Setup(t.Context(), Options{Service: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	ctx, span := otel.Tracer("test").Start(t.Context(), "upload")
	defer span.End()
	carrier := propagation.MapCarrier{}
	otel.GetTextMapPropagator().Inject(ctx, carrier)
	if !strings.Contains(carrier["traceparent"], span.SpanContext().TraceID().String()) {
		t.Errorf("traceparent is %q, want trace %s", carrier["traceparent"], span.SpanContext().TraceID())
	}
}

func TestMetricsAreReadByPrometheus(t *testing.T) {
	tel, err := Setup(t.Context(), Options{Service: "test", Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	counter, err := tel.Meters.Meter("test").Int64Counter("idphoto.tasks.finished")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 3)
	requests, err := tel.Meters.Meter("test").Int64Counter("http.server.requests")
	if err != nil {
		t.Fatal(err)
	}
	duration, err := tel.Meters.Meter("test").Float64Histogram("http.server.request.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	duration.Record(t.Context(), 100)
	requests.Add(t.Context(), 1, metric.WithAttributes(attribute.String("server.address", "made-up.example"), attribute.String("http.route", "/x")))
	w := httptest.NewRecorder()
	tel.Metrics.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"idphoto_tasks_finished_total 3", "go_goroutines ", `service_name="test"`,
		`http_server_request_duration_seconds_bucket{le="120"} 1`, `http_server_request_duration_seconds_bucket{le="60"} 0`,
		`idphoto_build_info{goversion="go`, `version="v1.2.3"} 1`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if page := w.Body.String(); strings.Contains(page, "made-up.example") || !strings.Contains(page, `http_route="/x"`) {
		t.Error("a client's Host header became a label, or the route did not")
	}
}

func TestOTLPAddresses(t *testing.T) {
	for base, want := range map[string]string{
		"http://127.0.0.1:4318": "http://127.0.0.1:4318/v1/traces", "https://h/": "https://h/v1/traces",
		"https://h/x/v1/traces": "https://h/x/v1/traces", "h:4318": "", "grpc://h": "", "": "",
	} {
		if got, err := tracesURL(base); got != want || (err == nil) != (want != "") {
			t.Errorf("tracesURL(%q) = %q, %v; want %q", base, got, err, want)
		}
	}
}

func TestLogLinesNameTheirTrace(t *testing.T) {
	tel, err := Setup(t.Context(), Options{Service: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	ctx, span := tel.Tracers.Tracer("test").Start(t.Context(), "x")
	defer span.End()
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo).With("function", "upload")
	log.InfoContext(ctx, "request", "status", 202)
	log.DebugContext(ctx, "not shown")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one JSON line: %q", out.String())
	}
	if line["trace_id"] != span.SpanContext().TraceID().String() || line["function"] != "upload" {
		t.Errorf("line is %v", line)
	}
}
