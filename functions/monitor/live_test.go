package monitor

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"idphoto/functions/api"
	"idphoto/infra/auth"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// counted is a ledger that counts how often it is looked at, and can be away.
type counted struct {
	queue.Ledger
	looks atomic.Int64
	away  atomic.Bool
}

func (c *counted) LaneStates(ctx context.Context) ([]queue.LaneState, error) {
	c.looks.Add(1)
	if c.away.Load() {
		return nil, context.DeadlineExceeded
	}
	return c.Ledger.LaneStates(ctx)
}

// watched is a console that is listened to over real connections.
type watched struct {
	*testing.T
	ledger *counted
	stop   chan struct{}
	m      *Monitor
	url    string
	client *http.Client
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{T: t, ledger: &counted{Ledger: ledger}, stop: make(chan struct{})}
	w.m = New(w.ledger, nil, &Options{Poll: 2 * time.Millisecond, Streams: 3, Stop: w.stop, Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(api.New(api.Options{Guard: byHeader{}, Log: slog.New(slog.DiscardHandler)}, w.m.Routes()...))
	w.url, w.client = server.URL+"/monitor/live", server.Client()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		w.quiet()
		ledger.Close()
	})
	return w
}

// quiet waits until nobody looks at the ledger any more.
func (w *watched) quiet() {
	w.m.live.mu.Lock()
	done := w.m.live.done
	w.m.live.mu.Unlock()
	if done != nil {
		<-done
	}
}

// listener is one open stream.
type listener struct {
	*watched
	lines *bufio.Scanner
	leave context.CancelFunc
}

func (w *watched) listen(want int) *listener {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	w.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", w.url, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Test-Role", auth.Viewer.String())
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != want {
		w.Fatalf("the stream is answered %d, want %d", answer.StatusCode, want)
	}
	l := &listener{w, bufio.NewScanner(answer.Body), cancel}
	if want == http.StatusOK {
		l.until("event: hello")
	}
	return l
}

// until reads to a line.
func (l *listener) until(line string) {
	l.Helper()
	for l.lines.Scan() {
		if l.lines.Text() == line {
			return
		}
	}
	l.Fatalf("the stream ended before %q", line)
}

// hears waits until a change of the topic is told.
func (l *listener) hears(topic string) {
	l.Helper()
	for {
		l.until("event: changed")
		l.lines.Scan()
		var data struct {
			What []string `json:"what"`
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(l.lines.Text(), "data: ")), &data); err != nil {
			l.Fatal(err)
		}
		if slices.Contains(data.What, topic) {
			return
		}
	}
}

func (w *watched) change() {
	w.Helper()
	id := queue.NewID()
	if _, _, err := w.ledger.Create(w.Context(), queue.Task{ID: id, Kind: "k", Lane: queue.Express, InputKey: id, MaxAttempts: 1}); err != nil {
		w.Fatal(err)
	}
}

// looked waits until the ledger was looked at n times more.
func (w *watched) looked(n int64) {
	w.Helper()
	for from, tick := w.ledger.looks.Load(), time.NewTicker(time.Millisecond); w.ledger.looks.Load() < from+n; <-tick.C {
		if w.Context().Err() != nil {
			w.Fatal("nobody looks at the ledger")
		}
	}
}

func TestEveryoneHearsOfEachChange(t *testing.T) {
	w := newWatched(t)
	a, b := w.listen(http.StatusOK), w.listen(http.StatusOK)
	w.looked(2) // the first look is what changes are told from
	w.change()
	a.hears(topicTasks)
	b.hears(topicTasks)
	if err := w.ledger.PauseLane(t.Context(), queue.Bulk, "ann"); err != nil {
		t.Fatal(err)
	}
	a.hears(topicLanes)
	if _, err := w.ledger.Heartbeat(t.Context(), queue.WorkerInfo{Name: "w", State: queue.Online}); err != nil {
		t.Fatal(err)
	}
	a.hears(topicWorkers)
	if err := w.ledger.Record(t.Context(), queue.AuditEntry{Actor: "ann", Action: "pause"}); err != nil {
		t.Fatal(err)
	}
	a.hears(topicAudit)
	w.ledger.away.Store(true)
	a.hears(topicLedger)
	w.ledger.away.Store(false)
	b.hears(topicLedger)
}

func TestNobodyLooksWhenNobodyListens(t *testing.T) {
	w := newWatched(t)
	w.listen(http.StatusOK).leave()
	w.quiet() // would wait for ever
	if n := w.m.live.listeners(); n != 0 {
		t.Errorf("%d still listen", n)
	}
	before := w.ledger.looks.Load()
	again := w.listen(http.StatusOK)
	w.looked(2)
	w.change()
	again.hears(topicTasks)
	if w.ledger.looks.Load() == before {
		t.Error("nobody looks for who came later")
	}
}

func (l *live) listeners() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.readers)
}

func TestStreamsAreBounded(t *testing.T) {
	w := newWatched(t)
	for range 3 {
		w.listen(http.StatusOK)
	}
	w.listen(http.StatusServiceUnavailable)
}

func TestStreamsEndWhenTheProgramDoes(t *testing.T) {
	w := newWatched(t)
	l := w.listen(http.StatusOK)
	close(w.stop)
	for l.lines.Scan() { // to the end of the stream
	}
	if err := l.lines.Err(); err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
}

func TestUnreadChangesAddUp(t *testing.T) {
	l := newLive(nil, Options{Poll: time.Hour, Streams: 1})
	c := make(chan []string, 1)
	l.readers[c] = struct{}{}
	l.tell([]string{topicTasks})
	l.tell([]string{topicAudit, topicTasks})
	l.tell([]string{topicLanes})
	if got := <-c; !slices.Equal(got, []string{topicAudit, topicLanes, topicTasks}) {
		t.Errorf("a slow reader is told %v", got)
	}
}
