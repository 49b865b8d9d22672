package ledgertest

import (
	"slices"
	"time"

	"idphoto/queue"
)

var requeueing = []promise{
	{"ADeadTaskRunsAgainWithMoreAttempts", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 2 }).ID
		for range 2 {
			b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "internal", Error: "cause"})
		}
		b.wantState(id, queue.Dead)
		b.clock.Advance(time.Hour)
		t, err := b.Requeue(b.ctx(), id, 3)
		if err != nil || t.State != queue.Queued || t.Attempts != 2 || t.MaxAttempts != 5 || t.Code != "" ||
			!t.FinishedAt.IsZero() || !t.DueAt.Equal(b.clock.Now()) {
			b.Fatalf("Requeue = %+v, %v", t, err)
		}
		wantTask(b, "stored", b.get(id), t)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s: nobody has published it", got, id)
		}
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		as := b.attempts(id)
		if len(as) != 3 || as[1].State != queue.Dead || as[1].Error != "cause" || as[2].State != queue.Succeeded {
			b.Errorf("attempts = %+v, want all three as they were", as)
		}
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 1})
	}},
	{"ACancelledTaskRunsAgain", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		if _, err := b.Cancel(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		b.wantErr("Finish", b.Finish(b.ctx(), c, queue.Outcome{State: queue.Succeeded}), queue.ErrCancelled)
		t, err := b.Requeue(b.ctx(), id, 1)
		if err != nil || t.CancelRequested || t.MaxAttempts != 3 {
			b.Fatalf("Requeue = %+v, %v; want no cancel mark, and the attempts it had", t, err)
		}
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		b.wantState(id, queue.Succeeded)
	}},
	{"ARetryingTaskNeedNotWait", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, RetryAfter: time.Hour})
		if _, err := b.Requeue(b.ctx(), id, 1); err != nil {
			b.Fatal(err)
		}
		if c := b.claim(id); c.Attempt != 2 {
			b.Errorf("attempt = %d, want 2", c.Attempt)
		}
		b.wantCounts(map[queue.State]int64{queue.Running: 1})
	}},
	{"OtherTasksAreNotRequeued", func(b *bench) {
		queued, running, erased := b.create().ID, b.create().ID, b.create().ID
		b.claim(running)
		ids := []string{queued, running, erased}
		for _, s := range []queue.State{queue.Succeeded, queue.Rejected} {
			id := b.create().ID
			b.end(id, s)
			ids = append(ids, id)
		}
		b.end(erased, queue.Dead)
		if _, err := b.Erase(b.ctx(), erased); err != nil {
			b.Fatal(err)
		}
		for _, id := range ids {
			before := b.get(id)
			_, err := b.Requeue(b.ctx(), id, 1)
			b.wantErr("Requeue of a "+string(before.State)+" task", err, queue.ErrNotRequeued)
			wantTask(b, "task", b.get(id), before)
		}
		_, err := b.Requeue(b.ctx(), queue.NewID(), 1)
		b.wantErr("Requeue of an unknown task", err, queue.ErrNotFound)
	}},
	{"ARequeueNeedsAnAttempt", func(b *bench) {
		id := b.create().ID
		b.end(id, queue.Dead)
		if _, err := b.Requeue(b.ctx(), id, 0); err == nil {
			b.Error("Requeue with no attempt succeeded")
		}
		b.wantState(id, queue.Dead)
	}},
	{"ATaskWhoseOriginalIsGoneIsNotRequeued", func(b *bench) {
		id := b.create().ID
		b.end(id, queue.Dead)
		b.purged(queue.PurgeOriginal, id)
		_, err := b.Requeue(b.ctx(), id, 1)
		b.wantErr("Requeue", err, queue.ErrNotRequeued)
	}},
	{"RetentionOfARequeuedTaskBeginsWithItsNewEnd", func(b *bench) {
		id := b.create().ID
		b.end(id, queue.Dead)
		first := b.clock.Now()
		b.clock.Advance(time.Hour)
		if _, err := b.Requeue(b.ctx(), id, 1); err != nil {
			b.Fatal(err)
		}
		b.wantPurgeable(first.Add(time.Minute))
		b.end(id, queue.Succeeded)
		b.wantPurgeable(first.Add(time.Minute))
		b.wantPurgeable(b.clock.Now().Add(time.Minute), id)
	}},
	{"AWorkerOvertakenByARequeueChangesNothing", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 1 }).ID
		late := b.claim(id)
		b.clock.Advance(lease)
		b.reap(0)
		if _, err := b.Requeue(b.ctx(), id, 1); err != nil {
			b.Fatal(err)
		}
		b.wantErr("Finish", b.Finish(b.ctx(), late, queue.Outcome{State: queue.Succeeded}), queue.ErrLeaseLost)
		b.claim(id)
		b.wantErr("Finish after the next claim", b.Finish(b.ctx(), late, queue.Outcome{State: queue.Succeeded}), queue.ErrLeaseLost)
		b.wantState(id, queue.Running)
	}},
}

// wantPurgeable checks whose original may go when ends before the time are old enough.
func (b *bench) wantPurgeable(endedBefore time.Time, want ...string) {
	b.Helper()
	if got := b.purgeable(queue.PurgeOriginal, endedBefore, 10); !slices.Equal(got, want) {
		b.Errorf("Purgeable = %v, want %v", got, want)
	}
}
