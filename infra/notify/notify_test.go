package notify

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "whsec_c2l4dGVlbiBieXRlcyBvciBtb3Jl"

// receiver is a webhook's receiver. It checks signatures, and answers 500 while it is down.
type receiver struct {
	*httptest.Server
	clock *clock

	mu     sync.Mutex
	down   bool
	events []Event
}

func newReceiver(t *testing.T, c *clock) *receiver {
	r := &receiver{clock: c}
	r.Server = httptest.NewTLSServer(r)
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	var e Event
	switch {
	case r.down:
		w.WriteHeader(http.StatusInternalServerError)
	case Verify(req.Header, body, secret, r.clock.now(), time.Minute) != nil, json.Unmarshal(body, &e) != nil, e.ID != req.Header.Get(HeaderID):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		r.events = append(r.events, e)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (r *receiver) set(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// got are the events received since the last call.
func (r *receiver) got() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// clock is what the ledger and the notifier take for the time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// office is a ledger, a receiver and what a notifier between them needs.
type office struct {
	*clock
	ledger   *sqlledger.Ledger
	receiver *receiver
	opts     Options
}

func newOffice(t *testing.T) *office {
	t.Helper()
	c := &clock{t: time.Now().Truncate(time.Second)}
	l, err := sqlledger.Open(t.Context(), "mem://", &sqlledger.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := newReceiver(t, c)
	roots := x509.NewCertPool()
	roots.AddCert(r.Certificate())
	return &office{clock: c, ledger: l, receiver: r, opts: Options{
		URL: r.URL + "/hook", Secret: secret, Hosts: []string{"127.0.0.1"}, RootCAs: roots, Now: c.now, Console: "https://photos.example/monitor",
		Promises: map[string]time.Duration{queue.Express: 10 * time.Second}, Logger: slog.New(slog.DiscardHandler),
	}}
}

func (o *office) notifier(t *testing.T) *Notifier {
	t.Helper()
	n, err := New(o.ledger.SQL(), o.ledger, o.opts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (o *office) tick(t *testing.T, n *Notifier) {
	t.Helper()
	if err := n.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// dies has a task die.
func (o *office) dies(t *testing.T) queue.Task {
	t.Helper()
	task, _, err := o.ledger.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "photo", Lane: queue.Bulk, Label: "1-inch", MaxAttempts: 1, InputKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	o.finish(t, task.ID, queue.Outcome{State: queue.Dead, Code: "panic", Error: "private"})
	return task
}

func (o *office) finish(t *testing.T, id string, outcome queue.Outcome) {
	t.Helper()
	c, err := o.ledger.Claim(t.Context(), id, "w", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.ledger.Finish(t.Context(), c, outcome); err != nil {
		t.Fatal(err)
	}
}

func TestADeathIsToldOnce(t *testing.T) {
	o := newOffice(t)
	n := o.notifier(t)
	task := o.dies(t)
	o.tick(t, n)
	o.tick(t, n)
	events := o.receiver.got()
	if len(events) != 1 {
		t.Fatalf("received %+v, want one event", events)
	}
	want := Event{ID: "task.dead/" + task.ID + "/1", Event: TaskDead, At: o.now().UTC(), URL: "https://photos.example/monitor/tasks/" + task.ID}
	got := events[0]
	if got.ID != want.ID || got.Event != want.Event || !got.At.Equal(want.At) || got.URL != want.URL ||
		*got.Task != (Task{ID: task.ID, Kind: "photo", Lane: queue.Bulk, Label: "1-inch", Code: "panic", Attempts: 1}) {
		t.Errorf("event %+v, task %+v", got, got.Task)
	}

	// It may die again: that is another event.
	if _, err := o.ledger.Requeue(t.Context(), task.ID, 1); err != nil {
		t.Fatal(err)
	}
	o.finish(t, task.ID, queue.Outcome{State: queue.Dead, Code: "panic"})
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 1 || events[0].ID != "task.dead/"+task.ID+"/2" {
		t.Errorf("after the second death received %+v", events)
	}
	if err := o.ledger.RecordDead(t.Context(), queue.Task{ID: queue.NewID(), Kind: queue.KindUnreadable, Lane: queue.Express, State: queue.Dead,
		Code: queue.CodeUnreadable, MaxAttempts: 1, IdempotencyKey: "k", Digest: "d"}); err != nil {
		t.Fatal(err)
	}
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 1 || events[0].Task.Code != queue.CodeUnreadable {
		t.Errorf("of an unreadable message received %+v", events)
	}
}

func TestTheEndOfABatchIsTold(t *testing.T) {
	o := newOffice(t)
	n := o.notifier(t)
	b, _, err := o.ledger.CreateBatch(t.Context(), queue.Batch{ID: queue.NewID(), Name: "class of Mrs Wang", Refused: 3}, []queue.Task{
		{ID: queue.NewID(), Kind: "photo", Lane: queue.Bulk, MaxAttempts: 1}, {ID: queue.NewID(), Kind: "photo", Lane: queue.Bulk, MaxAttempts: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	tasks, _, err := o.ledger.List(t.Context(), queue.Filter{BatchID: b.ID}, "", 5)
	if err != nil || len(tasks) != 2 {
		t.Fatal(tasks, err)
	}
	o.finish(t, tasks[0].ID, queue.Outcome{State: queue.Succeeded})
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 0 {
		t.Fatalf("received %+v before the end", events)
	}
	o.finish(t, tasks[1].ID, queue.Outcome{State: queue.Rejected, Code: "no_face"})
	o.tick(t, n)
	events := o.receiver.got()
	if len(events) != 1 || events[0].Event != BatchEnded || events[0].URL != "https://photos.example/monitor/batches/"+b.ID {
		t.Fatalf("received %+v", events)
	}
	if got := events[0].Batch; got.ID != b.ID || got.Total != 2 || got.Refused != 3 || got.Counts[queue.Succeeded] != 1 || got.Counts[queue.Rejected] != 1 {
		t.Errorf("batch %+v", got)
	}
}

func TestALateLaneIsToldAndItsRecovery(t *testing.T) {
	o := newOffice(t)
	n := o.notifier(t)
	task, _, err := o.ledger.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "photo", Lane: queue.Express, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range 7 { // late from the second look on
		o.tick(t, n)
		o.advance(11 * time.Second)
	}
	if events := o.receiver.got(); len(events) != 0 {
		t.Fatalf("received %+v before the lane was late for a minute", events)
	}
	o.tick(t, n) // notes it
	o.tick(t, n)
	events := o.receiver.got()
	if len(events) != 1 || events[0].Event != LaneLate || events[0].Lane.Lane != queue.Express || events[0].Lane.Promise != 10 {
		t.Fatalf("received %+v, want that express is late", events)
	}
	if err := o.ledger.PauseLane(t.Context(), queue.Express, "ann"); err != nil { // promises nothing
		t.Fatal(err)
	}
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 1 || events[0].Event != LaneRecovered {
		t.Fatalf("received %+v, want the recovery", events)
	}
	if err := o.ledger.ResumeLane(t.Context(), queue.Express); err != nil {
		t.Fatal(err)
	}
	o.tick(t, n) // late again, for a moment
	o.finish(t, task.ID, queue.Outcome{State: queue.Succeeded})
	o.advance(time.Hour)
	o.tick(t, n)
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 0 {
		t.Errorf("received %+v for a moment's delay", events)
	}
}

func TestWhatIsNotTakenComesAgain(t *testing.T) {
	o := newOffice(t)
	n := o.notifier(t)
	o.receiver.set(true)
	o.dies(t)
	tries := 0
	for o.receiver.set(true); tries < 5; tries++ {
		o.tick(t, n)
		o.advance(2 * maxPause)
	}
	o.receiver.set(false)
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 1 {
		t.Fatalf("received %+v once the receiver was up", events)
	}
	o.receiver.set(true)
	o.dies(t)
	o.tick(t, n)
	o.receiver.set(false)
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 0 {
		t.Errorf("tried again at once")
	}
	o.advance(25 * time.Hour)
	o.tick(t, n)
	o.tick(t, n)
	if events := o.receiver.got(); len(events) != 0 {
		t.Errorf("received %+v, a day too late", events)
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	for tries, limit := range []time.Duration{0: firstPause, 1: 2 * firstPause, 5: 32 * firstPause, 12: maxPause, 60: maxPause} {
		if limit == 0 {
			continue
		}
		if p := pause(tries); p < limit/2 || p > limit {
			t.Errorf("pause after %d tries = %v, want within %v and %v", tries, p, limit/2, limit)
		}
	}
}

// broken is a database that fails in mid-way, as for a process that is killed.
type broken struct {
	DB
	at string // the beginning of a statement
}

var errKilled = errors.New("killed")

func (b broken) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if strings.HasPrefix(query, b.at) {
		return 0, errKilled
	}
	return b.DB.Exec(ctx, query, args...)
}

func TestACrashLosesNoEvent(t *testing.T) {
	o := newOffice(t)
	task := o.dies(t)

	// Between the note that it is tried and the request:
	crashed := o.notifier(t)
	due, err := crashed.due(t.Context())
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	if ours, err := crashed.take(t.Context(), due[0], time.Minute); err != nil || !ours {
		t.Fatal(ours, err)
	}
	if ours, err := o.notifier(t).take(t.Context(), due[0], time.Minute); err != nil || ours {
		t.Fatalf("a second process takes the same notice: %v, %v", ours, err)
	}
	o.advance(time.Minute)

	// Between the answer and the note of it:
	crashed, err = New(broken{o.ledger.SQL(), "DELETE FROM notices WHERE id"}, o.ledger, o.opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := crashed.Tick(t.Context()); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	o.advance(time.Minute)
	next := o.notifier(t)
	o.tick(t, next)
	o.advance(time.Hour)
	o.tick(t, next)
	var ids []string
	for _, e := range o.receiver.got() {
		ids = append(ids, e.ID)
	}
	if want := "task.dead/" + task.ID + "/1"; !slices.Equal(ids, []string{want, want}) {
		t.Errorf("received %q, want the same event twice, for the receiver to know by its id", ids)
	}
}

func TestOnlyWantedEventsAreTold(t *testing.T) {
	o := newOffice(t)
	o.opts.Events = []string{BatchEnded}
	n := o.notifier(t)
	o.dies(t)
	o.tick(t, n)
	if due, err := n.due(t.Context()); err != nil || len(due) != 0 || len(o.receiver.got()) != 0 {
		t.Errorf("a death is told of, or kept: %v, %v", due, err)
	}
}

func TestWithoutAReceiverEventsAreForgotten(t *testing.T) {
	o := newOffice(t)
	o.opts.URL, o.opts.Secret, o.opts.Hosts = "", "", nil
	n := o.notifier(t)
	o.dies(t)
	o.tick(t, n)
	o.advance(25 * time.Hour)
	o.tick(t, n)
	if due, err := n.due(t.Context()); err != nil || len(due) != 0 {
		t.Errorf("kept: %v, %v", due, err)
	}
}
