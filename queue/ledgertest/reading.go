package ledgertest

import (
	"context"
	"errors"

	"idphoto/queue"
)

var reading = []promise{
	{"PingAnswers", func(b *bench) {
		if err := b.Ping(b.ctx()); err != nil {
			b.Errorf("Ping = %v", err)
		}
	}},
	{"CountsOfAnEmptyLedgerAreZero", func(b *bench) {
		b.wantCounts(nil)
	}},
	{"AnAbandonedCallChangesNothingAndTheLedgerGoesOn", func(b *bench) {
		id := b.create().ID
		gone, cancel := context.WithCancel(b.ctx())
		cancel()
		if _, err := b.Claim(gone, id, "w", lease); !errors.Is(err, context.Canceled) {
			b.Errorf("Claim = %v, want context.Canceled", err)
		}
		if _, _, err := b.Create(gone, queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 1}); err == nil {
			b.Error("Create succeeded without a caller")
		}
		b.wantState(id, queue.Queued)
		if c := b.claim(id); c.Attempt != 1 {
			b.Errorf("attempt = %d, want 1", c.Attempt)
		}
		b.wantCounts(map[queue.State]int64{queue.Running: 1})
	}},
}
