package ledgertest

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"idphoto/queue"
)

// held is the outcome of an attempt whose result somebody is to look at.
func held(c *queue.Claim) queue.Outcome {
	return queue.Outcome{State: queue.Rejected, Code: "doubtful", ResultPrefix: queue.ResultPrefix(c.Task.ID, c.Attempt), Result: json.RawMessage(`{"a":1}`)}
}

var accepting = []promise{
	{"AHeldResultIsAccepted", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.finish(c, held(c))
		b.wantState(id, queue.Rejected)
		b.wantCounts(map[queue.State]int64{queue.Rejected: 1})
		t, err := b.Accept(b.ctx(), id)
		if err != nil || t.State != queue.Succeeded || t.Code != "" || string(t.Result) != `{"a":1}` || t.ResultPrefix != queue.ResultPrefix(id, 1) {
			b.Fatalf("Accept = %+v, %v", t, err)
		}
		wantTask(b, "stored", b.get(id), t)
		b.wantCounts(map[queue.State]int64{queue.Succeeded: 1})
		if as := b.attempts(id); len(as) != 1 || as[0].State != queue.Rejected || as[0].Code != "doubtful" {
			b.Errorf("attempts = %+v, want the one that was rejected, as it was", as)
		}
		_, err = b.Accept(b.ctx(), id)
		b.wantErr("Accept again", err, queue.ErrNotHeld)
	}},
	{"AHeldResultIsRefused", func(b *bench) {
		batch, ids := b.oneBatch(2)
		id := ids[0]
		c := b.claim(id)
		o := held(c)
		o.Detail = json.RawMessage(`{"share":0.2}`)
		b.finish(c, o)
		b.finish(b.claim(ids[1]), queue.Outcome{State: queue.Succeeded})
		was, ended := b.get(id), b.getBatch(batch)
		b.clock.Advance(time.Minute)
		before, err := b.Refuse(b.ctx(), id)
		if err != nil {
			b.Fatalf("Refuse: %v", err)
		}
		wantTask(b, "before", before, was)
		want := was
		want.ResultPrefix, want.Result, want.UpdatedAt = "", nil, b.clock.Now()
		wantTask(b, "stored", b.get(id), want)
		b.wantCounts(map[queue.State]int64{queue.Rejected: 1, queue.Succeeded: 1})
		if now := b.getBatch(batch); !now.FinishedAt.Equal(ended.FinishedAt) || now.Counts[queue.Rejected] != 1 || now.Done() != 2 {
			b.Errorf("batch is %+v, was %+v", now, ended)
		}
		if as := b.attempts(id); len(as) != 1 || as[0].State != queue.Rejected || as[0].Code != "doubtful" {
			b.Errorf("attempts = %+v, want the one that was rejected, as it was", as)
		}
		b.rollUp()
		counted := make(map[string]int64)
		for _, r := range b.finished(queue.Bulk) {
			counted[string(r.State)+" "+r.Code] += r.N
		}
		if want := map[string]int64{"rejected doubtful": 1, "succeeded ": 1}; !equal(counted, want) {
			b.Errorf("the history has %v, want %v", counted, want)
		}
		_, err = b.Refuse(b.ctx(), id)
		b.wantErr("Refuse again", err, queue.ErrNotHeld)
		_, err = b.Accept(b.ctx(), id)
		b.wantErr("Accept of what was refused", err, queue.ErrNotHeld)
		_, err = b.Requeue(b.ctx(), id, 1)
		b.wantErr("Requeue of what was refused", err, queue.ErrNotRequeued)
	}},
	{"WhatWasAcceptedIsNotRefused", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.finish(c, held(c))
		accepted, err := b.Accept(b.ctx(), id)
		if err != nil {
			b.Fatal(err)
		}
		_, err = b.Refuse(b.ctx(), id)
		b.wantErr("Refuse of what was accepted", err, queue.ErrNotHeld)
		wantTask(b, "after that", b.get(id), accepted)
	}},
	{"OfManyWhoSettleAHeldResultOneDoes", func(b *bench) {
		want := make(map[queue.State]int64)
		for range 10 {
			id := b.create().ID
			c := b.claim(id)
			b.finish(c, held(c))
			var wg sync.WaitGroup
			var accepted, refused atomic.Int64
			for i := range 8 {
				wg.Go(func() {
					deed, done := b.Accept, &accepted
					if i%2 == 0 {
						deed, done = b.Refuse, &refused
					}
					switch _, err := deed(b.ctx(), id); {
					case err == nil:
						done.Add(1)
					case !errors.Is(err, queue.ErrNotHeld):
						b.Errorf("settling: %v, want ErrNotHeld", err)
					}
				})
			}
			wg.Wait()
			state := queue.Succeeded
			if refused.Load() == 1 {
				state = queue.Rejected
			}
			t := b.get(id)
			if accepted.Load()+refused.Load() != 1 || t.State != state || (t.ResultPrefix != "") != (state == queue.Succeeded) {
				b.Errorf("accepted by %d, refused by %d: the task is %+v", accepted.Load(), refused.Load(), t)
			}
			want[state]++
		}
		b.wantCounts(want)
	}},
	{"ListsSelectWhatIsHeld", func(b *bench) {
		tasks := b.fill(6, nil)
		for _, i := range []int{0, 1, 2, 3} {
			c := b.claim(tasks[i].ID)
			b.finish(c, held(c))
		}
		b.finish(b.claim(tasks[4].ID), queue.Outcome{State: queue.Rejected, Code: "doubtful"})
		c := b.claim(tasks[5].ID)
		b.finish(c, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(c.Task.ID, 1)})
		for _, f := range []queue.Filter{{Held: true}, {Held: true, Code: "doubtful"}, {Held: true, States: []queue.State{queue.Rejected}}} {
			b.wantList("held", f, pick(tasks, 0, 1, 2, 3))
		}
		b.wantList("held, of another code", queue.Filter{Held: true, Code: "no_face"}, nil)
		if _, err := b.Accept(b.ctx(), tasks[0].ID); err != nil {
			b.Fatal(err)
		}
		if _, err := b.Refuse(b.ctx(), tasks[1].ID); err != nil {
			b.Fatal(err)
		}
		if _, err := b.Erase(b.ctx(), tasks[2].ID); err != nil {
			b.Fatal(err)
		}
		b.wantList("still held", queue.Filter{Held: true}, pick(tasks, 3))
		b.clock.Advance(time.Hour)
		for _, step := range []int{queue.PurgeOriginal, queue.PurgeResult} {
			b.purged(step, tasks[3].ID)
		}
		b.wantList("none is held", queue.Filter{Held: true}, nil)
	}},
	{"NothingElseIsAcceptedOrRefused", func(b *bench) {
		queued, running, rejected, erased := b.create().ID, b.create().ID, b.create().ID, b.create().ID
		b.claim(running)
		b.finish(b.claim(rejected), queue.Outcome{State: queue.Rejected, Code: "no_face"})
		c := b.claim(erased)
		b.finish(c, held(c))
		if _, err := b.Erase(b.ctx(), erased); err != nil {
			b.Fatal(err)
		}
		for _, id := range []string{queued, running, rejected, erased} {
			_, err := b.Accept(b.ctx(), id)
			b.wantErr("Accept of a "+string(b.get(id).State)+" task", err, queue.ErrNotHeld)
			_, err = b.Refuse(b.ctx(), id)
			b.wantErr("Refuse of a "+string(b.get(id).State)+" task", err, queue.ErrNotHeld)
		}
		_, err := b.Accept(b.ctx(), queue.NewID())
		b.wantErr("Accept of an unknown task", err, queue.ErrNotFound)
		_, err = b.Refuse(b.ctx(), queue.NewID())
		b.wantErr("Refuse of an unknown task", err, queue.ErrNotFound)
	}},
	{"AHeldResultIsPurgedLikeOthers", func(b *bench) {
		id := b.create().ID
		c := b.claim(id)
		b.finish(c, held(c))
		b.clock.Advance(time.Hour)
		for _, step := range []int{queue.PurgeOriginal, queue.PurgeResult} {
			if err := b.Purged(b.ctx(), step, []string{id}); err != nil {
				b.Fatal(err)
			}
		}
		_, err := b.Accept(b.ctx(), id)
		b.wantErr("Accept of a purged task", err, queue.ErrNotHeld)
		_, err = b.Refuse(b.ctx(), id)
		b.wantErr("Refuse of a purged task", err, queue.ErrNotHeld)
	}},
}
