package ledgertest

import (
	"reflect"
	"slices"
	"sync"
	"time"

	"idphoto/queue"
)

func (b *bench) heartbeat(w queue.WorkerInfo) (drain bool) {
	b.Helper()
	drain, err := b.Heartbeat(b.ctx(), w)
	if err != nil {
		b.Fatalf("Heartbeat: %v", err)
	}
	return drain
}

// workers returns the states by name, in the ledger's order.
func (b *bench) workers() (states map[string]queue.WorkerState, order []string) {
	b.Helper()
	all, err := b.Workers(b.ctx())
	if err != nil {
		b.Fatalf("Workers: %v", err)
	}
	states = make(map[string]queue.WorkerState)
	for _, w := range all {
		states[w.Name] = w.State
		order = append(order, w.Name)
	}
	return states, order
}

func (b *bench) markLost(forget time.Time) []string {
	b.Helper()
	lost, err := b.MarkLost(b.ctx(), forget)
	if err != nil {
		b.Fatalf("MarkLost: %v", err)
	}
	var names []string
	for _, w := range lost {
		if w.State != queue.Lost {
			b.Errorf("MarkLost returned %s as %s", w.Name, w.State)
		}
		names = append(names, w.Name)
	}
	slices.Sort(names)
	return names
}

func (b *bench) audit(before int64, limit int) []queue.AuditEntry {
	b.Helper()
	entries, err := b.AuditLog(b.ctx(), before, limit)
	if err != nil {
		b.Fatalf("AuditLog: %v", err)
	}
	return entries
}

var registry = []promise{
	{"AWorkerIsKnownAsItSaysOfItself", func(b *bench) {
		w := queue.WorkerInfo{Name: "host-12-abc", Host: "host", Version: "v1", Provider: "CPU", State: queue.Online, Slots: 2,
			Tasks:  []queue.WorkerTask{{ID: "t1", Kind: "photo", Attempt: 2, Stage: "matte", StartedAt: b.clock.Now()}},
			Memory: 300 << 20, PeakMemory: 400 << 20, LoadTime: 1500 * time.Millisecond, ColdStart: true, StartedAt: b.clock.Now()}
		b.heartbeat(w)
		b.clock.Advance(3 * time.Second)
		w.Tasks, w.Memory = nil, 200<<20
		b.heartbeat(w)
		w.SeenAt = b.clock.Now()
		got, err := b.Workers(b.ctx())
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], w) {
			b.Errorf("Workers = %+v, %v\nwant %+v", got, err, w)
		}
	}},
	{"ASilentWorkerIsLostEvenWhenNoJanitorRan", func(b *bench) {
		b.heartbeat(queue.WorkerInfo{Name: "online", State: queue.Online})
		b.heartbeat(queue.WorkerInfo{Name: "draining", State: queue.Draining})
		b.heartbeat(queue.WorkerInfo{Name: "stopped", State: queue.Stopped})
		b.clock.Advance(queue.LostAfter - time.Millisecond)
		if states, _ := b.workers(); states["online"] != queue.Online || states["draining"] != queue.Draining {
			b.Errorf("before LostAfter: %v", states)
		}
		b.clock.Advance(time.Millisecond)
		if states, _ := b.workers(); states["online"] != queue.Lost || states["draining"] != queue.Lost || states["stopped"] != queue.Stopped {
			b.Errorf("after LostAfter: %v, want the stopped one not lost", states)
		}
	}},
	{"TheLongestSilentWorkerIsLast", func(b *bench) {
		for _, name := range []string{"b", "a", "c"} {
			b.heartbeat(queue.WorkerInfo{Name: name, State: queue.Online})
			b.clock.Advance(time.Second)
		}
		b.heartbeat(queue.WorkerInfo{Name: "b", State: queue.Online})
		if _, order := b.workers(); !slices.Equal(order, []string{"b", "c", "a"}) {
			b.Errorf("order = %v", order)
		}
	}},
	{"EachLostWorkerIsReportedOnce", func(b *bench) {
		start := b.clock.Now()
		b.heartbeat(queue.WorkerInfo{Name: "w1", State: queue.Online})
		b.heartbeat(queue.WorkerInfo{Name: "w2", State: queue.Draining})
		b.heartbeat(queue.WorkerInfo{Name: "w3", State: queue.Stopped})
		if got := b.markLost(start); got != nil {
			b.Errorf("MarkLost = %v before anyone is lost", got)
		}
		b.clock.Advance(queue.LostAfter)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var names []string
		for range 4 {
			wg.Go(func() {
				lost, err := b.MarkLost(b.ctx(), start)
				if err != nil {
					b.Errorf("MarkLost: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, w := range lost {
					names = append(names, w.Name)
				}
			})
		}
		wg.Wait()
		slices.Sort(names)
		if !slices.Equal(names, []string{"w1", "w2"}) {
			b.Errorf("lost = %v, want w1 and w2 once", names)
		}
	}},
	{"ALostWorkerThatIsHeardAgainIsBack", func(b *bench) {
		b.heartbeat(queue.WorkerInfo{Name: "w", State: queue.Online})
		b.clock.Advance(queue.LostAfter)
		b.markLost(b.clock.Now().Add(-time.Hour))
		b.heartbeat(queue.WorkerInfo{Name: "w", State: queue.Online})
		if states, _ := b.workers(); states["w"] != queue.Online {
			b.Errorf("states = %v", states)
		}
	}},
	{"StoppedAndLostWorkersAreForgotten", func(b *bench) {
		b.heartbeat(queue.WorkerInfo{Name: "lost", State: queue.Online})
		b.heartbeat(queue.WorkerInfo{Name: "stopped", State: queue.Stopped})
		b.clock.Advance(time.Hour)
		b.heartbeat(queue.WorkerInfo{Name: "stopped later", State: queue.Stopped})
		b.heartbeat(queue.WorkerInfo{Name: "online", State: queue.Online})
		if got := b.markLost(b.clock.Now().Add(-time.Minute)); !slices.Equal(got, []string{"lost"}) {
			b.Errorf("MarkLost = %v", got)
		}
		if _, order := b.workers(); !slices.Equal(order, []string{"online", "stopped later"}) {
			b.Errorf("workers = %v", order)
		}
	}},
	{"AWorkerLearnsThatItIsToDrain", func(b *bench) {
		w := queue.WorkerInfo{Name: "w", State: queue.Online}
		b.wantErr("Drain of an unknown worker", b.Drain(b.ctx(), "w"), queue.ErrNotFound)
		if b.heartbeat(w) {
			b.Error("asked to drain by nobody")
		}
		for range 2 {
			if err := b.Drain(b.ctx(), "w"); err != nil {
				b.Fatal(err)
			}
		}
		if first, again := b.heartbeat(w), b.heartbeat(w); !first || !again {
			b.Error("not asked to drain")
		}
		if all, _ := b.Workers(b.ctx()); !all[0].DrainAsked {
			b.Error("Workers does not show that it is to drain")
		}
	}},
	{"TheAuditLogShowsTheNewestFirst", func(b *bench) {
		at := b.clock.Now()
		for _, action := range []string{"retry", "pause", "erase"} {
			if err := b.Record(b.ctx(), queue.AuditEntry{Actor: "ann", Action: action, Target: "x", Count: 2}); err != nil {
				b.Fatal(err)
			}
			b.clock.Advance(time.Second)
		}
		got := b.audit(0, 2)
		want := []queue.AuditEntry{
			{Number: 3, At: at.Add(2 * time.Second), Actor: "ann", Action: "erase", Target: "x", Count: 2},
			{Number: 2, At: at.Add(time.Second), Actor: "ann", Action: "pause", Target: "x", Count: 2},
		}
		if !slices.Equal(got, want) {
			b.Errorf("AuditLog = %+v\nwant %+v", got, want)
		}
		if rest := b.audit(2, 10); len(rest) != 1 || rest[0].Action != "retry" {
			b.Errorf("older = %+v", rest)
		}
		if rest := b.audit(1, 10); len(rest) != 0 {
			b.Errorf("older than the first = %+v", rest)
		}
	}},
	{"AuditEntriesWrittenTogetherAreAllKept", func(b *bench) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					if err := b.Record(b.ctx(), queue.AuditEntry{Actor: "cli", Action: "retry"}); err != nil {
						b.Errorf("Record: %v", err)
					}
				}
			})
		}
		wg.Wait()
		entries := b.audit(0, 100)
		for i, e := range entries {
			if want := int64(40 - i); e.Number != want {
				b.Fatalf("entry %d has number %d, want %d", i, e.Number, want)
			}
		}
		if len(entries) != 40 {
			b.Errorf("%d entries, want 40", len(entries))
		}
	}},
}
