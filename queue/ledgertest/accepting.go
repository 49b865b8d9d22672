package ledgertest

import (
	"encoding/json"
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
	{"NothingElseIsAccepted", func(b *bench) {
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
		}
		_, err := b.Accept(b.ctx(), queue.NewID())
		b.wantErr("Accept of an unknown task", err, queue.ErrNotFound)
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
	}},
}
