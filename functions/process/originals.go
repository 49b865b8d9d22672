package process

import (
	"context"
	"log/slog"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// Originals removes one blob. *blobs.Store does.
type Originals interface {
	Delete(ctx context.Context, key string) error
}

// WithoutOriginals is ledger, except that a task's original is deleted once its photo or its
// rejection is recorded. A task that died keeps its original, so that it can be run again; so does
// one whose worker dies between the record and the deletion, until the store's own rule removes it.
func WithoutOriginals(ledger queue.Ledger, originals Originals, log *slog.Logger) queue.Ledger {
	return &withoutOriginals{ledger, originals, log}
}

type withoutOriginals struct {
	queue.Ledger
	originals Originals
	log       *slog.Logger
}

func (w *withoutOriginals) Finish(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	if err := w.Ledger.Finish(ctx, c, o); err != nil {
		return err
	}
	if o.State != queue.Succeeded && o.State != queue.Rejected {
		return nil
	}
	if err := w.originals.Delete(ctx, photo.OriginalKey(c.Task.ID)); err != nil {
		w.log.WarnContext(ctx, "original of a finished task is left behind", "task", c.Task.ID, "err", err)
	}
	return nil
}
