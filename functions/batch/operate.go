package batch

import (
	"context"
	"errors"
	"net/http"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/queue"
)

// changed is the answer to what was done to a batch's tasks.
type changed struct {
	BatchID string `json:"batch_id"`
	Changed int    `json:"changed"` // tasks
}

// operateTimeout bounds what is done to all tasks of a batch, whether its client waits or not.
const operateTimeout = 2 * time.Minute

// cancel stops the tasks that have not ended: waiting ones at once, running ones at their next stage.
func (f *Function) cancel(w http.ResponseWriter, r *http.Request) error {
	return f.each(w, r, func(ctx context.Context, t queue.Task) error {
		if t.State.Final() {
			return queue.ErrFinal
		}
		_, err := f.ledger.Cancel(ctx, t.ID)
		return err
	})
}

// retry lets the dead tasks run again.
func (f *Function) retry(w http.ResponseWriter, r *http.Request) error {
	return f.each(w, r, func(ctx context.Context, t queue.Task) error {
		if t.State != queue.Dead {
			return queue.ErrNotRequeued
		}
		_, err := f.ledger.Requeue(ctx, t.ID, f.opts.Retries.For(t.Kind).Attempts)
		return err
	})
}

// each does something to every task of the batch and tells how many it changed. A task that is not
// in the right state, perhaps since a moment ago, is left alone.
func (f *Function) each(w http.ResponseWriter, r *http.Request, do func(context.Context, queue.Task) error) error {
	b, err := f.batch(r)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), operateTimeout)
	defer stop()
	done, seen := changed{BatchID: b.ID}, make(map[string]bool)
	for more := true; more; { // a group picture may have added people meanwhile
		tasks, err := f.tasks(ctx, b.ID)
		if err != nil {
			return err
		}
		more = false
		for id, t := range tasks {
			if seen[id] {
				continue
			}
			seen[id], more = true, true
			switch err := do(ctx, t); {
			case err == nil:
				done.Changed++
			case errors.Is(err, queue.ErrFinal), errors.Is(err, queue.ErrNotRequeued), errors.Is(err, queue.ErrNotFound):
			default:
				return problem.OfLedger(err)
			}
		}
	}
	return api.JSON(w, http.StatusOK, done)
}

// erase removes every picture of the batch and its names. The rows say so first, so that nobody
// hands out or makes what is about to go; when blobs do not go, the client is told and may ask again.
func (f *Function) erase(w http.ResponseWriter, r *http.Request) error {
	id, err := batchID(r)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), operateTimeout)
	defer stop()
	if _, err := f.ledger.EraseBatch(ctx, id); err != nil {
		return problem.OfLedger(err)
	}
	tasks, err := f.tasks(ctx, id)
	if err != nil {
		return err
	}
	prefixes := []string{Prefix(id)}
	for task := range tasks {
		if _, err := f.ledger.Erase(ctx, task); err != nil && !errors.Is(err, queue.ErrNotFound) {
			return problem.OfLedger(err)
		}
		prefixes = append(prefixes, queue.TaskPrefix(task))
	}
	if _, err := f.remove(ctx, prefixes); err != nil {
		return problem.Unavailable("blobs", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
