package monitor

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// rejections is what the rules said no to.
type rejections struct {
	Range    string        `json:"range"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	Step     time.Duration `json:"step_ns"`
	Ended    int64         `json:"ended"` // succeeded or rejected
	Rejected int64         `json:"rejected"`
	Codes    []codeRow     `json:"codes"` // the most frequent first
	Specs    []specRow     `json:"specifications"`
	Over     []codePoint   `json:"over_time"`

	Ranges []choice `json:"-"`
	Chart  chart    `json:"-"`
}

type codeRow struct {
	Code  string      `json:"code"`
	N     int64       `json:"n"`
	Share float64     `json:"share"` // of all rejections
	Specs []specCount `json:"specifications"`
}

type specCount struct {
	Label string `json:"specification"`
	N     int64  `json:"n"`
}

type codePoint struct {
	At   time.Time `json:"at"`
	Code string    `json:"code"`
	N    int64     `json:"n"`
}

// specRow is one specification in the window, and in the last hour against its past.
type specRow struct {
	Label    string  `json:"specification"`
	Ended    int64   `json:"ended"`
	Rejected int64   `json:"rejected"`
	Share    float64 `json:"share"`
	Code     string  `json:"top_code,omitempty"`
	Last     shift   `json:"last_hour"`
}

// shift compares a specification's last hour with the seven days before.
type shift struct {
	Label    string  `json:"-"`
	Ended    int64   `json:"ended"`
	Rejected int64   `json:"rejected"`
	Share    float64 `json:"share"`
	Past     int64   `json:"ended_before"`
	Before   float64 `json:"share_before"`
	Marked   bool    `json:"marked"`
}

// The rule by which a specification is marked. It is said on the page.
const (
	shiftLeast = 10  // rejections in the last hour
	shiftPast  = 50  // tasks in the days before: less is no past
	shiftRise  = 0.1 // of the share
	shiftSigma = 3   // standard deviations that as many tasks have by chance
)

// judge applies the rule.
func (s *shift) judge(rejectedBefore int64) {
	s.Share = share(s.Rejected, s.Ended)
	s.Before = share(rejectedBefore, s.Past)
	if s.Rejected < shiftLeast || s.Past < shiftPast {
		return
	}
	p := (float64(rejectedBefore) + 1) / (float64(s.Past) + 2) // never quite 0 or 1: the past is a sample, too
	chance := math.Sqrt(p * (1 - p) / float64(s.Ended))
	s.Marked = s.Share > s.Before+shiftRise && s.Share > p+shiftSigma*chance
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// judged are the ends that a share of rejections is of: whoever was cancelled or failed was not
// judged, and canaries are ours.
func judged(r queue.Reason) bool {
	return (r.State == queue.Succeeded || r.State == queue.Rejected) && r.Label != photo.CanaryLabel
}

// compare returns every specification of the last hour against the days before.
func compare(hour, week *past, now time.Time) map[string]shift {
	type ends struct{ all, rejected int64 }
	count := func(p *past, until time.Time) map[string]ends {
		sum := make(map[string]ends)
		for _, s := range p.Slots {
			if !s.At.Before(until) {
				break
			}
			for _, period := range s.Lanes {
				for _, r := range period.Finished {
					if !judged(r) {
						continue
					}
					e := sum[r.Label]
					e.all += r.N
					if r.State == queue.Rejected {
						e.rejected += r.N
					}
					sum[r.Label] = e
				}
			}
		}
		return sum
	}
	recent := count(hour, hour.To)
	before := count(week, now.Add(-time.Hour).Truncate(time.Hour))
	shifts := make(map[string]shift)
	for label, e := range recent {
		s := shift{Label: label, Ended: e.all, Rejected: e.rejected, Past: before[label].all}
		s.judge(before[label].rejected)
		shifts[label] = s
	}
	for label, e := range before {
		if _, ok := shifts[label]; !ok {
			s := shift{Label: label, Past: e.all}
			s.judge(e.rejected)
			shifts[label] = s
		}
	}
	return shifts
}

// shifts lists the specifications that are marked.
func (m *Monitor) shifts(r *http.Request, hour *past) ([]shift, error) {
	week, err := m.memory.look(r.Context(), namedWindow("7d"))
	if err != nil {
		return nil, err
	}
	var marked []shift
	for _, s := range compare(hour, week, m.opts.Now()) {
		if s.Marked {
			marked = append(marked, s)
		}
	}
	slices.SortFunc(marked, func(a, b shift) int { return cmp.Compare(a.Label, b.Label) })
	return marked, nil
}

func (m *Monitor) rejections(r *http.Request) (any, error) {
	w, err := windowOf(r, "24h", "7d", "30d")
	if err != nil {
		return nil, err
	}
	p, err := m.memory.look(r.Context(), w)
	if err != nil {
		return nil, err
	}
	hour, err := m.memory.look(r.Context(), namedWindow("1h"))
	if err != nil {
		return nil, err
	}
	week, err := m.memory.look(r.Context(), namedWindow("7d"))
	if err != nil {
		return nil, err
	}
	page := rejections{Range: w.name, From: p.From, To: p.To, Step: w.step, Codes: []codeRow{}, Specs: []specRow{}, Over: []codePoint{},
		Ranges: choices(r, "24h", "7d", "30d")}
	page.count(p, compare(hour, week, m.opts.Now()))
	page.Chart = page.chart(p, m.opts.Now())
	return page, nil
}

// count fills the tables from the window.
func (page *rejections) count(p *past, shifts map[string]shift) {
	bySpec := make(map[string]*specRow)
	byCode := make(map[string]map[string]int64) // code, specification
	codesOf := make(map[string]map[string]int64)
	for _, s := range p.Slots {
		over := make(map[string]int64)
		for _, period := range s.Lanes {
			for _, r := range period.Finished {
				if !judged(r) {
					continue
				}
				row := bySpec[r.Label]
				if row == nil {
					row = &specRow{Label: r.Label, Last: shifts[r.Label]}
					bySpec[r.Label] = row
				}
				row.Ended += r.N
				page.Ended += r.N
				if r.State != queue.Rejected {
					continue
				}
				row.Rejected += r.N
				page.Rejected += r.N
				over[r.Code] += r.N
				addTo(byCode, r.Code, r.Label, r.N)
				addTo(codesOf, r.Label, r.Code, r.N)
			}
		}
		for code, n := range over {
			page.Over = append(page.Over, codePoint{s.At, code, n})
		}
	}
	slices.SortFunc(page.Over, func(a, b codePoint) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Code, b.Code)) })
	for code, specs := range byCode {
		row := codeRow{Code: code, Specs: ranked(specs)}
		for _, s := range row.Specs {
			row.N += s.N
		}
		row.Share = share(row.N, page.Rejected)
		page.Codes = append(page.Codes, row)
	}
	slices.SortFunc(page.Codes, func(a, b codeRow) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
	for label, row := range bySpec {
		row.Share = share(row.Rejected, row.Ended)
		if top := ranked(codesOf[label]); len(top) > 0 {
			row.Code = top[0].Label
		}
		page.Specs = append(page.Specs, *row)
	}
	slices.SortFunc(page.Specs, func(a, b specRow) int {
		return cmp.Or(-compareBool(a.Last.Marked, b.Last.Marked), cmp.Compare(b.Rejected, a.Rejected), cmp.Compare(b.Ended, a.Ended), cmp.Compare(a.Label, b.Label))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func addTo(m map[string]map[string]int64, a, b string, n int64) {
	if m[a] == nil {
		m[a] = make(map[string]int64)
	}
	m[a][b] += n
}

// ranked lists the counts, the highest first.
func ranked(counts map[string]int64) []specCount {
	all := make([]specCount, 0, len(counts))
	for label, n := range counts {
		all = append(all, specCount{label, n})
	}
	slices.SortFunc(all, func(a, b specCount) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Label, b.Label)) })
	return all
}

// tones are the colours of codes, the most frequent first; the rest is one series.
var tones = []string{"tone-2", "tone-3", "tone-5", "tone-6", "tone-1"}

func (page *rejections) chart(p *past, now time.Time) chart {
	c := chart{Name: "rejections", Kind: bars, Unit: countUnit, From: p.From, To: p.To, Step: p.step, Gaps: p.unknown(now)}
	place := make(map[string]int)
	for i, row := range page.Codes {
		if i < len(tones) {
			place[row.Code] = i
			c.Series = append(c.Series, series{Name: row.Code, Tone: tones[i]})
		}
	}
	if len(page.Codes) > len(tones) {
		c.Series = append(c.Series, series{Name: "other", Tone: "tone-4"})
	}
	for _, o := range page.Over {
		i, known := place[o.Code]
		if !known {
			i = len(tones)
		}
		s := &c.Series[i]
		if n := len(s.Points); n > 0 && s.Points[n-1].At.Equal(o.At) {
			s.Points[n-1].Value += float64(o.N)
			continue
		}
		s.Points = append(s.Points, point{o.At, float64(o.N)})
	}
	return c
}
