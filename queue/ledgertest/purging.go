package ledgertest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"idphoto/queue"
)

func (b *bench) purgeable(step int, endedBefore time.Time, limit int) []string {
	b.Helper()
	tasks, err := b.Purgeable(b.ctx(), step, endedBefore, limit)
	if err != nil {
		b.Fatalf("Purgeable: %v", err)
	}
	return ids(tasks)
}

func (b *bench) purged(step int, ids ...string) {
	b.Helper()
	if err := b.Purged(b.ctx(), step, ids); err != nil {
		b.Fatalf("Purged: %v", err)
	}
}

// succeeded makes a task with a result.
func (b *bench) succeeded(edit ...func(*queue.Task)) queue.Task {
	b.Helper()
	t := b.create(edit...)
	b.finish(b.claim(t.ID), queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(t.ID, 1), Result: []byte(`{"kb":40}`)})
	return b.get(t.ID)
}

// oneBatch makes a batch of n tasks.
func (b *bench) oneBatch(n int) (batch string, tasks []string) {
	b.Helper()
	batch = queue.NewID()
	var list []queue.Task
	for range n {
		list = append(list, queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, BatchID: batch, MaxAttempts: 2})
	}
	_, created, err := b.CreateBatch(b.ctx(), queue.Batch{ID: batch, Name: "class 3", ManifestKey: "batches/x/manifest", IdempotencyKey: "k", Digest: "d"}, list)
	if err != nil || !created {
		b.Fatalf("CreateBatch: created %v, %v", created, err)
	}
	return batch, ids(list)
}

func (b *bench) purgeableBatches(step int, endedBefore time.Time) []string {
	b.Helper()
	batches, err := b.PurgeableBatches(b.ctx(), step, endedBefore, 10)
	if err != nil {
		b.Fatalf("PurgeableBatches: %v", err)
	}
	var list []string
	for _, batch := range batches {
		list = append(list, batch.ID)
	}
	return list
}

var purging = []promise{
	{"FinishedTasksArePurgedStepByStep", func(b *bench) {
		t := b.succeeded(func(t *queue.Task) { t.IdempotencyKey = "k" })
		b.clock.Advance(time.Second)
		now := b.clock.Now()
		if got := b.purgeable(queue.PurgeResult, now, 9); len(got) != 0 {
			b.Errorf("the result is purgeable before the original: %v", got)
		}
		for step, check := range []func(before, after queue.Task){
			queue.PurgeOriginal: func(before, after queue.Task) {
				before.InputKey = ""
				wantTask(b, "without its original", after, before)
			},
			queue.PurgeResult: func(before, after queue.Task) {
				before.ResultPrefix, before.Result, before.Detail, before.Digest, before.IdempotencyKey, before.Expired = "", nil, nil, "", "", true
				wantTask(b, "without its result", after, before)
			},
		} {
			if got := b.purgeable(step, now, 9); !slices.Equal(got, []string{t.ID}) {
				b.Fatalf("Purgeable in step %d = %v", step, got)
			}
			before := b.get(t.ID)
			b.purged(step, t.ID)
			check(before, b.get(t.ID))
			if got := b.purgeable(step, now, 9); len(got) != 0 {
				b.Errorf("purgeable again in step %d: %v", step, got)
			}
		}
		b.purged(queue.PurgeRow, t.ID)
		if _, err := b.Get(b.ctx(), t.ID); !errors.Is(err, queue.ErrNotFound) {
			b.Errorf("Get of a purged task = %v", err)
		}
		if as := b.attempts(t.ID); len(as) != 0 {
			b.Errorf("its attempts are still there: %+v", as)
		}
	}},
	{"EveryEndIsPurgedAndNothingElse", func(b *bench) {
		want := []string{b.succeeded().ID}
		rejected, dead, cancelled := b.create(), b.create(), b.create()
		b.finish(b.claim(rejected.ID), queue.Outcome{State: queue.Rejected, Code: "no_face"})
		b.finish(b.claim(dead.ID), queue.Outcome{State: queue.Dead, Code: "broken"})
		if _, err := b.Cancel(b.ctx(), cancelled.ID); err != nil {
			b.Fatal(err)
		}
		b.create()
		b.claim(b.create().ID)
		b.finish(b.claim(b.create().ID), queue.Outcome{State: queue.Retrying})
		b.clock.Advance(time.Hour)
		got := b.purgeable(queue.PurgeOriginal, b.clock.Now(), 9)
		slices.Sort(got)
		want = append(want, rejected.ID, dead.ID, cancelled.ID)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			b.Errorf("Purgeable = %v, want %v", got, want)
		}
	}},
	{"PurgeableTakesTheLongestFinishedFirstAndNoneTooEarly", func(b *bench) {
		start := b.clock.Now()
		var want []string
		for range 4 {
			want = append(want, b.succeeded().ID)
			b.clock.Advance(time.Minute)
		}
		if got := b.purgeable(queue.PurgeOriginal, start, 9); len(got) != 0 {
			b.Errorf("purgeable at its very end: %v", got)
		}
		if got := b.purgeable(queue.PurgeOriginal, start.Add(2*time.Minute), 9); !slices.Equal(got, want[:2]) {
			b.Errorf("Purgeable = %v, want %v", got, want[:2])
		}
		if got := b.purgeable(queue.PurgeOriginal, b.clock.Now(), 3); !slices.Equal(got, want[:3]) {
			b.Errorf("Purgeable = %v, want %v", got, want[:3])
		}
	}},
	{"ATaskThatIsRequeuedMeanwhileIsNotPurged", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Dead, Code: "broken"})
		b.clock.Advance(time.Hour)
		if got := b.purgeable(queue.PurgeOriginal, b.clock.Now(), 9); len(got) != 1 {
			b.Fatalf("Purgeable = %v", got)
		}
		before, err := b.Requeue(b.ctx(), id, 1)
		if err != nil {
			b.Fatalf("Requeue: %v", err)
		}
		b.purged(queue.PurgeOriginal, id)
		wantTask(b, "requeued", b.get(id), before)
		for _, step := range []int{queue.PurgeResult, queue.PurgeRow} {
			b.purged(step, id)
		}
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		b.wantState(id, queue.Succeeded)
	}},
	{"PurgedRowsLeaveTheCountersRight", func(b *bench) {
		b.create()
		kept := b.succeeded()
		var gone []string
		for range 3 {
			gone = append(gone, b.succeeded().ID)
		}
		for step := queue.PurgeOriginal; step <= queue.PurgeRow; step++ {
			b.purged(step, gone...)
			b.purged(step, append(gone, "no such task")...) // a janitor that comes late
		}
		b.wantCounts(map[queue.State]int64{queue.Queued: 1, queue.Succeeded: 1})
		b.wantState(kept.ID, queue.Succeeded)
	}},
	{"WhatIsPurgedIsCountedInTheHistory", func(b *bench) {
		express := []string{b.succeeded().ID, b.succeeded().ID, b.succeeded().ID}
		bulk := b.succeeded(func(t *queue.Task) { t.Lane = queue.Bulk }).ID
		b.clock.Advance(48 * time.Hour)
		b.purged(queue.PurgeOriginal, append(express, bulk)...)
		b.purged(queue.PurgeOriginal, express...) // done before: does not count
		b.purged(queue.PurgeResult, express[:2]...)
		b.clock.Advance(time.Minute)
		b.purged(queue.PurgeRow, express[0])
		for lane, want := range map[string][]map[int]int64{
			queue.Express: {{queue.PurgeOriginal: 3, queue.PurgeResult: 2}, {queue.PurgeRow: 1}},
			queue.Bulk:    {{queue.PurgeOriginal: 1}},
		} {
			var got []map[int]int64
			for _, p := range b.history(time.Minute, lane) {
				if p.Purged != nil {
					got = append(got, p.Purged)
				}
			}
			if !equal(got, want) {
				b.Errorf("purged in the %s lane = %v, want %v", lane, got, want)
			}
		}
	}},
	{"APurgedTaskWasCountedBefore", func(b *bench) {
		id := b.succeeded(func(t *queue.Task) { t.Label = "visa" }).ID
		for step := queue.PurgeOriginal; step <= queue.PurgeRow; step++ {
			b.purged(step, id) // no RollUp has seen it
		}
		b.rollUp()
		if got := b.finished(queue.Express); !equal(got, []queue.Reason{{State: queue.Succeeded, Label: "visa", N: 1}}) {
			b.Errorf("history = %+v", got)
		}
		if n := b.times("run", queue.Express); n != 1 {
			b.Errorf("%d run times, want 1", n)
		}
	}},
	{"TwoJanitorsPurgeTheSameTasksOnce", func(b *bench) {
		var all []string
		for range 20 {
			all = append(all, b.succeeded().ID)
		}
		for step := queue.PurgeOriginal; step <= queue.PurgeRow; step++ {
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					mine := slices.Clone(all)
					if i%2 == 0 {
						slices.Reverse(mine)
					}
					if err := b.Purged(b.ctx(), step, mine); err != nil {
						b.Errorf("Purged: %v", err)
					}
				})
			}
			wg.Wait()
		}
		b.wantCounts(nil)
		want := map[int]int64{queue.PurgeOriginal: 20, queue.PurgeResult: 20, queue.PurgeRow: 20}
		if h := b.history(time.Minute, queue.Express); len(h) != 1 || !equal(h[0].Purged, want) {
			b.Errorf("history = %+v, want purged %v", h, want)
		}
	}},
	{"AnUnknownPurgeStepIsRefused", func(b *bench) {
		id := b.succeeded().ID
		if err := b.Purged(b.ctx(), 7, []string{id}); err == nil {
			b.Error("Purged took step 7")
		}
		if err := b.PurgedBatches(b.ctx(), queue.PurgeOriginal, []string{"x"}); err == nil {
			b.Error("PurgedBatches took a step that batches do not have")
		}
		if err := b.Purged(b.ctx(), queue.PurgeRow, nil); err != nil {
			b.Errorf("Purged of nothing = %v", err)
		}
	}},
	{"ABatchLosesItsManifestAndThenWithItsLastTaskItsRow", func(b *bench) {
		batch, tasks := b.oneBatch(2)
		b.finish(b.claim(tasks[0]), queue.Outcome{State: queue.Succeeded})
		b.clock.Advance(time.Hour)
		if got := b.purgeableBatches(queue.PurgeResult, b.clock.Now()); len(got) != 0 {
			b.Errorf("an unfinished batch is purgeable: %v", got)
		}
		b.finish(b.claim(tasks[1]), queue.Outcome{State: queue.Dead, Code: "broken"})
		if got := b.purgeableBatches(queue.PurgeResult, b.clock.Now()); len(got) != 0 {
			b.Errorf("purgeable at its very end: %v", got)
		}
		b.clock.Advance(time.Hour)
		now := b.clock.Now()
		if got := b.purgeableBatches(queue.PurgeResult, now); !slices.Equal(got, []string{batch}) {
			b.Fatalf("PurgeableBatches = %v", got)
		}
		b.purgedBatches(queue.PurgeResult, batch)
		got, err := b.GetBatch(b.ctx(), batch)
		if err != nil || got.ManifestKey != "" || got.IdempotencyKey != "" || got.Name == "" {
			b.Errorf("batch = %+v, %v", got, err)
		}
		if got := b.purgeableBatches(queue.PurgeRow, now); len(got) != 0 {
			b.Errorf("a batch with tasks is purgeable: %v", got)
		}
		b.purgedBatches(queue.PurgeRow, batch) // too early: changes nothing
		for step := queue.PurgeOriginal; step <= queue.PurgeRow; step++ {
			b.purged(step, tasks[0])
		}
		got, err = b.GetBatch(b.ctx(), batch)
		if err != nil || got.Total != 1 || got.Done() != 1 || got.Counts[queue.Dead] != 1 || got.FinishedAt.IsZero() {
			b.Errorf("with one task left: %+v, %v", got, err)
		}
		for step := queue.PurgeOriginal; step <= queue.PurgeRow; step++ {
			b.purged(step, tasks[1])
		}
		if got := b.purgeableBatches(queue.PurgeRow, now); !slices.Equal(got, []string{batch}) {
			b.Fatalf("PurgeableBatches of empty ones = %v", got)
		}
		b.purgedBatches(queue.PurgeRow, batch)
		_, err = b.GetBatch(b.ctx(), batch)
		b.wantErr("GetBatch", err, queue.ErrNotFound)
	}},
}

func (b *bench) purgedBatches(step int, ids ...string) {
	b.Helper()
	if err := b.PurgedBatches(b.ctx(), step, ids); err != nil {
		b.Fatalf("PurgedBatches: %v", err)
	}
}
