package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"idphoto/queue"
)

// soakCmd is the chaos run: processes work on one ledger while everything that can go wrong does.
type soakCmd struct {
	For       time.Duration `default:"5m" help:"How long things go wrong; the end takes up to two minutes more."`
	Dir       string        `type:"path" help:"Folder for ledger and blobs, kept; default: a temporary one, removed when all is well."`
	Rate      float64       `default:"30" help:"Tasks per second."`
	Workers   int           `default:"3" help:"Worker processes."`
	Janitors  int           `default:"2" help:"Janitor processes."`
	Ledger    string        `help:"URL of another ledger, an empty one; default: a SQLite file shared by all processes."`
	Queue     string        `help:"URL of a broker, e.g. rabbit://soak; default: the soak's own relay between its processes."`
	QueueBulk string        `help:"URL of the broker's queue for the bulk lane; default: shared."`
}

// settle is how long the work that is left may take once nothing goes wrong any more.
const settle = 2 * time.Minute

// Run makes chaos, ends it, waits until all is done, and verifies. Its error counts what is wrong.
func (c *soakCmd) Run(ctx context.Context, out io.Writer) (err error) {
	dir, clean, err := c.folder()
	if err != nil {
		return err
	}
	s, err := c.soaker(ctx, dir, out)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.close())
		if err == nil {
			err = clean()
		} else {
			fmt.Fprintf(out, "kept for a look: %s\n", dir)
		}
	}()
	fmt.Fprintf(out, "soak for %v in %s: %d workers, %d janitors, %.0f tasks/s, load %s\n", c.For, dir, c.Workers, c.Janitors, c.Rate, load())
	if err := s.chaos(ctx, c.For); err != nil {
		return err
	}
	if err := s.calm(ctx); err != nil {
		return err
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	s.report()
	if s.violations > 0 {
		return fmt.Errorf("%d violations", s.violations)
	}
	return nil
}

func (c *soakCmd) folder() (dir string, clean func() error, err error) {
	if c.Dir != "" {
		return c.Dir, func() error { return nil }, os.MkdirAll(c.Dir, 0o700)
	}
	dir, err = os.MkdirTemp("", "idphoto-soak-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// soaker runs a soak. What is not guarded belongs to the goroutine of chaos, then of calm.
type soaker struct {
	cmd       *soakCmd
	out       io.Writer
	order     soakOrder
	stores    *stores
	publisher *queue.Publisher
	topics    map[string]queue.Topic
	relay     *relay
	server    *http.Server
	closers   []func(context.Context) error
	began     time.Time
	crew      []*child

	mu         sync.Mutex
	accepted   []string       // ids of tasks that were accepted
	did        map[string]int // what the soak did, by name
	violations int
}

func (c *soakCmd) soaker(ctx context.Context, dir string, out io.Writer) (*soaker, error) {
	ledger := cmp.Or(c.Ledger, "sqlite://"+filepath.Join(dir, "ledger.db"))
	l, err := openEmpty(ctx, ledger)
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	flags := storeFlags{Data: dir, Ledger: ledger}
	s := &soaker{cmd: c, out: out, did: make(map[string]int), began: time.Now(), relay: newRelay()}
	if s.stores, err = flags.open(ctx); err != nil {
		return nil, err
	}
	s.order = soakOrder{Ledger: ledger, Blobs: flags.blobsURL(), Queue: c.Queue, QueueBulk: c.QueueBulk}
	if c.Queue == "" {
		if err := s.serveRelay(ctx); err != nil {
			return nil, errors.Join(err, s.stores.close())
		}
	}
	topics, closeTopics, err := s.order.topics(ctx)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.topics, s.closers = topics, append(s.closers, closeTopics)
	s.publisher = queue.NewPublisher(s.stores.ledger, topics, &queue.PublisherOptions{Logger: slog.New(slog.DiscardHandler), Retries: soakRetries})
	return s, nil
}

func (s *soaker) serveRelay(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.order.Queue = "http://" + ln.Addr().String()
	s.server = &http.Server{Handler: s.relay, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.server.Serve(ln) }() // ends with close
	return nil
}

func (s *soaker) close() error {
	errs := []error{s.stopCrew()}
	for _, f := range s.closers {
		errs = append(errs, f(context.Background()))
	}
	http.DefaultClient.CloseIdleConnections()
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	return errors.Join(append(errs, s.stores.close())...)
}

func (s *soaker) note(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did[what] += n
}

func (s *soaker) violation(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.violations++; s.violations <= 50 {
		fmt.Fprintf(s.out, "VIOLATION: "+format+"\n", args...)
	}
}

// chaos submits tasks and lets everything go wrong for a time.
func (s *soaker) chaos(ctx context.Context, howLong time.Duration) error {
	if err := s.startCrew(); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, howLong)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.submitAll(ctx) })
	g.Go(func() error { return s.trouble(ctx) })
	g.Go(func() error { return s.watch(ctx) })
	return g.Wait()
}

// watch prints a line now and then.
func (s *soaker) watch(ctx context.Context) error {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		counts, err := s.stores.ledger.Counts(ctx)
		if err == nil {
			fmt.Fprintf(s.out, "%4.0f s: %s\n", time.Since(s.began).Seconds(), countsLine(counts))
		}
	}
}

// calm ends the chaos: lanes resume, all processes are replaced by ones without made faults. It
// returns when no task is left to do, or says that some never end.
func (s *soaker) calm(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.relay.capacity.Store(relayRoom)
	for _, lane := range queue.Lanes {
		if err := s.stores.ledger.ResumeLane(ctx, lane); err != nil {
			return err
		}
	}
	s.measureMemory(s.cmd.For / 6)
	if err := s.stopCrew(); err != nil {
		return err
	}
	s.order.Calm = true
	if err := s.startCrew(); err != nil {
		return err
	}
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		counts, err := s.stores.ledger.Counts(ctx)
		if err != nil {
			return err
		}
		left := counts[queue.Queued] + counts[queue.Running] + counts[queue.Retrying]
		if left == 0 {
			fmt.Fprintf(s.out, "all tasks are at their end %v after the chaos\n", time.Since(began).Round(100*time.Millisecond))
			return s.stopCrew()
		}
		if time.Since(began) > settle {
			s.violation("%d tasks are not at their end: %s", left, countsLine(counts))
			return s.stopCrew()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// check looks at every task that was accepted, has a janitor tidy up, and verifies the ledger.
func (s *soaker) check(ctx context.Context) error {
	for _, id := range s.accepted {
		if err := s.checkTask(ctx, id); err != nil {
			return err
		}
	}
	opts := soakJanitor(s.stores.blobs, slog.New(slog.DiscardHandler))
	opts.OrphanAge, opts.SweepKeys = time.Nanosecond, 1<<30
	if err := queue.NewJanitor(s.stores.ledger, s.publisher, opts).Tick(ctx); err != nil {
		return err
	}
	v := &verifier{stores: s.stores, out: s.out}
	if err := v.run(ctx); err != nil {
		return err
	}
	s.violations += v.faults
	fmt.Fprintf(s.out, "verified: %d tasks, %d blobs, %d faults\n", v.tasks, v.blobs, v.faults)
	return nil
}

// checkTask: a task that was accepted is there, at its end, and succeeded at most once.
func (s *soaker) checkTask(ctx context.Context, id string) error {
	t, err := s.stores.ledger.Get(ctx, id)
	if errors.Is(err, queue.ErrNotFound) {
		s.violation("task %s was accepted and is gone", id)
		return nil
	}
	if err != nil {
		return err
	}
	attempts, err := s.stores.ledger.Attempts(ctx, id)
	if err != nil {
		return err
	}
	succeeded := 0
	for _, a := range attempts {
		if a.State == queue.Succeeded {
			succeeded++
		}
		if a.FinishedAt.IsZero() {
			s.violation("attempt %d of task %s never ended", a.Number, id)
		}
	}
	if want := map[bool]int{true: 1}[t.State == queue.Succeeded]; succeeded != want {
		s.violation("task %s is %s, and %d of its attempts succeeded", id, t.State, succeeded)
	}
	if !t.State.Final() {
		s.violation("task %s is %s", id, t.State)
	}
	return nil
}

// report prints what was done and what came of it.
func (s *soaker) report() {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "tasks accepted\t%d\n", len(s.accepted))
	s.did["messages refused by a full queue"] = int(s.relay.refused.Load())
	for _, t := range s.topics {
		if leaky, ok := t.(*leakyTopic); ok {
			s.did["messages of the submitter dropped"] += int(leaky.dropped.Load())
			s.did["messages of the submitter doubled"] += int(leaky.doubled.Load())
		}
	}
	for _, what := range slices.Sorted(maps.Keys(s.did)) {
		if s.did[what] > 0 {
			fmt.Fprintf(w, "%s\t%d\n", what, s.did[what])
		}
	}
	for _, c := range s.crew {
		if c.spared && len(c.memory) > 0 {
			fmt.Fprintf(w, "memory of a %s that was never killed\t%s MiB\n", c.role, strings.Trim(fmt.Sprint(c.memory), "[]"))
		}
	}
	w.Flush()
}
