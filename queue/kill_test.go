package queue_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

// victimEnv makes this test binary a worker process on the ledger it names.
const victimEnv = "IDPHOTO_TEST_VICTIM"

// Short leases, so that the tests take seconds. In production they are 10 s and 3 s.
const (
	killLease = 500 * time.Millisecond
	killRenew = 150 * time.Millisecond
	napTime   = 150 * time.Millisecond
	tooLong   = 30 * time.Second
)

// napper sleeps, tells when it starts, and leaves a file per attempt as its result. Tasks with the
// option "crash" kill the process they run in.
type napper struct{ dir string }

func (n napper) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	fmt.Println("start", j.Task.ID, j.Attempt)
	if string(j.Task.Options) == `"crash"` {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return nil, err
		}
		select {}
	}
	if err := j.Stage(ctx, "nap", func(context.Context) error { time.Sleep(napTime); return nil }); err != nil {
		return nil, err
	}
	return nil, j.Stage(ctx, "store", func(context.Context) error {
		path := filepath.Join(n.dir, j.ResultPrefix, "photo")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return os.WriteFile(path, nil, 0o600)
	})
}

func (n napper) Discard(_ context.Context, prefix string) error {
	return os.RemoveAll(filepath.Join(n.dir, prefix))
}

// victim works until it is killed, or its parent ends.
func victim(url string) {
	ctx := context.Background()
	l, err := sqlledger.Open(ctx, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	topic, err := transport.OpenTopic(ctx, "mem://tasks")
	if err != nil {
		log.Fatal(err)
	}
	sub, err := transport.OpenSubscription(ctx, "mem://tasks")
	if err != nil {
		log.Fatal(err)
	}
	dir := filepath.Dir(strings.TrimPrefix(url, "sqlite://"))
	w := queue.NewWorker(l, map[string]queue.Handler{"nap": napper{dir}}, &queue.WorkerOptions{
		Slots: 2, Lease: killLease, RenewEvery: killRenew, Logger: quiet})
	p := queue.NewPublisher(l, topic, &queue.PublisherOptions{Logger: quiet})
	go queue.NewJanitor(l, p, &queue.JanitorOptions{ReapEvery: 100 * time.Millisecond, StaleEvery: 50 * time.Millisecond,
		Backoff: queue.FullJitter(50*time.Millisecond, time.Second), Forgetful: true, Logger: quiet}).Run(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		os.Exit(0)
	}()
	log.Fatal(w.Run(ctx, sub))
}

// victimProcess is a running victim.
type victimProcess struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	starts chan string // "id attempt"; closed when the process is gone
}

func startVictim(t *testing.T, url string) *victimProcess {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &victimProcess{cmd: exec.Command(exe), starts: make(chan string, 1000)}
	v.cmd.Env = append(os.Environ(), victimEnv+"="+url)
	v.cmd.Stderr = os.Stderr
	if v.stdin, err = v.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.starts)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			v.starts <- strings.TrimPrefix(lines.Text(), "start ")
		}
	}()
	return v
}

// next returns the next start that the victim tells of.
func (v *victimProcess) next(t *testing.T) string {
	t.Helper()
	select {
	case start, ok := <-v.starts:
		if !ok {
			t.Fatal("the worker ended by itself")
		}
		return start
	case <-time.After(tooLong):
		t.Fatal("the worker starts nothing")
	}
	return ""
}

// kill sends SIGKILL, and returns once the process is gone.
func (v *victimProcess) kill() {
	_ = v.cmd.Process.Kill() // it may be gone already
	for range v.starts {
	}
	_ = v.cmd.Wait() // "signal: killed"
	v.stdin.Close()
}

// killBench opens a new ledger. Its clock is late, so that the tasks made here are older than
// PublishGrace and a janitor takes them at once.
func killBench(t *testing.T) (l *sqlledger.Ledger, url string) {
	t.Helper()
	url = "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	l, err := sqlledger.Open(t.Context(), url, &sqlledger.Options{Now: func() time.Time { return time.Now().Add(-queue.PublishGrace) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, url
}

// createNap makes a task. The number of attempts is above that of the kills: the same task may be
// hit by each of them.
func createNap(t *testing.T, l queue.Ledger, maxAttempts int, options json.RawMessage) string {
	t.Helper()
	task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "nap", Lane: queue.Express, MaxAttempts: maxAttempts, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return task.ID
}

// TestKillWorkerInMidTask kills a worker process again and again while it works. No task is lost,
// none is finished twice, and what was interrupted runs again soon.
func TestKillWorkerInMidTask(t *testing.T) {
	const kills, batch = 4, 3 // a short queue: an interrupted task goes to its end
	l, url := killBench(t)
	var ids []string
	var again []time.Duration
	v := startVictim(t, url)
	defer func() { v.kill() }()
	for range kills {
		for range batch {
			ids = append(ids, createNap(t, l, 10, nil))
		}
		first := v.next(t)
		v.kill() // in mid-task: a nap has just begun
		killed := time.Now()
		v = startVictim(t, url)
		id, _, _ := strings.Cut(first, " ")
		for !strings.HasPrefix(v.next(t), id+" ") {
		}
		again = append(again, time.Since(killed))
	}
	t.Logf("interrupted tasks ran again after %v, with a lease of %v", again, killLease)
	waitForEnd(t, l, v, kills*batch)
	for _, id := range ids {
		checkOneResult(t, l, filepath.Dir(strings.TrimPrefix(url, "sqlite://")), id)
	}
}

// waitForEnd waits until no task is left to do. The victim's lines tell when to look.
func waitForEnd(t *testing.T, l queue.Ledger, v *victimProcess, tasks int64) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(tooLong)
	for {
		counts, err := l.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if counts[queue.Succeeded]+counts[queue.Dead] == tasks {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not all tasks ended: %v", counts)
		case <-v.starts:
		case <-tick.C:
		}
	}
}

// checkOneResult checks that the task succeeded, once, and that the attempt that the ledger names
// left its result.
func checkOneResult(t *testing.T, l queue.Ledger, dir, id string) {
	t.Helper()
	task := get(t, l, id)
	if task.State != queue.Succeeded {
		t.Errorf("task %s is %s, code %q, after %d attempts", id, task.State, task.Code, task.Attempts)
		return
	}
	if _, err := os.Stat(filepath.Join(dir, task.ResultPrefix, "photo")); err != nil {
		t.Errorf("the result of task %s is not there: %v", id, err)
	}
	succeeded := 0
	for _, a := range attempts(t, l, id) {
		if a.State == queue.Succeeded {
			succeeded++
		}
	}
	if succeeded != 1 {
		t.Errorf("task %s succeeded in %d attempts", id, succeeded)
	}
}

// TestKillByPoisonTask: a task that kills its process ends dead after its attempts, and the others
// finish.
func TestKillByPoisonTask(t *testing.T) {
	l, url := killBench(t)
	poison := createNap(t, l, 3, json.RawMessage(`"crash"`))
	var others []string
	for range 6 {
		others = append(others, createNap(t, l, 10, nil))
	}
	deaths := 0
	for ; deaths < 10; deaths++ {
		v := startVictim(t, url)
		ended := make(chan struct{})
		go func() { // a supervisor restarts what dies
			defer close(ended)
			for range v.starts {
			}
		}()
		over := untilDone(t, l, ended, int64(len(others)+1))
		v.kill()
		if over {
			break
		}
	}
	task := get(t, l, poison)
	if task.State != queue.Dead || task.Code != queue.CodeLeaseLost || task.Attempts != 3 || deaths != 3 {
		t.Errorf("poison is %s, code %q, after %d attempts and %d deaths; want dead after 3", task.State, task.Code, task.Attempts, deaths)
	}
	for _, id := range others {
		if got := get(t, l, id); got.State != queue.Succeeded {
			t.Errorf("an innocent task is %s, code %q", got.State, got.Code)
		}
	}
}

// untilDone reports true when all tasks are at their end, and false when the process died before.
func untilDone(t *testing.T, l queue.Ledger, died <-chan struct{}, tasks int64) bool {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(tooLong)
	for {
		counts, err := l.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if counts[queue.Succeeded]+counts[queue.Dead] == tasks {
			return true
		}
		select {
		case <-died:
			return false
		case <-deadline:
			t.Fatalf("not all tasks ended: %v", counts)
		case <-tick.C:
		}
	}
}
