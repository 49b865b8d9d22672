package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

const (
	benchSlots = 8
	idleRate   = 50 // tasks per second, while slots are idle
	idleTasks  = 10 * idleRate
	noopTasks  = 10_000
)

// queueBench measures the queue without any photo.
type queueBench struct {
	ledger, queue string // URLs; empty: in memory and on a SQLite file, and a queue in memory
	rows          int
	out           io.Writer
}

// setup is a ledger and a transport to measure.
type setup struct {
	name          string
	ledger, queue string
}

// run prints the tables: start and throughput for each set-up, then lists on the last ledger.
func (b *queueBench) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "idphoto-queue-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	setups := []setup{
		{"memory", "mem://", ""},
		{"SQLite file", "sqlite://" + filepath.Join(dir, "ledger.db"), ""},
	}
	if b.ledger != "" {
		setups = []setup{{shown(b.ledger), b.ledger, ""}}
	}
	if b.queue != "" {
		last := &setups[len(setups)-1]
		last.queue = b.queue
		last.name += " + " + transport.System(b.queue)
	}
	fmt.Fprintf(b.out, "%d CPUs, load %s, %s\n\n", runtime.NumCPU(), load(), runtime.Version())
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "ledger + queue\tstart p50 ms\tp95\tp99\tmax\tno-op tasks/s\tload\t\n")
	for _, s := range setups {
		line, err := s.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", s.name, line, load())
	}
	fmt.Fprintf(w, "\t\t\t\t\t\t\t\n")
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "start: from before Submit to inside the handler, %d tasks at %d/s, %d idle slots\n", idleTasks, idleRate, benchSlots)
	fmt.Fprintf(b.out, "no-op: %d tasks from the first Submit to the last end, %d submitters, %d slots, a janitor beside\n\n", noopTasks, benchSlots, benchSlots)
	if b.rows <= 0 {
		return nil
	}
	lists := "sqlite://" + filepath.Join(dir, "lists.db")
	if b.ledger != "" {
		lists = b.ledger
	}
	return b.lists(ctx, lists)
}

// load is the machine's load average over a minute; a queue's figures mean little without it.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(data), " ")
	return one
}

// openEmpty opens a ledger that has no tasks: the measurements leave thousands of them.
func openEmpty(ctx context.Context, url string) (*sqlledger.Ledger, error) {
	l, err := sqlledger.Open(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	counts, err := l.Counts(ctx)
	for _, n := range counts {
		if n != 0 {
			err = errors.New("the ledger has tasks: name an empty one")
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// rig is a set-up at work.
type rig struct {
	ledger    *sqlledger.Ledger
	publisher *queue.Publisher
	started   sync.Map // when a task's handler began, by its id
	begun     atomic.Int64
}

// Handle does nothing but note the time.
func (r *rig) Handle(_ context.Context, j *queue.Job) (json.RawMessage, error) {
	r.started.Store(j.Task.ID, time.Now())
	r.begun.Add(1)
	return json.RawMessage("{}"), nil
}

// Discard has nothing to remove.
func (r *rig) Discard(context.Context, string) error { return nil }

// measure returns the set-up's columns.
func (s setup) measure(ctx context.Context) (line string, err error) {
	l, err := openEmpty(ctx, s.ledger)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	url := s.queue
	if url == "" {
		url = "mem://" + rand.Text()
	}
	topic, err := transport.OpenTopic(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, topic.Close(context.WithoutCancel(ctx))) }()
	sub, err := transport.OpenSubscription(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, sub.Close(context.WithoutCancel(ctx))) }()
	silent := slog.New(slog.DiscardHandler)
	r := &rig{ledger: l}
	r.publisher = queue.NewPublisher(l, map[string]queue.Topic{queue.Express: topic}, &queue.PublisherOptions{Logger: silent})
	worker := queue.NewWorker(l, map[string]queue.Handler{"noop": r}, &queue.WorkerOptions{Slots: benchSlots, Logger: silent})
	janitor := queue.NewJanitor(l, r.publisher, &queue.JanitorOptions{Logger: silent})
	working, stop := context.WithCancel(ctx)
	g, working := errgroup.WithContext(working)
	g.Go(func() error { return worker.Run(working, map[string]queue.Subscription{queue.Express: sub}) })
	g.Go(func() error { janitor.Run(working); return nil })
	defer func() { stop(); err = errors.Join(err, g.Wait()) }()

	if _, err := r.idle(ctx, idleRate); err != nil { // warm: connections and statements
		return "", err
	}
	starts, err := r.idle(ctx, idleTasks)
	if err != nil {
		return "", err
	}
	rate, err := r.throughput(ctx, noopTasks)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%.0f", millis(starts, .5), millis(starts, .95), millis(starts, .99), millis(starts, 1), rate), nil
}

// idle submits n tasks at the idle rate, and returns how long each waited for its handler.
func (r *rig) idle(ctx context.Context, n int) ([]float64, error) {
	submitted := make(map[string]time.Time)
	tick := time.NewTicker(time.Second / idleRate)
	defer tick.Stop()
	r.begun.Store(0)
	for range n {
		<-tick.C
		id := queue.NewID()
		submitted[id] = time.Now()
		if _, _, err := r.publisher.Submit(ctx, queue.Task{ID: id, Kind: "noop"}); err != nil {
			return nil, err
		}
	}
	for r.begun.Load() < int64(n) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
	var waits []float64
	for id, at := range submitted {
		began, ok := r.started.LoadAndDelete(id)
		if !ok {
			return nil, errors.New("a task ran twice while another did not start")
		}
		waits = append(waits, began.(time.Time).Sub(at).Seconds())
	}
	return waits, nil
}

// throughput submits n tasks as fast as it goes, and returns tasks per second until the ledger says
// that all have ended.
func (r *rig) throughput(ctx context.Context, n int) (float64, error) {
	before, err := r.ledger.Counts(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	g, submitting := errgroup.WithContext(ctx)
	g.SetLimit(benchSlots)
	for range n {
		g.Go(func() error {
			_, _, err := r.publisher.Submit(submitting, queue.Task{Kind: "noop"})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		counts, err := r.ledger.Counts(ctx)
		if err != nil {
			return 0, err
		}
		if counts[queue.Succeeded] >= before[queue.Succeeded]+int64(n) {
			return float64(n) / time.Since(began).Seconds(), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// millis is a quantile of seconds as milliseconds; q = 1 is the longest.
func millis(seconds []float64, q float64) string {
	if q >= 1 {
		return fmt.Sprintf("%.2f", 1e3*slices.Max(seconds))
	}
	return fmt.Sprintf("%.2f", 1e3*quantile(seconds, q))
}
