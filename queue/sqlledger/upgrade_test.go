package sqlledger

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"idphoto/queue"
)

// oldTask is a row as version 1 wrote it.
type oldTask struct {
	id, state       string
	attempts, limit int
	due, lease      time.Time
	ended           []string // states of the attempts that have ended
	code            string
	shard           int
}

// TestALedgerOfVersion1GoesOn makes a ledger as the first release left it, with a task in every
// state, and opens it with this program: every task goes on from where it was.
func TestALedgerOfVersion1GoesOn(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			makeVersion1(t, url, now, []oldTask{
				{id: "1-queued", state: "queued", limit: 3, due: now, shard: 3},
				{id: "2-running", state: "running", attempts: 2, limit: 3, due: now, lease: now.Add(8 * time.Second), ended: []string{"retrying"}},
				{id: "3-lost", state: "running", attempts: 1, limit: 3, due: now, lease: now.Add(-time.Second)},
				{id: "4-retrying", state: "retrying", attempts: 1, limit: 3, due: now.Add(time.Minute), ended: []string{"retrying"}, code: "unavailable"},
				{id: "5-succeeded", state: "succeeded", attempts: 1, limit: 3, due: now, ended: []string{"succeeded"}},
				{id: "6-rejected", state: "rejected", attempts: 1, limit: 3, due: now, ended: []string{"rejected"}, code: "no_face"},
				{id: "7-dead", state: "dead", attempts: 3, limit: 3, due: now, ended: []string{"retrying", "retrying", "dead"}, code: "internal"},
				{id: "8-cancelled", state: "cancelled", limit: 3, due: now, code: "cancelled"},
			})
			clock := now
			l := open(t, url, func() time.Time { return clock })
			ctx := t.Context()

			wantCounted(t, l, map[queue.State]int64{queue.Queued: 1, queue.Running: 2, queue.Retrying: 1, queue.Succeeded: 1,
				queue.Rejected: 1, queue.Dead: 1, queue.Cancelled: 1})
			if states := attemptStates(t, l, "2-running"); !slices.Equal(states, []queue.State{queue.Retrying, queue.Running}) {
				t.Errorf("attempts of the running task = %v", states)
			}

			// The worker of the old program's claim, whose token is in the row, ends its work.
			running := &queue.Claim{Task: queue.Task{ID: "2-running"}, Attempt: 2, Token: "token-2-running"}
			if err := l.Renew(ctx, running, "encode", 10*time.Second); err != nil {
				t.Errorf("Renew: %v", err)
			}
			if err := l.Finish(ctx, running, queue.Outcome{State: queue.Succeeded, Result: json.RawMessage(`1`)}); err != nil {
				t.Errorf("Finish: %v", err)
			}
			as, err := l.Attempts(ctx, "2-running")
			if err != nil || len(as) != 2 || as[1].State != queue.Succeeded || as[1].Worker != "old-worker" || !as[1].StartedAt.Equal(now.Add(-2*time.Second)) {
				t.Errorf("attempts = %+v, %v", as, err)
			}

			// The lost one is reaped, and both it and the waiting ones run to their end.
			if tasks, err := l.Reap(ctx, func(int) time.Duration { return 0 }, 10); err != nil || len(tasks) != 1 {
				t.Errorf("Reap = %d tasks, %v; want 1", len(tasks), err)
			}
			clock = now.Add(2 * time.Minute)
			tasks, err := l.Stale(ctx, time.Minute, 10)
			if err != nil || len(tasks) != 3 {
				t.Errorf("Stale = %d tasks, %v; want the queued, the lost and the retrying one", len(tasks), err)
			}
			if _, err := l.Requeue(ctx, "7-dead", 1); err != nil {
				t.Errorf("Requeue: %v", err)
			}
			for id, before := range map[string]int{"1-queued": 0, "3-lost": 1, "4-retrying": 1, "7-dead": 3} {
				c, err := l.Claim(ctx, id, "w", time.Minute)
				if err != nil || c.Attempt != before+1 {
					t.Errorf("Claim of %s = %+v, %v", id, c, err)
					continue
				}
				if err := l.Finish(ctx, c, queue.Outcome{State: queue.Succeeded}); err != nil {
					t.Errorf("Finish of %s: %v", id, err)
				}
				if n := len(attemptStates(t, l, id)); n != before+1 {
					t.Errorf("%s has %d attempts, want %d", id, n, before+1)
				}
			}
			if _, err := l.Claim(ctx, "5-succeeded", "w", time.Minute); !errors.Is(err, queue.ErrNotClaimable) {
				t.Errorf("Claim of the finished task = %v", err)
			}
			wantCounted(t, l, map[queue.State]int64{queue.Succeeded: 6, queue.Rejected: 1, queue.Cancelled: 1})
		})
	}
}

// makeVersion1 writes the tasks with the schema of version 1.
func makeVersion1(t *testing.T, url string, now time.Time, tasks []oldTask) {
	t.Helper()
	ctx := t.Context()
	l, err := connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := l.migrations()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, o := range tasks {
		if err := l.writeVersion1(ctx, o, now); err != nil {
			t.Fatalf("%s: %v", o.id, err)
		}
	}
}

func (l *Ledger) writeVersion1(ctx context.Context, o oldTask, now time.Time) error {
	finished, state := int64(0), queue.State(o.state)
	if state.Final() {
		finished = micros(now)
	}
	begun := micros(now.Add(-2 * time.Second))
	err := l.exec(ctx, `INSERT INTO tasks (id, kind, lane, options, input_key, digest, trace_parent, trace_state, state, was, attempts, max_attempts,
		code, worker, token, lease_until, created_at, due_at, started_at, finished_at, updated_at)
		VALUES (?, 'noop', 'express', '{}', 'tasks/x/original', 'd', '', '', ?, 'queued', ?, ?, ?, 'old-worker', ?, ?, ?, ?, ?, ?, ?)`,
		o.id, o.state, o.attempts, o.limit, o.code, "token-"+o.id, micros(o.lease), begun, micros(o.due), begun, finished, begun)
	if err != nil {
		return err
	}
	if state == queue.Running {
		o.ended = append(o.ended, o.state)
	}
	for i, s := range o.ended {
		ended := micros(now)
		if s == "running" {
			ended = 0
		}
		err := l.exec(ctx, `INSERT INTO attempts (task_id, number, worker, token, state, code, started_at, finished_at) VALUES (?, ?, 'old-worker', ?, ?, ?, ?, ?)`,
			o.id, i+1, "token-"+o.id, s, o.code, begun, ended)
		if err != nil {
			return err
		}
	}
	return l.exec(ctx, `INSERT INTO task_counts (lane, state, shard, n) VALUES ('express', ?, ?, 1)
		ON CONFLICT (lane, state, shard) DO UPDATE SET n = task_counts.n + 1`, o.state, o.shard)
}

func attemptStates(t *testing.T, l *Ledger, id string) []queue.State {
	t.Helper()
	as, err := l.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var states []queue.State
	for _, a := range as {
		states = append(states, a.State)
	}
	return states
}

// wantCounted compares the kept counters with what they should be.
func wantCounted(t *testing.T, l *Ledger, want map[queue.State]int64) {
	t.Helper()
	got, err := l.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []queue.State{queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled} {
		if got[s] != want[s] {
			t.Errorf("count of %s = %d, want %d", s, got[s], want[s])
		}
	}
}
