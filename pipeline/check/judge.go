package check

import (
	"maps"
	"math"
	"slices"

	"idphoto/pipeline/fault"
)

// Rules say what a document makes of the measures. The zero value asks for nothing and rejects
// nothing: all is measured and judged by the thresholds.
type Rules struct {
	Asked   []string // measures the document asks for; those of Rejects are asked for too
	Rejects []string // measures whose failure rejects the picture
	Judged  []string // notes that the document judges all the same: outside their limits they warn
	Lenient []string // measures that warn where they would fail: what they look at does not stay
	Limits  map[string]Limits
	Origins map[string]Origin // of Limits
}

// Origin is where limits are from.
type Origin struct {
	Source string
	Grade  string // as in package spec
}

// Authority returns the rules for a document that an authority judges by ICAO Doc 9303 or rules
// like it.
func Authority() Rules { return table().Sets[setAuthority].rules() }

// House returns the rules for sizes that no authority stands behind: only what no one would want on
// a photo rejects.
func House() Rules { return table().Sets[setHouse].rules() }

func (s ruleSet) rules() Rules {
	origins := make(map[string]Origin)
	for name := range s.Limits {
		origins[name] = Origin{s.Reason, "house"}
	}
	return Rules{
		Origins: origins,
		Asked:   slices.Sorted(maps.Keys(s.Asks)),
		Rejects: slices.Sorted(maps.Keys(s.Rejects)),
		Limits:  maps.Collect(maps.All(s.Limits)),
	}
}

// judge gives the verdict on a value of a measure that stands in the table.
func (r Rules) judge(name string, value float64) Finding {
	t := table().byName[name]
	l, from := t.Limits, Origin{t.Source, t.Grade}
	if own, ok := r.Limits[name]; ok {
		l, from = own, r.Origins[name]
	}
	f := Finding{
		Measure: name, ISO: t.ISO, Source: from.Source, Grade: from.Grade, Value: math.Round(value*1000) / 1000, Unit: t.Unit, Min: l.Pass.Min, Max: l.Pass.Max,
		Rejects: slices.Contains(r.Rejects, name), Code: t.Code,
	}
	f.Asked = f.Rejects || slices.Contains(r.Asked, name)
	switch {
	case l.Pass.holds(value):
		f.Verdict = Pass
	case t.Note && !slices.Contains(r.Judged, name):
		f.Verdict = Note
	case l.Bearable.holds(value), slices.Contains(r.Lenient, name):
		f.Verdict = Warn
	default:
		f.Verdict = Fail
	}
	return f
}

// clouds are the measures whose failure clouds the others: of a blurred or dark picture nobody can tell
// whether the eyes are open.
var clouds = []string{"sharpness", "under_exposure", "over_exposure"}

// Rejection returns why the findings reject the picture: the first failure that does, those of clouds
// before all others, as a *fault.Error with the measure, its value and the limit it broke. It returns nil
// when none does.
func Rejection(findings []Finding) *fault.Error {
	rejects := func(f Finding) bool { return f.Verdict == Fail && f.Rejects }
	i := slices.IndexFunc(findings, func(f Finding) bool { return rejects(f) && slices.Contains(clouds, f.Measure) })
	if i < 0 {
		i = slices.IndexFunc(findings, rejects)
	}
	if i < 0 {
		return nil
	}
	f := findings[i]
	limit := f.Min
	if limit == nil || f.Max != nil && f.Value > *f.Max {
		limit = f.Max
	}
	return fault.New(f.Code, nil, "measure", f.Measure, "value", f.Value, "limit", *limit)
}
