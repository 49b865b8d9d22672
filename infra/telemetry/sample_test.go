package telemetry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// sampled is one process that samples, and what leaves it.
type sampled struct {
	trace.Tracer
	provider *sdktrace.TracerProvider
	out      *tracetest.SpanRecorder
	lost     int
}

func sample(s Sampling) *sampled {
	p := &sampled{out: tracetest.NewSpanRecorder()}
	p.provider = sdktrace.NewTracerProvider(sdktrace.WithSampler(begins{}), sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithSpanProcessor(newTail(s, p.out, func() { p.lost++ })))
	p.Tracer = p.provider.Tracer("test")
	return p
}

// kept are the names of the spans that left, sorted.
func (p *sampled) kept() string {
	var names []string
	for _, s := range p.out.Ended() {
		names = append(names, s.Name())
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// upload makes a request's spans, and returns the context that a message carries away.
func (p *sampled) upload(t *testing.T) trace.SpanContext {
	ctx, request := p.Start(t.Context(), "POST", trace.WithSpanKind(trace.SpanKindServer))
	_, blob := p.Start(ctx, "blob")
	blob.End()
	_, send := p.Start(ctx, "send", trace.WithSpanKind(trace.SpanKindProducer))
	send.End()
	request.End()
	return send.SpanContext()
}

// attempt makes an attempt's spans, as in another process than the upload.
func (p *sampled) attempt(t *testing.T, created trace.SpanContext, n int, wait, took time.Duration, failed bool) {
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), created)
	began := time.Now()
	ctx, process := p.Start(ctx, "process", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began),
		trace.WithAttributes(attemptKey.Int(n), waitKey.Int64(wait.Milliseconds())))
	_, stage := p.Start(ctx, "stage")
	stage.End()
	if failed {
		process.SetStatus(codes.Error, "internal")
	}
	process.End(trace.WithTimestamp(began.Add(took)))
	_, ack := p.Start(ctx, "ack", trace.WithSpanKind(trace.SpanKindClient))
	ack.End()
}

func TestWhatIsRemarkableIsKept(t *testing.T) {
	const whole = "ack,process,stage"
	for name, tc := range map[string]struct {
		n          int
		wait, took time.Duration
		failed     bool
		want       string
	}{
		"an ordinary attempt":           {1, time.Second, time.Second, false, ""},
		"one that failed":               {1, 0, time.Second, true, whole},
		"a second one":                  {2, 0, time.Second, false, whole},
		"a slow one":                    {1, 0, 10 * time.Second, false, whole},
		"one that had to wait for long": {1, 9 * time.Second, time.Second, false, whole},
	} {
		t.Run(name, func(t *testing.T) {
			p := sample(Sampling{Slow: 10 * time.Second})
			created := sample(Sampling{}).upload(t) // another process
			p.attempt(t, created, tc.n, tc.wait, tc.took, tc.failed)
			if got := p.kept(); got != tc.want {
				t.Errorf("kept %q, want %q", got, tc.want)
			}
		})
	}
}

func TestARequestIsKeptForItsMessageOrItsError(t *testing.T) {
	p := sample(Sampling{})
	p.upload(t)
	if got := p.kept(); got != "POST,send" {
		t.Errorf("of an upload %q are kept, want the request and the message", got)
	}
	p = sample(Sampling{})
	ctx, request := p.Start(t.Context(), "GET", trace.WithSpanKind(trace.SpanKindServer))
	_, query := p.Start(ctx, "query")
	query.End()
	request.End()
	if got := p.kept(); got != "" {
		t.Errorf("of an ordinary request %q are kept", got)
	}
	ctx, request = p.Start(t.Context(), "GET", trace.WithSpanKind(trace.SpanKindServer))
	_, query = p.Start(ctx, "query")
	query.End()
	request.SetStatus(codes.Error, "500")
	request.End()
	if got := p.kept(); got != "GET,query" {
		t.Errorf("of a request that failed %q are kept, want all", got)
	}
}

// TestProcessesAgree on which ordinary traces are kept, and keep about as many as they should.
func TestProcessesAgree(t *testing.T) {
	uploads, works := sample(Sampling{Ratio: 0.25}), sample(Sampling{Ratio: 0.25})
	const n = 2000
	for range n {
		works.attempt(t, uploads.upload(t), 1, 0, time.Millisecond, false)
	}
	traces := func(p *sampled, name string) map[trace.TraceID]bool {
		ids := make(map[trace.TraceID]bool)
		for _, s := range p.out.Ended() {
			if s.Name() == name {
				ids[s.SpanContext().TraceID()] = true
			}
		}
		return ids
	}
	whole, worked := traces(uploads, "blob"), traces(works, "process")
	if len(worked) < n/5 || len(worked) > n*3/10 {
		t.Errorf("%d of %d traces kept, want about a quarter", len(worked), n)
	}
	for id := range worked {
		if !whole[id] {
			t.Errorf("trace %s is kept in one process only", id)
		}
	}
	if len(whole) != len(worked) {
		t.Errorf("%d traces kept by one process, %d by the other", len(whole), len(worked))
	}
}

func TestTheBufferIsBounded(t *testing.T) {
	p := sample(Sampling{Buffer: 3})
	ctx, process := p.Start(t.Context(), "process", trace.WithSpanKind(trace.SpanKindConsumer))
	for i := range 5 {
		_, stage := p.Start(ctx, fmt.Sprint("stage ", i))
		stage.End()
	}
	process.SetStatus(codes.Error, "x")
	process.End()
	if got := p.kept(); got != "process,stage 0,stage 1,stage 2" || p.lost != 2 {
		t.Errorf("kept %q, lost %d", got, p.lost)
	}
	_, process = p.Start(t.Context(), "process", trace.WithSpanKind(trace.SpanKindConsumer))
	process.End()
	held := p.provider // nothing is left behind by groups that were decided
	if err := held.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(p.out.Ended()); got != 4 {
		t.Errorf("%d spans after the end, want 4", got)
	}
}

func TestWhatHasNotEndedAtTheEndIsKept(t *testing.T) {
	p := sample(Sampling{})
	ctx, _ := p.Start(t.Context(), "process", trace.WithSpanKind(trace.SpanKindConsumer))
	_, stage := p.Start(ctx, "stage")
	stage.End()
	if err := p.provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.kept(); got != "stage" {
		t.Errorf("kept %q, want the stage of the attempt that did not end", got)
	}
}

func TestDecisionsAreForgottenInTime(t *testing.T) {
	next := tracetest.NewSpanRecorder()
	tail := newTail(Sampling{}, next, nil)
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(tail)).Tracer("test")
	for range rememberDecisions + 10 {
		_, s := tracer.Start(t.Context(), "x")
		s.End()
	}
	if len(tail.decided) != rememberDecisions || len(tail.order) != rememberDecisions || len(tail.groups) != 0 || tail.held != 0 {
		t.Errorf("%d decisions, %d in order, %d open spans, %d held", len(tail.decided), len(tail.order), len(tail.groups), tail.held)
	}
}

func TestSpansThatNobodyAskedFor(t *testing.T) {
	out := tracetest.NewSpanRecorder()
	provider := withoutPubsub{sdktrace.NewTracerProvider(sdktrace.WithSampler(begins{}), sdktrace.WithSpanProcessor(out))}
	start := func(ctx context.Context, scope, name string) context.Context {
		ctx, span := provider.Tracer(scope).Start(ctx, name)
		span.End()
		return ctx
	}
	start(start(t.Context(), "gocloud.dev/blob", "gocloud.dev/blob.List"), "http", "GET list")
	asked := start(t.Context(), "test", "stage")
	start(asked, "gocloud.dev/blob", "gocloud.dev/blob.NewRangeReader")
	start(start(asked, "gocloud.dev/pubsub", "gocloud.dev/pubsub.Topic.Send"), "test", "below")
	outside := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true}) // not sampled there
	start(trace.ContextWithRemoteSpanContext(t.Context(), outside), "test", "POST")

	var got []string
	for _, s := range out.Ended() {
		got = append(got, s.Name())
		if s.Name() == "below" && s.Parent().SpanID() != trace.SpanContextFromContext(asked).SpanID() {
			t.Error("what is below the queue's span lost its parent")
		}
	}
	if want := "stage,gocloud.dev/blob.NewRangeReader,below,POST"; strings.Join(got, ",") != want {
		t.Errorf("spans are %q, want %s", got, want)
	}
}

func TestASpanMayHaveItsIDWanted(t *testing.T) {
	type key struct{}
	tel, err := Setup(t.Context(), Options{Service: "test", SpanID: func(ctx context.Context) (trace.SpanID, bool) {
		id, ok := ctx.Value(key{}).(trace.SpanID)
		return id, ok
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	want := trace.SpanID{1, 2, 3}
	_, a := tel.Tracers.Tracer("test").Start(context.WithValue(t.Context(), key{}, want), "a")
	_, b := tel.Tracers.Tracer("test").Start(t.Context(), "b")
	if a.SpanContext().SpanID() != want || b.SpanContext().SpanID() == want || !b.SpanContext().IsValid() {
		t.Errorf("ids are %v and %v, want %v and another", a.SpanContext().SpanID(), b.SpanContext().SpanID(), want)
	}
}
