package queue

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// batchSenders is how many messages of a batch are on their way at once: a broker's answer takes
// milliseconds, and some brokers take several messages together.
const batchSenders = 16

// SubmitBatch stores b and its tasks, all or none, and publishes a message for each task. It fills
// in what Submit does (lane Bulk), the ids and the number of tasks. created is false when b's
// idempotency key names a batch that is there already; with another digest the error is ErrConflict.
//
// A stored batch is accepted: the messages that the transport does not take are left to a janitor.
func (p *Publisher) SubmitBatch(ctx context.Context, b Batch, tasks []Task) (batch Batch, created bool, err error) {
	if b.ID == "" {
		b.ID = NewID()
	}
	b.Total = int64(len(tasks))
	ctx, span := p.startSend(ctx, trace.WithAttributes(attrBatchID.String(b.ID), attrBatchSize.Int(len(tasks))))
	defer span.End()
	own := make([]Task, len(tasks)) // the caller's stay as they are
	for i, t := range tasks {
		p.complete(&t, Bulk)
		t.BatchID = b.ID
		p.create(ctx, &t, span)
		own[i] = t
	}
	batch, created, err = p.ledger.CreateBatch(ctx, b, own)
	if err != nil {
		fail(span, "not_stored")
		span.RecordError(err)
		return Batch{}, false, fmt.Errorf("submitting batch: %w", err)
	}
	if !created {
		return batch, false, nil
	}
	for _, t := range own {
		p.meters.enqueued.Add(ctx, 1, labels(t))
	}
	if err := p.sendAll(ctx, own); err != nil {
		fail(span, "not_published")
		span.RecordError(err)
		p.log.WarnContext(ctx, "not all messages of a batch were sent, a janitor sends the others", "batch", b.ID, "err", err.Error())
	}
	return batch, true, nil
}

// sendAll sends the tasks' messages, several at once, and stops at the first that fails.
func (p *Publisher) sendAll(ctx context.Context, tasks []Task) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(batchSenders, len(tasks)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1) - 1
				if i >= int64(len(tasks)) {
					return
				}
				if err := p.send(ctx, tasks[i]); err != nil {
					p.meters.publishFailed.Add(ctx, 1, labels(tasks[i]))
					stop(err)
					return
				}
				p.notePublished(ctx, tasks[i])
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
