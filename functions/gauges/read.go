package gauges

import (
	"context"
	"fmt"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// standing is how the ledger stood at one moment.
type standing struct {
	lanes   []queue.LaneState
	counts  map[string]map[queue.State]int64
	workers map[queue.WorkerState]int64
	slots   map[string]int64         // busy, free, draining
	running map[string]time.Duration // by kind: the longest attempt under way
	stalled time.Duration            // the longest time that an unfinished batch has not moved
	canary  map[string]time.Time     // by lane: when it was last through
	sampled time.Time                // when a janitor last noted the backlog
}

func (g *gauges) read(ctx context.Context) (s *standing, err error) {
	now := g.opts.Now()
	s = &standing{}
	if s.lanes, err = g.ledger.LaneStates(ctx); err != nil {
		return nil, err
	}
	if s.counts, err = g.ledger.LaneCounts(ctx); err != nil {
		return nil, err
	}
	workers, err := g.ledger.Workers(ctx)
	if err != nil {
		return nil, err
	}
	s.countWorkers(workers, now)
	if s.stalled, err = g.stalledBatch(ctx, now); err != nil {
		return nil, fmt.Errorf("batches: %w", err)
	}
	if s.sampled, err = g.lastSample(ctx, now); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if g.opts.CanaryEvery > 0 {
		s.canary = make(map[string]time.Time)
		for _, lane := range queue.Lanes {
			if s.canary[lane], err = g.lastCanary(ctx, lane); err != nil {
				return nil, fmt.Errorf("canaries: %w", err)
			}
		}
	}
	return s, nil
}

func (s *standing) countWorkers(workers []queue.WorkerInfo, now time.Time) {
	s.workers = map[queue.WorkerState]int64{queue.Online: 0, queue.Draining: 0, queue.Lost: 0, queue.Stopped: 0}
	s.slots = map[string]int64{"busy": 0, "free": 0, "draining": 0}
	s.running = make(map[string]time.Duration)
	for _, w := range workers {
		s.workers[w.State]++
		busy := int64(len(w.Tasks))
		switch w.State {
		case queue.Online:
			s.slots["busy"] += busy
			s.slots["free"] += max(0, int64(w.Slots)-busy)
		case queue.Draining:
			s.slots["draining"] += busy
		default:
			continue // its tasks are no longer its own
		}
		for _, t := range w.Tasks {
			s.running[t.Kind] = max(s.running[t.Kind], now.Sub(t.StartedAt))
		}
	}
}

const (
	batchPage  = 100
	batchPages = 5 // older batches that still run are not looked at
)

// stalledBatch returns how long ago the batch moved that has not moved for longest, among the
// newest that are not finished.
func (g *gauges) stalledBatch(ctx context.Context, now time.Time) (time.Duration, error) {
	var stalled time.Duration
	after := ""
	for range batchPages {
		batches, err := g.ledger.ListBatches(ctx, after, batchPage)
		if err != nil {
			return 0, err
		}
		for _, b := range batches {
			after = b.ID
			if b.Done() < b.Total {
				moved := b.CreatedAt
				if b.UpdatedAt.After(moved) {
					moved = b.UpdatedAt
				}
				stalled = max(stalled, now.Sub(moved))
			}
		}
		if len(batches) < batchPage {
			break
		}
	}
	return stalled, nil
}

// canaryPages bounds the look for a canary that was through. Their label has an index; a page is
// short only when the other lane's lie between.
const canaryPages = 5

// lastCanary returns when the newest canary of the lane ended well; when none did, the time since
// when one could have. Rejected is well: the picture went the whole way, and the rules answered.
func (g *gauges) lastCanary(ctx context.Context, lane string) (time.Time, error) {
	f := queue.Filter{Label: photo.CanaryLabel, Lane: lane, States: []queue.State{queue.Succeeded, queue.Rejected}}
	var after queue.Cursor
	for range canaryPages {
		tasks, next, err := g.ledger.List(ctx, f, after, 1)
		if err != nil {
			return time.Time{}, err
		}
		if len(tasks) > 0 {
			return tasks[0].FinishedAt, nil
		}
		if next == "" {
			break
		}
		after = next
	}
	return g.started, nil
}

// sampleWindow is how far back a janitor's sample is looked for.
const sampleWindow = 15 * time.Minute

// lastSample returns when a janitor last noted the backlog, to the minute; when none did within the
// window, the time since when one could have.
func (g *gauges) lastSample(ctx context.Context, now time.Time) (time.Time, error) {
	periods, err := g.ledger.History(ctx, now.Add(-sampleWindow), now.Add(time.Minute), time.Minute)
	if err != nil {
		return time.Time{}, err
	}
	last := now.Add(-sampleWindow)
	if g.started.After(last) {
		last = g.started
	}
	for _, p := range periods {
		if p.Sample != nil && p.Start.After(last) {
			last = p.Start
		}
	}
	return last, nil
}
