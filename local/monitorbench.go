package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

const (
	watchers    = 10                     // people with a page open
	steadyRate  = 200                    // tasks per second that pass meanwhile
	watchedFor  = 30 * time.Second       // at least
	burstTasks  = 10_000                 // within a minute
	pageRuns    = 40                     // looks at each page
	pageLimit   = 200 * time.Millisecond // that 95 of 100 looks may take
	memoryGrows = 64                     // MiB that the process may have more after than before people watch
)

// monitorBench measures the monitor's pages on a ledger of many tasks: alone, while people watch and
// tasks pass, and in a burst.
type monitorBench struct {
	rows int
	out  io.Writer

	data  string
	dead  string // a task to look at
	batch string
}

// run prints the tables. What is slower or larger than it may be is an error at the end.
func (b *monitorBench) run(ctx context.Context) (err error) {
	if b.data, err = os.MkdirTemp("", "idphoto-monitor-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.data)) }()
	began := time.Now()
	if err := b.fill(ctx); err != nil {
		return fmt.Errorf("filling the ledger: %w", err)
	}
	fmt.Fprintf(b.out, "%d CPUs, load %s, %s; %d tasks in the ledger, filled in %v\n\n", runtime.NumCPU(), load(), runtime.Version(), b.rows, time.Since(began).Round(time.Second))
	server, err := Start(ctx, Config{Addr: "127.0.0.1:0", Data: b.data, Environ: []string{"TEST_KINDS=true", "CANARY_EVERY=0"},
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	v, err := enter(ctx, server)
	if err != nil {
		return err
	}
	return errors.Join(b.alone(ctx, v), b.watched(ctx, v), b.burst(ctx, v))
}

// fill makes a past: most tasks have ended, in several ways, and a few wait in a lane that is paused.
func (b *monitorBench) fill(ctx context.Context) (err error) {
	l, err := sqlledger.Open(ctx, "sqlite://"+filepath.Join(b.data, "ledger.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	f, err := fill(ctx, l, b.rows)
	if err != nil {
		return err
	}
	for _, id := range f.batches { // bit by bit: one statement would hold a million rows in the log
		now := time.Now().UnixMicro()
		_, err := l.SQL().Exec(ctx, `UPDATE tasks SET attempts = 1, worker = 'bench', counted = 1, started_at = ?, claimed_at = ?, finished_at = ?, updated_at = ?,
			code = CASE WHEN id LIKE '%0' THEN 'no_face' WHEN id LIKE '%01' THEN 'internal' ELSE '' END,
			state = CASE WHEN id LIKE '%0' THEN 'rejected' WHEN id LIKE '%01' THEN 'dead' ELSE 'succeeded' END
			WHERE batch_id = ? AND state = 'queued'`, now, now, now, now, id)
		if err != nil {
			return err
		}
	}
	dead, _, err := l.List(ctx, queue.Filter{States: []queue.State{queue.Dead}}, "", 1)
	if err != nil || len(dead) == 0 {
		return errors.Join(err, errors.New("too few tasks: none has died"))
	}
	b.dead, b.batch = dead[0].ID, f.batches[0]
	return nil
}

// pages are what people look at.
func (b *monitorBench) pages() []string {
	return []string{"/monitor/", "/monitor/?range=7d", "/monitor/tasks", "/monitor/tasks?state=dead", "/monitor/tasks?state=succeeded&spec=2-inch",
		"/monitor/tasks?code=no_face&lane=bulk", "/monitor/tasks?worker=nobody", "/monitor/tasks/" + b.dead, "/monitor/batches", "/monitor/batches/" + b.batch,
		"/monitor/lanes", "/monitor/workers", "/monitor/rejections", "/monitor/audit", "/monitor/people"}
}

// alone looks at each page while nothing else happens.
func (b *monitorBench) alone(ctx context.Context, v *visitor) error {
	return b.looks(ctx, v, "nobody else there")
}

// looks opens each page often, and prints how long it took.
func (b *monitorBench) looks(ctx context.Context, v *visitor, when string) error {
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s, load %s\tp50 ms\tp95\tmax\t\n", when, load())
	var slow []error
	for _, page := range b.pages() {
		var times []float64
		for range pageRuns {
			took, err := v.look(ctx, page)
			if err != nil {
				return err
			}
			times = append(times, took.Seconds())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", page, millis(times, .5), millis(times, .95), millis(times, 1))
		if p95 := quantile(times, .95); p95 > pageLimit.Seconds() {
			slow = append(slow, fmt.Errorf("%s, %s: p95 is %.0f ms, want at most %d", page, when, 1e3*p95, pageLimit.Milliseconds()))
		}
	}
	fmt.Fprintf(w, "\t\t\t\t\n")
	return errors.Join(w.Flush(), errors.Join(slow...))
}

// watched looks at each page while people watch and tasks pass, and at the memory.
func (b *monitorBench) watched(ctx context.Context, v *visitor) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	tasks := &flow{visitor: v}
	g.Go(func() error { return tasks.run(ctx, steadyRate, 0) })
	watch := v.watch(ctx, &g, b.pages())
	tasks.await(ctx, 5*steadyRate) // pools and caches are as large as they get
	before, sent, began := memory("VmRSS"), tasks.sent.Load(), time.Now()
	slow := b.looks(ctx, v, fmt.Sprintf("%d people watch, %d tasks/s wanted", watchers, steadyRate))
	tasks.await(ctx, sent+int64(watchedFor.Seconds())*steadyRate)
	after := memory("VmRSS")
	per := float64(tasks.sent.Load()-sent) / time.Since(began).Seconds()
	cancel()
	err := g.Wait()
	fmt.Fprintf(b.out, "%.0f tasks/s passed; %d pages were refreshed, p95 %s ms; memory %.0f MiB before, %.0f after %v\n\n", per, watch.count(), watch.p95(), before, after, time.Since(began).Round(time.Second))
	if after > before+memoryGrows {
		slow = errors.Join(slow, fmt.Errorf("memory grew from %.0f to %.0f MiB", before, after))
	}
	return errors.Join(err, slow)
}

// burst hands in many tasks as fast as they are taken, and looks at the overview and the newest tasks
// meanwhile.
func (b *monitorBench) burst(ctx context.Context, v *visitor) error {
	var g errgroup.Group
	began := time.Now()
	tasks := &flow{visitor: v}
	g.Go(func() error { return tasks.run(ctx, rate.Inf, burstTasks) })
	var times []float64
	for tasks.sent.Load() < burstTasks {
		for _, page := range []string{"/monitor/", "/monitor/tasks", "/monitor/lanes"} {
			took, err := v.look(ctx, page)
			if err != nil {
				return errors.Join(err, g.Wait())
			}
			times = append(times, took.Seconds())
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	taken := time.Since(began)
	if err := v.idle(ctx); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "burst of %d tasks: taken in %v, done in %v; %d looks meanwhile, p50 %s ms, p95 %s, max %s\n",
		burstTasks, taken.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond), len(times), millis(times, .5), millis(times, .95), millis(times, 1))
	if taken > time.Minute {
		return fmt.Errorf("a burst of %d tasks was taken in %v, want a minute", burstTasks, taken.Round(time.Second))
	}
	return nil
}
