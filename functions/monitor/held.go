package monitor

import (
	"context"
	"time"

	"idphoto/functions/photo"
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

// held counts the photos that are held, the newest first. A doubtful cut is what photos are held for.
func (m *Monitor) held(ctx context.Context) (w waiting, err error) {
	tasks, next, err := m.ledger.List(ctx, queue.Filter{States: []queue.State{queue.Rejected}, Code: fault.MatteUncertain}, "", heldCounted)
	if err != nil {
		return w, err
	}
	w.more = next != ""
	for _, t := range tasks {
		if !photo.Held(t) {
			continue
		}
		if w.n++; w.oldest.IsZero() || t.FinishedAt.Before(w.oldest) {
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
	f := finding{Kind: "held", Page: listOf("state", string(queue.Rejected), "code", fault.MatteUncertain), N: s.held.n, Lasts: s.now.Sub(s.held.oldest)}
	if s.held.more {
		f.Kind, f.Lasts = "held_many", 0
	}
	return []finding{f}
}
