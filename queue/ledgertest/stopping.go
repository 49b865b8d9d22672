package ledgertest

import (
	"encoding/json"
	"time"

	"idphoto/queue"
)

var stopping = []promise{
	{"CancelEndsAWaitingTaskAtOnce", func(b *bench) {
		queued := b.create().ID
		retrying := b.create().ID
		b.finish(b.claim(retrying), queue.Outcome{State: queue.Retrying, RetryAfter: time.Hour})
		for _, id := range []string{queued, retrying} {
			t, err := b.Cancel(b.ctx(), id)
			if err != nil || t.State != queue.Cancelled || !t.CancelRequested || t.FinishedAt.IsZero() {
				b.Errorf("Cancel = %+v, %v", t, err)
			}
			b.wantState(id, queue.Cancelled)
			_, err = b.Claim(b.ctx(), id, "w", lease)
			b.wantErr("Claim", err, queue.ErrNotClaimable)
		}
		b.wantCounts(map[queue.State]int64{queue.Cancelled: 2})
	}},
	{"CancelMarksARunningTaskAndItsWorkerHears", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		t, err := b.Cancel(b.ctx(), id)
		if err != nil || t.State != queue.Running || !t.CancelRequested {
			b.Fatalf("Cancel = %+v, %v", t, err)
		}
		b.wantErr("Renew", b.Renew(b.ctx(), c, "matte", lease), queue.ErrCancelled)
		b.finish(c, queue.Outcome{State: queue.Cancelled})
		b.wantState(id, queue.Cancelled)
		b.wantCounts(map[queue.State]int64{queue.Cancelled: 1})
	}},
	{"CancelWinsOverAnyOutcome", func(b *bench) {
		for _, s := range []queue.State{queue.Succeeded, queue.Rejected, queue.Retrying, queue.Dead} {
			id := b.create().ID
			c := b.claim(id)
			if _, err := b.Cancel(b.ctx(), id); err != nil {
				b.Fatal(err)
			}
			o := queue.Outcome{State: s, ResultPrefix: "p", Result: json.RawMessage(`1`)}
			b.wantErr("Finish as "+string(s), b.Finish(b.ctx(), c, o), queue.ErrCancelled)
			b.wantErr("repeated Finish as "+string(s), b.Finish(b.ctx(), c, o), queue.ErrCancelled)
			if t := b.get(id); t.State != queue.Cancelled || t.ResultPrefix != "" || t.Result != nil {
				b.Errorf("task = %+v", t)
			}
		}
	}},
	{"CancelOfAFinishedTaskIsRefused", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		_, err := b.Cancel(b.ctx(), id)
		b.wantErr("Cancel", err, queue.ErrFinal)
		b.wantState(id, queue.Succeeded)
	}},
	{"CancelSurvivesTheWorker", func(b *bench) {
		id := b.create().ID
		b.claim(id)
		if _, err := b.Cancel(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(lease)
		_, err := b.Claim(b.ctx(), id, "worker-2", lease)
		b.wantErr("Claim", err, queue.ErrNotClaimable)
		if n := b.reap(0); n != 1 {
			b.Errorf("Reap = %d, want 1", n)
		}
		b.wantState(id, queue.Cancelled)
		b.wantCounts(map[queue.State]int64{queue.Cancelled: 1})
	}},
	{"EraseClearsTheRowAndReturnsItsKeys", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.IdempotencyKey = "key-1" }).ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded, ResultPrefix: "tasks/x/1/", Result: json.RawMessage(`1`)})
		before, err := b.Erase(b.ctx(), id)
		if err != nil || before.InputKey == "" || before.ResultPrefix != "tasks/x/1/" || before.Erased {
			b.Errorf("Erase = %+v, %v", before, err)
		}
		t := b.get(id)
		if !t.Erased || t.State != queue.Succeeded || t.InputKey+t.IdempotencyKey+t.Digest+t.ResultPrefix != "" || t.Result != nil || t.Detail != nil {
			b.Errorf("erased task = %+v", t)
		}
		if again, err := b.Erase(b.ctx(), id); err != nil || !again.Erased {
			b.Errorf("second Erase = %+v, %v", again, err)
		}
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 1})
	}},
	{"AnErasedKeyMayBeUsedAgain", func(b *bench) {
		keyed := func(t *queue.Task) { t.IdempotencyKey = "key-1" }
		first := b.create(keyed)
		if _, err := b.Erase(b.ctx(), first.ID); err != nil {
			b.Fatal(err)
		}
		if second := b.create(keyed); second.ID == first.ID {
			b.Error("the erased task came back")
		}
	}},
	{"EraseCancelsAWaitingTask", func(b *bench) {
		id := b.create().ID
		if _, err := b.Erase(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		b.wantState(id, queue.Cancelled)
		b.wantCounts(map[queue.State]int64{queue.Cancelled: 1})
	}},
	{"AnErasedRunningTaskKeepsNoResult", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		if _, err := b.Erase(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		err := b.Finish(b.ctx(), c, queue.Outcome{State: queue.Succeeded, ResultPrefix: "tasks/x/1/", Result: json.RawMessage(`1`)})
		b.wantErr("Finish", err, queue.ErrCancelled)
		if t := b.get(id); t.State != queue.Cancelled || !t.Erased || t.ResultPrefix != "" || t.Result != nil {
			b.Errorf("task = %+v", t)
		}
	}},
}
