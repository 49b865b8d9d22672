package queue

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds on one heartbeat: it is late rather than in the way.
const (
	beatWithin = 5 * time.Second
	showWithin = time.Second // outside Run: whoever pushed the message waits for it
)

func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}

// newWorkerName makes a name that no other process has, even after it on the same host with the
// same process id, as in a container that was restarted.
func newWorkerName(host string) string {
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), strings.ToLower(rand.Text()[:6]))
}

// presence is what a worker tells the ledger of itself.
type presence struct {
	started time.Time
	changed chan struct{} // the state did: tell it at once
	sending sync.Mutex    // held during a heartbeat, so that the last one told is the last one stored

	mu     sync.Mutex // guards what is below
	state  WorkerState
	jobs   map[*Job]struct{}
	joined int       // calls of Run
	pushed int       // calls of Process
	told   time.Time // when the last heartbeat began
}

func newPresence() *presence {
	return &presence{started: time.Now(), changed: make(chan struct{}, 1), state: Online, jobs: make(map[*Job]struct{})}
}

// take and drop note what the worker has in hand.
func (p *presence) take(j *Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[j] = struct{}{}
}

func (p *presence) drop(j *Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.jobs, j)
}

func (p *presence) become(s WorkerState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
}

// due reports whether a heartbeat is, and takes it upon the caller. Inside Run it never is.
func (p *presence) due(every time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.joined > 0 || time.Since(p.told) < every {
		return false
	}
	p.told = time.Now()
	return true
}

// tasks lists what is in hand, the oldest first.
func (p *presence) tasks() (tasks []WorkerTask, state WorkerState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for j := range p.jobs {
		stage, _ := j.current()
		tasks = append(tasks, WorkerTask{ID: j.Task.ID, Kind: j.Task.Kind, Attempt: j.Attempt, Stage: stage, StartedAt: j.began})
	}
	slices.SortFunc(tasks, func(a, b WorkerTask) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return tasks, p.state
}

// beat tells the ledger how the worker stands.
func (w *Worker) beat(ctx context.Context, limit time.Duration) (drain bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	w.presence.sending.Lock()
	defer w.presence.sending.Unlock()
	tasks, state := w.presence.tasks()
	memory, peak := residentMemory()
	return w.ledger.Heartbeat(ctx, WorkerInfo{
		Name: w.opts.Name, Host: w.host, Version: w.opts.Version, Provider: w.opts.Provider, State: state,
		Slots: w.opts.Slots, Tasks: tasks, Memory: memory, PeakMemory: peak,
		LoadTime: w.opts.LoadTime, ColdStart: w.opts.ColdStart, StartedAt: w.presence.started,
	})
}

// join registers the worker for as long as Run runs: Online until drains, and Stopped once leave
// returns. drain is called when an operator asks the worker to.
func (w *Worker) join(drain func()) (leave func()) {
	p := w.presence
	p.mu.Lock()
	p.joined++
	p.state = Online
	p.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background()) // longer than Run's: running work is drained
	var beating sync.WaitGroup
	beating.Go(func() { w.keepBeating(ctx, drain) })
	return func() {
		stop()
		beating.Wait()
		p.become(Stopped)
		if _, err := w.beat(context.Background(), beatWithin); err != nil {
			w.log.Warn("the ledger does not know that this worker stopped, and will count it as lost", "err", err)
		}
		p.mu.Lock()
		p.joined--
		p.mu.Unlock()
	}
}

// drains tells that no more tasks are taken.
func (w *Worker) drains() {
	w.presence.become(Draining)
	select {
	case w.presence.changed <- struct{}{}:
	default:
	}
}

// keepBeating sends heartbeats until ctx is done. A ledger that is away is asked less often, and
// not by all workers at once.
func (w *Worker) keepBeating(ctx context.Context, drain func()) {
	backoff := FullJitter(w.opts.RenewEvery, 10*time.Second)
	var once sync.Once
	for failed := 0; ; {
		asked, err := w.beat(ctx, beatWithin)
		wait := w.opts.RenewEvery
		switch {
		case err == nil && failed > 0:
			w.log.Info("heartbeat is stored again", "failed", failed)
			failed = 0
		case err != nil && ctx.Err() == nil:
			if failed++; failed == 1 {
				w.log.Warn("heartbeat not stored, trying again", "err", err)
			}
			wait += backoff(failed)
		}
		if asked { // from now on, with every heartbeat
			once.Do(drain)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.presence.changed:
		case <-time.After(wait):
		}
	}
}

// show registers a worker that is not in Run, but given messages by Process: at most once in
// RenewEvery, and while a message is being worked on. With nothing in hand such a worker counts as
// stopped, for its process may be frozen or ended without notice (a function's is).
func (w *Worker) show(ctx context.Context) (end func()) {
	p := w.presence
	p.mu.Lock()
	p.pushed++
	p.mu.Unlock()
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var showing sync.WaitGroup
	showing.Go(func() {
		for {
			if p.due(w.opts.RenewEvery) {
				w.showAs(ctx, Online)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(w.opts.RenewEvery):
			}
		}
	})
	return func() {
		stop()
		showing.Wait()
		p.mu.Lock()
		p.pushed--
		idle := p.pushed == 0 && p.joined == 0 && p.state == Online
		p.mu.Unlock()
		if idle {
			w.showAs(ctx, Stopped)
		}
	}
}

// showAs sends one heartbeat of a worker outside Run, even if the work that it tells of has ended.
func (w *Worker) showAs(ctx context.Context, s WorkerState) {
	w.presence.become(s)
	if _, err := w.beat(context.WithoutCancel(ctx), showWithin); err != nil {
		w.log.DebugContext(ctx, "heartbeat not stored", "err", err)
		w.presence.become(Stopped) // nobody knows of us: no need to say goodbye
	}
}
