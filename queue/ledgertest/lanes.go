package ledgertest

import (
	"maps"
	"slices"
	"time"

	"idphoto/queue"
)

func (b *bench) pause(lane, by string) {
	b.Helper()
	if err := b.PauseLane(b.ctx(), lane, by); err != nil {
		b.Fatalf("PauseLane: %v", err)
	}
}

func (b *bench) resume(lane string) {
	b.Helper()
	if err := b.ResumeLane(b.ctx(), lane); err != nil {
		b.Fatalf("ResumeLane: %v", err)
	}
}

// lane returns how a lane stands.
func (b *bench) lane(lane string) queue.LaneState {
	b.Helper()
	states, err := b.LaneStates(b.ctx())
	if err != nil {
		b.Fatalf("LaneStates: %v", err)
	}
	i := slices.IndexFunc(states, func(s queue.LaneState) bool { return s.Lane == lane })
	if i < 0 {
		b.Fatalf("LaneStates knows no lane %q: %+v", lane, states)
	}
	return states[i]
}

func inBulk(t *queue.Task) { t.Lane = queue.Bulk }

var lanes = []promise{
	{"ATaskOfAPausedLaneIsNotClaimable", func(b *bench) {
		bulk, express := b.create(inBulk).ID, b.create().ID
		b.pause(queue.Bulk, "op")
		_, err := b.Claim(b.ctx(), bulk, "w", lease)
		b.wantErr("Claim", err, queue.ErrPaused)
		t := b.get(bulk)
		if t.State != queue.Queued || t.Attempts != 0 {
			b.Errorf("task = %s, %d attempts; want queued, 0", t.State, t.Attempts)
		}
		b.claim(express)
		b.resume(queue.Bulk)
		b.claim(bulk)
	}},
	{"ARetryOfAPausedLaneWaitsToo", func(b *bench) {
		id := b.create(inBulk).ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying})
		b.pause(queue.Bulk, "op")
		_, err := b.Claim(b.ctx(), id, "w", lease)
		b.wantErr("Claim", err, queue.ErrPaused)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale = %v, want none", got)
		}
		b.resume(queue.Bulk)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
	}},
	{"APauseSaysNothingOfAFinishedOrUnknownTask", func(b *bench) {
		id := b.create(inBulk).ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		b.pause(queue.Bulk, "op")
		_, err := b.Claim(b.ctx(), id, "w", lease)
		b.wantErr("Claim of a finished task", err, queue.ErrNotClaimable)
		_, err = b.Claim(b.ctx(), queue.NewID(), "w", lease)
		b.wantErr("Claim of an unknown task", err, queue.ErrNotFound)
	}},
	{"RunningTasksOfAPausedLaneGoOn", func(b *bench) {
		id := b.create(inBulk).ID
		c := b.claim(id)
		b.pause(queue.Bulk, "op")
		if err := b.Renew(b.ctx(), c, "matte", lease); err != nil {
			b.Errorf("Renew: %v", err)
		}
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		b.wantState(id, queue.Succeeded)
	}},
	{"ALostTaskOfAPausedLaneIsReapedAndNotTakenOver", func(b *bench) {
		id := b.create(inBulk).ID
		b.claim(id)
		b.pause(queue.Bulk, "op")
		b.clock.Advance(lease)
		_, err := b.Claim(b.ctx(), id, "w", lease)
		b.wantErr("Claim", err, queue.ErrPaused)
		if n := b.reap(0); n != 1 {
			b.Errorf("Reap = %d, want 1", n)
		}
		b.wantState(id, queue.Retrying)
	}},
	{"APausedLaneIsNeverStaleAndResumingPublishesItsTasks", func(b *bench) {
		claimed, published, fresh := b.create(inBulk).ID, b.create(inBulk).ID, b.create(inBulk).ID
		for _, id := range []string{claimed, published} {
			if err := b.Published(b.ctx(), id); err != nil {
				b.Fatal(err)
			}
		}
		b.pause(queue.Bulk, "op")
		if _, err := b.Claim(b.ctx(), claimed, "w", lease); err == nil {
			b.Fatal("Claim succeeded")
		}
		b.clock.Advance(time.Hour)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale of a paused lane = %v, want none", got)
		}
		b.resume(queue.Bulk)
		got, want := b.stale(), []string{claimed, published, fresh}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			b.Errorf("Stale = %v, want %v", got, want)
		}
	}},
	{"AMessageThatCameDuringAPauseIsMadeUpFor", func(b *bench) {
		id := b.create(inBulk).ID
		if err := b.Published(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		b.pause(queue.Bulk, "op")
		if _, err := b.Claim(b.ctx(), id, "w", lease); err == nil {
			b.Fatal("Claim succeeded")
		}
		b.clock.Advance(queue.PublishGrace)
		b.resume(queue.Bulk)
		if got := b.stale(); !slices.Equal(got, []string{id}) {
			b.Errorf("Stale = %v, want %s", got, id)
		}
	}},
	{"PausingTwiceKeepsTheFirstTimeAndName", func(b *bench) {
		b.pause(queue.Bulk, "ann")
		first := b.clock.Now()
		b.clock.Advance(time.Minute)
		b.pause(queue.Bulk, "bob")
		if s := b.lane(queue.Bulk); !s.Paused || s.PausedBy != "ann" || !s.PausedAt.Equal(first) {
			b.Errorf("lane = %+v, want paused by ann at %v", s, first)
		}
		b.resume(queue.Bulk)
		b.resume(queue.Bulk)
		if s := b.lane(queue.Bulk); s.Paused || s.PausedBy != "" || !s.PausedAt.IsZero() {
			b.Errorf("resumed lane = %+v", s)
		}
	}},
	{"ResumingALaneThatIsNotPausedPublishesNothing", func(b *bench) {
		id := b.create(inBulk).ID
		if err := b.Published(b.ctx(), id); err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(queue.PublishGrace)
		b.resume(queue.Bulk)
		if got := b.stale(); len(got) != 0 {
			b.Errorf("Stale = %v, want none", got)
		}
	}},
	{"AnUnknownLaneIsRefused", func(b *bench) {
		if err := b.PauseLane(b.ctx(), "slow", "op"); err == nil {
			b.Error("PauseLane succeeded")
		}
		if err := b.ResumeLane(b.ctx(), "slow"); err == nil {
			b.Error("ResumeLane succeeded")
		}
		_, _, err := b.Create(b.ctx(), queue.Task{ID: queue.NewID(), Kind: "noop", Lane: "slow", MaxAttempts: 1})
		if err == nil {
			b.Error("Create succeeded")
		}
	}},
	{"LaneStatesAreInOrderAndCountTheBacklog", func(b *bench) {
		b.create()
		b.create(inBulk)
		b.claim(b.create(inBulk).ID)
		b.finish(b.claim(b.create(inBulk).ID), queue.Outcome{State: queue.Retrying, RetryAfter: time.Hour})
		b.finish(b.claim(b.create(inBulk).ID), queue.Outcome{State: queue.Succeeded})
		states, err := b.LaneStates(b.ctx())
		if err != nil || len(states) != 2 || states[0].Lane != queue.Express || states[1].Lane != queue.Bulk {
			b.Fatalf("LaneStates = %+v, %v", states, err)
		}
		if s := states[0]; s.Waiting != 1 || s.Running != 0 {
			b.Errorf("express = %+v, want 1 waiting", s)
		}
		if s := states[1]; s.Waiting != 2 || s.Running != 1 {
			b.Errorf("bulk = %+v, want 2 waiting, 1 running", s)
		}
	}},
	{"TheOldestAgeIsThatOfTheOldestReadyTask", func(b *bench) {
		if age := b.lane(queue.Express).OldestAge; age != 0 {
			b.Errorf("age in an empty lane = %v", age)
		}
		id := b.create().ID
		b.clock.Advance(5 * time.Second)
		b.create()
		b.create(inBulk)
		b.clock.Advance(2 * time.Second)
		if age := b.lane(queue.Express).OldestAge; age != 7*time.Second {
			b.Errorf("age = %v, want 7s", age)
		}
		b.claim(id)
		if age := b.lane(queue.Express).OldestAge; age != 2*time.Second {
			b.Errorf("age = %v, want 2s: the oldest runs", age)
		}
	}},
	{"DeliberateBackoffIsNotWaiting", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, RetryAfter: time.Minute})
		b.clock.Advance(50 * time.Second)
		if age := b.lane(queue.Express).OldestAge; age != 0 {
			b.Errorf("age before the retry is due = %v, want 0", age)
		}
		b.clock.Advance(15 * time.Second)
		if age := b.lane(queue.Express).OldestAge; age != 5*time.Second {
			b.Errorf("age of a due retry = %v, want 5s", age)
		}
		b.stale()
		if age := b.lane(queue.Express).OldestAge; age != 5*time.Second {
			b.Errorf("age of a published retry = %v, want 5s", age)
		}
	}},
	{"ATaskWithoutAMessageIsUnsentUntilItGetsOne", func(b *bench) {
		if err := b.Published(b.ctx(), b.create().ID); err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(time.Second)
		if d := b.lane(queue.Express).Unsent; d != 0 {
			b.Errorf("unsent for %v, want 0: the message was sent", d)
		}
		late := b.create().ID
		b.clock.Advance(5 * time.Second)
		if d := b.lane(queue.Express).Unsent; d != 5*time.Second {
			b.Errorf("unsent for %v, want 5s", d)
		}
		b.pause(queue.Express, "ann")
		if d := b.lane(queue.Express).Unsent; d != 0 {
			b.Errorf("unsent for %v in a paused lane, want 0", d)
		}
		b.resume(queue.Express)
		b.stale()
		if d := b.lane(queue.Express).Unsent; d != 0 {
			b.Errorf("unsent for %v after the janitor's messages, want 0", d)
		}
		b.finish(b.claim(late), queue.Outcome{State: queue.Retrying, RetryAfter: time.Minute})
		b.clock.Advance(time.Minute + 3*time.Second)
		if d := b.lane(queue.Express).Unsent; d != 3*time.Second {
			b.Errorf("unsent for %v with a retry due for 3s", d)
		}
	}},
	{"CountsAreKeptPerLane", func(b *bench) {
		b.create()
		b.claim(b.create(inBulk).ID)
		b.finish(b.claim(b.create(inBulk).ID), queue.Outcome{State: queue.Rejected})
		got, err := b.LaneCounts(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		for _, states := range got {
			maps.DeleteFunc(states, func(_ queue.State, n int64) bool { return n == 0 })
		}
		if !maps.Equal(got[queue.Express], map[queue.State]int64{queue.Queued: 1}) ||
			!maps.Equal(got[queue.Bulk], map[queue.State]int64{queue.Running: 1, queue.Rejected: 1}) {
			b.Errorf("LaneCounts = %v", got)
		}
	}},
}
