package ledgertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"idphoto/queue"
)

const (
	claimers = 16
	manyJobs = 2000
	copies   = 2 // of each message
)

var together = []promise{
	{"SixteenClaimersDoEachTaskOnce", func(b *bench) {
		_, ids := b.batch(manyJobs)
		messages := make(chan string, copies*manyJobs)
		for range copies {
			for _, i := range rand.Perm(manyJobs) {
				messages <- ids[i]
			}
		}
		close(messages)
		var done sync.Map
		var refused atomic.Int64
		var wg sync.WaitGroup
		for w := range claimers {
			wg.Go(func() {
				for id := range messages {
					c, err := b.Claim(b.ctx(), id, fmt.Sprintf("w%d", w), lease)
					if errors.Is(err, queue.ErrNotClaimable) {
						refused.Add(1)
						continue
					}
					if err != nil {
						b.Errorf("Claim: %v", err)
						return
					}
					if other, double := done.LoadOrStore(id, w); double {
						b.Errorf("task done by w%d and w%v", w, other)
					}
					if err := b.Finish(b.ctx(), c, queue.Outcome{State: queue.Succeeded}); err != nil {
						b.Errorf("Finish: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if want := int64((copies - 1) * manyJobs); refused.Load() != want {
			b.Errorf("%d claims refused, want %d", refused.Load(), want)
		}
		b.wantCounts(map[queue.State]int64{queue.Succeeded: manyJobs})
	}},
	{"SeveralJanitorsShareTheWork", func(b *bench) {
		for range 60 {
			b.create()
		}
		for range 60 {
			b.claim(b.create().ID)
		}
		b.clock.Advance(lease)
		var reaped, hinted atomic.Int64
		var seen sync.Map
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 30 {
					over, err := b.Reap(b.ctx(), func(int) time.Duration { return time.Hour }, 7)
					if err != nil {
						b.Errorf("Reap: %v", err)
					}
					reaped.Add(int64(len(over)))
					tasks, err := b.Stale(b.ctx(), time.Minute, 7)
					if err != nil {
						b.Errorf("Stale: %v", err)
					}
					for _, t := range tasks {
						if _, double := seen.LoadOrStore(t.ID, true); double {
							b.Errorf("task %s was given to two janitors", t.ID)
						}
					}
					hinted.Add(int64(len(tasks)))
				}
			})
		}
		wg.Wait()
		if reaped.Load() != 60 || hinted.Load() != 60 {
			b.Errorf("reaped %d, published %d; want 60 and 60", reaped.Load(), hinted.Load())
		}
		b.wantCounts(map[queue.State]int64{queue.Queued: 60, queue.Retrying: 60})
	}},
	{"EverythingAtOnceKeepsTheCountersRight", func(b *bench) {
		const tasks = 120
		ids := make([]string, tasks)
		for i := range ids {
			ids[i] = b.create(func(t *queue.Task) { t.Lane = []string{queue.Express, queue.Bulk}[i%2] }).ID
		}
		b.clock.Advance(queue.PublishGrace)
		ignore := func(err error) {
			for _, expected := range []error{nil, queue.ErrNotClaimable, queue.ErrLeaseLost, queue.ErrCancelled, queue.ErrFinal} {
				if errors.Is(err, expected) {
					return
				}
			}
			b.Errorf("unexpected error: %v", err)
		}
		outcomes := []queue.State{queue.Succeeded, queue.Rejected, queue.Retrying, queue.Dead}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range ids {
					id := ids[(i*7+w*13)%tasks]
					if c, err := b.Claim(b.ctx(), id, "w", 0); err != nil {
						ignore(err)
					} else {
						ignore(b.Renew(b.ctx(), c, "s", 0))
						ignore(b.Finish(b.ctx(), c, queue.Outcome{State: outcomes[(i+w)%4]}))
					}
					switch (i + w) % 10 {
					case 0:
						_, err := b.Cancel(b.ctx(), id)
						ignore(err)
					case 1:
						_, err := b.Reap(b.ctx(), func(int) time.Duration { return 0 }, 5)
						ignore(err)
					case 2:
						_, err := b.Stale(b.ctx(), time.Minute, 5)
						ignore(err)
					case 3:
						_, err := b.Erase(b.ctx(), id)
						ignore(err)
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
