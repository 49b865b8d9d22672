package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is an OTLP receiver that keeps every span.
type receiver struct {
	mu    sync.Mutex
	spans []*tracev1.Span
	raw   []byte // everything that arrived
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var export collector.ExportTraceServiceRequest
	if proto.Unmarshal(body, &export) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw = append(r.raw, body...)
	for _, rs := range export.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			r.spans = append(r.spans, ss.Spans...)
		}
	}
}

// TestOneTracePerTask: from the upload to the finished photo everything is one trace, each span
// names the task, and none tells of the person.
func TestOneTracePerTask(t *testing.T) {
	got := &receiver{}
	otlp := httptest.NewServer(got)
	defer otlp.Close()
	s := serve(t, Config{Memory: true, OTLP: otlp.URL})
	id := s.submit(t, "s17_hopper.jpg", nil)
	if end, _ := s.await(t, id); end.Status != "SUCCESS" {
		t.Fatalf("the task ended as %+v", end)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Close(); err != nil { // sends what is left
		t.Fatal(err)
	}

	upload := slices.IndexFunc(got.spans, func(s *tracev1.Span) bool { return s.Name == "POST /api/v1/generate" })
	if upload < 0 {
		t.Fatalf("no span for the upload among %d", len(got.spans))
	}
	trace := string(got.spans[upload].TraceId)
	var names []string
	for _, span := range got.spans {
		if string(span.TraceId) != trace {
			continue
		}
		names = append(names, span.Name)
		named := slices.ContainsFunc(span.Attributes, func(a *commonv1.KeyValue) bool {
			return a.Key == "idphoto.task.id" && a.Value.GetStringValue() == id
		})
		if !named {
			t.Errorf("span %q does not name the task", span.Name)
		}
	}
	for _, want := range []string{"send tasks", "process tasks", "stage fetch", "stage decode", "stage detect", "stage landmarks",
		"stage matte", "stage geometry", "stage compose", "stage encode", "stage store"} {
		if !slices.Contains(names, want) {
			t.Errorf("the trace lacks %q: %q", want, names)
		}
	}
	for _, secret := range []string{"s17_hopper", "127.0.0.1:", "Go-http-client"} {
		if strings.Contains(string(got.raw), secret) {
			t.Errorf("spans tell %q", secret)
		}
	}
}

// TestOfAnOrdinaryTaskTheBeginningIsSent when none but remarkable traces are to be kept.
func TestOfAnOrdinaryTaskTheBeginningIsSent(t *testing.T) {
	got := &receiver{}
	otlp := httptest.NewServer(got)
	defer otlp.Close()
	s := serve(t, Config{Memory: true, OTLP: otlp.URL, Environ: []string{"SAMPLE_RATIO=0"}})
	id := s.submit(t, "s17_hopper.jpg", nil)
	if end, _ := s.await(t, id); end.Status != "SUCCESS" {
		t.Fatalf("the task ended as %+v", end)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, span := range got.spans {
		names = append(names, span.Name)
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, []string{"POST /api/v1/generate", "send tasks"}) {
		t.Errorf("sent %q, want the request and the message", names)
	}
}
