// Package gauges shows Prometheus how the ledger stands: depth and age of the lanes, workers,
// batches, the canary. What happens is counted where it happens, in package queue.
//
// The ledger is read when somebody scrapes, and at most once in Options.MaxAge however many do. When
// it does not answer, the gauges are absent rather than old, which an alert hears of
// (MonitorDown), and the failure is counted.
//
// Every process that registers them shows the same ledger: rules and charts take the maximum over
// processes.
package gauges

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"idphoto/queue"
)

// Ledger is what is read. *sqlledger.Ledger is one.
type Ledger interface {
	LaneStates(ctx context.Context) ([]queue.LaneState, error)
	LaneCounts(ctx context.Context) (map[string]map[queue.State]int64, error)
	Workers(ctx context.Context) ([]queue.WorkerInfo, error)
	List(ctx context.Context, f queue.Filter, after queue.Cursor, limit int) ([]queue.Task, queue.Cursor, error)
	ListBatches(ctx context.Context, after string, limit int) ([]queue.Batch, error)
	History(ctx context.Context, from, to time.Time, step time.Duration) ([]queue.Period, error)
}

// Options tunes the gauges. Zero values mean the defaults.
type Options struct {
	Promises       map[string]time.Duration // by lane: how long a task may wait; default queue.Promises
	AttemptTimeout time.Duration            // bound on one attempt; default 60 s
	CanaryEvery    time.Duration            // how often a canary is sent through each lane; 0: there is none
	MaxAge         time.Duration            // the ledger is not read again sooner; default 5 s
	ReadWithin     time.Duration            // bound on reading it; default 5 s
	Now            func() time.Time         // default time.Now; only ages of what the ledger gives as times need it
	Log            *slog.Logger             // default slog.Default
}

func (o *Options) fill() {
	if o.Promises == nil {
		o.Promises = queue.Promises()
	}
	for field, standard := range map[*time.Duration]time.Duration{
		&o.AttemptTimeout: time.Minute, &o.MaxAge: 5 * time.Second, &o.ReadWithin: 5 * time.Second,
	} {
		if *field <= 0 {
			*field = standard
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// gauges reads and observes.
type gauges struct {
	ledger  Ledger
	opts    Options
	started time.Time
	errors  metric.Int64Counter

	mu     sync.Mutex // guards what is below; held while the ledger is read, so that one reads for all
	last   *standing  // nil when it could not be read
	readAt time.Time
}

// Register adds the gauges to a meter provider. They are gone when the registration is ended, which
// the caller does before it closes the ledger.
func Register(meters metric.MeterProvider, ledger Ledger, opts *Options) (metric.Registration, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.fill()
	m := meters.Meter("idphoto/functions/gauges")
	failed, err := m.Int64Counter("idphoto.ledger.errors", metric.WithDescription("Calls of the ledger that it did not answer, by operation."))
	if err != nil {
		return nil, err
	}
	g := &gauges{ledger: ledger, opts: o, started: o.Now(), errors: failed}
	failed.Add(context.Background(), 0, observing)
	all, err := newInstruments(m)
	if err != nil {
		return nil, err
	}
	return m.RegisterCallback(func(ctx context.Context, to metric.Observer) error {
		all.observeSettings(to, g.opts)
		if s := g.standing(ctx); s != nil {
			all.observe(to, s, g.opts)
		}
		return nil // an error would take the other metrics of the page with it
	}, all.list...)
}

// standing returns how the ledger stood at most MaxAge ago; nil when it does not answer.
func (g *gauges) standing(ctx context.Context) *standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !g.readAt.IsZero() && now.Sub(g.readAt) < g.opts.MaxAge {
		return g.last
	}
	ctx, cancel := context.WithTimeout(ctx, g.opts.ReadWithin)
	defer cancel()
	s, err := g.read(ctx)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil // who asked has gone: that says nothing about the ledger
		}
		g.errors.Add(ctx, 1, observing)
		g.opts.Log.WarnContext(ctx, "gauges are absent: the ledger was not read", "err", err)
		s = nil
	}
	g.last, g.readAt = s, now
	return s
}
