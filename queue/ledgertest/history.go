package ledgertest

import (
	"reflect"
	"sync"
	"time"

	"idphoto/queue"
)

// history returns what is known of a lane, from long before the suite's clock begins.
func (b *bench) history(step time.Duration, lane string) []queue.Period {
	b.Helper()
	all, err := b.History(b.ctx(), b.clock.Now().Add(-500*24*time.Hour), b.clock.Now().Add(time.Hour), step)
	if err != nil {
		b.Fatalf("History: %v", err)
	}
	var periods []queue.Period
	for _, p := range all {
		if p.Lane == lane {
			periods = append(periods, p)
		}
	}
	return periods
}

// rollUp rolls up until nothing is left, and returns how much it was.
func (b *bench) rollUp() (n int) {
	b.Helper()
	for {
		added, err := b.RollUp(b.ctx(), 100)
		if err != nil {
			b.Fatalf("RollUp: %v", err)
		}
		if added == 0 {
			return n
		}
		n += added
	}
}

// finished adds the lane's minutes up.
func (b *bench) finished(lane string) []queue.Reason {
	b.Helper()
	return sum(b.history(time.Minute, lane), func(p queue.Period) []queue.Reason { return p.Finished })
}

func sum(periods []queue.Period, of func(queue.Period) []queue.Reason) (total []queue.Reason) {
next:
	for _, p := range periods {
		for _, r := range of(p) {
			for i := range total {
				if t := &total[i]; t.State == r.State && t.Label == r.Label && t.Code == r.Code {
					t.N += r.N
					continue next
				}
			}
			total = append(total, r)
		}
	}
	return total
}

// times returns how many durations of this name the lane's minutes have.
func (b *bench) times(name, lane string) (n int64) {
	b.Helper()
	for _, p := range b.history(time.Minute, lane) {
		n += p.Times[name].Count()
	}
	return n
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// about checks a histogram's only duration; a bucket is some 9 % wide.
func (b *bench) about(p queue.Period, name string, want time.Duration) {
	b.Helper()
	h := p.Times[name]
	got, ok := h.Quantile(0.5)
	if !ok || h.Count() != 1 || float64(got) < 0.9*float64(want) || float64(got) > 1.1*float64(want) {
		b.Errorf("%s = %v (%d of them), want one of %v", name, got, h.Count(), want)
	}
}

// onlyPeriod returns the lane's one minute.
func (b *bench) onlyPeriod(lane string) queue.Period {
	b.Helper()
	h := b.history(time.Minute, lane)
	if len(h) != 1 {
		b.Fatalf("%d minutes in the %s lane, want 1: %+v", len(h), lane, h)
	}
	return h[0]
}

func (b *bench) sample() {
	b.Helper()
	if err := b.Sample(b.ctx()); err != nil {
		b.Fatalf("Sample: %v", err)
	}
}

var history = []promise{
	{"AnEmptyLedgerHasNoHistory", func(b *bench) {
		if n := b.rollUp(); n != 0 {
			b.Errorf("RollUp = %d", n)
		}
		for _, lane := range queue.Lanes {
			if h := b.history(time.Minute, lane); len(h) != 0 {
				b.Errorf("history = %+v", h)
			}
		}
	}},
	{"EachEndIsCountedOnceByItsReason", func(b *bench) {
		visa := func(t *queue.Task) { t.Label = "visa" }
		b.succeeded(visa)
		b.succeeded(visa)
		b.succeeded(func(t *queue.Task) { t.Label, t.Lane = "1-inch", queue.Bulk })
		b.finish(b.claim(b.create(visa).ID), queue.Outcome{State: queue.Rejected, Code: "no_face"})
		b.finish(b.claim(b.create(visa).ID), queue.Outcome{State: queue.Dead, Code: "a\tb\\c"}) // odd words come back as they were
		b.create()
		b.claim(b.create().ID)
		if n := b.rollUp(); n != 10 {
			b.Errorf("RollUp = %d, want 5 tasks and 5 attempts", n)
		}
		want := []queue.Reason{
			{State: queue.Dead, Label: "visa", Code: "a\tb\\c", N: 1},
			{State: queue.Rejected, Label: "visa", Code: "no_face", N: 1},
			{State: queue.Succeeded, Label: "visa", N: 2},
		}
		for range 2 {
			for _, step := range []time.Duration{time.Minute, time.Hour} {
				h := b.history(step, queue.Express)
				if len(h) != 1 || !equal(h[0].Finished, want) || !h[0].Start.Equal(b.clock.Now().Truncate(step)) {
					b.Errorf("per %v: %+v, want %+v", step, h, want)
				}
			}
			if n := b.rollUp(); n != 0 {
				b.Errorf("RollUp again = %d", n)
			}
		}
		if got := b.finished(queue.Bulk); !equal(got, []queue.Reason{{State: queue.Succeeded, Label: "1-inch", N: 1}}) {
			b.Errorf("bulk = %+v", got)
		}
	}},
	{"ATaskCancelledWhileItWaitsCountsAsFinished", func(b *bench) {
		if _, err := b.Cancel(b.ctx(), b.create().ID); err != nil {
			b.Fatal(err)
		}
		if n := b.rollUp(); n != 1 {
			b.Errorf("RollUp = %d, want 1", n)
		}
		p := b.onlyPeriod(queue.Express)
		if want := []queue.Reason{{State: queue.Cancelled, Code: queue.CodeCancelled, N: 1}}; !equal(p.Finished, want) {
			b.Errorf("finished = %+v, want %+v", p.Finished, want)
		}
		if len(p.Times) != 0 {
			b.Errorf("times = %v: nobody waited for a result", p.Times)
		}
	}},
	{"FailedAttemptsAreCountedByTheirCode", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "storage"})
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, Code: "storage"})
		b.claim(id)
		b.clock.Advance(lease)
		b.reap(0)
		b.rollUp()
		p := b.onlyPeriod(queue.Express)
		if want := []queue.Reason{{State: queue.Retrying, Code: "storage", N: 2}}; !equal(p.Failed, want) {
			b.Errorf("failed = %+v, want %+v", p.Failed, want)
		}
		if want := []queue.Reason{{State: queue.Dead, Code: queue.CodeLeaseLost, N: 1}}; !equal(p.Finished, want) {
			b.Errorf("finished = %+v, want %+v", p.Finished, want)
		}
		if n := p.Times["run"].Count(); n != 2 {
			b.Errorf("%d run times, want 2: how long a lost attempt ran is unknown", n)
		}
	}},
	{"TimesAreWaitRunTotalAndStages", func(b *bench) {
		id := b.create().ID
		b.clock.Advance(4 * time.Second)
		c := b.claim(id)
		b.clock.Advance(2 * time.Second)
		b.finish(c, queue.Outcome{State: queue.Succeeded, Stages: []queue.StageTime{
			{Name: "decode", Duration: 300 * time.Millisecond}, {Name: "matte", Duration: 1500 * time.Millisecond}}})
		b.rollUp()
		p := b.onlyPeriod(queue.Express)
		b.about(p, "wait", 4*time.Second)
		b.about(p, "run", 2*time.Second)
		b.about(p, "total", 6*time.Second)
		b.about(p, "stage decode", 300*time.Millisecond)
		b.about(p, "stage matte", 1500*time.Millisecond)
		if len(p.Times) != 5 {
			b.Errorf("times = %v", p.Times)
		}
	}},
	{"BackingOffIsNotWaiting", func(b *bench) {
		id := b.create().ID
		b.finish(b.claim(id), queue.Outcome{State: queue.Retrying, RetryAfter: 10 * time.Minute})
		b.rollUp()
		b.clock.Advance(10*time.Minute + 3*time.Second)
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		b.rollUp()
		h := b.history(time.Minute, queue.Express)
		b.about(h[len(h)-1], "wait", 3*time.Second)
	}},
	{"WhatATakenOverAttemptRanIsNotWaiting", func(b *bench) {
		id := b.create().ID
		b.claim(id)
		b.clock.Advance(lease + 2*time.Second)
		b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
		b.rollUp()
		if d, ok := b.onlyPeriod(queue.Express).Times["wait"].Quantile(1); !ok || d > 3*time.Second {
			b.Errorf("longest wait = %v, want 2 s since the lease ended", d)
		}
	}},
	{"ATaskThatEndsTwiceCountsTwice", func(b *bench) {
		for _, rollUp := range []bool{false, true} {
			id := b.create(func(t *queue.Task) { t.Label = "visa" }).ID
			b.finish(b.claim(id), queue.Outcome{State: queue.Dead, Code: "broken"})
			if rollUp {
				b.rollUp()
			}
			if _, err := b.Requeue(b.ctx(), id, 1); err != nil {
				b.Fatalf("Requeue: %v", err)
			}
			b.finish(b.claim(id), queue.Outcome{State: queue.Succeeded})
			b.rollUp()
		}
		want := []queue.Reason{{State: queue.Dead, Label: "visa", Code: "broken", N: 2}, {State: queue.Succeeded, Label: "visa", N: 2}}
		if p := b.onlyPeriod(queue.Express); !equal(p.Finished, want) {
			b.Errorf("finished = %+v, want %+v", p.Finished, want)
		}
	}},
	{"RollUpTakesNoMoreThanItsLimitOfEach", func(b *bench) {
		for range 5 {
			b.succeeded()
		}
		for _, want := range []int{4, 4, 2, 0} {
			if n, err := b.RollUp(b.ctx(), 2); err != nil || n != want {
				b.Errorf("RollUp = %d, %v; want %d", n, err, want)
			}
		}
		if got := b.finished(queue.Express); got[0].N != 5 {
			b.Errorf("finished = %+v", got)
		}
	}},
	{"SeveralJanitorsCountEachEndOnce", func(b *bench) {
		const tasks = 120
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range tasks / 4 {
					b.succeeded()
				}
			})
			wg.Go(func() {
				for range 20 {
					if _, err := b.RollUp(b.ctx(), 7); err != nil {
						b.Errorf("RollUp: %v", err)
					}
				}
			})
		}
		wg.Wait()
		b.rollUp()
		for _, step := range []time.Duration{time.Minute, time.Hour} {
			h := b.history(step, queue.Express)
			if len(h) != 1 || len(h[0].Finished) != 1 || h[0].Finished[0].N != tasks || h[0].Times["run"].Count() != tasks {
				b.Errorf("per %v: %+v, want %d tasks and run times", step, h, tasks)
			}
		}
	}},
	{"MinutesAndHoursHaveTheirOwnPeriods", func(b *bench) {
		start := b.clock.Now()
		for range 3 {
			b.succeeded()
			b.clock.Advance(40 * time.Minute) // 12:00, 12:40, 13:20
		}
		b.rollUp()
		minutes, hours := b.history(time.Minute, queue.Express), b.history(24*time.Hour, queue.Express)
		if len(minutes) != 3 || !minutes[1].Start.Equal(start.Add(40*time.Minute)) {
			b.Errorf("minutes = %+v", minutes)
		}
		if len(hours) != 2 || hours[0].Finished[0].N != 2 || hours[1].Finished[0].N != 1 || hours[0].Times["total"].Count() != 2 {
			b.Errorf("hours = %+v", hours)
		}
		part, err := b.History(b.ctx(), start.Add(40*time.Minute), start.Add(80*time.Minute), time.Minute)
		if err != nil || len(part) != 1 || !part[0].Start.Equal(start.Add(40*time.Minute)) {
			b.Errorf("part = %+v, %v", part, err)
		}
	}},
	{"SamplesShowBacklogAndWorkers", func(b *bench) {
		b.heartbeat(queue.WorkerInfo{Name: "lost", State: queue.Online, Slots: 8})
		b.clock.Advance(queue.LostAfter)
		b.heartbeat(queue.WorkerInfo{Name: "a", State: queue.Online, Slots: 2, Tasks: []queue.WorkerTask{{ID: "x"}}})
		b.heartbeat(queue.WorkerInfo{Name: "b", State: queue.Online, Slots: 1})
		b.heartbeat(queue.WorkerInfo{Name: "c", State: queue.Draining, Slots: 4, Tasks: []queue.WorkerTask{{ID: "y"}}})
		b.create()
		b.create()
		b.claim(b.create().ID)
		b.clock.Advance(5 * time.Second)
		b.sample()
		want := queue.LaneSample{Waiting: 2, Running: 1, OldestAge: 5 * time.Second, Slots: 3, Busy: 1}
		if got := b.onlyPeriod(queue.Express).Sample; got == nil || *got != want {
			b.Errorf("express = %+v, want %+v", got, want)
		}
		want = queue.LaneSample{Slots: 3, Busy: 1}
		if got := b.onlyPeriod(queue.Bulk).Sample; got == nil || *got != want {
			b.Errorf("bulk = %+v, want %+v", got, want)
		}
	}},
	{"AMinuteKeepsItsLastSampleAndAnHourItsHighest", func(b *bench) {
		first := b.create().ID
		b.create()
		b.clock.Advance(time.Second)
		b.sample()
		b.finish(b.claim(first), queue.Outcome{State: queue.Succeeded})
		b.clock.Advance(time.Second)
		b.sample()
		if got := b.onlyPeriod(queue.Express).Sample; got.Waiting != 1 || got.OldestAge != 2*time.Second {
			b.Errorf("minute = %+v", got)
		}
		if got := b.history(time.Hour, queue.Express)[0].Sample; got.Waiting != 2 || got.OldestAge != 2*time.Second {
			b.Errorf("hour = %+v", got)
		}
	}},
	{"CountingLeavesSamplesAndSamplesLeaveCounts", func(b *bench) {
		b.succeeded()
		b.rollUp()
		b.create()
		b.sample()
		b.succeeded()
		b.rollUp()
		if p := b.onlyPeriod(queue.Express); p.Sample == nil || p.Sample.Waiting != 1 || p.Finished[0].N != 2 {
			b.Errorf("period = %+v", p)
		}
	}},
	{"MinutesAreKeptForTwoDaysAndHoursForAYear", func(b *bench) {
		b.succeeded()
		b.rollUp()
		b.clock.Advance(47 * time.Hour)
		b.sample()
		if h := b.history(time.Minute, queue.Express); len(h) != 2 {
			b.Errorf("after 47 hours: %+v", h)
		}
		b.clock.Advance(2 * time.Hour)
		b.sample()
		if h := b.history(time.Minute, queue.Express); len(h) != 2 || len(h[0].Finished) != 0 {
			b.Errorf("after 49 hours: %+v", h)
		}
		b.clock.Advance(365 * 24 * time.Hour)
		b.sample()
		if h := b.history(time.Hour, queue.Express); len(h) != 4 || len(h[0].Finished) != 1 {
			b.Errorf("hours after a year: %+v", h)
		}
		b.clock.Advance(40 * 24 * time.Hour)
		b.sample()
		if h := b.history(time.Hour, queue.Express); len(h) != 2 || len(h[0].Finished) != 0 {
			b.Errorf("hours after more than a year: %+v", h)
		}
	}},
}
