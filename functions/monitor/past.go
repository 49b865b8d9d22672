package monitor

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// window is how far back a page looks, and in which steps.
type window struct {
	name  string
	whole time.Duration
	step  time.Duration // of what is shown: several of the ledger's make one
	kept  time.Duration // the ledger's own step: a minute or an hour
	fresh time.Duration // how old what is shown may be
}

var windows = []window{
	{"1h", time.Hour, time.Minute, time.Minute, 2 * time.Second},
	{"24h", 24 * time.Hour, 10 * time.Minute, time.Minute, 30 * time.Second},
	{"7d", 7 * 24 * time.Hour, time.Hour, time.Hour, time.Minute},
	{"30d", 30 * 24 * time.Hour, 6 * time.Hour, time.Hour, 5 * time.Minute},
}

// windowOf is what a request's range names, one of names; the first where it names none.
func windowOf(r *http.Request, names ...string) (window, error) {
	name := r.URL.Query().Get("range")
	if name == "" {
		name = names[0]
	}
	i := slices.IndexFunc(windows, func(w window) bool { return w.name == name })
	if i < 0 || !slices.Contains(names, name) {
		return window{}, fault.New(problem.BadOption, nil, "field", "range")
	}
	return windows[i], nil
}

// namedWindow is the window of a name that is in the list.
func namedWindow(name string) window {
	return windows[slices.IndexFunc(windows, func(w window) bool { return w.name == name })]
}

// past is the kept history of a window: one slot per step in which something is known.
type past struct {
	window
	From, To time.Time
	Slots    []slot
}

// slot is one step, lane by lane. It is shared: readers change nothing.
type slot struct {
	At    time.Time
	Lanes map[string]*queue.Period
}

// memory keeps what was read of the history, for all readers together: the past does not change.
type memory struct {
	ledger  queue.Upkeep
	now     func() time.Time
	shelves map[string]*shelf
}

type shelf struct {
	mu   sync.Mutex // held while reading: others wait for the same
	past *past
	read time.Time
}

func newMemory(ledger queue.Upkeep, now func() time.Time) *memory {
	m := &memory{ledger: ledger, now: now, shelves: make(map[string]*shelf)}
	for _, w := range windows {
		m.shelves[w.name] = &shelf{}
	}
	return m
}

// look returns the window up to now.
func (m *memory) look(ctx context.Context, w window) (*past, error) {
	k := m.shelves[w.name]
	k.mu.Lock()
	defer k.mu.Unlock()
	now := m.now()
	if k.past != nil && now.Sub(k.read) < w.fresh && now.Before(k.past.To) {
		return k.past, nil
	}
	to := now.UTC().Truncate(w.step).Add(w.step)
	p := &past{window: w, From: to.Add(-w.whole), To: to}
	periods, err := m.ledger.History(ctx, p.From, p.To, w.kept)
	if err != nil {
		return nil, err
	}
	for _, period := range periods {
		p.add(period)
	}
	k.past, k.read = p, now
	return p, nil
}

// add takes in a period; they come by time.
func (p *past) add(period queue.Period) {
	at := period.Start.UTC().Truncate(p.step)
	if len(p.Slots) == 0 || !p.Slots[len(p.Slots)-1].At.Equal(at) {
		p.Slots = append(p.Slots, slot{At: at, Lanes: make(map[string]*queue.Period)})
	}
	lanes := p.Slots[len(p.Slots)-1].Lanes
	have, ok := lanes[period.Lane]
	if !ok {
		lanes[period.Lane] = &period
		return
	}
	have.Finished = addReasons(have.Finished, period.Finished)
	have.Failed = addReasons(have.Failed, period.Failed)
	have.Times = addTimes(have.Times, period.Times)
	have.Sample = worse(have.Sample, period.Sample)
}

func addReasons(a, b []queue.Reason) []queue.Reason {
	for _, r := range b {
		i := slices.IndexFunc(a, func(x queue.Reason) bool { return x.State == r.State && x.Label == r.Label && x.Code == r.Code })
		if i < 0 {
			a = append(a, r)
		} else {
			a[i].N += r.N
		}
	}
	return a
}

func addTimes(a, b map[string]queue.Histogram) map[string]queue.Histogram {
	if a == nil {
		a = make(map[string]queue.Histogram, len(b))
	}
	for name, h := range b {
		sum := a[name]
		sum.Merge(h)
		a[name] = sum
	}
	return a
}

// worse is the highest of two samples, field by field.
func worse(a, b *queue.LaneSample) *queue.LaneSample {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return &queue.LaneSample{Waiting: max(a.Waiting, b.Waiting), Running: max(a.Running, b.Running),
		OldestAge: max(a.OldestAge, b.OldestAge), Slots: max(a.Slots, b.Slots), Busy: max(a.Busy, b.Busy)}
}

// sample returns a slot's note of any lane: workers belong to none.
func (s slot) sample() *queue.LaneSample {
	var any *queue.LaneSample
	for _, period := range s.Lanes {
		any = worse(any, period.Sample)
	}
	return any
}

// silentAfter is how long nobody may take notes before that is something to say: janitors do it
// each minute.
const silentAfter = 3 * time.Minute

// unknown lists when nobody took notes.
func (p *past) unknown(now time.Time) []span {
	var gaps []span
	known := p.From
	note := func(until time.Time) {
		if until.Sub(known) >= max(silentAfter, p.step) {
			gaps = append(gaps, span{known, until})
		}
	}
	for _, s := range p.Slots {
		if s.sample() == nil {
			continue
		}
		note(s.At)
		known = s.At.Add(p.step)
	}
	if now.After(known) {
		note(now)
	}
	return gaps
}

// lastNote is when the latest note was taken, to the step; zero for never in this window.
func (p *past) lastNote() time.Time {
	for i := len(p.Slots) - 1; i >= 0; i-- {
		if p.Slots[i].sample() != nil {
			return p.Slots[i].At
		}
	}
	return time.Time{}
}

// since sums what ended in a lane (all lanes for none) from a moment on.
func (p *past) since(from time.Time, lane string) queue.Period {
	sum := queue.Period{Start: from, Lane: lane}
	for _, s := range p.Slots {
		if s.At.Before(from) {
			continue
		}
		for name, period := range s.Lanes {
			if lane == "" || name == lane {
				sum.Finished = addReasons(sum.Finished, period.Finished)
				sum.Failed = addReasons(sum.Failed, period.Failed)
				sum.Times = addTimes(sum.Times, period.Times)
			}
		}
	}
	return sum
}

// ended counts the tasks among reasons that a filter selects.
func ended(reasons []queue.Reason, keep func(queue.Reason) bool) int64 {
	var n int64
	for _, r := range reasons {
		if keep(r) {
			n += r.N
		}
	}
	return n
}

func endedAs(states ...queue.State) func(queue.Reason) bool {
	return func(r queue.Reason) bool { return slices.Contains(states, r.State) }
}
