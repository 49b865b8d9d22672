package queue

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// errNoPublisher tells that a handler wants to add tasks in a worker that was made without a way to
// send their messages.
var errNoPublisher = errors.New("queue: this worker has no publisher, its tasks add no others")

// Extend adds tasks to the batch of a running task, each once however often it is repeated, and
// publishes a message for each that is new. refused is as for Batches.Extend. Messages that the
// transport does not take are left to a janitor. Errors are those of Batches.Extend.
func (p *Publisher) Extend(ctx context.Context, c *Claim, tasks []Task, refused int64) error {
	ctx, span := p.startSend(ctx, trace.WithAttributes(attrBatchID.String(c.Task.BatchID), attrBatchSize.Int(len(tasks))))
	defer span.End()
	own := make([]Task, len(tasks)) // the caller's stay as they are
	for i, t := range tasks {
		p.complete(&t, c.Task.Lane)
		t.BatchID = c.Task.BatchID
		p.create(ctx, &t, span)
		own[i] = t
	}
	added, err := p.ledger.Extend(ctx, c, own, refused)
	if err != nil {
		fail(span, "not_stored")
		span.RecordError(err)
		return fmt.Errorf("extending batch: %w", err)
	}
	for _, t := range added {
		p.meters.enqueued.Add(ctx, 1, labels(t))
	}
	if err := p.sendAll(ctx, added); err != nil {
		fail(span, "not_published")
		span.RecordError(err)
		p.log.WarnContext(ctx, "not all messages of added tasks were sent, a janitor sends the others", "batch", c.Task.BatchID, "err", err.Error())
	}
	return nil
}

// Extend adds tasks to the batch that this one is in: see Publisher.Extend. It returns ErrCancelled
// and ErrLeaseLost like Stage.
func (j *Job) Extend(ctx context.Context, tasks []Task, refused int) error {
	p := j.worker.opts.Publisher
	if p == nil {
		return Permanent(errNoPublisher)
	}
	return p.Extend(ctx, j.claim, tasks, int64(refused))
}

// Known reports whether the ledger has a task of this id: one that an earlier attempt has added.
func (j *Job) Known(ctx context.Context, id string) (bool, error) {
	_, err := j.worker.ledger.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ChildID is the id of the n-th task that a task adds, from 1 on: the same in every attempt. It is of
// the parent's time, and children sort by n.
func ChildID(parent string, n int) (string, error) {
	id, err := uuid.Parse(parent)
	if err != nil {
		return "", fmt.Errorf("queue: %q has no children: %w", parent, err)
	}
	if n < 1 || n > maxChildren {
		return "", fmt.Errorf("queue: a task has 1 to %d children, not %d", maxChildren, n)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(id[:], uint32(n)))
	child := id
	// UUIDv7 (RFC 9562, 5.7): 48 bits of time, version, 12 bits that may count, variant, 62 bits.
	child[6], child[7] = 0x70|byte(n>>8), byte(n)
	copy(child[8:], sum[:8])
	child[8] = child[8]&0x3f | 0x80
	return child.String(), nil
}

// maxChildren is what 12 bits count.
const maxChildren = 1<<12 - 1
