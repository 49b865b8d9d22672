package queue_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"idphoto/queue"
)

// resting is a handler that is in one stage for as long as it is told.
func resting(d time.Duration) *handler {
	return does(func(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
		return nil, j.Stage(ctx, "matte", func(context.Context) error { time.Sleep(d); return nil })
	})
}

func TestAWorkerIsRegisteredWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &registry{Ledger: memoryLedger(t)}
		topic, sub := ends(t)
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
		w := queue.NewWorker(l, kinds(resting(10*time.Second)), &queue.WorkerOptions{Slots: 3, Version: "v1", Provider: "cpu",
			LoadTime: time.Second, Logger: quiet})
		stop := run(t, w, sub)
		synctest.Wait()
		first := l.take()
		if len(first) != 1 {
			t.Fatalf("%d heartbeats at the start, want one", len(first))
		}
		b := first[0].WorkerInfo
		if b.State != queue.Online || b.Slots != 3 || b.Version != "v1" || b.Provider != "cpu" || b.LoadTime != time.Second || b.ColdStart ||
			b.Host == "" || !strings.HasPrefix(b.Name, b.Host+"-") || b.Memory < 1<<20 || b.PeakMemory < b.Memory/2 || !b.StartedAt.Equal(time.Now()) {
			t.Errorf("the first heartbeat is %+v", b)
		}
		task := submit(t, p)
		time.Sleep(7 * time.Second)
		beats := l.take()
		if len(beats) != 2 || len(beats[1].Tasks) != 1 {
			t.Fatalf("heartbeats in 7s are %+v, want two that name the task", beats)
		}
		if got := beats[1].Tasks[0]; got.ID != task.ID || got.Kind != "noop" || got.Attempt != 1 || got.Stage != "matte" {
			t.Errorf("the task in hand is %+v", got)
		}
		if err := stop(); err != nil { // 3 s before the task ends
			t.Errorf("Run = %v", err)
		}
		if got := states(l.take()); got[0] != queue.Draining || got[len(got)-1] != queue.Stopped || slices.Contains(got, queue.Online) {
			t.Errorf("states at the end are %v, want draining until stopped", got)
		}
		closeEnds(t, topic, sub)
	})
}

func TestAnOperatorMayDrainAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &registry{Ledger: memoryLedger(t)}
		topic, sub := ends(t)
		p := queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet})
		stop := run(t, queue.NewWorker(l, kinds(resting(10*time.Second)), &queue.WorkerOptions{Slots: 2, Logger: quiet}), sub)
		inHand := submit(t, p)
		time.Sleep(time.Second)
		l.set(func() { l.drain = true })
		time.Sleep(3 * time.Second)
		later := submit(t, p)
		time.Sleep(20 * time.Second)
		if got := get(t, l, inHand.ID); got.State != queue.Succeeded {
			t.Errorf("the task in hand is %s", got.State)
		}
		if got := get(t, l, later.ID); got.State != queue.Queued || got.Attempts != 0 {
			t.Errorf("a task that came later is %s", got.State)
		}
		beats := l.take()
		last := beats[len(beats)-1]
		if last.State != queue.Draining || time.Since(last.at) > 3*time.Second {
			t.Errorf("the worker last told %v ago that it is %s: it stays, draining", time.Since(last.at), last.State)
		}
		m, err := sub.Receive(t.Context()) // another worker
		if err != nil {
			t.Fatal(err)
		}
		m.Ack()
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		closeEnds(t, topic, sub)
	})
}

func TestAWorkerComesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &registry{Ledger: memoryLedger(t), away: true}
		topic, sub := ends(t)
		stop := run(t, worker(l, does(nil)), sub)
		time.Sleep(10 * time.Minute)
		l.set(func() { l.away = false })
		time.Sleep(queue.LostAfter)
		if len(l.take()) == 0 {
			t.Error("no heartbeat after the ledger came back")
		}
		l.set(func() { l.away = true })
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		closeEnds(t, topic, sub)
	})
}

// TestAPushedWorkerIsRegisteredWhileItWorks: at most every 3 s, and as stopped when it has nothing in
// hand, for its process may be frozen then.
func TestAPushedWorkerIsRegisteredWhileItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &registry{Ledger: memoryLedger(t)}
		quick := queue.NewWorker(l, kinds(resting(0)), &queue.WorkerOptions{ColdStart: true, Logger: quiet})
		for range 100 {
			process(t, quick, create(t, l))
			time.Sleep(100 * time.Millisecond)
		}
		beats := l.take()
		if n := len(beats); n < 6 || n > 8 || !beats[0].ColdStart {
			t.Errorf("%d heartbeats in 10s: %v", n, states(beats))
		}
		if beats[0].State != queue.Online || beats[len(beats)-1].State != queue.Stopped {
			t.Errorf("states are %v, want online and stopped by turns", states(beats))
		}
		slow := worker(l, resting(20*time.Second))
		process(t, slow, create(t, l))
		beats = l.take()
		if n := len(beats); n != 8 || len(beats[6].Tasks) != 1 || beats[6].State != queue.Online || beats[7].State != queue.Stopped {
			t.Errorf("%d heartbeats in 20s of work: %v", n, states(beats))
		}
		l.set(func() { l.away = true })
		process(t, slow, create(t, l)) // a ledger without a registry still counts tasks
	})
}
