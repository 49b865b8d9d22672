package queue

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// meters are the queue's instruments. The Prometheus exporter adds the unit and _total to the
// names: idphoto_tasks_finished_total, idphoto_task_wait_seconds, messaging_process_duration_seconds ...
// Labels are lanes, kinds, states, stages: words of the program. Nothing that grows with the work
// (ids of tasks, batches, workers) may become one.
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
	ledgerErrors  metric.Int64Counter
	choreFailed   metric.Int64Counter
	wait          metric.Float64Histogram
	run           metric.Float64Histogram
	endToEnd      metric.Float64Histogram
	stage         metric.Float64Histogram

	// Named by the messaging conventions of OpenTelemetry.
	sent      metric.Int64Counter
	sendTime  metric.Float64Histogram
	consumed  metric.Int64Counter
	processed metric.Float64Histogram
}

// The conventions advise buckets to 10 s, which a network's run on a small machine passes.
var (
	waitBuckets  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800}
	runBuckets   = []float64{.05, .1, .25, .5, .75, 1, 1.5, 2.5, 5, 10, 30, 60, 120, 300, 600}
	stageBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	sendBuckets  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// newMeters makes the instruments. Names are constants and valid, so errors cannot occur; OTel
// returns working no-ops beside any.
func newMeters(p metric.MeterProvider) *meters {
	m := p.Meter(scope)
	count := func(name, unit, what string) metric.Int64Counter {
		c, _ := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(what))
		return c
	}
	counter := func(name, what string) metric.Int64Counter { return count(name, "", what) }
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
		ledgerErrors:  counter("idphoto.ledger.errors", "Calls of the ledger that it did not answer, by operation."),
		choreFailed:   counter("idphoto.janitor.failures", "Rounds of a janitor's chore that failed; the next tick tries again."),
		wait:          histogram("idphoto.task.wait", "From due to claimed.", waitBuckets),
		run:           histogram("idphoto.task.run", "From claimed to the attempt's end.", runBuckets),
		endToEnd:      histogram("idphoto.task.end_to_end", "From submitted to final.", waitBuckets),
		stage:         histogram("idphoto.task.stage", "One stage of an attempt.", stageBuckets),

		sent:      count("messaging.client.sent.messages", "{message}", "Messages that a producer tried to send."),
		sendTime:  histogram("messaging.client.operation.duration", "Handing one message to the transport.", sendBuckets),
		consumed:  count("messaging.client.consumed.messages", "{message}", "Messages that were delivered."),
		processed: histogram("messaging.process.duration", "Processing one message, whatever came of it.", runBuckets),
	}
}

func labels(t Task, more ...attribute.KeyValue) metric.MeasurementOption {
	kvs := append([]attribute.KeyValue{attribute.String("queue", t.Lane), attribute.String("kind", t.Kind)}, more...)
	return metric.WithAttributes(kvs...)
}

func laneLabel(lane string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("queue", lane))
}

func operation(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("operation", name))
}

// startAtZero makes the series whose first increase must not be missed: Prometheus sees no rise in
// a counter that was not there before. Kinds are those that a worker knows.
func (m *meters) startAtZero(ctx context.Context, kinds []string) {
	for _, lane := range Lanes {
		for _, c := range []metric.Int64Counter{m.duplicates, m.paused, m.undecodable} {
			c.Add(ctx, 0, laneLabel(lane))
		}
		for _, kind := range kinds {
			t := Task{Lane: lane, Kind: kind}
			m.leasesLost.Add(ctx, 0, labels(t))
			m.refused.Add(ctx, 0, labels(t))
			for _, s := range []State{Succeeded, Rejected, Dead, Cancelled} {
				m.finished.Add(ctx, 0, labels(t, attribute.String("state", string(s))))
			}
			for _, o := range []string{string(Succeeded), string(Rejected), string(Retrying), string(Dead)} {
				m.attempts.Add(ctx, 0, labels(t, attribute.String("outcome", o)))
			}
		}
	}
	m.unknown.Add(ctx, 0)
	for _, op := range []string{"claim", "finish"} {
		m.ledgerErrors.Add(ctx, 0, operation(op))
	}
}

// convention returns the attributes that the messaging conventions ask of metrics.
func convention(system, operation, lane string, err error) metric.MeasurementOption {
	kvs := []attribute.KeyValue{
		attribute.String("messaging.system", system),
		attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.destination.name", lane),
	}
	if err != nil {
		kvs = append(kvs, attribute.String("error.type", errorType(err)))
	}
	return metric.WithAttributes(kvs...)
}

// errorType is one of few words.
func errorType(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "_OTHER"
}

// countSend notes one message that was handed to the transport, or not.
func (m *meters) countSend(ctx context.Context, system, lane string, began time.Time, err error) {
	with := convention(system, "send", lane, err)
	m.sent.Add(ctx, 1, with)
	m.sendTime.Record(ctx, time.Since(began).Seconds(), with)
}

// countProcess notes one delivery.
func (m *meters) countProcess(ctx context.Context, system, lane string, began time.Time, err error) {
	with := convention(system, "process", lane, err)
	m.consumed.Add(ctx, 1, with)
	m.processed.Record(ctx, time.Since(began).Seconds(), with)
}
