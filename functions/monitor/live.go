package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

const (
	liveBeat   = 15 * time.Second // a comment, so that proxies keep a quiet stream open
	liveWrite  = 30 * time.Second // a reader that takes nothing for so long is gone
	liveFor    = 10 * time.Minute // then the browser asks again, and may be refused meanwhile
	liveRetry  = 1000             // milliseconds a browser waits before it asks again
	lookWithin = 5 * time.Second  // longer than this, and the ledger counts as away
)

// What can change. A page names those that it shows in its data-live attribute.
const (
	topicTasks   = "tasks"
	topicLanes   = "lanes"
	topicWorkers = "workers"
	topicAudit   = "audit"
	topicLedger  = "ledger" // it went away, or came back
)

// live tells readers that something changed. It looks at the ledger once per Poll for all of them
// together, and not at all while nobody reads.
type live struct {
	ledger  queue.Ledger
	poll    time.Duration
	stop    <-chan struct{}
	streams *semaphore.Weighted

	mu      sync.Mutex
	readers map[chan []string]struct{}
	cancel  context.CancelFunc // of the looking; nil while nobody reads
	done    chan struct{}      // closed once it has ended
}

func newLive(ledger queue.Ledger, o Options) *live {
	return &live{ledger: ledger, poll: o.Poll, stop: o.Stop, streams: semaphore.NewWeighted(o.Streams),
		readers: make(map[chan []string]struct{})}
}

// join returns a channel that holds what changed since it was read last.
func (l *live) join() chan []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan []string, 1)
	l.readers[c] = struct{}{}
	if l.cancel == nil {
		ctx, cancel := context.WithCancel(context.Background())
		before := l.done
		l.cancel, l.done = cancel, make(chan struct{})
		go l.look(ctx, before, l.done)
	}
	return c
}

func (l *live) leave(c chan []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.readers, c)
	if len(l.readers) == 0 {
		l.cancel()
		l.cancel = nil
	}
}

// look tells the readers of changes until ctx ends. It begins when whoever looked before has ended.
func (l *live) look(ctx context.Context, before <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	if before != nil {
		<-before
	}
	tick := time.NewTicker(l.poll)
	defer tick.Stop()
	last := l.glance(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := l.glance(ctx)
		if changed := now.differs(last); len(changed) > 0 && ctx.Err() == nil {
			l.tell(changed)
		}
		last = now
	}
}

// tell adds what changed to what each reader has not read yet.
func (l *live) tell(changed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.readers {
		all := changed
		select {
		case unread := <-c:
			all = slices.Concat(unread, changed)
			slices.Sort(all)
			all = slices.Compact(all)
		default:
		}
		c <- all // there is room: only tell sends, and it holds mu
	}
}

// glance is what the ledger looked like, by topic. Comparing two says what changed.
type glance map[string]string

func (l *live) glance(ctx context.Context) glance {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	lanes, err := l.ledger.LaneStates(ctx)
	counts, err2 := l.ledger.LaneCounts(ctx)
	workers, err3 := l.ledger.Workers(ctx)
	audit, err4 := l.ledger.AuditLog(ctx, 0, 1)
	if errors.Join(err, err2, err3, err4) != nil {
		return glance{topicLedger: "away"}
	}
	for i := range lanes {
		lanes[i].OldestAge = lanes[i].OldestAge.Truncate(time.Second)
	}
	for i := range workers {
		workers[i].SeenAt = time.Time{} // moves with each heartbeat
	}
	return glance{topicLedger: "there", topicTasks: fmt.Sprint(counts, hands(workers)), topicLanes: fmt.Sprint(lanes),
		topicWorkers: fmt.Sprint(workers), topicAudit: fmt.Sprint(audit)}
}

// hands is what the workers do.
func hands(workers []queue.WorkerInfo) [][]queue.WorkerTask {
	tasks := make([][]queue.WorkerTask, len(workers))
	for i, w := range workers {
		tasks[i] = w.Tasks
	}
	return tasks
}

// differs lists the topics that are not as they were. While the ledger is away, only that is known.
func (g glance) differs(before glance) []string {
	var topics []string
	for topic, now := range g {
		if then, known := before[topic]; known && then != now {
			topics = append(topics, topic)
		}
	}
	slices.Sort(topics)
	return topics
}

// stream answers with server-sent events: "changed", and what did.
func (m *Monitor) stream(w http.ResponseWriter, r *http.Request) error {
	l := m.live
	if !l.streams.TryAcquire(1) {
		return fault.New(problem.Busy, nil, "retry_after", 5)
	}
	defer l.streams.Release(1)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx holds events back otherwise
	if m.opts.Frozen {
		_, _ = io.WriteString(w, "event: alone\ndata: {}\n\n") // the page looks for itself, now and then
		return nil
	}
	changes := l.join()
	defer l.leave(changes)
	s := events{w: w, control: http.NewResponseController(w)}
	beat, end := time.NewTicker(liveBeat), time.NewTimer(liveFor)
	defer beat.Stop()
	defer end.Stop()
	s.send(fmt.Sprintf("retry: %d\nevent: hello\ndata: {}\n\n", liveRetry))
	for s.err == nil {
		select {
		case <-r.Context().Done():
			return nil
		case <-l.stop:
			return nil
		case <-end.C:
			return nil
		case <-beat.C:
			s.send(": still here\n\n")
		case what := <-changes:
			data, err := json.Marshal(map[string][]string{"what": what})
			if err != nil {
				return nil // it is a list of words
			}
			s.send("event: changed\ndata: " + string(data) + "\n\n")
		}
	}
	return nil // the reader is gone
}

// events writes server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error // of the first write that failed
}

func (s *events) send(text string) {
	s.note(s.control.SetWriteDeadline(time.Now().Add(liveWrite)))
	if s.err == nil {
		_, s.err = s.w.Write([]byte(text))
	}
	if s.err == nil {
		s.note(s.control.Flush())
	}
}

// note keeps the first error. Runtimes without a connection know neither deadlines nor flushing:
// that is none.
func (s *events) note(err error) {
	if s.err == nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
	}
}
