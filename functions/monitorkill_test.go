package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/infra/auth"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// desk is an operator's program: it has a key, and asks the monitor that runs now.
type desk struct {
	*testing.T
	ledger *sqlledger.Ledger
	key    string
	url    atomic.Pointer[string]
}

func openDesk(t *testing.T, file string) *desk {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), "sqlite:"+file, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	d := &desk{T: t, ledger: l}
	if _, d.key, err = auth.NewStore(l.SQL(), nil).AddKey(t.Context(), "desk", auth.Operator, 0, "test"); err != nil {
		t.Fatal(err)
	}
	return d
}

// ask returns the answer's body; ok is false when none came.
func (d *desk) ask(method, path string) (status int, body []byte, ok bool) {
	req, err := http.NewRequestWithContext(d.Context(), method, *d.url.Load()+"/api/v1/monitor"+path, nil)
	if err != nil {
		d.Error(err)
		return 0, nil, false
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, false
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err == nil
}

// add stores a task of a test kind; the janitor beside the worker publishes it.
func (d *desk) add(kind string, o photo.TestOptions) string {
	d.Helper()
	options, err := json.Marshal(o)
	if err != nil {
		d.Fatal(err)
	}
	task, _, err := d.ledger.Create(d.Context(), queue.Task{ID: queue.NewID(), Kind: kind, Lane: queue.Express, Label: kind, Options: options, MaxAttempts: 3})
	if err != nil {
		d.Fatal(err)
	}
	return task.ID
}

// until asks a question every 50 ms until it is answered with yes, and fails after a minute.
func (d *desk) until(what string, yes func() bool) {
	d.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		if yes() {
			return
		}
	}
	d.Fatalf("not within a minute: %s", what)
}

// TestKillMonitorUnderLoad kills the monitor again and again while tasks pass and an operator pauses
// and resumes a lane. What it answered is in the audit log, and the history has every task once.
func TestKillMonitorUnderLoad(t *testing.T) {
	const kills = 5
	binary := built(t)
	file, environ := onDisk(t)
	environ = append(environ, "TEST_KINDS=true", "CANARY_EVERY=0")
	d := openDesk(t, file)
	began := time.Now()
	worker := runServer(t, binary, "process", environ)
	console := runServer(t, binary, "monitor", environ)
	d.url.Store(&console.url)

	var answered, lost atomic.Int64
	var added int64
	enough := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // acts
		for i := 0; ; i++ {
			select {
			case <-enough:
				return
			default:
			}
			deed := []string{"pause", "resume"}[i%2]
			switch status, body, ok := d.ask("POST", "/lanes/bulk/"+deed); {
			case !ok:
				lost.Add(1)
				<-time.After(5 * time.Millisecond) // a person waits a little, too
			case status != http.StatusOK:
				t.Errorf("%s: %d %s", deed, status, body)
			default:
				answered.Add(1)
			}
		}
	})
	wg.Go(func() { // looks
		for {
			select {
			case <-enough:
				return
			default:
			}
			if status, _, ok := d.ask("GET", "/overview"); ok && status != http.StatusOK {
				t.Errorf("the overview: %d", status)
			} else if !ok {
				<-time.After(5 * time.Millisecond)
			}
		}
	})
	for range kills {
		for range 40 {
			d.add(photo.Noop, photo.TestOptions{})
			added++
		}
		before := answered.Load()
		d.until("the monitor answers", func() bool { return answered.Load() > before+10 })
		if err := console.end(syscall.SIGKILL); err == nil {
			t.Error("the monitor ended by itself")
		}
		console = runServer(t, binary, "monitor", environ)
		d.url.Store(&console.url)
	}
	close(enough)
	wg.Wait()

	if lost.Load() == 0 {
		t.Error("no kill hit a request")
	}
	if audited := d.audited("pause") + d.audited("resume"); audited < answered.Load() || audited > answered.Load()+lost.Load() {
		t.Errorf("%d deeds are in the audit log, %d were answered, %d answers were lost", audited, answered.Load(), lost.Load())
	}
	d.until("every task is in the history", func() bool { return d.succeeded(began) >= added })
	if n := d.succeeded(began); n != added {
		t.Errorf("the history has %d tasks, %d were added", n, added)
	}
	if status, body, ok := d.ask("GET", "/overview"); !ok || status != http.StatusOK || !strings.Contains(string(body), fmt.Sprint(added)) {
		t.Errorf("the overview after all that: %d %s", status, body)
	}
	t.Logf("%d kills, %d deeds answered, %d answers lost, %d tasks", kills, answered.Load(), lost.Load(), added)
	for name, s := range map[string]*server{"process": worker, "monitor": console} {
		if err := s.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	}
}

// audited counts the deeds of a name in the audit log.
func (d *desk) audited(action string) (n int64) {
	d.Helper()
	for before := int64(0); ; {
		entries, err := d.ledger.AuditLog(d.Context(), before, 500)
		if err != nil {
			d.Fatal(err)
		}
		for _, e := range entries {
			if e.Action == action {
				n++
			}
			before = e.Number
		}
		if len(entries) == 0 {
			return n
		}
	}
}

// succeeded counts the tasks that the history has as succeeded since then.
func (d *desk) succeeded(since time.Time) (n int64) {
	d.Helper()
	periods, err := d.ledger.History(d.Context(), since.Add(-time.Minute), time.Now().Add(time.Minute), time.Minute)
	if err != nil {
		d.Fatal(err)
	}
	for _, p := range periods {
		for _, r := range p.Finished {
			if r.State == queue.Succeeded {
				n += r.N
			}
		}
	}
	return n
}

// TestKilledWorkerIsShownLost kills a worker in mid-task: the monitor shows it lost within the time
// that it promises, and another worker has taken the task over by then.
func TestKilledWorkerIsShownLost(t *testing.T) {
	binary := built(t)
	file, environ := onDisk(t)
	environ = append(environ, "TEST_KINDS=true", "CANARY_EVERY=0", "WORKERS=1")
	d := openDesk(t, file)
	console := runServer(t, binary, "monitor", environ)
	d.url.Store(&console.url)
	type workers struct {
		Workers []struct {
			Name, State string
			Tasks       []struct{ ID string }
		}
	}
	all := func() (w workers) {
		if _, body, ok := d.ask("GET", "/workers"); ok {
			if err := json.Unmarshal(body, &w); err != nil {
				t.Fatal(err)
			}
		}
		return w
	}
	stage := photo.TestOptions{Sleep: 100 * time.Millisecond, Stages: 600}
	id := d.add(photo.Noop, stage)
	victim := runServer(t, binary, "process", environ)
	name := ""
	d.until("the worker is shown with its task", func() bool {
		for _, w := range all().Workers {
			if len(w.Tasks) == 1 && w.Tasks[0].ID == id {
				name = w.Name
			}
		}
		return name != ""
	})
	other := runServer(t, binary, "process", environ)
	if err := victim.end(syscall.SIGKILL); err == nil {
		t.Fatal("the worker ended by itself")
	}
	killed := time.Now()
	d.until("the worker is shown as lost", func() bool {
		for _, w := range all().Workers {
			if w.Name == name && w.State == string(queue.Lost) {
				return true
			}
		}
		return false
	})
	took := time.Since(killed)
	if took > 2*queue.LostAfter { // a busy machine is slow to look, too
		t.Errorf("shown as lost after %v, want about %v", took, queue.LostAfter)
	}
	d.until("another worker has the task", func() bool {
		attempts, err := d.ledger.Attempts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return len(attempts) == 2 && attempts[1].Worker != name
	})
	t.Logf("shown as lost after %v, taken over after at most %v", took.Round(time.Millisecond), time.Since(killed).Round(time.Millisecond))
	if _, err := d.ledger.Cancel(t.Context(), id); err != nil {
		t.Error(err)
	}
	for what, s := range map[string]*server{"process": other, "monitor": console} {
		if err := s.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s ended with %v", what, err)
		}
	}
}
