package ledgertest

import (
	"sync"

	"idphoto/queue"
)

// parent makes a batch of one task and claims that.
func (b *bench) parent() (queue.Batch, *queue.Claim) {
	b.Helper()
	batch, ids := b.batch(1)
	return batch, b.claim(ids[0])
}

func (b *bench) extend(c *queue.Claim, tasks []queue.Task, refused int64) []queue.Task {
	b.Helper()
	added, err := b.Extend(b.ctx(), c, tasks, refused)
	if err != nil {
		b.Fatalf("Extend: %v", err)
	}
	return added
}

// wantSize checks how many tasks and refused files a batch has.
func (b *bench) wantSize(id string, total, refused int64) {
	b.Helper()
	if got := b.getBatch(id); got.Total != total || got.Refused != refused {
		b.Errorf("batch has %d tasks and %d refused files, want %d and %d", got.Total, got.Refused, total, refused)
	}
}

var extending = []promise{
	{"ABatchGrowsByItsTasksAndCountsThem", func(b *bench) {
		batch, c := b.parent()
		tasks := manyTasks(60)
		if added := b.extend(c, tasks, 3); len(added) != 60 {
			b.Errorf("Extend added %d tasks, want 60", len(added))
		}
		b.wantSize(batch.ID, 61, 5)
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Running: 1, queue.Queued: 60})
		b.wantCounts(map[queue.State]int64{queue.Running: 1, queue.Queued: 60})
		now := b.clock.Now()
		if t := b.get(tasks[59].ID); t.BatchID != batch.ID || t.State != queue.Queued || !t.DueAt.Equal(now) || t.InputKey != tasks[59].InputKey {
			b.Errorf("task = %+v", t)
		}
		b.clock.Advance(queue.PublishGrace)
		if got := b.stale(); len(got) != 60 {
			b.Errorf("Stale = %d tasks, want the 60 new ones, that nobody has published", len(got))
		}
	}},
	{"ExtendingTwiceAddsOnce", func(b *bench) {
		batch, c := b.parent()
		tasks := manyTasks(3)
		b.extend(c, tasks, 1)
		b.end(tasks[0].ID, queue.Succeeded)
		b.clock.Advance(lease)
		again := b.claim(c.Task.ID) // the first attempt's worker died
		if added := b.extend(again, tasks, 1); len(added) != 0 {
			b.Errorf("the second attempt added %d tasks", len(added))
		}
		b.wantState(tasks[0].ID, queue.Succeeded)
		b.wantSize(batch.ID, 4, 3)
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Running: 1, queue.Queued: 2, queue.Succeeded: 1})
	}},
	{"AnExtensionIsStoredWholeOrNotAtAll", func(b *bench) {
		batch, c := b.parent()
		tasks := manyTasks(70)
		tasks[60].IdempotencyKey, tasks[65].IdempotencyKey = "k", "k"
		if _, err := b.Extend(b.ctx(), c, tasks, 1); err == nil {
			b.Error("Extend with a key twice succeeded")
		}
		_, err := b.Get(b.ctx(), tasks[0].ID)
		b.wantErr("Get of its first task", err, queue.ErrNotFound)
		b.wantSize(batch.ID, 1, 2)
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Running: 1})
	}},
	{"AnExtendedBatchIsFinishedWithItsLastChild", func(b *bench) {
		batch, c := b.parent()
		tasks := manyTasks(2)
		b.extend(c, tasks, 0)
		b.end(tasks[0].ID, queue.Succeeded)
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		if got := b.getBatch(batch.ID); !got.FinishedAt.IsZero() {
			b.Errorf("finished at %v with a child to come", got.FinishedAt)
		}
		b.end(tasks[1].ID, queue.Rejected)
		if got := b.getBatch(batch.ID); !got.FinishedAt.Equal(b.clock.Now()) || got.Done() != got.Total {
			b.Errorf("batch = %+v, want it finished now", got)
		}
	}},
	{"AnOvertakenAttemptExtendsNothing", func(b *bench) {
		batch, late := b.parent()
		b.clock.Advance(lease)
		c := b.claim(late.Task.ID)
		_, err := b.Extend(b.ctx(), late, manyTasks(2), 1)
		b.wantErr("Extend by the overtaken worker", err, queue.ErrLeaseLost)
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		_, err = b.Extend(b.ctx(), c, manyTasks(2), 1)
		b.wantErr("Extend after Finish", err, queue.ErrLeaseLost)
		b.wantSize(batch.ID, 1, 2)
	}},
	{"AnErasedBatchTakesNoMore", func(b *bench) {
		batch, c := b.parent()
		if _, err := b.EraseBatch(b.ctx(), batch.ID); err != nil {
			b.Fatal(err)
		}
		_, err := b.Extend(b.ctx(), c, manyTasks(2), 1)
		b.wantErr("Extend", err, queue.ErrCancelled)
		b.wantSize(batch.ID, 1, 2)
	}},
	{"ACancelledTaskExtendsNothing", func(b *bench) {
		batch, c := b.parent()
		if _, err := b.Cancel(b.ctx(), c.Task.ID); err != nil {
			b.Fatal(err)
		}
		_, err := b.Extend(b.ctx(), c, manyTasks(2), 1)
		b.wantErr("Extend", err, queue.ErrCancelled)
		b.wantSize(batch.ID, 1, 2)
	}},
	{"ATaskOfNoBatchExtendsNothing", func(b *bench) {
		c := b.claim(b.create().ID)
		if _, err := b.Extend(b.ctx(), c, manyTasks(1), 0); err == nil {
			b.Error("Extend succeeded")
		}
		b.wantCounts(map[queue.State]int64{queue.Running: 1})
	}},
	{"ABatchGrowsWhileItsTasksEnd", func(b *bench) {
		batch, c := b.parent()
		tasks := manyTasks(40)
		var wg sync.WaitGroup
		for i := range 8 {
			b.extend(c, tasks[i*5:i*5+5], 0)
			for _, t := range tasks[i*5 : i*5+5] {
				wg.Go(func() { // b.end would end the test from another goroutine
					claim, err := b.Claim(b.ctx(), t.ID, "w", lease)
					if err == nil {
						err = b.Finish(b.ctx(), claim, queue.Outcome{State: queue.Succeeded})
					}
					if err != nil {
						b.Errorf("task: %v", err)
					}
				})
			}
		}
		wg.Wait()
		b.finish(c, queue.Outcome{State: queue.Succeeded})
		b.wantSize(batch.ID, 41, 2)
		b.wantBatchCounts(batch.ID, map[queue.State]int64{queue.Succeeded: 41})
		if b.getBatch(batch.ID).FinishedAt.IsZero() {
			b.Error("all tasks have ended, the batch has not")
		}
	}},
}
