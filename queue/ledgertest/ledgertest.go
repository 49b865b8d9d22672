// Package ledgertest states what every queue.Ledger promises, one subtest per promise, named as a
// sentence: the list of names is the specification. An implementation's test is one call of Run.
package ledgertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"idphoto/queue"
)

// Harness adapts one ledger to the suite.
type Harness struct {
	// New returns a fresh and empty ledger that tells time by now. It closes it with t.
	New func(t *testing.T, now func() time.Time) queue.Ledger
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, group := range [][]promise{creation, claiming, finishing, stopping, requeueing, accepting, sweeping, lanes, batches, extending, reading, listing, registry, purging, history, together} {
		for _, p := range group {
			t.Run(p.name, func(t *testing.T) {
				clock := &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
				p.check(&bench{T: t, Ledger: h.New(t, clock.Now), clock: clock})
			})
		}
	}
}

// promise is one thing that a ledger keeps.
type promise struct {
	name  string
	check func(b *bench)
}

// clock is a hand-moved clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock, backwards too.
func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// lease is what the suite claims for, unless a test says otherwise.
const lease = 10 * time.Second

// bench is a test with a ledger to work on. Its helpers end the test on errors.
type bench struct {
	*testing.T
	queue.Ledger
	clock *clock
}

func (b *bench) ctx() context.Context { return b.T.Context() }

// create makes a task with three attempts; edit may change it before.
func (b *bench) create(edit ...func(*queue.Task)) queue.Task {
	b.Helper()
	t := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 3, InputKey: "tasks/x/original", Digest: "d1"}
	for _, f := range edit {
		f(&t)
	}
	task, created, err := b.Create(b.ctx(), t)
	if err != nil || !created {
		b.Fatalf("Create: created %v, %v", created, err)
	}
	return task
}

func (b *bench) claim(id string) *queue.Claim {
	b.Helper()
	c, err := b.Claim(b.ctx(), id, "worker-1", lease)
	if err != nil {
		b.Fatalf("Claim: %v", err)
	}
	return c
}

func (b *bench) finish(c *queue.Claim, o queue.Outcome) {
	b.Helper()
	if err := b.Finish(b.ctx(), c, o); err != nil {
		b.Fatalf("Finish: %v", err)
	}
}

func (b *bench) get(id string) queue.Task {
	b.Helper()
	t, err := b.Get(b.ctx(), id)
	if err != nil {
		b.Fatalf("Get: %v", err)
	}
	return t
}

func (b *bench) attempts(id string) []queue.Attempt {
	b.Helper()
	as, err := b.Attempts(b.ctx(), id)
	if err != nil {
		b.Fatalf("Attempts: %v", err)
	}
	return as
}

// reap reaps with a fixed back-off.
func (b *bench) reap(backoff time.Duration) int {
	b.Helper()
	tasks, err := b.Reap(b.ctx(), func(int) time.Duration { return backoff }, 100)
	if err != nil {
		b.Fatalf("Reap: %v", err)
	}
	return len(tasks)
}

// stale returns the ids of stale tasks, one minute counting as unclaimed.
func (b *bench) stale() []string {
	b.Helper()
	tasks, err := b.Stale(b.ctx(), time.Minute, 100)
	if err != nil {
		b.Fatalf("Stale: %v", err)
	}
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
	}
	return ids
}

func (b *bench) wantState(id string, want queue.State) {
	b.Helper()
	if got := b.get(id).State; got != want {
		b.Errorf("state = %s, want %s", got, want)
	}
}

func (b *bench) wantErr(what string, err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s = %v, want %v", what, err, want)
	}
}

// wantCounts checks the kept counters against what the test knows.
func (b *bench) wantCounts(want map[queue.State]int64) {
	b.Helper()
	got, err := b.Counts(b.ctx())
	if err != nil {
		b.Fatalf("Counts: %v", err)
	}
	for _, s := range []queue.State{queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled} {
		if got[s] != want[s] {
			b.Errorf("count of %s = %d, want %d", s, got[s], want[s])
		}
	}
}
