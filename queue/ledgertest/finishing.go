package ledgertest

import (
	"encoding/json"
	"slices"
	"time"

	"idphoto/queue"
)

var finishing = []promise{
	{"SuccessKeepsTheResultOfItsAttempt", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.clock.Advance(time.Second)
		stages := []queue.StageTime{{Name: "decode", Start: 0, Duration: time.Millisecond}, {Name: "matte", Start: time.Millisecond, Duration: time.Second}}
		b.finish(c, queue.Outcome{State: queue.Succeeded, ResultPrefix: "tasks/x/1/", Result: json.RawMessage(`{"w":295}`), Stages: stages})
		t := b.get(id)
		if t.State != queue.Succeeded || t.ResultPrefix != "tasks/x/1/" || string(t.Result) != `{"w":295}` || !t.FinishedAt.Equal(b.clock.Now()) || t.Stage != "" {
			b.Errorf("task = %+v", t)
		}
		as := b.attempts(id)
		if len(as) != 1 || as[0].State != queue.Succeeded || !slices.Equal(as[0].Stages, stages) || !as[0].FinishedAt.Equal(b.clock.Now()) {
			b.Errorf("attempts = %+v", as)
		}
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 1})
	}},
	{"RejectionIsFinalAndKeepsItsCode", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Rejected, Code: "many_faces", Detail: json.RawMessage(`{"count":2}`)})
		t := b.get(id)
		if t.State != queue.Rejected || t.Code != "many_faces" || string(t.Detail) != `{"count":2}` || t.FinishedAt.IsZero() {
			b.Errorf("task = %+v", t)
		}
		b.wantCounts(map[queue.State]int64{queue.Rejected: 1})
	}},
	{"FinishAfterTakeoverChangesNothing", func(b *bench) {
		id := b.create().ID
		late := b.claim(id)
		b.clock.Advance(lease + time.Second)
		b.claim(id)
		before := b.get(id)
		err := b.Finish(b.ctx(), late, queue.Outcome{State: queue.Succeeded, ResultPrefix: "tasks/x/1/"})
		b.wantErr("Finish by the overtaken worker", err, queue.ErrLeaseLost)
		wantTask(b, "task", b.get(id), before)
		b.wantCounts(map[queue.State]int64{queue.Running: 1})
	}},
	{"FinishAfterReapingChangesNothing", func(b *bench) {
		id := b.create().ID
		late := b.claim(id)
		b.clock.Advance(lease)
		b.reap(time.Second)
		for _, s := range []queue.State{queue.Succeeded, queue.Retrying, queue.Rejected} {
			b.wantErr("Finish as "+string(s), b.Finish(b.ctx(), late, queue.Outcome{State: s}), queue.ErrLeaseLost)
		}
		b.wantState(id, queue.Retrying)
	}},
	{"FinishAfterReapingToDeathChangesNothing", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 1 }).ID
		late := b.claim(id)
		b.clock.Advance(lease)
		b.reap(time.Second)
		b.wantErr("Finish", b.Finish(b.ctx(), late, queue.Outcome{State: queue.Retrying}), queue.ErrLeaseLost)
		b.wantErr("Finish", b.Finish(b.ctx(), late, queue.Outcome{State: queue.Dead}), queue.ErrLeaseLost)
		b.wantState(id, queue.Dead)
	}},
	{"ALateFinishThatNobodyOvertookCounts", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.clock.Advance(time.Hour)
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		b.wantState(id, queue.Succeeded)
	}},
	{"RepeatingAFinishReturnsTheSame", func(b *bench) {
		c := b.claim(b.create().ID)
		b.finish(c, queue.Outcome{State: queue.Succeeded, ResultPrefix: "p"})
		b.finish(c, queue.Outcome{State: queue.Succeeded, ResultPrefix: "p"})
		b.wantErr("another Finish", b.Finish(b.ctx(), c, queue.Outcome{State: queue.Rejected}), queue.ErrLeaseLost)
		b.wantState(c.Task.ID, queue.Succeeded)

		r := b.claim(b.create(func(t *queue.Task) { t.MaxAttempts = 1 }).ID)
		b.finish(r, queue.Outcome{State: queue.Retrying})
		b.finish(r, queue.Outcome{State: queue.Retrying})
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 1, queue.Dead: 1})
	}},
	{"AFailureRunsAgainAfterItsBackoff", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "unavailable", Error: "disk: away", RetryAfter: 20 * time.Second})
		t := b.get(id)
		if t.State != queue.Retrying || t.Code != "unavailable" || !t.DueAt.Equal(b.clock.Now().Add(20*time.Second)) || !t.FinishedAt.IsZero() {
			b.Errorf("task = %+v", t)
		}
		b.wantCounts(map[queue.State]int64{queue.Retrying: 1})
	}},
	{"EveryAttemptKeepsItsOwnCause", func(b *bench) {
		id := b.create().ID
		for _, cause := range []string{"first", "second", "third"} {
			b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "internal", Error: cause, Stack: "stack of " + cause})
		}
		as := b.attempts(id)
		if len(as) != 3 {
			b.Fatalf("%d attempts, want 3", len(as))
		}
		for i, cause := range []string{"first", "second", "third"} {
			if as[i].Number != i+1 || as[i].Error != cause || as[i].Stack != "stack of "+cause {
				b.Errorf("attempt %d = %+v", i+1, as[i])
			}
		}
	}},
	{"TheLastFailureIsDead", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 2 }).ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "internal"})
		b.wantState(id, queue.Retrying)
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "internal", RetryAfter: time.Hour})
		t := b.get(id)
		if t.State != queue.Dead || t.Code != "internal" || t.FinishedAt.IsZero() {
			b.Errorf("task = %+v", t)
		}
		if as := b.attempts(id); as[0].State != queue.Retrying || as[1].State != queue.Dead {
			b.Errorf("attempts = %+v", as)
		}
		b.wantCounts(map[queue.State]int64{queue.Dead: 1})
	}},
	{"AHandedBackAttemptDoesNotCount", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.MaxAttempts = 1 }).ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: queue.CodeHandedBack, HandedBack: true})
		b.wantState(id, queue.Retrying)
		c := b.claim(id)
		if c.Attempt != 2 {
			b.Errorf("attempt = %d, want 2", c.Attempt)
		}
		b.finish(c, queue.Outcome{State: queue.Retrying, Code: "internal"})
		b.wantState(id, queue.Dead)
	}},
	{"ErrorTextsOfAnyBytesAreKept", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Error: "bad \xff\xfe and \x00 byte", Stack: "\x00"})
		if as := b.attempts(id); len(as) != 1 || as[0].Error == "" {
			b.Errorf("attempts = %+v", as)
		}
	}},
	{"RunningIsNoOutcome", func(b *bench) {
		c := b.claim(b.create().ID)
		for _, s := range []queue.State{queue.Running, queue.Queued, ""} {
			if err := b.Finish(b.ctx(), c, queue.Outcome{State: s}); err == nil {
				b.Errorf("Finish as %q succeeded", s)
			}
		}
	}},
}
