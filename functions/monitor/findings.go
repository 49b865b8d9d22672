package monitor

import (
	"cmp"
	"html/template"
	"net/url"
	"slices"
	"time"

	"idphoto/queue"
)

// finding is one thing that is wrong now: a sentence of strings.json, "wrong.<Kind>", with the
// values that it names, and the page that shows more.
type finding struct {
	Kind   string        `json:"kind"`
	Grave  bool          `json:"grave"` // somebody has to act; else: somebody should know
	Page   string        `json:"page"`
	Lane   string        `json:"lane,omitempty"`
	Name   string        `json:"name,omitempty"` // of a worker, a specification, a person, a task
	N      int64         `json:"n,omitempty"`
	Of     int64         `json:"of,omitempty"`
	Lasts  time.Duration `json:"lasts_ns,omitempty"`
	Limit  time.Duration `json:"limit_ns,omitempty"`
	Share  float64       `json:"share,omitempty"`
	Before float64       `json:"share_before,omitempty"`
}

// What is a finding, and what is not yet.
const (
	failureOver  = 15 * time.Minute // attempts of so long are looked at
	failureLeast = 20               // of them, before a share means something
	failureShare = 0.1
	lostFor      = time.Hour // a lost worker is old news after that
)

// state is what findings are made from.
type state struct {
	now     time.Time
	up      time.Duration // of this console
	lanes   []queue.LaneState
	workers []queue.WorkerInfo
	hour    *past // by minutes
	shifts  []shift
	held    waiting
	writes  error // why the ledger takes no writes; nil when it does
}

// findings lists what is wrong, the gravest first.
func (m *Monitor) findings(s state) []finding {
	found := []finding{}
	if s.writes != nil {
		found = append(found, finding{Kind: "ledger", Grave: true, Page: "/readyz"})
	}
	found = append(found, m.ofLanes(s)...)
	found = append(found, m.ofWorkers(s)...)
	found = append(found, ofEnds(s)...)
	found = append(found, ofHeld(s)...)
	if f, silent := ofJanitor(s); silent {
		found = append(found, f)
	}
	for _, sh := range s.shifts {
		found = append(found, finding{Kind: "rejections", Page: Base + "/rejections", Name: sh.Label, N: sh.Rejected, Of: sh.Ended,
			Share: sh.Share, Before: sh.Before})
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Compare(rank(a), rank(b))
	})
	return found
}

func rank(f finding) int {
	if f.Grave {
		return 0
	}
	return 1
}

func (m *Monitor) ofLanes(s state) []finding {
	var found []finding
	var waiting int64
	var oldest time.Duration
	for _, l := range s.lanes {
		promise := m.opts.Promises[l.Lane]
		switch {
		case l.Paused:
			found = append(found, finding{Kind: "paused", Page: Base + "/lanes", Lane: l.Lane, Name: l.PausedBy, N: l.Waiting, Lasts: s.now.Sub(l.PausedAt)})
			continue
		case promise > 0 && l.OldestAge > promise:
			found = append(found, finding{Kind: "late", Grave: true, Page: listOf("state", string(queue.Queued), "lane", l.Lane),
				Lane: l.Lane, N: l.Waiting, Lasts: l.OldestAge, Limit: promise})
		}
		waiting, oldest = waiting+l.Waiting, max(oldest, l.OldestAge)
	}
	online := slices.ContainsFunc(s.workers, func(w queue.WorkerInfo) bool { return w.State == queue.Online })
	if !online && oldest > queue.LostAfter { // until then one may be starting
		found = append(found, finding{Kind: "no_worker", Grave: true, Page: Base + "/workers", N: waiting, Lasts: oldest})
	}
	return found
}

func (m *Monitor) ofWorkers(s state) []finding {
	var found []finding
	var lost int64
	for _, w := range s.workers {
		if w.State == queue.Lost && s.now.Sub(w.SeenAt) < lostFor && !w.ColdStart { // functions are frozen, and go, without a word
			lost++
		}
		if w.State != queue.Online && w.State != queue.Draining {
			continue
		}
		for _, t := range w.Tasks {
			if age := s.now.Sub(t.StartedAt); age > m.opts.Deadline {
				found = append(found, finding{Kind: "overdue", Grave: true, Page: Base + "/tasks/" + url.PathEscape(t.ID), Name: w.Name, Lasts: age, Limit: m.opts.Deadline})
			}
		}
	}
	if lost > 0 {
		found = append(found, finding{Kind: "lost", Page: Base + "/workers", N: lost})
	}
	return found
}

// ofEnds looks at what ended in the last hour.
func ofEnds(s state) []finding {
	var found []finding
	if dead := ended(s.hour.since(s.hour.From, "").Finished, endedAs(queue.Dead)); dead > 0 {
		found = append(found, finding{Kind: "dead", Grave: true, Page: listOf("state", string(queue.Dead)), N: dead})
	}
	recent := s.hour.since(s.now.Add(-failureOver), "")
	failed := ended(recent.Failed, func(queue.Reason) bool { return true }) + ended(recent.Finished, endedAs(queue.Dead))
	all := failed + ended(recent.Finished, endedAs(queue.Succeeded, queue.Rejected))
	if share := float64(failed) / float64(max(1, all)); all >= failureLeast && share > failureShare {
		found = append(found, finding{Kind: "failing", Grave: true, Page: listOf("state", string(queue.Retrying)), N: failed, Of: all, Share: share, Lasts: failureOver})
	}
	return found
}

// ofJanitor tells when nobody takes notes, revives lost tasks and makes retries due. A console that
// has just started gives it the time to begin.
func ofJanitor(s state) (finding, bool) {
	f := finding{Kind: "janitor", Grave: true, Page: "/readyz"}
	last := s.hour.lastNote()
	if last.IsZero() {
		f.Kind = "janitor_never"
		return f, s.up > silentAfter
	}
	f.Lasts = s.now.Sub(last)
	return f, f.Lasts > silentAfter+s.hour.step // a note is dated by its minute's begin
}

// say is the finding's sentence.
func (s *shell) say(who reader, f finding) (template.HTML, error) {
	return s.marked(who, "wrong."+f.Kind,
		"lane", s.named(who.lang, "lane.", f.Lane), "name", f.Name, "n", mustWhole(f.N), "of", mustWhole(f.Of),
		"lasts", s.duration(who.lang, f.Lasts), "limit", s.duration(who.lang, f.Limit),
		"share", percent(f.Share), "before", percent(f.Before))
}

// marked is a sentence whose values stand out. They are escaped.
func (s *shell) marked(who reader, key string, pairs ...string) (template.HTML, error) {
	values := make([]any, len(pairs))
	for i, p := range pairs {
		if values[i] = p; i%2 == 1 {
			values[i] = "<b>" + template.HTMLEscapeString(p) + "</b>"
		}
	}
	text, err := s.text(who.lang, key, values...)
	return template.HTML(text), err
}

func mustWhole(n int64) string {
	text, err := whole(n)
	must(err)
	return text
}
