package queue_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

const (
	// tooLong without anything happening is a failure. It is above what a default lease, a look of
	// the janitor and a back-off take together.
	tooLong = 60 * time.Second

	// killDefaultsEnv runs the test of the worker with the leases of production too, which takes
	// about a minute.
	killDefaultsEnv = "IDPHOTO_TEST_KILL_DEFAULTS"
)

// hurried is an order with short times, so that a test takes seconds.
func hurried(ledger, dir string) order {
	return order{Worker: true, Janitor: true, Ledger: ledger, Dir: dir, Nap: 150 * time.Millisecond,
		Lease: 500 * time.Millisecond, Renew: 150 * time.Millisecond, Hurried: true}
}

// killBench opens a new ledger on a SQLite file.
func killBench(t *testing.T) (l *sqlledger.Ledger, url, dir string) {
	t.Helper()
	dir = t.TempDir()
	url = "sqlite://" + filepath.Join(dir, "ledger.db")
	return openEarly(t, url), url, dir
}

// openEarly opens a ledger whose clock is late, so that the tasks made here are older than
// PublishGrace and a janitor takes them at once.
func openEarly(t *testing.T, url string) *sqlledger.Ledger {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), url, &sqlledger.Options{Now: func() time.Time { return time.Now().Add(-queue.PublishGrace) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// createNaps makes n tasks.
func createNaps(t *testing.T, l queue.Ledger, n, maxAttempts int, options string) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		task := queue.Task{ID: queue.NewID(), Kind: "nap", Lane: queue.Express, MaxAttempts: maxAttempts}
		if options != "" {
			task.Options = json.RawMessage(options)
		}
		if _, _, err := l.Create(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		ids[i] = task.ID
	}
	return ids
}

// allEnded returns a function that tells whether n tasks are at their end. A ledger that does not
// answer says nothing yet: some tests kill it.
func allEnded(t *testing.T, l queue.Ledger, n int) func() bool {
	return func() bool {
		counts, err := l.Counts(t.Context())
		return err == nil && counts[queue.Succeeded]+counts[queue.Dead] == int64(n)
	}
}

// TestKillWorkerInMidTask kills worker processes while they work. No task is lost, none is
// finished twice, and what was interrupted runs again soon.
func TestKillWorkerInMidTask(t *testing.T) {
	l, url, dir := killBench(t)
	killWorkers(t, l, hurried(url, dir), 10*time.Second)
}

// TestKillWorkerWithDefaultLeases is the same with the times of production. The aim is that 95 of
// 100 interrupted tasks run again within 15 s, which the log shows; a busy machine may take longer,
// but not twice as long.
func TestKillWorkerWithDefaultLeases(t *testing.T) {
	if os.Getenv(killDefaultsEnv) == "" {
		t.Skipf("takes a minute: %s is not set", killDefaultsEnv)
	}
	l, url, dir := killBench(t)
	killWorkers(t, l, order{Worker: true, Janitor: true, Ledger: url, Dir: dir, Nap: 2 * time.Second}, 30*time.Second)
}

// killWorkers has two workers do 60 tasks, kills one 20 times in mid-task, and checks that the
// 95th percentile of the time until an interrupted task runs again is within limit. Few tasks wait
// at a time, since an interrupted one goes to the end of the queue.
func killWorkers(t *testing.T, l queue.Ledger, o order, limit time.Duration) {
	const tasks, kills = 60, 20
	var ids []string
	c := newCrew(t)
	c.start(o)
	c.start(o)
	interrupted := make(map[string]time.Time) // when, by task
	var again []time.Duration
	killed, starts := 0, 0
	ended := func() bool {
		counts, err := l.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		unfinished := len(ids) - int(counts[queue.Succeeded]) - len(interrupted)
		if n := min(4-unfinished, tasks-len(ids)); n > 0 {
			ids = append(ids, createNaps(t, l, n, 2*kills, "")...) // the same task may be hit often
		}
		return counts[queue.Succeeded]+counts[queue.Dead] == tasks
	}
	c.await(ended, func(e event) {
		if e.what != "start" {
			return
		}
		if since, ok := interrupted[e.text]; ok {
			again = append(again, e.at.Sub(since))
			delete(interrupted, e.text)
		}
		starts++
		if killed == kills || starts%3 != 0 {
			return
		}
		time.Sleep(rand.N(o.Nap * 3 / 4)) // anywhere in the task, not only at its begin
		e.from.kill()
		killed++
		for id, attempt := range e.from.starts {
			if task := get(t, l, id); task.State == queue.Running && task.Attempts == attempt {
				interrupted[id] = time.Now()
			}
		}
		c.start(o)
	})
	slices.Sort(again)
	if killed < kills || len(again) < kills/2 {
		t.Fatalf("%d kills interrupted %d tasks: too few to tell", killed, len(again))
	}
	p95 := again[len(again)*95/100]
	t.Logf("%d kills interrupted %d tasks; they ran again after %v (median), %v (95 %%), %v (longest); all: %v", killed, len(again),
		round(again[len(again)/2]), round(p95), round(again[len(again)-1]), rounded(again))
	if p95 > limit {
		t.Errorf("95 %% of the interrupted tasks ran again within %v, want %v", p95, limit)
	}
	checkResults(t, l, o.Dir, ids)
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

func rounded(ds []time.Duration) []time.Duration {
	ds = slices.Clone(ds)
	for i, d := range ds {
		ds[i] = round(d)
	}
	return ds
}

// checkResults checks that each task succeeded, once, and that the attempt that the ledger names
// left its result.
func checkResults(t *testing.T, l queue.Ledger, dir string, ids []string) {
	t.Helper()
	for _, id := range ids {
		task := get(t, l, id)
		if task.State != queue.Succeeded {
			t.Errorf("task %s is %s, code %q, after %d attempts", id, task.State, task.Code, task.Attempts)
			continue
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
}

// TestKillJanitorWhileTasksRetry kills the janitor, a process of its own, while tasks fail and
// wait for their next attempt: which only a janitor can start. Its messages may die with it.
func TestKillJanitorWhileTasksRetry(t *testing.T) {
	const tasks, kills = 40, 12
	l, url, dir := killBench(t)
	ids := createNaps(t, l, tasks, 4, failsTwice)
	o := hurried(url, dir)
	o.Nap = 5 * time.Millisecond
	c := newCrew(t)
	worker, janitor := o, o
	worker.Janitor, janitor.Worker = false, false
	w, j := c.start(worker), c.start(janitor)
	killed, lost := 0, 0
	c.await(allEnded(t, l, tasks), func(e event) {
		switch {
		case e.what != "hint":
		case e.from != j:
			lost++ // it was on its way when its janitor was killed
		case killed < kills && rand.N(4) == 0:
			j.kill()
			killed++
			j = c.start(janitor)
			lost++
		default:
			if _, err := fmt.Fprintln(w.stdin, e.text); err != nil {
				t.Error(err)
			}
		}
	})
	t.Logf("%d kills, %d messages lost", killed, lost)
	if killed < kills {
		t.Errorf("only %d kills", killed)
	}
	checkResults(t, l, dir, ids)
	for _, id := range ids {
		if n := get(t, l, id).Attempts; n != 3 {
			t.Errorf("task %s took %d attempts, want 3: it fails twice", id, n)
		}
	}
}

// TestKillByPoisonTask: a task that kills its process ends dead after its attempts, and the others
// finish.
func TestKillByPoisonTask(t *testing.T) {
	const innocent, maxAttempts = 20, 3
	l, url, dir := killBench(t)
	poison := createNaps(t, l, 1, maxAttempts, crashes)[0]
	others := createNaps(t, l, innocent, 2*maxAttempts, "")
	c := newCrew(t)
	o := hurried(url, dir)
	c.start(o)
	deaths := 0
	c.await(allEnded(t, l, innocent+1), func(e event) {
		if e.what == "gone" { // a supervisor restarts what dies
			deaths++
			c.start(o)
		}
	})
	task := get(t, l, poison)
	if task.State != queue.Dead || task.Code != queue.CodeLeaseLost || task.Attempts != maxAttempts || deaths != maxAttempts {
		t.Errorf("poison is %s, code %q, after %d attempts and %d deaths; want dead after %d", task.State, task.Code, task.Attempts, deaths, maxAttempts)
	}
	checkResults(t, l, dir, others)
}
