package queue_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// attr returns an attribute of a span as text.
func attr(s tracetest.SpanStub, key attribute.Key) string {
	for _, kv := range s.Attributes {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

// wanted makes span ids as a process does that knows of queue.SpanID.
type wanted struct{}

func (wanted) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	rand.Read(id[:])
	return id, wanted{}.NewSpanID(ctx, id)
}

func (wanted) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if id, ok := queue.SpanID(ctx); ok {
		return id
	}
	rand.Read(id[:])
	return id
}

func tracers(spans *tracetest.InMemoryExporter) *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithIDGenerator(wanted{}))
}

// TestOneTracePerTask: a viewer shows upload, message and every attempt with its stages as one
// trace, and finds them all by the task's id.
func TestOneTracePerTask(t *testing.T) {
	l := memoryLedger(t)
	spans := tracetest.NewInMemoryExporter()
	tp := tracers(spans)
	topic := &chanTopic{messages: make(chan *pubsub.Message, 1)}
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{System: "mem", Logger: quiet, TracerProvider: tp})
	w := queue.NewWorker(l, kinds(does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		err := j.Stage(ctx, "matte", func(context.Context) error {
			if j.Attempt == 1 {
				return errors.New("first fails")
			}
			return nil
		})
		return nil, err
	})), &queue.WorkerOptions{System: "mem", Logger: quiet, TracerProvider: tp, Retries: atOnce})

	ctx, upload := tp.Tracer("test").Start(t.Context(), "upload")
	task, _, err := p.Submit(ctx, queue.Task{Kind: "noop"})
	if err != nil {
		t.Fatal(err)
	}
	upload.End()
	body := (<-topic.messages).Body
	for range 2 {
		if err := w.Process(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}

	byName := map[string][]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		byName[s.Name] = append(byName[s.Name], s)
		if s.SpanContext.TraceID() != upload.SpanContext().TraceID() {
			t.Errorf("span %q is in another trace", s.Name)
		}
		if s.Name != "upload" && attr(s, "idphoto.task.id") != task.ID {
			t.Errorf("span %q lacks the task's id", s.Name)
		}
	}
	if len(byName["send tasks"]) != 1 || len(byName["process tasks"]) != 2 || len(byName["stage matte"]) != 2 {
		t.Fatalf("spans = %v", byName)
	}
	send := byName["send tasks"][0]
	if send.SpanKind != trace.SpanKindProducer || send.Parent.SpanID() != upload.SpanContext().SpanID() || attr(send, "messaging.system") != "mem" {
		t.Errorf("send = %+v", send)
	}
	for i, s := range byName["process tasks"] {
		if s.SpanKind != trace.SpanKindConsumer || s.Parent.SpanID() != send.SpanContext.SpanID() {
			t.Errorf("attempt %d is no consumer below the sender", i+1)
		}
		if len(s.Links) != i+1 || s.Links[0].SpanContext.SpanID() != send.SpanContext.SpanID() {
			t.Errorf("attempt %d has links %v, want the first to the sender", i+1, s.Links)
		}
		if got, want := attr(s, "idphoto.task.attempt"), []string{"1", "2"}[i]; got != want {
			t.Errorf("attempt attribute = %s, want %s", got, want)
		}
		if got := byName["stage matte"][i].Parent.SpanID(); got != s.SpanContext.SpanID() {
			t.Errorf("stage of attempt %d hangs elsewhere", i+1)
		}
	}
	first, second := byName["process tasks"][0], byName["process tasks"][1]
	if second.Links[1].SpanContext.SpanID() != first.SpanContext.SpanID() {
		t.Errorf("the second attempt's link leads to %v, want the first attempt", second.Links[1].SpanContext)
	}
	if attr(first, "error.type") != queue.CodeInternal || first.Status.Code != codes.Error || attr(second, "error.type") != "" {
		t.Errorf("error.type is %q of the failed attempt, %q of the other", attr(first, "error.type"), attr(second, "error.type"))
	}
}

// TestTheTraceSurvivesARepublishedMessage: the context comes from the row, not from the message.
func TestTheTraceSurvivesARepublishedMessage(t *testing.T) {
	l := memoryLedger(t)
	spans := tracetest.NewInMemoryExporter()
	tp := tracers(spans)
	topic := &chanTopic{messages: make(chan *pubsub.Message, 2)}
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet, TracerProvider: tp})
	task, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	sends := spans.GetSpans()
	if len(sends) != 2 || sends[1].Parent.SpanID() != sends[0].SpanContext.SpanID() {
		t.Errorf("the second message's span does not join the first's trace: %+v", sends)
	}
	for range 2 {
		m, err := queue.ParseMessage((<-topic.messages).Body)
		if err != nil || !strings.Contains(m.TraceParent, sends[0].SpanContext.SpanID().String()) {
			t.Errorf("message = %+v, %v", m, err)
		}
	}
}

// TestTheAcknowledgementBelongsToItsAttempt, and a rejection is no error.
func TestTheAcknowledgementBelongsToItsAttempt(t *testing.T) {
	l := memoryLedger(t)
	spans := tracetest.NewInMemoryExporter()
	tp := tracers(spans)
	topic, sub := ends(t)
	defer topic.Close(context.Background())
	defer sub.Close(context.Background())
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet, TracerProvider: tp})
	started := make(chan struct{})
	w := queue.NewWorker(l, kinds(does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		close(started)
		return nil, j.Stage(ctx, "detect", func(context.Context) error { return &queue.Rejection{Code: "no_face"} })
	})), &queue.WorkerOptions{System: "mem", Logger: quiet, TracerProvider: tp})
	stop := run(t, w, sub)
	task := submit(t, p)
	<-started
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	byName := map[string]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		byName[s.Name] = s
		if attr(s, "idphoto.task.id") != task.ID || s.Status.Code == codes.Error || len(s.Events) > 0 {
			t.Errorf("span %q: attributes %v, status %v, events %v", s.Name, s.Attributes, s.Status, s.Events)
		}
	}
	process, ack := byName["process tasks"], byName["ack tasks"]
	if ack.SpanKind != trace.SpanKindClient || ack.Parent.SpanID() != process.SpanContext.SpanID() || !process.SpanContext.IsValid() ||
		attr(ack, "messaging.operation.type") != "settle" || attr(ack, "messaging.message.id") != task.ID {
		t.Errorf("ack = %+v", ack)
	}
	if attr(process, "idphoto.task.code") != "no_face" || attr(byName["stage detect"], "idphoto.task.code") != "no_face" {
		t.Errorf("the spans do not tell the code of the rejection: %+v", byName)
	}
}

// TestEachTaskOfABatchHasItsOwnTrace, and the batch's message span links to them.
func TestEachTaskOfABatchHasItsOwnTrace(t *testing.T) {
	l := memoryLedger(t)
	spans := tracetest.NewInMemoryExporter()
	topic := &chanTopic{messages: make(chan *pubsub.Message, 2)}
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet, TracerProvider: tracers(spans)})
	b, _, err := p.SubmitBatch(t.Context(), queue.Batch{}, []queue.Task{{Kind: "noop"}, {Kind: "noop"}})
	if err != nil {
		t.Fatal(err)
	}
	all := spans.GetSpans()
	if len(all) != 3 {
		t.Fatalf("%d spans, want two of tasks and one of the batch", len(all))
	}
	send := all[2]
	if send.Name != "send tasks" || len(send.Links) != 2 || attr(send, "messaging.batch.message_count") != "2" {
		t.Errorf("send = %+v", send)
	}
	for i, create := range all[:2] {
		m, err := queue.ParseMessage((<-topic.messages).Body)
		if err != nil {
			t.Fatal(err)
		}
		task, err := l.Get(t.Context(), m.TaskID)
		if err != nil {
			t.Fatal(err)
		}
		if create.Name != "create tasks" || create.Parent.IsValid() || create.SpanKind != trace.SpanKindProducer || attr(create, "idphoto.batch.id") != b.ID {
			t.Errorf("create = %+v", create)
		}
		if !strings.Contains(m.TraceParent, create.SpanContext.SpanID().String()) && !strings.Contains(m.TraceParent, all[1-i].SpanContext.SpanID().String()) {
			t.Errorf("the message's context %s is that of no task's span", m.TraceParent)
		}
		if task.TraceParent != m.TraceParent || send.Links[i].SpanContext.SpanID() != create.SpanContext.SpanID() ||
			create.Links[0].SpanContext.SpanID() != send.SpanContext.SpanID() {
			t.Errorf("task %d: row %s, message %s, links %v and %v", i, task.TraceParent, m.TraceParent, send.Links, create.Links)
		}
	}
}
