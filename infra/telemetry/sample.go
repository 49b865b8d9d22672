package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Sampling says which spans leave the process when not all shall.
//
// A trace is kept whole with the probability Ratio; its id decides, so that all processes agree.
// Of every other trace a process keeps
//   - all spans of an attempt that failed, was not the task's first, or whose waiting and running
//     took Slow or longer together;
//   - all spans of a request that was answered with a server's error;
//   - the span of the message, and of the request in which it was sent.
//
// So each task is found by its id, and one that had trouble shows what was done for it. What is not
// there is the rest of a request that went well, since its process cannot know how the task will
// end; the first attempt of a task that is only tried again because its worker was killed (with the
// worker went its spans); and, without an outcome to tell by, what a full buffer had no room for.
// That a task was rejected is nothing remarkable.
type Sampling struct {
	Ratio  float64       // 0 to 1
	Slow   time.Duration // default 30 s
	Buffer int           // spans held until their attempt or request has ended; default 10,000, some 20 MB
}

// Attributes that package queue gives the span of an attempt.
const (
	attemptKey = attribute.Key("idphoto.task.attempt")
	waitKey    = attribute.Key("idphoto.task.queue_wait_ms")
)

// rememberDecisions is for how many groups it is known what became of them: spans may come late.
const rememberDecisions = 4096

// tail is the span processor that does it. It holds the spans of a group (an attempt or a request,
// with all that this process did for it) until the group's first span has ended, and passes on
// what is kept.
type tail struct {
	next   sdktrace.SpanProcessor
	chosen sdktrace.Sampler
	slow   time.Duration
	room   int
	lost   func() // counts a span that found no room

	mu      sync.Mutex
	groups  map[spanKey]*group // of each span that has not ended
	held    int
	decided map[spanKey]*group // by first span
	order   []spanKey          // of decided, the oldest first
}

type spanKey struct {
	trace trace.TraceID
	span  trace.SpanID
}

type group struct {
	first   spanKey
	held    []sdktrace.ReadOnlySpan
	decided bool
	keep    bool // all of it
	sends   bool // a message
}

func newTail(s Sampling, next sdktrace.SpanProcessor, lost func()) *tail {
	if s.Slow == 0 {
		s.Slow = 30 * time.Second
	}
	if s.Buffer == 0 {
		s.Buffer = 10_000
	}
	return &tail{next: next, chosen: sdktrace.TraceIDRatioBased(s.Ratio), slow: s.Slow, room: s.Buffer, lost: lost,
		groups: make(map[spanKey]*group), decided: make(map[spanKey]*group)}
}

// whole reports whether the trace is one of those that are kept whatever happens.
func (t *tail) whole(id trace.TraceID) bool {
	return t.chosen.ShouldSample(sdktrace.SamplingParameters{TraceID: id}).Decision == sdktrace.RecordAndSample
}

func keyOf(s trace.SpanContext) spanKey { return spanKey{s.TraceID(), s.SpanID()} }

func (t *tail) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) {
	t.next.OnStart(ctx, s)
	key := keyOf(s.SpanContext())
	if t.whole(key.trace) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := &group{first: key}
	if parent := s.Parent(); parent.IsValid() && !parent.IsRemote() {
		if of := t.groups[keyOf(parent)]; of != nil {
			g = of
		} else if of := t.decided[keyOf(parent)]; of != nil {
			g = of
		}
	}
	t.groups[key] = g
}

func (t *tail) OnEnd(s sdktrace.ReadOnlySpan) {
	key := keyOf(s.SpanContext())
	if t.whole(key.trace) {
		t.next.OnEnd(s)
		return
	}
	for _, kept := range t.end(key, s) {
		t.next.OnEnd(kept)
	}
}

// end takes a span that has ended, and returns those that are to be passed on now.
func (t *tail) end(key spanKey, s sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.groups[key]
	delete(t.groups, key)
	switch {
	case g == nil:
		return nil
	case g.decided && (g.keep || s.SpanKind() == trace.SpanKindProducer):
		return []sdktrace.ReadOnlySpan{s}
	case g.decided:
		return nil
	}
	g.keep = g.keep || t.remarkable(s, key == g.first)
	g.sends = g.sends || s.SpanKind() == trace.SpanKindProducer
	if key == g.first {
		return t.decide(g, s)
	}
	if t.held >= t.room {
		t.lost()
		return nil
	}
	t.held++
	g.held = append(g.held, s)
	return nil
}

// decide says what of a group is kept, now that its first span has ended.
func (t *tail) decide(g *group, first sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	held := g.held
	t.held -= len(held)
	g.held, g.decided = nil, true
	t.decided[g.first] = g
	if t.order = append(t.order, g.first); len(t.order) > rememberDecisions {
		delete(t.decided, t.order[0])
		t.order = t.order[1:]
	}
	if g.keep {
		return append(held, first)
	}
	var kept []sdktrace.ReadOnlySpan
	for _, s := range held {
		if s.SpanKind() == trace.SpanKindProducer {
			kept = append(kept, s)
		}
	}
	if g.sends {
		kept = append(kept, first)
	}
	return kept
}

// remarkable reports whether a span's whole group is to be kept for it.
func (t *tail) remarkable(s sdktrace.ReadOnlySpan, first bool) bool {
	failed := s.Status().Code == codes.Error
	if s.SpanKind() != trace.SpanKindConsumer {
		return first && failed
	}
	attempt, took := int64(1), s.EndTime().Sub(s.StartTime())
	for _, kv := range s.Attributes() {
		switch kv.Key {
		case attemptKey:
			attempt = kv.Value.AsInt64()
		case waitKey:
			took += time.Duration(kv.Value.AsInt64()) * time.Millisecond
		}
	}
	return failed || attempt > 1 || took >= t.slow
}

func (t *tail) ForceFlush(ctx context.Context) error { return t.next.ForceFlush(ctx) }

// Shutdown passes on what is held: what has not ended by now has a story to tell.
func (t *tail) Shutdown(ctx context.Context) error {
	t.mu.Lock()
	var left []sdktrace.ReadOnlySpan
	for _, g := range t.groups {
		left = append(left, g.held...)
		g.held = nil
	}
	t.groups = make(map[spanKey]*group)
	t.mu.Unlock()
	for _, s := range left {
		t.next.OnEnd(s)
	}
	return t.next.Shutdown(ctx)
}
