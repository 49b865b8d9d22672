package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"idphoto/functions/again"
	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// pathID returns the path's id. What cannot be an id of ours is not found, without asking the
// ledger and without coming near a log.
func pathID(r *http.Request) (string, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return "", fault.New(problem.NotFound, nil)
	}
	return id.String(), nil
}

// taskOf looks up the task that the path names.
func (m *Monitor) taskOf(r *http.Request) (queue.Task, error) {
	id, err := pathID(r)
	if err != nil {
		return queue.Task{}, err
	}
	api.NameTask(r.Context(), id)
	return m.ledger.Get(r.Context(), id)
}

// requeue lets a task run again. A janitor publishes it within a second.
func (m *Monitor) requeue(ctx context.Context, t queue.Task) error {
	if t.Kind == queue.KindUnreadable {
		return fault.New(problem.AlreadyFinal, nil) // nobody will ever read it
	}
	_, err := m.ledger.Requeue(ctx, t.ID, m.opts.Retries.For(t.Kind).Attempts)
	if errors.Is(err, queue.ErrNotRequeued) {
		return notRequeued(t, err)
	}
	return err
}

// notRequeued says why a task cannot run again.
func notRequeued(t queue.Task, cause error) error {
	switch {
	case t.Erased:
		return fault.New(problem.Gone, cause)
	case t.InputKey == "" && (t.State == queue.Dead || t.State == queue.Cancelled):
		return fault.New(problem.OriginalGone, cause)
	}
	return fault.New(problem.AlreadyFinal, cause)
}

func (m *Monitor) cancel(ctx context.Context, t queue.Task) error {
	_, err := m.ledger.Cancel(ctx, t.ID)
	return err
}

// eraseWithin bounds the removal of one task's pictures.
const eraseWithin = 30 * time.Second

// erase marks the row first, so that nobody hands out or makes what is about to go. When the blobs
// do not go the caller is told so and may ask again: the row's mark is no obstacle.
func (m *Monitor) erase(ctx context.Context, t queue.Task) error {
	if _, err := m.ledger.Erase(ctx, t.ID); err != nil {
		return err
	}
	// Once the row says erased, the pictures go even if the person leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseWithin)
	defer cancel()
	if err := m.blobs.DeletePrefix(ctx, queue.TaskPrefix(t.ID)); err != nil {
		return problem.Unavailable("blobs", err)
	}
	return nil
}

func (m *Monitor) retryTask(r *http.Request, _ values) (outcome, error) {
	return m.one(r, "retry", m.requeue)
}

func (m *Monitor) cancelTask(r *http.Request, _ values) (outcome, error) {
	return m.one(r, "cancel", m.cancel)
}

// eraseTask needs confirm=erase: a press of the wrong button must not be enough.
func (m *Monitor) eraseTask(r *http.Request, in values) (outcome, error) {
	if in["confirm"] != "erase" {
		return outcome{}, badField("confirm")
	}
	return m.one(r, "erase", m.erase)
}

// one does a deed to the task that the path names.
func (m *Monitor) one(r *http.Request, name string, do func(context.Context, queue.Task) error) (outcome, error) {
	t, err := m.taskOf(r)
	if err != nil {
		return outcome{}, err
	}
	if err := do(r.Context(), t); err != nil {
		return outcome{}, err
	}
	return outcome{Audit: name, Target: t.ID, Count: 1, Message: "task_" + name, Next: Base + "/tasks/" + t.ID}, nil
}

// runAgain makes a new task from the same original, with what the form asks for instead. The first
// task stays as it is; the new one belongs to no batch, whose numbers stay true.
func (m *Monitor) runAgain(r *http.Request, in values) (outcome, error) {
	t, err := m.taskOf(r)
	if err != nil {
		return outcome{}, err
	}
	order, err := otherOrder(t, in)
	if err != nil {
		return outcome{}, err
	}
	chosen, err := photo.Choose(order)
	if err != nil {
		return outcome{}, err
	}
	fresh, err := m.copyTask(r.Context(), t, chosen)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Audit: "again", Target: t.ID + " → " + fresh.ID, Count: 1, Message: "task_again",
		Next: Base + "/tasks/" + fresh.ID, Body: map[string]string{"task_id": fresh.ID}}, nil
}

// copyTask stores the new task and what it begins from, or neither. A janitor publishes it.
func (m *Monitor) copyTask(ctx context.Context, t queue.Task, chosen photo.Options) (queue.Task, error) {
	fresh, err := again.Prepare(ctx, m.blobs, t, chosen)
	if err != nil {
		return queue.Task{}, errors.Join(err, m.forget(ctx, fresh.ID))
	}
	fresh.MaxAttempts = m.opts.Retries.For(fresh.Kind).Attempts
	_, _, err = m.ledger.Create(ctx, fresh)
	if err == nil {
		return fresh, nil
	}
	if _, lost := m.ledger.Get(context.WithoutCancel(ctx), fresh.ID); lost == nil {
		return fresh, nil // only the ledger's answer was lost
	}
	return queue.Task{}, errors.Join(fmt.Errorf("running a task again: %w", err), m.forget(ctx, fresh.ID))
}

// forget removes the picture of a task that did not come to be.
func (m *Monitor) forget(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseWithin)
	defer cancel()
	return m.blobs.DeletePrefix(ctx, queue.TaskPrefix(id))
}
