package ledgertest

import (
	"slices"
	"time"

	"idphoto/queue"
)

var sweeping = []promise{
	{"ReapReturnsATaskWhoseLeaseEnded", func(b *bench) {
		id := b.create().ID
		b.claim(id)
		b.clock.Advance(lease - time.Millisecond)
		if n := b.reap(time.Second); n != 0 {
			b.Errorf("Reap under a live lease = %d", n)
		}
		b.clock.Advance(time.Millisecond)
		if n := b.reap(5 * time.Second); n != 1 {
			b.Errorf("Reap = %d, want 1", n)
		}
		t := b.get(id)
		if t.State != queue.Retrying || t.Code != queue.CodeLeaseLost || !t.DueAt.Equal(b.clock.Now().Add(5*time.Second)) {
			b.Errorf("task = %+v", t)
		}
		as := b.attempts(id)
		if as[0].State != queue.Retrying || as[0].Code != queue.CodeLeaseLost || as[0].FinishedAt.IsZero() {
			b.Errorf("attempts = %+v", as)
		}
		if n := b.reap(0); n != 0 {
			b.Errorf("second Reap = %d, want 0", n)
		}
		b.wantCounts(map[queue.State]int64{queue.Retrying: 1})
	}},
	{"ATaskThatKillsItsWorkersEndsDead", func(b *bench) {
		id := b.create().ID // three attempts
		for n := 1; n <= 3; n++ {
			if c := b.claim(id); c.Attempt != n {
				b.Fatalf("attempt = %d, want %d", c.Attempt, n)
			}
			b.clock.Advance(lease)
			b.reap(0)
		}
		t := b.get(id)
		if t.State != queue.Dead || t.Code != queue.CodeLeaseLost || t.FinishedAt.IsZero() {
			b.Errorf("task = %+v", t)
		}
		if as := b.attempts(id); len(as) != 3 || as[2].State != queue.Dead {
			b.Errorf("attempts = %+v", as)
		}
		b.wantCounts(map[queue.State]int64{queue.Dead: 1})
	}},
	{"ReapReturnsTasksAsTheyAreThen", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 1 }).ID
		b.claim(id)
		b.clock.Advance(lease)
		tasks, err := b.Reap(b.ctx(), func(int) time.Duration { return 0 }, 10)
		if err != nil || len(tasks) != 1 {
			b.Fatalf("Reap = %d tasks, %v", len(tasks), err)
		}
		wantTask(b, "reaped", tasks[0], b.get(id))
		if tasks[0].State != queue.Dead {
			b.Errorf("state = %s, want dead", tasks[0].State)
		}
	}},
	{"ReapTakesNoMoreThanItsLimit", func(b *bench) {
		for range 5 {
			b.claim(b.create().ID)
		}
		b.clock.Advance(lease)
		for _, want := range []int{2, 2, 1, 0} {
			tasks, err := b.Reap(b.ctx(), func(int) time.Duration { return time.Hour }, 2)
			if err != nil || len(tasks) != want {
				b.Errorf("Reap = %d tasks, %v; want %d", len(tasks), err, want)
			}
		}
	}},
	{"AnUnpublishedTaskIsStaleAfterTheGrace", func(b *bench) {
		id := b.create().ID
		b.clock.Advance(queue.PublishGrace - time.Millisecond)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale within the grace = %v", got)
		}
		b.clock.Advance(time.Millisecond)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale again = %v: two janitors would send two messages", got)
		}
	}},
	{"APublishedTaskIsStaleWhenNobodyClaimsIt", func(b *bench) {
		id := b.create().ID
		if err := b.Published(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(time.Minute - time.Millisecond)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale too early = %v", got)
		}
		b.clock.Advance(time.Millisecond)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
	}},
	{"ALongBacklogIsNotPublishedOverAndOver", func(b *bench) {
		id := b.create().ID
		if err := b.Published(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		var minutes []int
		for minute := 1; minute <= 40; minute++ {
			b.clock.Advance(time.Minute)
			if len(b.stale()) > 0 {
				minutes = append(minutes, minute)
			}
		}
		if want := []int{1, 3, 7, 15, 31}; !slices.Equal(minutes, want) {
			b.Errorf("published again after minutes %v, want %v", minutes, want)
		}
	}},
	{"ARetryIsStaleWhenDueAndBecomesQueued", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, RetryAfter: 20 * time.Second})
		b.clock.Advance(20*time.Second - time.Millisecond)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale before it is due = %v", got)
		}
		b.clock.Advance(time.Millisecond)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
		b.wantState(id, queue.Queued)
		b.wantCounts(map[queue.State]int64{queue.Queued: 1})
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale again = %v", got)
		}
		b.clock.Advance(time.Minute)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale when the retry's message was lost = %v, want %s", got, id)
		}
		b.claim(id)
	}},
	{"AnUnpublishedMessageIsTakenBack", func(b *bench) {
		id := b.create().ID
		b.clock.Advance(queue.PublishGrace)
		b.stale()
		if err := b.Unpublished(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
	}},
	{"AForgetfulTransportGetsEveryWaitingTaskAgain", func(b *bench) {
		waiting, running := b.create().ID, b.create().ID
		for _, id := range []string{waiting, running} {
			if err := b.Published(b.ctx(), id); err != nil {
				b.Fatal(err)
			}
		}
		b.claim(running)
		b.clock.Advance(queue.PublishGrace)
		if err := b.UnpublishAll(b.ctx()); err != nil {
			b.Fatal(err)
		}
		if got := b.stale(); !slices.Equal(got, []string{waiting}) {
			b.Errorf("Stale = %v, want %s", got, waiting)
		}
	}},
	{"RunningAndFinishedTasksAreNeverStale", func(b *bench) {
		b.claim(b.create().ID)
		b.finish(b.claim(b.create().ID), queue.Outcome{State: queue.Succeeded})
		if _, err := b.Cancel(b.ctx(), b.create().ID); err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(24 * time.Hour)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale = %v", got)
		}
	}},
	{"StaleTakesNoMoreThanItsLimitOldestFirst", func(b *bench) {
		var ids []string
		for range 5 {
			ids = append(ids, b.create().ID)
			b.clock.Advance(time.Second)
			if err := b.Published(b.ctx(), ids[len(ids)-1]); err != nil {
				b.Fatal(err)
			}
		}
		b.clock.Advance(time.Minute)
		var got []string
		for range 3 {
			tasks, err := b.Stale(b.ctx(), time.Minute, 2)
			if err != nil || len(tasks) > 2 {
				b.Fatalf("Stale = %d tasks, %v", len(tasks), err)
			}
			for _, t := range tasks {
				got = append(got, t.ID)
			}
		}
		if !slices.Equal(got, ids) {
			b.Errorf("Stale = %v, want %v", got, ids)
		}
	}},
	{"AClockThatJumpsAnHourForwardEndsEachLeaseOnce", func(b *bench) {
		waiting, running, retrying := b.create().ID, b.create().ID, b.create().ID
		c := b.claim(running)
		b.finish(b.claim(retrying), queue.Outcome{State: queue.Retrying, RetryAfter: 30 * time.Minute})
		b.clock.Advance(time.Hour)
		if n := b.reap(0); n != 1 {
			b.Errorf("Reap = %d, want 1", n)
		}
		if n := b.reap(0); n != 0 {
			b.Errorf("second Reap = %d, want 0", n)
		}
		b.wantErr("Finish by the overtaken worker", b.Finish(b.ctx(), c, queue.Outcome{State: queue.Succeeded}), queue.ErrLeaseLost)
		got, want := b.stale(), []string{waiting, running, retrying}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			b.Errorf("Stale = %v, want all: %v", got, want)
		}
		for _, id := range want {
			b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
			_, err := b.Claim(b.ctx(), id, "w", lease)
			b.wantErr("second Claim", err, queue.ErrNotClaimable)
		}
		if as := b.attempts(running); len(as) != 2 {
			b.Errorf("%d attempts, want 2", len(as))
		}
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 3})
	}},
	{"AClockThatJumpsAnHourBackClaimsNothingTwice", func(b *bench) {
		waiting, running, published := b.create().ID, b.create().ID, b.create().ID
		if err := b.Published(b.ctx(), published); err != nil {
			b.Fatal(err)
		}
		c := b.claim(running)
		b.clock.Advance(-time.Hour)
		_, err := b.Claim(b.ctx(), running, "worker-2", lease)
		b.wantErr("Claim of a running task", err, queue.ErrNotClaimable)
		if n := b.reap(0); n != 0 {
			b.Errorf("Reap = %d, want 0", n)
		}
		if err := b.Renew(b.ctx(), c, "matte", lease); err != nil {
			b.Errorf("Renew: %v", err)
		}
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		b.wantState(running, queue.Succeeded)
		b.clock.Advance(time.Hour + time.Minute) // the clock has come to where it was
		for _, id := range []string{waiting, published} {
			if c := b.claim(id); c.Attempt != 1 {
				b.Errorf("attempt = %d, want 1", c.Attempt)
			} else {
				b.finish(c, queue.Outcome{State: queue.Succeeded})
			}
		}
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 3})
	}},
	{"AWorkerThatDiesAfterTheClockJumpedBackIsReapedByTheNewClock", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.clock.Advance(-time.Hour)
		if err := b.Renew(b.ctx(), c, "matte", lease); err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(lease)
		if n := b.reap(0); n != 1 {
			b.Errorf("Reap = %d, want 1: a renewal goes by the clock as it is", n)
		}
	}},
	{"AClockThatJumpsForwardAndBackLosesNoTask", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.clock.Advance(time.Hour)
		b.reap(time.Second)
		b.clock.Advance(-time.Hour)
		b.wantErr("Finish by the overtaken worker", b.Finish(b.ctx(), c, queue.Outcome{State: queue.Succeeded}), queue.ErrLeaseLost)
		b.clock.Advance(2 * time.Hour)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		b.wantState(id, queue.Succeeded)
	}},
}
