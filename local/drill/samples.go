package drill

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// samples keeps what was scraped, and is the storage that Prometheus' engine reads.
type samples struct {
	names  map[string]bool // the metrics that are kept
	series map[uint64]*series
	last   int64 // time of the last scrape, in ms
}

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

func newSamples(names []string) *samples {
	s := &samples{names: make(map[string]bool), series: make(map[uint64]*series)}
	for _, n := range names {
		s.names[n] = true
	}
	return s
}

// add keeps one scrape. As Prometheus does, it ends series that are no longer there, so that they
// count as absent at once.
func (s *samples) add(at time.Time, scraped model.Vector) {
	now := at.UnixMilli()
	for _, v := range scraped {
		if !s.names[string(v.Metric[model.MetricNameLabel])] {
			continue
		}
		b := labels.NewScratchBuilder(len(v.Metric))
		for name, word := range v.Metric {
			b.Add(string(name), string(word))
		}
		b.Sort()
		l := b.Labels()
		one := s.series[l.Hash()]
		if one == nil {
			one = &series{labels: l}
			s.series[l.Hash()] = one
		}
		one.samples = append(one.samples, point{now, float64(v.Value)})
	}
	for _, one := range s.series {
		if end := one.samples[len(one.samples)-1]; end.T() == s.last && s.last != now {
			one.samples = append(one.samples, point{now, math.Float64frombits(value.StaleNaN)})
		}
	}
	s.last = now
}

// Querier implements storage.Queryable.
func (s *samples) Querier(from, to int64) (storage.Querier, error) {
	return &querier{Querier: storage.NoopQuerier(), samples: s, from: from, to: to}, nil
}

type querier struct {
	storage.Querier // has nothing; Select is all that the engine asks
	samples         *samples
	from, to        int64
}

// Select returns the series that match, between the querier's times.
func (q *querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, one := range q.samples.series {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(one.labels.Get(m.Name)) }) {
			begin, _ := slices.BinarySearchFunc(one.samples, q.from, byTime)
			end, _ := slices.BinarySearchFunc(one.samples, q.to+1, byTime)
			found = append(found, storage.NewListSeries(one.labels, one.samples[begin:end]))
		}
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &seriesSet{SeriesSet: storage.EmptySeriesSet(), list: found}
}

func byTime(s chunks.Sample, at int64) int { return int(s.T() - at) }

// seriesSet walks a list.
type seriesSet struct {
	storage.SeriesSet // the empty one: no errors, no warnings
	list              []storage.Series
	next              int
}

func (s *seriesSet) Next() bool         { s.next++; return s.next <= len(s.list) }
func (s *seriesSet) At() storage.Series { return s.list[s.next-1] }

// point is one sample.
type point struct {
	t int64
	v float64
}

func (p point) T() int64                      { return p.t }
func (p point) F() float64                    { return p.v }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

// describe is a set of labels for people: their values alone.
func describe(l labels.Labels) string {
	var words []string
	l.Range(func(one labels.Label) {
		if one.Name != model.MetricNameLabel {
			words = append(words, one.Value)
		}
	})
	return strings.Join(words, " ")
}
