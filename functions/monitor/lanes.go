package monitor

import (
	"net/http"
	"slices"
	"time"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// lanes is the model of the page.
type lanes struct {
	Lanes []laneView `json:"lanes"`
}

// laneView is how a lane stands against its promise.
type laneView struct {
	Lane      string        `json:"lane"`
	Paused    bool          `json:"paused"`
	PausedAt  *time.Time    `json:"paused_at,omitempty"`
	PausedBy  string        `json:"paused_by,omitempty"`
	Waiting   int64         `json:"waiting"`
	Running   int64         `json:"running"`
	OldestAge time.Duration `json:"oldest_age_ns"`
	Promise   time.Duration `json:"promise_ns"` // 0: none
	Late      bool          `json:"late"`
	Waited    quantiles     `json:"waited_last_hour"`
	Ended     int64         `json:"ended_last_hour"`

	Backlog chart `json:"-"` // of the last hour
	Oldest  chart `json:"-"`
}

func (m *Monitor) lanes(r *http.Request) (any, error) {
	states, err := m.ledger.LaneStates(r.Context())
	if err != nil {
		return nil, err
	}
	hour, err := m.memory.look(r.Context(), namedWindow("1h"))
	if err != nil {
		return nil, err
	}
	now := m.opts.Now()
	page := lanes{Lanes: m.laneViews(state{now: now, lanes: states, hour: hour})}
	frame := chart{From: hour.From, To: hour.To, Step: hour.step, Gaps: hour.unknown(now)}
	for i := range page.Lanes {
		v := &page.Lanes[i]
		var points lanePoints
		for _, s := range hour.Slots {
			points = points.with(s, v.Lane)
		}
		frame.Lane = v.Lane
		v.Backlog = depthChart(frame, points.Backlog)
		v.Oldest = oldestChart(frame, points.Backlog, v.Promise.Seconds())
	}
	return page, nil
}

func (m *Monitor) laneViews(s state) []laneView {
	views := make([]laneView, len(s.lanes))
	for i, l := range s.lanes {
		v := laneView{Lane: l.Lane, Paused: l.Paused, PausedBy: l.PausedBy, Waiting: l.Waiting, Running: l.Running,
			OldestAge: l.OldestAge, Promise: m.opts.Promises[l.Lane]}
		if l.Paused {
			v.PausedAt = new(l.PausedAt.UTC())
		}
		v.Late = v.Promise > 0 && v.OldestAge > v.Promise
		sum := s.hour.since(s.hour.From, l.Lane)
		v.Waited, _ = quantilesOf(s.hour.From, sum.Times[queue.TimeWait])
		v.Ended = totalsOf(sum).All()
		views[i] = v
	}
	return views
}

func (m *Monitor) pauseLane(r *http.Request, _ values) (outcome, error) {
	return m.setLane(r, "pause", func(l queue.LaneState) (bool, error) {
		return !l.Paused, m.ledger.PauseLane(r.Context(), l.Lane, auth.From(r.Context()).Name)
	})
}

func (m *Monitor) resumeLane(r *http.Request, _ values) (outcome, error) {
	return m.setLane(r, "resume", func(l queue.LaneState) (bool, error) {
		return l.Paused, m.ledger.ResumeLane(r.Context(), l.Lane)
	})
}

// setLane acts on the lane of the path, and tells whether that changed it.
func (m *Monitor) setLane(r *http.Request, deed string, act func(queue.LaneState) (bool, error)) (outcome, error) {
	states, err := m.ledger.LaneStates(r.Context())
	if err != nil {
		return outcome{}, err
	}
	i := slices.IndexFunc(states, func(l queue.LaneState) bool { return l.Lane == r.PathValue("lane") })
	if i < 0 {
		return outcome{}, fault.New(problem.NotFound, nil)
	}
	done := outcome{Audit: deed, Target: states[i].Lane, Message: deed}
	changed, err := act(states[i])
	if changed {
		done.Count = 1
	}
	return done, err
}
