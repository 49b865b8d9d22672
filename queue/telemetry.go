package queue

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const scope = "idphoto/queue"

// Attributes of spans. The task's id is on every one, so that one search finds them all.
const (
	attrTaskID  = attribute.Key("idphoto.task.id")
	attrKind    = attribute.Key("idphoto.task.kind")
	attrLane    = attribute.Key("idphoto.task.lane")
	attrAttempt = attribute.Key("idphoto.task.attempt")
	attrWait    = attribute.Key("idphoto.task.queue_wait_ms")
	attrOutcome = attribute.Key("idphoto.task.outcome")
	attrWorker  = attribute.Key("idphoto.worker.id")

	attrBatchID   = attribute.Key("idphoto.batch.id")
	attrBatchSize = attribute.Key("messaging.batch.message_count")
)

// messaging returns the attributes that the messaging conventions ask for.
func messaging(system, operation string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.system", system),
		attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.operation.type", operation),
		attribute.String("messaging.destination.name", "tasks"),
	}
}

var traceContext propagation.TraceContext

// inject writes ctx's trace context into t.
func inject(ctx context.Context, t *Task) {
	carrier := propagation.MapCarrier{}
	traceContext.Inject(ctx, carrier)
	t.TraceParent, t.TraceState = carrier["traceparent"], carrier["tracestate"]
}

// creation returns ctx with the trace context in which t was submitted as the remote parent.
func creation(ctx context.Context, t Task) context.Context {
	carrier := propagation.MapCarrier{"traceparent": t.TraceParent, "tracestate": t.TraceState}
	return traceContext.Extract(ctx, carrier)
}

// meters are the queue's instruments. The Prometheus exporter adds the unit and _total to the
// names: idphoto_tasks_finished_total, idphoto_task_wait_seconds ...
type meters struct {
	enqueued      metric.Int64Counter
	publishFailed metric.Int64Counter
	finished      metric.Int64Counter
	attempts      metric.Int64Counter
	duplicates    metric.Int64Counter
	unknown       metric.Int64Counter
	undecodable   metric.Int64Counter
	leasesLost    metric.Int64Counter
	refused       metric.Int64Counter
	paused        metric.Int64Counter
	putBack       metric.Int64Counter
	stuck         metric.Int64Counter
	workersLost   metric.Int64Counter
	purged        metric.Int64Counter
	orphans       metric.Int64Counter
	wait          metric.Float64Histogram
	run           metric.Float64Histogram
	endToEnd      metric.Float64Histogram
	stage         metric.Float64Histogram
}

var (
	waitBuckets  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800}
	runBuckets   = []float64{.05, .1, .25, .5, .75, 1, 1.5, 2.5, 5, 10, 30, 60, 120, 300, 600}
	stageBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
)

// newMeters makes the instruments. Names are constants and valid, so errors cannot occur; OTel
// returns working no-ops beside any.
func newMeters(p metric.MeterProvider) *meters {
	m := p.Meter(scope)
	counter := func(name, what string) metric.Int64Counter {
		c, _ := m.Int64Counter(name, metric.WithDescription(what))
		return c
	}
	histogram := func(name, what string, buckets []float64) metric.Float64Histogram {
		h, _ := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(what), metric.WithExplicitBucketBoundaries(buckets...))
		return h
	}
	return &meters{
		enqueued:      counter("idphoto.tasks.enqueued", "Tasks accepted into the ledger."),
		publishFailed: counter("idphoto.task.publish_failures", "Messages that could not be handed to the transport; a janitor sends them later."),
		finished:      counter("idphoto.tasks.finished", "Tasks that reached a final state while a worker had them."),
		attempts:      counter("idphoto.task.attempts", "Attempts that ended, by outcome."),
		duplicates:    counter("idphoto.task.duplicate_deliveries", "Messages for tasks that were not to be claimed."),
		unknown:       counter("idphoto.task.unknown_deliveries", "Messages for tasks that the ledger does not know."),
		undecodable:   counter("idphoto.messages.undecodable", "Messages that could not be read."),
		leasesLost:    counter("idphoto.task.leases_lost", "Attempts whose lease ended before them: the worker died, hung or lost the ledger."),
		refused:       counter("idphoto.task.outcomes_refused", "Outcomes that came too late: the lease had been lost."),
		paused:        counter("idphoto.task.paused_deliveries", "Messages for tasks of a paused lane; resuming sends others."),
		putBack:       counter("idphoto.messages.put_back", "Messages given back because no slot was free for them."),
		stuck:         counter("idphoto.task.stuck", "Attempts given up because their handler did not return; each ends its process."),
		workersLost:   counter("idphoto.workers.lost", "Workers that fell silent without having stopped."),
		purged:        counter("idphoto.tasks.purged", "Tasks of which something was removed because its time was over, by what: original, result, row."),
		orphans:       counter("idphoto.blobs.orphaned", "Blobs removed that no row of the ledger named."),
		wait:          histogram("idphoto.task.wait", "From due to claimed.", waitBuckets),
		run:           histogram("idphoto.task.run", "From claimed to the attempt's end.", runBuckets),
		endToEnd:      histogram("idphoto.task.end_to_end", "From submitted to final.", waitBuckets),
		stage:         histogram("idphoto.task.stage", "One stage of an attempt.", stageBuckets),
	}
}

func labels(t Task, more ...attribute.KeyValue) metric.MeasurementOption {
	kvs := append([]attribute.KeyValue{attribute.String("queue", t.Lane), attribute.String("kind", t.Kind)}, more...)
	return metric.WithAttributes(kvs...)
}

func laneLabel(lane string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("queue", lane))
}

func spanAttributes(t Task) trace.SpanStartEventOption {
	return trace.WithAttributes(attrTaskID.String(t.ID), attrKind.String(t.Kind), attrLane.String(t.Lane))
}
