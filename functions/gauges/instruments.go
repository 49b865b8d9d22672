package gauges

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"idphoto/queue"
)

// observing labels the errors of reading the ledger for a scrape.
var observing = metric.WithAttributes(attribute.String("operation", "observe"))

// instruments are all gauges. Units become part of the names that Prometheus sees: s is _seconds.
type instruments struct {
	list []metric.Observable

	tasks, dead, paused, workers, slots                         metric.Int64ObservableGauge
	oldest, unsent, promise, running, timeout, stalled, sampled metric.Float64ObservableGauge
	canary, canaryEvery                                         metric.Float64ObservableGauge
}

func newInstruments(m metric.Meter) (*instruments, error) {
	var in instruments
	var errs []error
	number := func(name, what string) metric.Int64ObservableGauge {
		g, err := m.Int64ObservableGauge(name, metric.WithDescription(what))
		in.list, errs = append(in.list, g), append(errs, err)
		return g
	}
	seconds := func(name, what string) metric.Float64ObservableGauge {
		g, err := m.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(what))
		in.list, errs = append(in.list, g), append(errs, err)
		return g
	}
	in.tasks = number("idphoto.task_queue.tasks", "Tasks in the ledger, by lane and state.")
	in.dead = number("idphoto.dead_letter.tasks", "Dead tasks that wait for an operator.")
	in.paused = number("idphoto.queue.paused", "1 while the lane is paused.")
	in.workers = number("idphoto.workers", "Workers, by state; those that are gone are known for a day.")
	in.slots = number("idphoto.worker.slots", "Slots of the workers: busy and free ones of those online, used ones of those draining.")
	in.oldest = seconds("idphoto.task_queue.oldest_age", "How long the oldest ready task has waited; deliberate back-off is not waiting.")
	in.unsent = seconds("idphoto.outbox.oldest_age", "How long a task has wanted a message that nobody sent.")
	in.promise = seconds("idphoto.task_queue.promise", "How long a task may wait.")
	in.running = seconds("idphoto.task.oldest_running", "How long the longest attempt under way has run.")
	in.timeout = seconds("idphoto.task.timeout", "Bound on one attempt.")
	in.stalled = seconds("idphoto.batch.oldest_stalled", "How long an unfinished batch has not moved.")
	in.sampled = seconds("idphoto.janitor.last_sample.timestamp", "When a janitor last noted the backlog, which it does each minute.")
	in.canary = seconds("idphoto.canary.last_success.timestamp", "When a canary was last through the lane; the program's start when none was.")
	in.canaryEvery = seconds("idphoto.canary.interval", "How often a canary is sent.")
	return &in, errors.Join(errs...)
}

func lane(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("queue", name))
}

// observeSettings shows what does not come from the ledger: rules compare with it.
func (in *instruments) observeSettings(to metric.Observer, o Options) {
	for name, p := range o.Promises {
		to.ObserveFloat64(in.promise, p.Seconds(), lane(name))
	}
	to.ObserveFloat64(in.timeout, o.AttemptTimeout.Seconds())
	if o.CanaryEvery > 0 {
		to.ObserveFloat64(in.canaryEvery, o.CanaryEvery.Seconds())
	}
}

func (in *instruments) observe(to metric.Observer, s *standing, o Options) {
	for _, l := range s.lanes {
		paused := int64(0)
		if l.Paused {
			paused = 1
		}
		to.ObserveInt64(in.paused, paused, lane(l.Lane))
		to.ObserveFloat64(in.oldest, l.OldestAge.Seconds(), lane(l.Lane))
		to.ObserveFloat64(in.unsent, l.Unsent.Seconds(), lane(l.Lane))
		to.ObserveInt64(in.dead, s.counts[l.Lane][queue.Dead], lane(l.Lane))
		for _, state := range []queue.State{queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled} {
			to.ObserveInt64(in.tasks, s.counts[l.Lane][state],
				metric.WithAttributes(attribute.String("queue", l.Lane), attribute.String("state", string(state))))
		}
	}
	for state, n := range s.workers {
		to.ObserveInt64(in.workers, n, metric.WithAttributes(attribute.String("state", string(state))))
	}
	for state, n := range s.slots {
		to.ObserveInt64(in.slots, n, metric.WithAttributes(attribute.String("state", state)))
	}
	for kind, d := range s.running {
		to.ObserveFloat64(in.running, d.Seconds(), metric.WithAttributes(attribute.String("kind", kind)))
	}
	to.ObserveFloat64(in.stalled, s.stalled.Seconds())
	to.ObserveFloat64(in.sampled, float64(s.sampled.Unix()))
	if o.CanaryEvery > 0 {
		for name, at := range s.canary {
			to.ObserveFloat64(in.canary, float64(at.UnixMilli())/1000, lane(name))
		}
	}
}
