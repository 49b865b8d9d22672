package monitor

import (
	"math"
	"time"
)

// chart is a picture of values over time, made by the server: no script is needed to see it, and
// its values stand in a table beside it. Geometry is in percent of the plot, so that it fits any
// width while its words keep their size.
type chart struct {
	Name   string // its sentences: "chart.<Name>" and "chart.<Name>.note"
	Lane   string // that it is about; empty for all
	Kind   chartKind
	Unit   unit
	From   time.Time
	To     time.Time
	Step   time.Duration // of the points
	Series []series      // stacked from the first, or drawn one over the other
	Limit  float64       // a promise, drawn as a line; 0 for none
	Gaps   []span        // when nobody took notes: not nothing, but unknown
}

type chartKind string

const (
	bars  chartKind = "bars"  // stacked, for what is counted in a period
	lines chartKind = "lines" // for what is measured
	areas chartKind = "areas" // lines from zero
	bands chartKind = "bands" // quantiles: the first line, and bands up to the others; logarithmic
)

type unit string

const (
	countUnit   unit = "count"
	secondsUnit unit = "seconds"
)

// series is one line. A point that is missing is a gap, not a zero.
type series struct {
	Name   string // its sentence: "series.<Name>"
	Tone   string // CSS class
	Points []point
}

type point struct {
	At    time.Time // begin of the step
	Value float64   // seconds for secondsUnit
}

type span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// yAxis maps values to percent from the plot's top.
type yAxis struct {
	log       bool
	low, high float64 // low is the logarithmic axis' floor
	ticks     []float64
}

// headroom keeps the highest value off the upper edge, where the tick's label stands.
const headroom = 1.08

func (c *chart) yAxis() yAxis {
	top, least := c.highest()
	top = max(top, c.Limit)
	if c.Kind == bands {
		return logAxis(least, top)
	}
	axis := yAxis{high: headroom * top}
	step := niceCount(top / 4)
	if c.Unit == secondsUnit {
		step = niceSeconds(top / 4)
	}
	if top <= 0 {
		axis.high, step = 1, 1
	}
	for v := step; v <= axis.high; v += step {
		axis.ticks = append(axis.ticks, v)
	}
	return axis
}

// highest returns the highest value (of a stack, where they are stacked) and the lowest above zero.
func (c *chart) highest() (top, least float64) {
	least = math.Inf(1)
	stack := make(map[time.Time]float64)
	for _, s := range c.Series {
		for _, p := range s.Points {
			v := p.Value
			if c.Kind == bars {
				stack[p.At] += v
				v = stack[p.At]
			}
			top = max(top, v)
			if v > 0 {
				least = min(least, v)
			}
		}
	}
	return top, least
}

// logAxis spans what is measured, in steps of ten, and at least one of them.
func logAxis(least, top float64) yAxis {
	if top <= 0 {
		least, top = 0.01, 1
	}
	axis := yAxis{log: true, low: math.Pow(10, math.Floor(math.Log10(least))), high: top * 1.5}
	axis.high = max(axis.high, axis.low*10)
	for _, v := range []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 10 * 3600, 86400, 10 * 86400, 100 * 86400} {
		if v > axis.low && v <= axis.high {
			axis.ticks = append(axis.ticks, v)
		}
	}
	return axis
}

func (a yAxis) place(v float64) float64 {
	share := v / a.high
	if a.log {
		share = math.Log(max(v, a.low)/a.low) / math.Log(a.high/a.low)
	}
	return rounded(100 * (1 - min(max(share, 0), 1)))
}

// niceCount is the smallest of 1, 2, 5, 10, 20, ... that is at least this.
func niceCount(least float64) float64 {
	if least <= 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(least)))
	for _, n := range []float64{1, 2, 5} {
		if n*unit >= least {
			return n * unit
		}
	}
	return 10 * unit
}

// niceSeconds does so with what people call round in times.
func niceSeconds(least float64) float64 {
	for _, v := range []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800,
		3600, 2 * 3600, 6 * 3600, 12 * 3600, 86400} {
		if v >= least {
			return v
		}
	}
	return 86400 * niceCount(least/86400)
}

// x is where a moment lies, in percent.
func (c *chart) x(at time.Time) float64 {
	whole := c.To.Sub(c.From)
	if whole <= 0 {
		return 0
	}
	return rounded(100 * float64(at.Sub(c.From)) / float64(whole))
}

// middle is where the step that begins then has its middle.
func (c *chart) middle(at time.Time) float64 { return c.x(at.Add(c.Step / 2)) }

type xTick struct {
	At time.Time
	X  float64
}

// xTicks are round moments of the reader's day, some six of them.
func (c *chart) xTicks(zone *time.Location) []xTick {
	whole := c.To.Sub(c.From)
	var ticks []xTick
	add := func(at time.Time) {
		if x := c.x(at); x >= 0 && x <= 100 {
			ticks = append(ticks, xTick{at, x})
		}
	}
	if whole > 3*24*time.Hour { // days are not all 24 hours long
		days := int((whole-1)/(7*24*time.Hour)) + 1
		begin := c.From.In(zone)
		for i := 0; i <= 400; i += days {
			at := time.Date(begin.Year(), begin.Month(), begin.Day()+i, 0, 0, 0, 0, zone)
			if at.After(c.To) {
				break
			}
			add(at)
		}
		return ticks
	}
	step := 10 * time.Minute
	for _, s := range []time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour} {
		if step = s; whole/s <= 6 {
			break
		}
	}
	_, offset := c.From.In(zone).Zone()
	shift := time.Duration(offset) * time.Second
	for at := c.From.Add(shift).Truncate(step).Add(-shift); !at.After(c.To); at = at.Add(step) {
		add(at)
	}
	return ticks
}

// runs cuts points where two are missing: a note may slip into the neighbouring step.
func runs(points []point, step time.Duration) [][]point {
	var cut [][]point
	begin := 0
	for i := 1; i <= len(points); i++ {
		if i == len(points) || points[i].At.Sub(points[i-1].At) > 2*step+step/2 {
			cut = append(cut, points[begin:i])
			begin = i
		}
	}
	return cut
}

// rounded keeps a picture's numbers short.
func rounded(v float64) float64 { return math.Round(v*100) / 100 }
