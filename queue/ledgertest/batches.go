package ledgertest

import (
	"errors"
	"maps"
	"sync"
	"time"

	"idphoto/queue"
)

// batch makes a batch of n tasks and returns their ids.
func (b *bench) batch(n int) (queue.Batch, []string) {
	b.Helper()
	tasks := manyTasks(n)
	made, created, err := b.CreateBatch(b.ctx(), queue.Batch{ID: queue.NewID(), Name: "class 3b", Options: []byte(`{"size":"1-inch"}`),
		ManifestKey: "batches/x/manifest", Refused: 2, Digest: "d"}, tasks)
	if err != nil || !created {
		b.Fatalf("CreateBatch: created %v, %v", created, err)
	}
	ids := make([]string, n)
	for i, t := range tasks {
		ids[i] = t.ID
	}
	return made, ids
}

func manyTasks(n int) []queue.Task {
	tasks := make([]queue.Task, n)
	for i := range tasks {
		tasks[i] = queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, MaxAttempts: 2, InputKey: "tasks/x/original"}
	}
	return tasks
}

func (b *bench) getBatch(id string) queue.Batch {
	b.Helper()
	batch, err := b.GetBatch(b.ctx(), id)
	if err != nil {
		b.Fatalf("GetBatch: %v", err)
	}
	return batch
}

func (b *bench) wantBatchCounts(id string, want map[queue.State]int64) {
	b.Helper()
	got := maps.Clone(b.getBatch(id).Counts)
	maps.DeleteFunc(got, func(_ queue.State, n int64) bool { return n == 0 })
	if !maps.Equal(got, want) {
		b.Errorf("counts of the batch = %v, want %v", got, want)
	}
}

// end claims a task and ends it so.
func (b *bench) end(id string, s queue.State) {
	b.Helper()
	b.finish(b.claim(id), queue.Outcome{State: s})
}

var batches = []promise{
	{"ABatchIsStoredWithItsTasks", func(b *bench) {
		batch, ids := b.batch(130)
		now := b.clock.Now()
		if batch.Name != "class 3b" || string(batch.Options) != `{"size":"1-inch"}` || batch.ManifestKey != "batches/x/manifest" ||
			batch.Total != 130 || batch.Refused != 2 || batch.Erased || !batch.CreatedAt.Equal(now) || !batch.FinishedAt.IsZero() {
			b.Errorf("batch = %+v", batch)
		}
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Queued: 130})
		b.wantCounts(map[queue.State]int64{queue.Queued: 130})
		for _, id := range ids {
			if t := b.get(id); t.BatchID != batch.ID || t.State != queue.Queued || !t.DueAt.Equal(now) {
				b.Fatalf("task = %+v", t)
			}
		}
		b.clock.Advance(queue.PublishGrace)
		if got := b.stale(); len(got) != 100 {
			b.Errorf("Stale = %d tasks, want 100, its limit: a batch is not published yet", len(got))
		}
	}},
	{"ABatchIsStoredWholeOrNotAtAll", func(b *bench) {
		taken := b.create()
		tasks := manyTasks(80)
		tasks[70].ID = taken.ID
		id := queue.NewID()
		if _, _, err := b.CreateBatch(b.ctx(), queue.Batch{ID: id}, tasks); err == nil {
			b.Error("CreateBatch with an id in use succeeded")
		}
		_, err := b.GetBatch(b.ctx(), id)
		b.wantErr("GetBatch", err, queue.ErrNotFound)
		_, err = b.Get(b.ctx(), tasks[0].ID)
		b.wantErr("Get of its first task", err, queue.ErrNotFound)
		b.wantCounts(map[queue.State]int64{queue.Queued: 1})
	}},
	{"TheSameKeyAndDigestGiveTheSameBatch", func(b *bench) {
		batch := queue.Batch{ID: queue.NewID(), IdempotencyKey: "k", Digest: "d"}
		first, created, err := b.CreateBatch(b.ctx(), batch, manyTasks(3))
		if err != nil || !created {
			b.Fatalf("CreateBatch: created %v, %v", created, err)
		}
		batch.ID = queue.NewID()
		again, created, err := b.CreateBatch(b.ctx(), batch, manyTasks(3))
		if err != nil || created || again.ID != first.ID || again.Total != 3 {
			b.Errorf("CreateBatch = %+v, created %v, %v; want the first", again, created, err)
		}
		batch.Digest = "another"
		_, _, err = b.CreateBatch(b.ctx(), batch, manyTasks(3))
		b.wantErr("CreateBatch with another digest", err, queue.ErrConflict)
		b.wantCounts(map[queue.State]int64{queue.Queued: 3})
	}},
	{"BatchesMadeTwiceAtOnceAreOne", func(b *bench) {
		var mu sync.Mutex
		ids, fresh := map[string]bool{}, 0
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				got, created, err := b.CreateBatch(b.ctx(), queue.Batch{ID: queue.NewID(), IdempotencyKey: "double", Digest: "d"}, manyTasks(5))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					b.Errorf("CreateBatch: %v", err)
				}
				ids[got.ID] = true
				if created {
					fresh++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || fresh != 1 {
			b.Errorf("6 doubles gave %d batches, %d of them created; want one", len(ids), fresh)
		}
		b.wantCounts(map[queue.State]int64{queue.Queued: 5})
	}},
	{"ABatchCountsItsTasksInEveryState", func(b *bench) {
		batch, ids := b.batch(7)
		b.create(inBulk) // of no batch
		b.end(ids[1], queue.Succeeded)
		b.end(ids[2], queue.Rejected)
		b.end(ids[3], queue.Dead)
		b.end(ids[4], queue.Retrying)
		b.claim(ids[5])
		b.clock.Advance(time.Second)
		if _, err := b.Cancel(b.ctx(), ids[6]); err != nil {
			b.Fatal(err)
		}
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Queued: 1, queue.Succeeded: 1, queue.Rejected: 1, queue.Dead: 1,
			queue.Retrying: 1, queue.Running: 1, queue.Cancelled: 1})
		got := b.getBatch(batch.ID)
		if !got.UpdatedAt.Equal(b.clock.Now()) || !got.FinishedAt.IsZero() || got.Done() != 4 {
			b.Errorf("batch = %+v, want updated now, not finished, 4 done", got)
		}
	}},
	{"ABatchIsFinishedWithItsLastTask", func(b *bench) {
		batch, ids := b.batch(3)
		b.end(ids[0], queue.Succeeded)
		b.end(ids[1], queue.Retrying)
		if _, err := b.Cancel(b.ctx(), ids[2]); err != nil {
			b.Fatal(err)
		}
		if got := b.getBatch(batch.ID); !got.FinishedAt.IsZero() {
			b.Errorf("finished at %v with a retry to come", got.FinishedAt)
		}
		b.clock.Advance(time.Minute)
		b.end(ids[1], queue.Rejected)
		if got := b.getBatch(batch.ID); !got.FinishedAt.Equal(b.clock.Now()) {
			b.Errorf("finished at %v, want now", got.FinishedAt)
		}
	}},
	{"ABatchWhoseLastTaskIsReapedIsFinished", func(b *bench) {
		batch, ids := b.batch(2)
		b.end(ids[0], queue.Succeeded)
		for range 2 {
			b.claim(ids[1])
			b.clock.Advance(lease)
			b.reap(0)
		}
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Succeeded: 1, queue.Dead: 1})
		if got := b.getBatch(batch.ID); !got.FinishedAt.Equal(b.clock.Now()) {
			b.Errorf("finished at %v, want now", got.FinishedAt)
		}
	}},
	{"ARequeueOpensTheBatchAgain", func(b *bench) {
		batch, ids := b.batch(2)
		b.end(ids[0], queue.Succeeded)
		b.end(ids[1], queue.Dead)
		if got := b.getBatch(batch.ID); got.FinishedAt.IsZero() {
			b.Error("the batch is not finished")
		}
		if _, err := b.Requeue(b.ctx(), ids[1], 1); err != nil {
			b.Fatal(err)
		}
		if got := b.getBatch(batch.ID); !got.FinishedAt.IsZero() {
			b.Errorf("finished at %v after a requeue", got.FinishedAt)
		}
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Succeeded: 1, queue.Queued: 1})
		b.clock.Advance(time.Second)
		b.end(ids[1], queue.Succeeded)
		if got := b.getBatch(batch.ID); !got.FinishedAt.Equal(b.clock.Now()) {
			b.Errorf("finished at %v, want now", got.FinishedAt)
		}
	}},
	{"ABatchWithoutTasksIsFinishedAtOnce", func(b *bench) {
		batch, _ := b.batch(0)
		if batch.Total != 0 || batch.FinishedAt.IsZero() {
			b.Errorf("batch = %+v", batch)
		}
	}},
	{"TasksOfABatchThatEndTogetherFinishIt", func(b *bench) {
		const n = 40
		batch, ids := b.batch(n)
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := w; i < n; i += 8 {
					c, err := b.Claim(b.ctx(), ids[i], "w", lease)
					if err == nil {
						err = b.Finish(b.ctx(), c, queue.Outcome{State: queue.Succeeded})
					}
					if err != nil {
						b.Errorf("task %d: %v", i, err)
					}
				}
			})
		}
		wg.Wait()
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Succeeded: n})
		if b.getBatch(batch.ID).FinishedAt.IsZero() {
			b.Error("all tasks have ended, the batch has not")
		}
	}},
	{"BatchesListTheNewestFirst", func(b *bench) {
		var ids []string
		for range 5 {
			batch, tasks := b.batch(1)
			b.end(tasks[0], queue.Succeeded)
			ids = append([]string{batch.ID}, ids...)
		}
		var got []string
		after := ""
		for range 3 {
			page, err := b.ListBatches(b.ctx(), after, 2)
			if err != nil {
				b.Fatal(err)
			}
			for _, batch := range page {
				if batch.Counts[queue.Succeeded] != 1 {
					b.Errorf("batch = %+v, want its counts", batch)
				}
				got = append(got, batch.ID)
				after = batch.ID
			}
		}
		if len(got) != 5 {
			b.Fatalf("ListBatches = %v, want %v", got, ids)
		}
		for i := range ids {
			if got[i] != ids[i] {
				b.Errorf("batch %d = %s, want %s", i, got[i], ids[i])
			}
		}
	}},
	{"AnErasedBatchKnowsNobody", func(b *bench) {
		made, _, err := b.CreateBatch(b.ctx(), queue.Batch{ID: queue.NewID(), Name: "n", ManifestKey: "m", IdempotencyKey: "k", Digest: "d"}, manyTasks(1))
		if err != nil {
			b.Fatal(err)
		}
		before, err := b.EraseBatch(b.ctx(), made.ID)
		if err != nil || before.ManifestKey != "m" || before.Erased {
			b.Errorf("EraseBatch = %+v, %v", before, err)
		}
		got := b.getBatch(made.ID)
		if !got.Erased || got.Name+got.ManifestKey+got.IdempotencyKey+got.Digest != "" || got.Total != 1 {
			b.Errorf("erased batch = %+v", got)
		}
		if again, err := b.EraseBatch(b.ctx(), made.ID); err != nil || !again.Erased {
			b.Errorf("second EraseBatch = %+v, %v", again, err)
		}
		if _, created, err := b.CreateBatch(b.ctx(), queue.Batch{ID: queue.NewID(), IdempotencyKey: "k", Digest: "other"}, nil); err != nil || !created {
			b.Errorf("CreateBatch with the erased key: created %v, %v", created, err)
		}
	}},
	{"AnUnknownBatchIsNotFound", func(b *bench) {
		_, err := b.GetBatch(b.ctx(), queue.NewID())
		b.wantErr("GetBatch", err, queue.ErrNotFound)
		_, err = b.EraseBatch(b.ctx(), queue.NewID())
		b.wantErr("EraseBatch", err, queue.ErrNotFound)
	}},
	{"SeveralReapersOfManyBatchesDoNotBlockEachOther", func(b *bench) {
		var ids []string
		for range 4 {
			_, tasks := b.batch(15)
			ids = append(ids, tasks...)
		}
		for i := range ids { // leases end in an order that goes through the batches again and again
			b.claim(ids[i%4*15+i/4])
			b.clock.Advance(time.Millisecond)
		}
		b.clock.Advance(lease)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 12 {
					if _, err := b.Reap(b.ctx(), func(int) time.Duration { return 0 }, 6); err != nil {
						b.Errorf("Reap: %v", err)
					}
				}
			})
			wg.Go(func() {
				for _, id := range ids {
					if _, err := b.Cancel(b.ctx(), id); err != nil && !errors.Is(err, queue.ErrFinal) {
						b.Errorf("Cancel: %v", err)
					}
				}
			})
		}
		wg.Wait()
		want := map[queue.State]int64{}
		for _, id := range ids {
			want[b.get(id).State]++
		}
		b.wantCounts(want)
	}},
}
