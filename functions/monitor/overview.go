package monitor

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"idphoto/queue"
)

// overview is what is wrong now, and how it went.
type overview struct {
	Range    string                `json:"range"`
	From     time.Time             `json:"from"`
	To       time.Time             `json:"to"`
	Step     time.Duration         `json:"step_ns"`
	Findings []finding             `json:"wrong"`
	Lanes    []laneView            `json:"lanes"`
	Slots    int                   `json:"slots"` // of online workers
	Busy     int                   `json:"busy"`
	Online   int                   `json:"workers_online"`
	Totals   totals                `json:"totals"` // of the range
	Finished []finishedPoint       `json:"finished"`
	Run      []quantiles           `json:"run"`
	Work     []slotPoint           `json:"slots_over_time"`
	ByLane   map[string]lanePoints `json:"by_lane"`
	Stages   []stageTime           `json:"stages"`
	Unknown  []span                `json:"unknown"` // when nobody took notes

	Ranges []choice `json:"-"`
	Charts []chart  `json:"-"`
}

// choice is one of several that a page can be shown with.
type choice struct {
	Name, Path string
	Here       bool
}

// choices are the links to a page's windows.
func choices(r *http.Request, names ...string) []choice {
	here, err := windowOf(r, names...)
	if err != nil {
		return nil
	}
	all := make([]choice, len(names))
	for i, name := range names {
		path, err := query(r.URL.RequestURI(), "range", name)
		if err != nil {
			return nil // it is an address that was asked for
		}
		all[i] = choice{name, path, name == here.name}
	}
	return all
}

type totals struct {
	Succeeded int64 `json:"succeeded"`
	Rejected  int64 `json:"rejected"`
	Dead      int64 `json:"dead"`
	Cancelled int64 `json:"cancelled"`
	Retried   int64 `json:"failed_attempts"`
}

func totalsOf(p queue.Period) totals {
	return totals{
		Succeeded: ended(p.Finished, endedAs(queue.Succeeded)), Rejected: ended(p.Finished, endedAs(queue.Rejected)),
		Dead: ended(p.Finished, endedAs(queue.Dead)), Cancelled: ended(p.Finished, endedAs(queue.Cancelled)),
		Retried: ended(p.Failed, func(queue.Reason) bool { return true }),
	}
}

// All is how many tasks ended.
func (t totals) All() int64 { return t.Succeeded + t.Rejected + t.Dead + t.Cancelled }

// Share is that of one outcome.
func (t totals) Share(n int64) float64 { return share(n, t.All()) }

type finishedPoint struct {
	At time.Time `json:"at"`
	totals
}

// quantiles of the times that ended in a step.
type quantiles struct {
	At  time.Time     `json:"at"`
	N   int64         `json:"n"`
	P50 time.Duration `json:"p50_ns"`
	P95 time.Duration `json:"p95_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// quantilesOf is false for an empty histogram.
func quantilesOf(at time.Time, h queue.Histogram) (quantiles, bool) {
	q := quantiles{At: at, N: h.Count()}
	for share, d := range map[float64]*time.Duration{0.5: &q.P50, 0.95: &q.P95, 0.99: &q.P99} {
		*d, _ = h.Quantile(share)
	}
	return q, q.N > 0
}

type slotPoint struct {
	At    time.Time `json:"at"`
	Slots int64     `json:"slots"`
	Busy  int64     `json:"busy"`
}

type lanePoints struct {
	Wait    []quantiles    `json:"wait"`
	Backlog []backlogPoint `json:"backlog"`
}

type backlogPoint struct {
	At        time.Time     `json:"at"`
	Waiting   int64         `json:"waiting"`
	Running   int64         `json:"running"`
	OldestAge time.Duration `json:"oldest_age_ns"`
}

// stageTime is how long a stage took in the range.
type stageTime struct {
	Name string `json:"name"`
	quantiles
	Width, Reach float64 `json:"-"` // of the bars for P50 and P95, in percent of the longest P95
}

func (m *Monitor) overview(r *http.Request) (any, error) {
	w, err := windowOf(r, "1h", "24h", "7d")
	if err != nil {
		return nil, err
	}
	s, err := m.state(r)
	if err != nil {
		return nil, err
	}
	p, err := m.memory.look(r.Context(), w)
	if err != nil {
		return nil, err
	}
	page := overview{Range: w.name, From: p.From, To: p.To, Step: w.step, Findings: m.findings(s), Unknown: p.unknown(s.now), Ranges: choices(r, "1h", "24h", "7d")}
	page.Lanes = m.laneViews(s)
	for _, worker := range s.workers {
		if worker.State == queue.Online {
			page.Online++
			page.Slots += worker.Slots
			page.Busy += len(worker.Tasks)
		}
	}
	page.fill(p)
	page.Charts = m.charts(&page)
	return page, nil
}

// state reads what findings are made from.
func (m *Monitor) state(r *http.Request) (s state, err error) {
	ctx := r.Context()
	s.now, s.up = m.opts.Now(), m.opts.Now().Sub(m.began)
	if s.lanes, err = m.ledger.LaneStates(ctx); err != nil {
		return s, err
	}
	if s.workers, err = m.ledger.Workers(ctx); err != nil {
		return s, err
	}
	if s.hour, err = m.memory.look(ctx, namedWindow("1h")); err != nil {
		return s, err
	}
	if s.shifts, err = m.shifts(r, s.hour); err != nil {
		return s, err
	}
	if s.held, err = m.held(ctx); err != nil {
		return s, err
	}
	s.writes = m.ledger.Ping(ctx)
	return s, nil
}

// fill takes the range's history into points.
func (page *overview) fill(p *past) {
	page.Finished, page.Run, page.Work, page.Stages = []finishedPoint{}, []quantiles{}, []slotPoint{}, []stageTime{}
	page.ByLane = make(map[string]lanePoints)
	for _, lane := range queue.Lanes {
		page.ByLane[lane] = lanePoints{Wait: []quantiles{}, Backlog: []backlogPoint{}}
	}
	for _, s := range p.Slots {
		sum := (&past{Slots: []slot{s}}).since(s.At, "")
		if t := totalsOf(sum); t.All()+t.Retried > 0 {
			page.Finished = append(page.Finished, finishedPoint{s.At, t})
		}
		if q, ok := quantilesOf(s.At, sum.Times[queue.TimeRun]); ok {
			page.Run = append(page.Run, q)
		}
		if note := s.sample(); note != nil {
			page.Work = append(page.Work, slotPoint{s.At, note.Slots, note.Busy})
		}
		for _, lane := range queue.Lanes {
			page.ByLane[lane] = page.ByLane[lane].with(s, lane)
		}
	}
	whole := p.since(p.From, "")
	page.Totals = totalsOf(whole)
	page.Stages = stagesOf(whole.Times)
}

func (points lanePoints) with(s slot, lane string) lanePoints {
	period, ok := s.Lanes[lane]
	if !ok {
		return points
	}
	if q, ok := quantilesOf(s.At, period.Times[queue.TimeWait]); ok {
		points.Wait = append(points.Wait, q)
	}
	if note := period.Sample; note != nil {
		points.Backlog = append(points.Backlog, backlogPoint{s.At, note.Waiting, note.Running, note.OldestAge})
	}
	return points
}

// stagesOf lists the stages, the slowest first.
func stagesOf(times map[string]queue.Histogram) []stageTime {
	stages := []stageTime{}
	var longest time.Duration
	for name, h := range times {
		name, ok := strings.CutPrefix(name, queue.TimeStage)
		if !ok {
			continue
		}
		if q, ok := quantilesOf(time.Time{}, h); ok {
			stages = append(stages, stageTime{Name: name, quantiles: q})
			longest = max(longest, q.P95)
		}
	}
	for i := range stages {
		s := &stages[i]
		s.Width, s.Reach = rounded(100*float64(s.P50)/float64(longest)), rounded(100*float64(s.P95)/float64(longest))
	}
	slices.SortFunc(stages, func(a, b stageTime) int { return cmp.Or(cmp.Compare(b.P50, a.P50), cmp.Compare(a.Name, b.Name)) })
	return stages
}
