package monitor

import (
	"math"
	"slices"
	"time"

	"idphoto/queue"
)

// waterfall is a task's life on one axis of time: for each attempt how long it waited, what each
// stage took and what lay between stages. Long waits would squeeze everything else into a line, so
// they are drawn shorter than they were, and marked.
type waterfall struct {
	Rows   []waterRow    `json:"rows"`
	Breaks []waterBreak  `json:"breaks"`
	Ticks  []waterTick   `json:"-"`
	Total  time.Duration `json:"total_ns"`
}

// Kinds of rows.
const (
	rowAttempt = "attempt" // from claim to end; the rows after it are its parts
	rowWait    = "wait"    // before it: from ready, or from the end of the attempt before, to claimed
	rowStage   = "stage"
	rowGap     = "gap" // inside an attempt, outside every stage
)

// waterRow is one bar. X and Width are in percent of the axis.
type waterRow struct {
	Kind    string        `json:"kind"`
	Attempt int           `json:"attempt"`
	Name    string        `json:"name,omitempty"` // of a stage
	Start   time.Duration `json:"start_ns"`       // since the task's creation
	Length  time.Duration `json:"length_ns"`
	Open    bool          `json:"open,omitempty"` // it goes on
	X       float64       `json:"-"`
	Width   float64       `json:"-"`
	Tone    int           `json:"-"` // of a stage: the same name has the same
}

// waterBreak is a span drawn shorter than it was.
type waterBreak struct {
	Start  time.Duration `json:"start_ns"`
	Length time.Duration `json:"length_ns"`
	X      float64       `json:"-"`
	Width  float64       `json:"-"`
}

type waterTick struct {
	At time.Duration
	X  float64
}

const (
	waitShown  = time.Millisecond // waits below this are not worth a row
	gapShare   = 100              // nor are gaps below this part of their attempt
	breakWidth = 6.0              // percent that a compressed wait takes
	idleShare  = 0.35             // a wait longer than this share of all work is compressed
	waterTones = 6
)

// newWaterfall draws a task as it is now. Attempts are as the ledger keeps them, oldest first.
func newWaterfall(t queue.Task, attempts []queue.Attempt, now time.Time) waterfall {
	since := func(at time.Time) time.Duration { return max(0, at.Sub(t.CreatedAt)) }
	w := waterfall{Rows: []waterRow{}, Breaks: []waterBreak{}}
	free := time.Duration(0) // end of the attempt before
	for _, a := range attempts {
		begin, end := since(a.StartedAt), since(now)
		if !a.FinishedAt.IsZero() {
			end = since(a.FinishedAt)
		}
		end = max(begin, end)
		w.wait(a.Number, free, begin, false)
		w.Rows = append(w.Rows, waterRow{Kind: rowAttempt, Attempt: a.Number, Start: begin, Length: end - begin, Open: a.FinishedAt.IsZero()})
		w.parts(a, begin, end)
		free = max(free, end)
	}
	if !t.State.Final() && t.State != queue.Running {
		w.wait(len(attempts)+1, free, max(free, since(now)), true)
		free = max(free, since(now))
	}
	w.Total = free
	w.layOut()
	return w
}

func (w *waterfall) wait(attempt int, from, to time.Duration, open bool) {
	if to-from >= waitShown {
		w.Rows = append(w.Rows, waterRow{Kind: rowWait, Attempt: attempt, Start: from, Length: to - from, Open: open})
	}
}

// parts adds the stages of an attempt and the gaps around them. Stages are timed by the worker's
// clock, the attempt by the ledger's: what sticks out is cut.
func (w *waterfall) parts(a queue.Attempt, begin, end time.Duration) {
	stages := slices.Clone(a.Stages)
	slices.SortStableFunc(stages, func(x, y queue.StageTime) int { return int(x.Start - y.Start) })
	at := begin
	for _, s := range stages {
		from := min(max(begin+s.Start, begin), end)
		to := min(max(from, from+s.Duration), end)
		w.gap(a.Number, end-begin, at, from)
		w.Rows = append(w.Rows, waterRow{Kind: rowStage, Attempt: a.Number, Name: s.Name, Start: from, Length: to - from, Tone: w.toneOf(s.Name)})
		at = max(at, to)
	}
	if len(stages) > 0 {
		w.gap(a.Number, end-begin, at, end)
	}
}

// gap adds what lies between stages, of an attempt as long as whole.
func (w *waterfall) gap(attempt int, whole, from, to time.Duration) {
	if to-from >= max(whole/gapShare, waitShown) {
		w.Rows = append(w.Rows, waterRow{Kind: rowGap, Attempt: attempt, Start: from, Length: to - from})
	}
}

// toneOf gives neighbours different tones, and the same name the same in every attempt.
func (w *waterfall) toneOf(name string) int {
	seen := map[string]bool{}
	for _, r := range w.Rows {
		if r.Kind == rowStage && r.Name == name {
			return r.Tone
		}
		if r.Kind == rowStage {
			seen[r.Name] = true
		}
	}
	return len(seen) % waterTones
}

// layOut gives every row its place.
func (w *waterfall) layOut() {
	ax := newAxis(w.Total, w.idle())
	for _, p := range ax {
		if p.compressed {
			w.Breaks = append(w.Breaks, waterBreak{Start: p.from, Length: p.to - p.from, X: p.x0, Width: p.x1 - p.x0})
		}
	}
	for i := range w.Rows {
		r := &w.Rows[i]
		r.X = ax.place(r.Start)
		r.Width = max(ax.place(r.Start+r.Length)-r.X, 0)
	}
	w.Ticks = ax.ticks()
}

// idle are the waits that are long beside the work.
func (w *waterfall) idle() []waterRow {
	var work time.Duration
	for _, r := range w.Rows {
		if r.Kind == rowAttempt {
			work += r.Length
		}
	}
	limit := max(time.Duration(idleShare*float64(work)), 50*time.Millisecond)
	var idle []waterRow
	for _, r := range w.Rows {
		if r.Kind == rowWait && work > 0 && r.Length > limit {
			idle = append(idle, r)
		}
	}
	return idle
}

// axis maps time to percent, piece by piece.
type axis []axisPiece

type axisPiece struct {
	from, to   time.Duration
	x0, x1     float64
	compressed bool
}

// newAxis lays [0, total] out on 0 to 100. Idle spans, in order, get breakWidth each; the rest
// share what is left by their length.
func newAxis(total time.Duration, idle []waterRow) axis {
	var pieces axis
	at := time.Duration(0)
	for _, r := range idle {
		if r.Start > at {
			pieces = append(pieces, axisPiece{from: at, to: r.Start})
		}
		pieces = append(pieces, axisPiece{from: r.Start, to: r.Start + r.Length, compressed: true})
		at = r.Start + r.Length
	}
	if at < total || len(pieces) == 0 {
		pieces = append(pieces, axisPiece{from: at, to: max(total, 1)})
	}
	var linear time.Duration
	for _, p := range pieces {
		if !p.compressed {
			linear += p.to - p.from
		}
	}
	each := min(breakWidth, 50/float64(max(1, len(idle)))) // many breaks leave half for the work
	room := 100 - each*float64(len(idle))
	x := 0.0
	for i := range pieces {
		p := &pieces[i]
		width := each
		if !p.compressed {
			width = room * float64(p.to-p.from) / float64(linear)
		}
		p.x0, p.x1 = x, x+width
		x += width
	}
	return pieces
}

// place is where a moment lies, in percent with three digits.
func (ax axis) place(at time.Duration) float64 {
	x := 100.0
	for _, p := range ax {
		if at <= p.to {
			x = p.x0 + (p.x1-p.x0)*float64(max(0, at-p.from))/float64(p.to-p.from)
			break
		}
	}
	return math.Round(x*1000) / 1000
}

// ticks are moments worth a mark: round steps in the longest piece that is to scale, and no two
// so near that their labels touch.
func (ax axis) ticks() []waterTick {
	ticks := []waterTick{{0, 0}}
	for _, p := range ax {
		if p.compressed {
			continue
		}
		step := tickStep(time.Duration(float64(p.to-p.from) * 18 / max(p.x1-p.x0, 1)))
		for at := (p.from + step - 1) / step * step; at <= p.to; at += step {
			if x := ax.place(at); x-ticks[len(ticks)-1].X >= 14 && x <= 92 {
				ticks = append(ticks, waterTick{at, x})
			}
		}
	}
	return ticks
}

// tickStep is the smallest round step that is at least this.
func tickStep(least time.Duration) time.Duration {
	for _, unit := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second} {
		for _, n := range []time.Duration{1, 2, 5} {
			if n*unit >= least {
				return n * unit
			}
		}
	}
	for _, step := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 6 * time.Hour} {
		if step >= least {
			return step
		}
	}
	day := 24 * time.Hour
	return max(1, (least+day-1)/day) * day
}
