package ledgertest

import (
	"encoding/json"
	"sync"

	"idphoto/queue"
)

var creation = []promise{
	{"ATaskIsStoredQueuedAndDueAtOnce", func(b *bench) {
		want := queue.Task{ID: queue.NewID(), Kind: "photo", Lane: queue.Bulk, Options: json.RawMessage(`{"size":"1-inch"}`),
			InputKey: "tasks/a/original", IdempotencyKey: "key-1", Digest: "abc", TraceParent: "00-a-b-01", TraceState: "v=1", MaxAttempts: 4}
		got := b.create(func(t *queue.Task) { *t = want })
		stored := b.get(want.ID)
		now := b.clock.Now()
		want.State, want.CreatedAt, want.DueAt, want.UpdatedAt = queue.Queued, now, now, now
		wantTask(b, "Create", got, want)
		wantTask(b, "Get", stored, want)
		b.wantCounts(map[queue.State]int64{queue.Queued: 1})
	}},
	{"TheSameKeyAndDigestGiveTheSameTask", func(b *bench) {
		keyed := func(t *queue.Task) { t.IdempotencyKey = "key-1" }
		first := b.create(keyed)
		again := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 3, IdempotencyKey: "key-1", Digest: first.Digest}
		got, created, err := b.Create(b.ctx(), again)
		if err != nil || created || got.ID != first.ID {
			b.Errorf("Create = %s, created %v, %v; want the first task %s", got.ID, created, err, first.ID)
		}
		b.wantCounts(map[queue.State]int64{queue.Queued: 1})
	}},
	{"TheSameKeyWithAnotherDigestConflicts", func(b *bench) {
		b.create(func(t *queue.Task) { t.IdempotencyKey = "key-1" })
		other := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 3, IdempotencyKey: "key-1", Digest: "another"}
		_, _, err := b.Create(b.ctx(), other)
		b.wantErr("Create", err, queue.ErrConflict)
		_, err = b.Get(b.ctx(), other.ID)
		b.wantErr("Get", err, queue.ErrNotFound)
	}},
	{"TasksWithoutAKeyNeverConflict", func(b *bench) {
		b.create()
		b.create(func(t *queue.Task) { t.Digest = "another" })
		b.wantCounts(map[queue.State]int64{queue.Queued: 2})
	}},
	{"ConcurrentDoublesGiveOneTask", func(b *bench) {
		var mu sync.Mutex
		ids, fresh := map[string]bool{}, 0
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				t := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 3, IdempotencyKey: "double", Digest: "d"}
				got, created, err := b.Create(b.ctx(), t)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					b.Errorf("Create: %v", err)
				}
				ids[got.ID] = true
				if created {
					fresh++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || fresh != 1 {
			b.Errorf("16 doubles gave %d tasks, %d of them created; want one", len(ids), fresh)
		}
		b.wantCounts(map[queue.State]int64{queue.Queued: 1})
	}},
	{"ATakenIdIsRefused", func(b *bench) {
		first := b.create()
		_, _, err := b.Create(b.ctx(), first)
		if err == nil {
			b.Error("Create with an id in use succeeded")
		}
		b.wantCounts(map[queue.State]int64{queue.Queued: 1})
	}},
	{"ATaskThatCouldNotBePublishedIsWithdrawn", func(b *bench) {
		id := b.create(func(t *queue.Task) { t.IdempotencyKey = "key-1" }).ID
		if gone, err := b.Withdraw(b.ctx(), id); err != nil || !gone {
			b.Errorf("Withdraw = %v, %v", gone, err)
		}
		_, err := b.Get(b.ctx(), id)
		b.wantErr("Get", err, queue.ErrNotFound)
		b.wantCounts(nil)
		b.create(func(t *queue.Task) { t.IdempotencyKey = "key-1" }) // its key is free again
		_, err = b.Withdraw(b.ctx(), id)
		b.wantErr("second Withdraw", err, queue.ErrNotFound)
	}},
	{"ATaskThatSomebodyTookIsNotWithdrawn", func(b *bench) {
		running, ended, retrying, cancelled, published := b.create().ID, b.create().ID, b.create().ID, b.create().ID, b.create().ID
		b.claim(running)
		b.finish(b.claim(ended), queue.Outcome{State: queue.Succeeded})
		b.finish(b.claim(retrying), queue.Outcome{State: queue.Retrying})
		if _, err := b.Cancel(b.ctx(), cancelled); err != nil {
			b.Fatal(err)
		}
		if err := b.Published(b.ctx(), published); err != nil {
			b.Fatal(err)
		}
		for _, id := range []string{running, ended, retrying, cancelled, published} {
			before := b.get(id)
			if gone, err := b.Withdraw(b.ctx(), id); err != nil || gone {
				b.Errorf("Withdraw of a %s task = %v, %v", before.State, gone, err)
			}
			wantTask(b, "task", b.get(id), before)
		}
	}},
	{"AnUnreadableMessageIsADeadTask", func(b *bench) {
		dead := queue.Task{ID: queue.NewID(), Kind: "unreadable", Lane: queue.Bulk, Code: "unreadable_message",
			Detail: json.RawMessage(`{"head":"00ff"}`), IdempotencyKey: "hash"}
		for range 2 { // the message comes again
			if err := b.RecordDead(b.ctx(), dead); err != nil {
				b.Fatal(err)
			}
		}
		t := b.get(dead.ID)
		if t.State != queue.Dead || t.Code != dead.Code || string(t.Detail) != string(dead.Detail) || t.Attempts != 0 || !t.FinishedAt.Equal(b.clock.Now()) {
			b.Errorf("task = %+v", t)
		}
		dead.ID = queue.NewID() // the same body in another delivery
		if err := b.RecordDead(b.ctx(), dead); err != nil {
			b.Errorf("RecordDead again: %v", err)
		}
		_, err := b.Get(b.ctx(), dead.ID)
		b.wantErr("Get of the second", err, queue.ErrNotFound)
		b.wantCounts(map[queue.State]int64{queue.Dead: 1})
		if as := b.attempts(t.ID); len(as) != 0 {
			b.Errorf("attempts = %+v, want none", as)
		}
	}},
	{"ADeadTaskWithoutACodeIsNotRecorded", func(b *bench) {
		if err := b.RecordDead(b.ctx(), queue.Task{ID: queue.NewID(), Kind: "unreadable", Lane: queue.Express}); err == nil {
			b.Error("RecordDead succeeded")
		}
		b.wantCounts(nil)
	}},
	{"AnUnknownIdIsNotFound", func(b *bench) {
		id := queue.NewID()
		_, err := b.Get(b.ctx(), id)
		b.wantErr("Get", err, queue.ErrNotFound)
		_, err = b.Claim(b.ctx(), id, "w", lease)
		b.wantErr("Claim", err, queue.ErrNotFound)
		_, err = b.Cancel(b.ctx(), id)
		b.wantErr("Cancel", err, queue.ErrNotFound)
		_, err = b.Erase(b.ctx(), id)
		b.wantErr("Erase", err, queue.ErrNotFound)
		if as := b.attempts(id); len(as) != 0 {
			b.Errorf("Attempts = %v, want none", as)
		}
	}},
}

// wantTask compares field by field, as JSON.
func wantTask(b *bench, what string, got, want queue.Task) {
	b.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		b.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		b.Fatal(err)
	}
	if string(g) != string(w) {
		b.Errorf("%s =\n%s, want\n%s", what, g, w)
	}
}
