package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

// TestKillUploadBetweenBlobRowAndMessage kills the upload function again and again while clients
// upload, each of which repeats its request, under its idempotency key, until it is answered 202.
// Then all that was answered 202 is finished, once, and what the kills left behind is swept away.
func TestKillUploadBetweenBlobRowAndMessage(t *testing.T) {
	const clients, kills = 4, 20
	binary := built(t)
	file, environ := onDisk(t)
	picture, err := os.ReadFile("../pipeline/testdata/s17_hopper.jpg") // as submission sends it
	if err != nil {
		t.Fatal(err)
	}
	u := &uploads{T: t, seen: make(map[string]string), picture: picture}
	defer http.DefaultClient.CloseIdleConnections()
	u.open(file)

	front := runServer(t, binary, "upload", environ)
	u.url.Store(&front.url)
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for range clients {
		wg.Go(func() { u.upload(enough) })
	}
	for range kills {
		time.Sleep(mathrand.N(150 * time.Millisecond)) // any moment will do: no event to wait for
		if err := front.end(syscall.SIGKILL); err == nil {
			t.Error("the function ended by itself")
		}
		u.nothingHalf()
		front = runServer(t, binary, "upload", environ)
		u.url.Store(&front.url)
	}
	close(enough)
	wg.Wait()
	if err := front.end(syscall.SIGKILL); err == nil { // its messages die with it
		t.Error("the function ended by itself")
	}
	orphans := u.orphans()
	t.Logf("%d kills, %d uploads accepted, %d answers lost, %d of them stored all the same, %d blobs without a row",
		kills, len(u.seen), u.lost.Load(), u.replayed.Load(), orphans)
	if u.lost.Load() == 0 {
		t.Error("no kill hit an upload")
	}
	u.finishAll()
	u.sweepAll()
}

// uploads is what clients sent, and where it is kept.
type uploads struct {
	*testing.T
	ledger  *sqlledger.Ledger
	store   *blobs.Store
	picture []byte
	url     atomic.Pointer[string] // of the function as it runs now

	lost, replayed atomic.Int64

	mu   sync.Mutex
	seen map[string]string // task id by idempotency key
}

func (u *uploads) open(ledgerFile string) {
	u.Helper()
	var err error
	if u.ledger, err = sqlledger.Open(u.Context(), "sqlite:"+ledgerFile, nil); err != nil {
		u.Fatal(err)
	}
	u.Cleanup(func() { u.ledger.Close() })
	if u.store, err = blobs.Open(u.Context(), "file://"+filepath.Join(filepath.Dir(ledgerFile), "blobs")); err != nil {
		u.Fatal(err)
	}
	u.Cleanup(func() { u.store.Close() })
}

// upload uploads one picture after the other until enough is closed.
func (u *uploads) upload(enough <-chan struct{}) {
	for key := rand.Text(); ; key = rand.Text() {
		id := ""
		for deadline := time.Now().Add(time.Minute); id == "" && time.Now().Before(deadline); {
			id = u.send(key)
		}
		if id == "" {
			u.Error("an upload is not accepted within a minute")
			return
		}
		u.mu.Lock()
		u.seen[key] = id
		u.mu.Unlock()
		select {
		case <-enough:
			return
		default:
		}
	}
}

// send uploads once and returns the task's id; "" when no answer came.
func (u *uploads) send(key string) string {
	form := submission(u.T, nil)
	req, err := http.NewRequestWithContext(u.Context(), http.MethodPost, *u.url.Load()+"/api/v1/generate", form.Body)
	if err != nil {
		u.Error(err)
		return ""
	}
	req.Header = form.Header
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) { // it was not even sent: a client waits a little
			<-time.After(5 * time.Millisecond)
		} else {
			u.lost.Add(1)
		}
		return ""
	}
	defer resp.Body.Close()
	var answer struct {
		TaskID string `json:"task_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		u.lost.Add(1)
		return ""
	}
	if resp.StatusCode != http.StatusAccepted {
		u.Errorf("answer is %d", resp.StatusCode)
		return ""
	}
	if resp.Header.Get("Idempotency-Replayed") != "" {
		u.replayed.Add(1)
	}
	return answer.TaskID
}

// tasks returns all rows.
func (u *uploads) tasks() []queue.Task {
	u.Helper()
	var all []queue.Task
	for after := queue.Cursor(""); ; {
		some, next, err := u.ledger.List(u.Context(), queue.Filter{}, after, 500)
		if err != nil {
			u.Fatal(err)
		}
		all = append(all, some...)
		if next == "" {
			return all
		}
		after = next
	}
}

// nothingHalf checks that each row has its whole picture.
func (u *uploads) nothingHalf() {
	u.Helper()
	for _, t := range u.tasks() {
		data, err := u.store.Read(u.Context(), t.InputKey, 1<<20)
		if err != nil || !bytes.Equal(data, u.picture) {
			u.Errorf("the picture of task %s is not the one that was sent: %d bytes, %v", t.ID, len(data), err)
		}
	}
}

// orphans counts the blobs without a row.
func (u *uploads) orphans() int {
	u.Helper()
	rows := make(map[string]bool)
	for _, t := range u.tasks() {
		rows[t.ID] = true
	}
	n := 0
	err := u.store.List(u.Context(), "tasks/", "", func(key string, _ int64, _ time.Time) bool {
		if id, _, _ := strings.Cut(strings.TrimPrefix(key, "tasks/"), "/"); !rows[id] {
			n++
		}
		return true
	})
	if err != nil {
		u.Fatal(err)
	}
	return n
}

// Handle reads the picture, as the process function would.
func (u *uploads) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	data, err := u.store.Read(ctx, j.Task.InputKey, 1<<20)
	if err == nil && !bytes.Equal(data, u.picture) {
		err = fmt.Errorf("%d bytes, not those that were sent", len(data))
	}
	return json.RawMessage("{}"), err
}

// Discard has nothing to remove.
func (u *uploads) Discard(context.Context, string) error { return nil }

// finishAll has a janitor and a worker do what is there, and checks each upload's task.
func (u *uploads) finishAll() {
	u.Helper()
	ctx, stop := context.WithCancel(u.Context())
	queueURL := "mem://" + rand.Text()
	topic, err := transport.OpenTopic(ctx, queueURL)
	if err != nil {
		u.Fatal(err)
	}
	sub, err := transport.OpenSubscription(ctx, queueURL)
	if err != nil {
		u.Fatal(err)
	}
	silent := slog.New(slog.DiscardHandler)
	janitor := u.janitor(topic, silent)
	worker := queue.NewWorker(u.ledger, map[string]queue.Handler{photo.Kind: u}, &queue.WorkerOptions{Logger: silent})
	var wg sync.WaitGroup
	wg.Go(func() { janitor.Run(ctx) })
	wg.Go(func() {
		if err := worker.Run(ctx, map[string]queue.Subscription{queue.Express: sub}); err != nil {
			u.Error(err)
		}
	})
	u.awaitEnd(int64(len(u.seen)))
	stop()
	wg.Wait()
	if err := errors.Join(sub.Close(u.Context()), topic.Close(u.Context())); err != nil {
		u.Error(err)
	}
	u.checkEach()
}

func (u *uploads) janitor(topic queue.Topic, silent *slog.Logger) *queue.Janitor {
	publisher := queue.NewPublisher(u.ledger, map[string]queue.Topic{queue.Express: topic}, &queue.PublisherOptions{Logger: silent})
	return queue.NewJanitor(u.ledger, publisher, &queue.JanitorOptions{
		Forgetful: true, Logger: silent, Blobs: u.store, Retention: queue.Retention{Originals: -1, Results: -1, Rows: -1},
		SweepEvery: time.Hour, OrphanAge: time.Nanosecond, SweepKeys: 1 << 20,
	})
}

func (u *uploads) awaitEnd(n int64) {
	u.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		counts, err := u.ledger.Counts(u.Context())
		if err != nil {
			u.Fatal(err)
		}
		if counts[queue.Succeeded] == n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			u.Fatalf("%d uploads were accepted; the ledger has %v", n, counts)
		}
	}
}

// checkEach checks that each key has one task, which succeeded in one attempt, and that there is
// no other.
func (u *uploads) checkEach() {
	u.Helper()
	rows, keys := make(map[string]queue.Task), make(map[string]bool)
	for _, t := range u.tasks() {
		rows[t.ID], keys[t.IdempotencyKey] = t, true
	}
	if len(rows) != len(u.seen) || len(keys) != len(u.seen) {
		u.Errorf("%d uploads were accepted; there are %d rows with %d keys", len(u.seen), len(rows), len(keys))
	}
	for _, id := range u.seen {
		if t := rows[id]; t.State != queue.Succeeded || t.Attempts != 1 {
			u.Errorf("task %s, answered 202, is %q after %d attempts", id, t.State, t.Attempts)
		}
	}
}

// sweepAll has the janitor look for orphans, and checks that it leaves what has a row.
func (u *uploads) sweepAll() {
	u.Helper()
	topic, err := transport.OpenTopic(u.Context(), "mem://"+rand.Text())
	if err != nil {
		u.Fatal(err)
	}
	defer topic.Close(u.Context())
	if err := u.janitor(topic, slog.New(slog.DiscardHandler)).Tick(u.Context()); err != nil {
		u.Fatal(err)
	}
	if n := u.orphans(); n > 0 {
		u.Errorf("%d blobs without a row are left after a sweep", n)
	}
	u.nothingHalf()
}
