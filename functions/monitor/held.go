package monitor

import (
	"context"
	"net/http"
	"time"

	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// waiting are the photos that are made and wait for somebody's look.
type waiting struct {
	n      int64
	more   bool      // there are more than were counted
	oldest time.Time // of those counted: when its attempt ended
}

// heldCounted bounds the work: whoever looks at two hundred photos does not ask for the exact number.
const heldCounted = 200

// held counts the photos that are held, the newest first. A doubtful cut is what photos are held for,
// and by its code they are found at once.
func (m *Monitor) held(ctx context.Context) (w waiting, err error) {
	tasks, next, err := m.list(ctx, queue.Filter{Code: fault.MatteUncertain, Held: true}, "", heldCounted)
	if err != nil {
		return w, err
	}
	w.more = next != ""
	w.n = int64(len(tasks))
	for _, t := range tasks {
		if w.oldest.IsZero() || t.FinishedAt.Before(w.oldest) {
			w.oldest = t.FinishedAt
		}
	}
	return w, nil
}

// ofHeld tells that photos wait for a look. That is no fault: nothing stands still but these.
func ofHeld(s state) []finding {
	if s.held.n == 0 {
		return nil
	}
	f := finding{Kind: "held", Page: listOf("held", "true"), N: s.held.n, Lasts: s.now.Sub(s.held.oldest)}
	if s.held.more {
		f.Kind, f.Lasts = "held_many", 0
	}
	return []finding{f}
}

// accept makes a held photo good, after a look at it.
func (m *Monitor) accept(ctx context.Context, t queue.Task) error {
	_, err := m.ledger.Accept(ctx, t.ID)
	return err
}

// refuse settles that a held photo is not handed out. The row says so first: when the files do not go
// now, they go when their time is over, as they would have, and nobody can reach them until then.
func (m *Monitor) refuse(ctx context.Context, t queue.Task) error {
	before, err := m.ledger.Refuse(ctx, t.ID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseWithin)
	defer cancel()
	if err := m.blobs.DeletePrefix(ctx, before.ResultPrefix); err != nil {
		m.opts.Log.WarnContext(ctx, "files of a refused photo stay until their time is over", "task", t.ID, "err", err)
	}
	return nil
}

func (m *Monitor) acceptTask(r *http.Request, _ values) (outcome, error) {
	return m.one(r, "accept", m.accept)
}

func (m *Monitor) refuseTask(r *http.Request, _ values) (outcome, error) {
	return m.one(r, "refuse", m.refuse)
}
