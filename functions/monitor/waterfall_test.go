package monitor

import (
	"math"
	"testing"
	"time"

	"idphoto/queue"
)

// life is a task made of attempts: each waits, then runs; the stages fill all but 10 ms at its end.
func life(final bool, spans ...time.Duration) (queue.Task, []queue.Attempt, time.Time) {
	t := queue.Task{CreatedAt: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), State: queue.Running}
	at := t.CreatedAt
	var attempts []queue.Attempt
	for i := 0; i < len(spans); i += 2 {
		at = at.Add(spans[i])
		a := queue.Attempt{Number: i/2 + 1, StartedAt: at, State: queue.Retrying,
			Stages: []queue.StageTime{{Name: "decode", Duration: spans[i+1] / 2}, {Name: "matte", Start: spans[i+1] / 2, Duration: spans[i+1]/2 - 10*time.Millisecond}}}
		at = at.Add(spans[i+1])
		a.FinishedAt = at
		attempts = append(attempts, a)
	}
	if final {
		t.State, t.FinishedAt = queue.Dead, at
	}
	return t, attempts, at
}

func kinds(w waterfall) string {
	var all string
	for _, r := range w.Rows {
		all += r.Kind[:1]
	}
	return all
}

func TestAWaterfallIsToScale(t *testing.T) {
	w := newWaterfall(life(true, 100*time.Millisecond, 900*time.Millisecond))
	if kinds(w) != "wassg" || w.Total != time.Second || len(w.Breaks) != 0 {
		t.Fatalf("the waterfall is %+v", w)
	}
	for i, want := range [][2]float64{{0, 10}, {10, 90}, {10, 45}, {55, 44}, {99, 1}} {
		if r := w.Rows[i]; math.Abs(r.X-want[0]) > 0.01 || math.Abs(r.Width-want[1]) > 0.01 {
			t.Errorf("row %d (%s) lies at %v + %v, want %v", i, r.Kind, r.X, r.Width, want)
		}
	}
	if w.Rows[2].Tone == w.Rows[3].Tone {
		t.Error("two stages have the same tone")
	}
}

func TestLongWaitsAreDrawnShortAndMarked(t *testing.T) {
	w := newWaterfall(life(true, 20*time.Millisecond, time.Second, 10*time.Minute, time.Second, 72*time.Hour, time.Second))
	if len(w.Breaks) != 2 || w.Breaks[0].Length != 10*time.Minute || w.Breaks[1].Length != 72*time.Hour {
		t.Fatalf("breaks: %+v", w.Breaks)
	}
	for _, b := range w.Breaks {
		if math.Abs(b.Width-breakWidth) > 0.01 {
			t.Errorf("a break is %v wide", b.Width)
		}
	}
	var last float64
	for _, r := range w.Rows {
		if r.Kind == rowAttempt && (r.Width < 25 || r.X < last) {
			t.Errorf("attempt %d lies at %v + %v", r.Attempt, r.X, r.Width)
		}
		if r.X < 0 || r.X+r.Width > 100.01 || math.IsNaN(r.X+r.Width) {
			t.Errorf("a %s sticks out: %v + %v", r.Kind, r.X, r.Width)
		}
		last = max(last, r.X)
	}
}

func TestManyRetriesFitOnOneAxis(t *testing.T) {
	var spans []time.Duration
	for range 40 {
		spans = append(spans, time.Hour, 500*time.Millisecond)
	}
	w := newWaterfall(life(true, spans...))
	if end := w.Rows[len(w.Rows)-1]; end.X+end.Width > 100.01 || end.X < 50 || len(w.Breaks) != 40 {
		t.Errorf("the last row lies at %v + %v after %d breaks", end.X, end.Width, len(w.Breaks))
	}
}

func TestWhatGoesOnIsOpen(t *testing.T) {
	task, attempts, at := life(false, 10*time.Millisecond, time.Second)
	attempts[0].FinishedAt = time.Time{}
	w := newWaterfall(task, attempts, at.Add(time.Second))
	if a := w.Rows[1]; a.Kind != rowAttempt || !a.Open || a.Length != 2*time.Second {
		t.Errorf("the running attempt is %+v", a)
	}
	task.State = queue.Queued
	w = newWaterfall(task, nil, task.CreatedAt.Add(time.Minute))
	if len(w.Rows) != 1 || w.Rows[0].Kind != rowWait || !w.Rows[0].Open || w.Rows[0].Width != 100 || len(w.Breaks) != 0 {
		t.Errorf("a waiting task is %+v", w)
	}
	if w := newWaterfall(task, nil, task.CreatedAt); len(w.Rows) != 0 || w.Total != 0 {
		t.Errorf("a task just created is %+v", w)
	}
}

func TestClocksThatDisagreeKeepRowsInside(t *testing.T) {
	task, attempts, at := life(true, -50*time.Millisecond, 100*time.Millisecond)
	attempts[0].Stages = []queue.StageTime{{Name: "late", Start: 90 * time.Millisecond, Duration: time.Hour}, {Name: "early", Start: -time.Second, Duration: 2 * time.Millisecond}}
	for _, r := range newWaterfall(task, attempts, at).Rows {
		if r.Start < 0 || r.Length < 0 || r.X < 0 || r.X+r.Width > 100.01 || math.IsNaN(r.Width) {
			t.Errorf("a row sticks out: %+v", r)
		}
	}
}

func TestTicksAreRoundAndApart(t *testing.T) {
	for _, total := range []time.Duration{3 * time.Millisecond, 870 * time.Millisecond, 42 * time.Second, 3 * time.Hour, 30 * 24 * time.Hour} {
		ticks := newAxis(total, nil).ticks()
		if len(ticks) < 3 || len(ticks) > 8 {
			t.Errorf("%v has %d ticks", total, len(ticks))
		}
		for i := 1; i < len(ticks); i++ {
			if ticks[i].X-ticks[i-1].X < 14 || ticks[i].At <= ticks[i-1].At {
				t.Errorf("%v: ticks %v", total, ticks)
			}
		}
	}
}
