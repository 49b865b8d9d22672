package check

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

//go:embed thresholds.json
var thresholdsJSON []byte

// Band is a range that may be open at either end.
type Band struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

func (b Band) holds(v float64) bool {
	return (b.Min == nil || v >= *b.Min) && (b.Max == nil || v <= *b.Max)
}

func (b Band) open() bool { return b.Min == nil && b.Max == nil }

// within tells whether b is a part of outer.
func (b Band) within(outer Band) bool {
	return (outer.Min == nil || b.Min != nil && *b.Min >= *outer.Min) &&
		(outer.Max == nil || b.Max != nil && *b.Max <= *outer.Max)
}

// Limits are what a measure is judged by: it passes within Pass, fails outside of Bearable, and
// between the two it warns. With Bearable open it never fails.
type Limits struct {
	Pass     Band `json:"pass"`
	Bearable Band `json:"bearable"`
}

// validate refuses limits that pass everything or contradict themselves.
func (l Limits) validate() error {
	for _, b := range []Band{l.Pass, l.Bearable} {
		if b.Min != nil && b.Max != nil && *b.Min > *b.Max {
			return fmt.Errorf("band from %v to %v", *b.Min, *b.Max)
		}
	}
	if l.Pass.open() {
		return errors.New("every value passes")
	}
	if !l.Pass.within(l.Bearable) {
		return errors.New("some values pass and fail")
	}
	return nil
}

// Threshold says what a measure is and what is good enough.
type Threshold struct {
	Measure string `json:"measure"`
	ISO     string `json:"iso,omitempty"`  // the quality component's name in ISO/IEC 29794-5, where it has it
	Unit    string `json:"unit,omitempty"` // "" for shares and ratios
	Limits
	Note   bool   `json:"note,omitempty"` // stated, and judged only where a document asks for it
	Code   string `json:"code,omitempty"` // of package fault: what a failure is called
	Reason string `json:"reason"`         // why these numbers
	Source string `json:"source"`
	Grade  string `json:"grade"` // as in package spec: A, B, C, X, house
}

// ruleSet is what a kind of documents asks for: measures, each with the reason.
type ruleSet struct {
	Reason  string            `json:"reason"`
	Asks    map[string]string `json:"asks"`             // beside those that reject
	Rejects map[string]string `json:"rejects"`          // a failure rejects
	Limits  map[string]Limits `json:"limits,omitempty"` // instead of the measures' own
}

// Names of the rule sets.
const (
	setAuthority = "authority"
	setHouse     = "house"
)

type thresholds struct {
	Measures []Threshold        `json:"measures"`
	Sets     map[string]ruleSet `json:"sets"`

	byName map[string]Threshold
}

// table is the data file. It is part of the program: tests load it, so a bad one cannot be shipped.
var table = sync.OnceValue(func() *thresholds {
	t, err := parse(thresholdsJSON)
	if err != nil {
		panic(fmt.Sprintf("check: thresholds.json: %v", err))
	}
	return t
})

// parse reads a data file and reports everything that is wrong with it.
func parse(data []byte) (*thresholds, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	t := &thresholds{byName: make(map[string]Threshold)}
	if err := dec.Decode(t); err != nil {
		return nil, err
	}
	var errs []error
	add := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	for _, m := range t.Measures {
		if _, twice := t.byName[m.Measure]; twice {
			add(m.Measure, errors.New("stands twice"))
		}
		t.byName[m.Measure] = m
		add(m.Measure, m.validate())
	}
	for _, name := range []string{setAuthority, setHouse} {
		if _, ok := t.Sets[name]; !ok {
			add(name, errors.New("no such set"))
		}
	}
	for name, s := range t.Sets {
		add(name, s.validate(t.byName))
	}
	return t, errors.Join(errs...)
}

var grades = []string{"A", "B", "C", "X", "house"}

func (m Threshold) validate() error {
	if m.Measure == "" || m.Reason == "" || m.Source == "" || !slices.Contains(grades, m.Grade) {
		return fmt.Errorf("want a name, a reason, a source and a grade of %v", grades)
	}
	if err := m.Limits.validate(); err != nil {
		return err
	}
	if fails := !m.Bearable.open(); fails != (m.Code != "") {
		return errors.New("what can fail has a code; what cannot has none")
	}
	return nil
}

func (s ruleSet) validate(known map[string]Threshold) error {
	var errs []error
	if s.Reason == "" {
		errs = append(errs, errors.New("no reason"))
	}
	for _, list := range []map[string]string{s.Asks, s.Rejects} {
		for name, why := range list {
			if _, ok := known[name]; !ok || why == "" {
				errs = append(errs, fmt.Errorf("%s: unknown measure, or no reason", name))
			}
		}
	}
	for name, l := range s.Limits {
		if _, ok := known[name]; !ok {
			errs = append(errs, fmt.Errorf("%s: limits of an unknown measure", name))
		}
		if err := l.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name := range s.Rejects {
		if known[name].Note {
			errs = append(errs, fmt.Errorf("%s: rejects, and is only noted", name))
		}
		l := known[name].Limits
		if other, ok := s.Limits[name]; ok {
			l = other
		}
		if l.Bearable.open() {
			errs = append(errs, fmt.Errorf("%s: rejects, and never fails", name))
		}
	}
	return errors.Join(errs...)
}

// Version names the state of the data file. It changes when anything that the file says does.
func Version() string {
	sum := sha256.Sum256(thresholdsJSON)
	return hex.EncodeToString(sum[:6])
}

// Thresholds returns what each measure is judged by, for documentation and reports.
func Thresholds() []Threshold { return slices.Clone(table().Measures) }
