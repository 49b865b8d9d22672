package ledgertest

import (
	"time"

	"idphoto/queue"
)

var claiming = []promise{
	{"AClaimCountsTheAttemptBeforeTheWork", func(b *bench) {
		id := b.create().ID
		b.clock.Advance(2 * time.Second)
		c := b.claim(id)
		if c.Attempt != 1 || c.Task.Attempts != 1 || c.Task.State != queue.Running || c.Token == "" || c.Worker != "worker-1" {
			b.Errorf("claim = %+v", c)
		}
		t := b.get(id)
		if t.State != queue.Running || t.Attempts != 1 || !t.StartedAt.Equal(b.clock.Now()) {
			b.Errorf("task = %+v", t)
		}
		as := b.attempts(id)
		if len(as) != 1 || as[0].Number != 1 || as[0].State != queue.Running || as[0].Worker != "worker-1" || !as[0].FinishedAt.IsZero() {
			b.Errorf("attempts = %+v", as)
		}
		b.wantCounts(map[queue.State]int64{queue.Running: 1})
	}},
	{"ATaskUnderALiveLeaseIsNotClaimable", func(b *bench) {
		id := b.create().ID
		b.claim(id)
		b.clock.Advance(lease - time.Millisecond)
		_, err := b.Claim(b.ctx(), id, "worker-2", lease)
		b.wantErr("Claim", err, queue.ErrNotClaimable)
	}},
	{"ATaskWhoseLeaseEndedMayBeTakenOver", func(b *bench) {
		id := b.create().ID
		first := b.claim(id)
		b.clock.Advance(lease + time.Second)
		second, err := b.Claim(b.ctx(), id, "worker-2", lease)
		if err != nil || second.Attempt != 2 || second.Token == first.Token {
			b.Fatalf("Claim = %+v, %v", second, err)
		}
		as := b.attempts(id)
		if len(as) != 2 || as[0].State != queue.Retrying || as[0].Code != queue.CodeLeaseLost || as[1].State != queue.Running {
			b.Errorf("attempts = %+v", as)
		}
		b.wantCounts(map[queue.State]int64{queue.Running: 1})
	}},
	{"ATaskWithoutAttemptsLeftIsNotTakenOver", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 1 }).ID
		b.claim(id)
		b.clock.Advance(lease + time.Second)
		_, err := b.Claim(b.ctx(), id, "worker-2", lease)
		b.wantErr("Claim", err, queue.ErrNotClaimable)
	}},
	{"ARetryIsClaimableWhenDueAndNotBefore", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "unavailable", RetryAfter: 30 * time.Second})
		b.clock.Advance(30*time.Second - time.Millisecond)
		_, err := b.Claim(b.ctx(), id, "w", lease)
		b.wantErr("Claim before it is due", err, queue.ErrNotClaimable)
		b.clock.Advance(time.Millisecond)
		if c := b.claim(id); c.Attempt != 2 {
			b.Errorf("attempt = %d, want 2", c.Attempt)
		}
	}},
	{"AFinishedTaskIsNotClaimable", func(b *bench) {
		for _, s := range []queue.State{queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled} {
			id := b.create().ID
			b.finish(b.claim(id), queue.Outcome{State: s})
			_, err := b.Claim(b.ctx(), id, "w", lease)
			b.wantErr("Claim of a "+string(s)+" task", err, queue.ErrNotClaimable)
		}
	}},
	{"RenewKeepsTheTaskAndNotesTheStage", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		for range 5 {
			b.clock.Advance(lease - time.Second)
			if err := b.Renew(b.ctx(), c, "matte", lease); err != nil {
				b.Fatalf("Renew: %v", err)
			}
		}
		if n := b.reap(0); n != 0 {
			b.Errorf("Reap took %d tasks under a renewed lease", n)
		}
		if got := b.get(id).Stage; got != "matte" {
			b.Errorf("stage = %q, want matte", got)
		}
	}},
	{"RenewAfterTakeoverChangesNothing", func(b *bench) {
		id := b.create().ID
		late := b.claim(id)
		b.clock.Advance(lease + time.Second)
		b.claim(id)
		b.wantErr("Renew by the overtaken worker", b.Renew(b.ctx(), late, "late", time.Hour), queue.ErrLeaseLost)
		if got := b.get(id).Stage; got != "" {
			b.Errorf("stage = %q, want none", got)
		}
		b.clock.Advance(lease)
		if n := b.reap(0); n != 1 {
			b.Errorf("Reap = %d, want 1: the late Renew prolonged the lease", n)
		}
	}},
	{"RenewAfterReapingIsRefused", func(b *bench) {
		id := b.create().ID
		late := b.claim(id)
		b.clock.Advance(lease)
		b.reap(0)
		b.wantErr("Renew", b.Renew(b.ctx(), late, "late", lease), queue.ErrLeaseLost)
		b.wantState(id, queue.Retrying)
	}},
	{"RenewAfterFinishIsRefused", func(b *bench) {
		c := b.claim(b.create().ID)
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		b.wantErr("Renew", b.Renew(b.ctx(), c, "late", lease), queue.ErrLeaseLost)
	}},
}
