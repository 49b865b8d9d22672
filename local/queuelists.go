package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

const (
	fillBatch  = 5000 // tasks per batch
	finishedOf = 20   // one of so many tasks is brought to an end
	listPage   = 50
	listRuns   = 60
)

// filled is what is in a ledger to look for.
type filled struct {
	ids     []string // one of each batch
	batches []string
}

// lists fills an empty ledger and prints how long pages and counts take.
func (b *queueBench) lists(ctx context.Context, url string) (err error) {
	l, err := sqlledger.Open(ctx, url, nil) // the measurements before may have used it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	began := time.Now()
	f, err := fill(ctx, l, b.rows)
	if err != nil {
		return fmt.Errorf("filling the ledger: %w", err)
	}
	counts, err := l.Counts(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%s, filled in %v: %s\n", shown(url), time.Since(began).Round(time.Second), countsLine(counts))
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d runs each, load %s\tp50 ms\tp95\tmax\t\n", listRuns, load())
	for _, q := range f.questions(l) {
		var times []float64
		for range listRuns {
			asked := time.Now()
			if err := q.ask(ctx); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			times = append(times, time.Since(asked).Seconds())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", q.name, millis(times, .5), millis(times, .95), millis(times, 1))
	}
	return w.Flush()
}

// fill puts rows tasks into the ledger, in batches, and brings some to an end.
func fill(ctx context.Context, l *sqlledger.Ledger, rows int) (filled, error) {
	var f filled
	labels := []string{"1-inch", "2-inch", "cn-passport", "us-51x51"}
	for made := 0; made < rows; made += fillBatch {
		batch := queue.Batch{ID: queue.NewID(), Name: "bench", Total: int64(min(fillBatch, rows-made))}
		tasks := make([]queue.Task, batch.Total)
		for i := range tasks {
			tasks[i] = queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Lanes[i%len(queue.Lanes)], Label: labels[i%7%len(labels)],
				MaxAttempts: 3, Options: json.RawMessage(`{"size":"1-inch","background":"#438EDB"}`)}
		}
		if _, _, err := l.CreateBatch(ctx, batch, tasks); err != nil {
			return f, err
		}
		if err := finishSome(ctx, l, tasks); err != nil {
			return f, err
		}
		f.ids, f.batches = append(f.ids, tasks[rand.N(len(tasks))].ID), append(f.batches, batch.ID)
	}
	return f, nil
}

// finishSome ends some of the tasks, in several ways.
func finishSome(ctx context.Context, l *sqlledger.Ledger, tasks []queue.Task) error {
	ends := []queue.Outcome{
		{State: queue.Succeeded, ResultPrefix: "tasks/x/1/", Result: json.RawMessage(`{}`)},
		{State: queue.Succeeded, ResultPrefix: "tasks/x/1/", Result: json.RawMessage(`{}`)},
		{State: queue.Rejected, Code: "no_face"},
		{State: queue.Dead, Code: queue.CodeInternal, Error: "an error"},
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(benchSlots)
	for i := 0; i < len(tasks); i += finishedOf {
		g.Go(func() error {
			c, err := l.Claim(ctx, tasks[i].ID, "bench", time.Minute)
			if err != nil {
				return err
			}
			return l.Finish(ctx, c, ends[i/finishedOf%len(ends)])
		})
	}
	return g.Wait()
}

// question is something that a page of the monitor asks.
type question struct {
	name string
	ask  func(ctx context.Context) error
}

func (f *filled) questions(l *sqlledger.Ledger) []question {
	pick := func(of []string) string { return of[rand.N(len(of))] }
	page := func(name string, filter func() queue.Filter, after func() string) question {
		return question{name, func(ctx context.Context) error {
			_, _, err := l.List(ctx, filter(), queue.Cursor(after()), listPage)
			return err
		}}
	}
	newest := func() string { return "" }
	anywhere := func() string { return pick(f.ids) }
	of := func(filter queue.Filter) func() queue.Filter { return func() queue.Filter { return filter } }
	return []question{
		page("newest", of(queue.Filter{}), newest),
		page("anywhere in the list", of(queue.Filter{}), anywhere),
		page("queued, anywhere", of(queue.Filter{States: []queue.State{queue.Queued}}), anywhere),
		page("succeeded, anywhere", of(queue.Filter{States: []queue.State{queue.Succeeded}}), anywhere),
		page("running or retrying", of(queue.Filter{States: []queue.State{queue.Running, queue.Retrying}}), newest),
		page("ended, anywhere", of(queue.Filter{States: []queue.State{queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled}}), anywhere),
		page("code no_face, anywhere", of(queue.Filter{Code: "no_face"}), anywhere),
		page("label, anywhere", of(queue.Filter{Label: "2-inch"}), anywhere),
		page("label and dead", of(queue.Filter{Label: "2-inch", States: []queue.State{queue.Dead}}), newest),
		page("lane, anywhere", of(queue.Filter{Lane: queue.Bulk}), anywhere),
		page("worker that nobody is", of(queue.Filter{Worker: "nobody"}), newest),
		page("batch", func() queue.Filter { return queue.Filter{BatchID: pick(f.batches)} }, newest),
		page("beginning of an id", func() queue.Filter { return queue.Filter{IDPrefix: pick(f.ids)[:13]} }, newest),
		page("last minute", func() queue.Filter { return queue.Filter{From: time.Now().Add(-time.Minute)} }, newest),
		{"one task", func(ctx context.Context) error { _, err := l.Get(ctx, pick(f.ids)); return err }},
		{"one batch", func(ctx context.Context) error { _, err := l.GetBatch(ctx, pick(f.batches)); return err }},
		{"newest batches", func(ctx context.Context) error { _, err := l.ListBatches(ctx, "", listPage); return err }},
		{"counts per state", func(ctx context.Context) error { _, err := l.Counts(ctx); return err }},
		{"counts per lane", func(ctx context.Context) error { _, err := l.LaneCounts(ctx); return err }},
		{"lanes", func(ctx context.Context) error { _, err := l.LaneStates(ctx); return err }},
	}
}
