package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// atOnce has failed attempts follow each other without a pause.
var atOnce = queue.Retries{Default: queue.RetryPolicy{Base: 1, Limit: 1}}

// TestMetrics checks names, labels and counts. The names are what alerts and dashboards use.
func TestMetrics(t *testing.T) {
	l := memoryLedger(t)
	reader := sdkmetric.NewManualReader()
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	topic := &chanTopic{messages: make(chan *pubsub.Message, 10)}
	p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet, MeterProvider: mp})
	w := queue.NewWorker(l, kinds(does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		return nil, j.Stage(ctx, "matte", func(context.Context) error { return nil })
	})), &queue.WorkerOptions{Logger: quiet, MeterProvider: mp})
	task, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop"})
	if err != nil {
		t.Fatal(err)
	}
	unknown := queue.MessageOf(queue.Task{ID: queue.NewID()}).Encode()
	for _, body := range [][]byte{(<-topic.messages).Body, queue.MessageOf(task).Encode(), []byte("{"), unknown} {
		if err := w.Process(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}
	topic.down.Store(true)
	if _, _, err := p.Submit(t.Context(), queue.Task{Kind: "noop"}); !errors.Is(err, queue.ErrNotPublished) {
		t.Fatal(err)
	}

	if err := l.PauseLane(t.Context(), queue.Express, "test"); err != nil {
		t.Fatal(err)
	}
	process(t, w, create(t, l))
	got := metrics(t, reader)
	const lane = "kind=noop,queue=express"
	for name, want := range map[string]string{
		"idphoto.tasks.enqueued":             "1 " + lane,
		"idphoto.task.publish_failures":      "1 " + lane,
		"idphoto.tasks.finished":             "1 " + lane + ",state=succeeded",
		"idphoto.task.attempts":              "1 kind=noop,outcome=succeeded,queue=express",
		"idphoto.task.duplicate_deliveries":  "1 queue=express",
		"idphoto.task.unknown_deliveries":    "1 ",
		"idphoto.messages.undecodable":       "1 queue=express",
		"idphoto.task.paused_deliveries":     "1 queue=express",
		"idphoto.task.wait":                  "1 " + lane,
		"idphoto.task.run":                   "1 kind=noop,outcome=succeeded,queue=express",
		"idphoto.task.end_to_end":            "1 " + lane,
		"idphoto.task.stage":                 "1 " + lane + ",stage=matte",
		"messaging.client.consumed.messages": "5 messaging.destination.name=express,messaging.operation.name=process,messaging.system=gocdk",
		"messaging.process.duration":         "5 messaging.destination.name=express,messaging.operation.name=process,messaging.system=gocdk",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

// points writes the data points that are not zero as "count label=value,...".
func points(data metricdata.Aggregation) string {
	var all []string
	write := func(n uint64, set attribute.Set) {
		if n == 0 {
			return
		}
		var labels []string
		for _, kv := range set.ToSlice() {
			labels = append(labels, string(kv.Key)+"="+kv.Value.String())
		}
		slices.Sort(labels)
		all = append(all, strconv.FormatUint(n, 10)+" "+strings.Join(labels, ","))
	}
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			write(uint64(p.Value), p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			write(p.Count, p.Attributes)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// TestAlarmingCountersStartAtZero: a series that appears with its first event shows no increase, so
// no alert would hear of it.
func TestAlarmingCountersStartAtZero(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	queue.NewWorker(memoryLedger(t), kinds(does(nil)), &queue.WorkerOptions{Logger: quiet,
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	series := make(map[string]int)
	for _, m := range got.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
			series[m.Name] = len(sum.DataPoints)
		}
	}
	for name, want := range map[string]int{
		"idphoto.tasks.finished": 8, "idphoto.task.attempts": 8, "idphoto.task.leases_lost": 2, "idphoto.task.duplicate_deliveries": 2, "idphoto.ledger.errors": 2,
	} {
		if series[name] != want {
			t.Errorf("%s has %d series before the first task, want %d", name, series[name], want)
		}
	}
}

// TestLogsNameTasksAndNothingElse: what a message or an option holds must not reach the log.
func TestLogsNameTasksAndNothingElse(t *testing.T) {
	l := memoryLedger(t)
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := queue.NewWorker(l, kinds(does(func(context.Context, *queue.Job) (json.RawMessage, error) { return nil, errors.New("odd") })),
		&queue.WorkerOptions{Logger: log})
	task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 1,
		InputKey: "tasks/secret-key/original", IdempotencyKey: "secret-idem", Options: json.RawMessage(`{"x":"secret-option"}`)})
	if err != nil {
		t.Fatal(err)
	}
	process(t, w, task)
	if err := w.Process(t.Context(), []byte(`secret-body`)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), task.ID) || !strings.Contains(out.String(), `"bytes":11`) {
		t.Errorf("the log lacks the task's id or the bad message's length:\n%s", out.String())
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("the log tells what it must not:\n%s", out.String())
	}
}

// TestADeathThatNoWorkerReportsIsCounted: a task that kills its last worker must raise the alarm.
func TestADeathThatNoWorkerReportsIsCounted(t *testing.T) {
	l := memoryLedger(t)
	reader := sdkmetric.NewManualReader()
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Claim(t.Context(), task.ID, "gone", 0); err != nil {
		t.Fatal(err)
	}
	p := queue.NewPublisher(l, express(&chanTopic{}), &queue.PublisherOptions{Logger: quiet})
	if err := queue.NewJanitor(l, p, &queue.JanitorOptions{Logger: quiet, MeterProvider: mp}).Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := metrics(t, reader)
	for name, want := range map[string]string{
		"idphoto.tasks.finished":   "1 kind=noop,queue=bulk,state=dead",
		"idphoto.task.leases_lost": "1 kind=noop,queue=bulk",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}
