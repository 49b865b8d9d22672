package process

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"idphoto/functions/photo"
	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// counters count photos by document, which package queue knows nothing of: a document that suddenly
// rejects more than it did is a fault of ours or of its record.
type counters struct {
	finished metric.Int64Counter
	rejected metric.Int64Counter
}

func newCounters() *counters {
	m := otel.GetMeterProvider().Meter("idphoto/functions/process")
	counter := func(name, what string) metric.Int64Counter {
		c, _ := m.Int64Counter(name, metric.WithDescription(what)) // no error: the names are valid
		return c
	}
	return &counters{
		finished: counter("idphoto.photos.finished", "Pictures that became a photo or were rejected by the rules, by document."),
		rejected: counter("idphoto.photos.rejected", "Pictures that the rules rejected, by code."),
	}
}

// count notes what became of a task's picture. Attempts that failed are no answer, and canaries are
// nobody's pictures. All sizes of customers' own are one document: they could be any number.
func (c *counters) count(ctx context.Context, t queue.Task, s *spec.Spec, err error) {
	if t.Label == photo.CanaryLabel {
		return
	}
	rejection, rejected := errors.AsType[*queue.Rejection](err)
	if err != nil && !rejected {
		return
	}
	id, outcome := s.ID, queue.Succeeded
	if s.Document == spec.Custom {
		id = spec.Custom
	}
	if rejected {
		outcome = queue.Rejected
		c.rejected.Add(ctx, 1, metric.WithAttributes(attribute.String("code", rejection.Code)))
	}
	c.finished.Add(ctx, 1, metric.WithAttributes(attribute.String("spec", id), attribute.String("outcome", string(outcome))))
}
