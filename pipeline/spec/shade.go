package spec

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
)

//go:embed shades.json
var shadesJSON []byte

// Shade is a range of colours in CIE L*a*b* (D65).
type Shade struct {
	Lightness [2]float64 `json:"lightness"` // L*
	A         [2]float64 `json:"a"`         // a*, green to red
	B         [2]float64 `json:"b"`         // b*, blue to yellow
	Source    string     `json:"source"`
	Grade     string     `json:"grade"`
}

// Holds tells whether a colour is of the shade.
func (s *Shade) Holds(l, a, b float64) bool {
	in := func(v float64, r [2]float64) bool { return v >= r[0] && v <= r[1] }
	return in(l, s.Lightness) && in(a, s.A) && in(b, s.B)
}

// with returns the smallest range that holds both.
func (s *Shade) with(t *Shade) *Shade {
	if s == nil {
		return t
	}
	both := func(a, b [2]float64) [2]float64 { return [2]float64{min(a[0], b[0]), max(a[1], b[1])} }
	return &Shade{both(s.Lightness, t.Lightness), both(s.A, t.A), both(s.B, t.B), s.Source, s.Grade}
}

// shadeSource says whose the figures are.
const shadeSource = "our own reading of the shades' names; no source gives figures"

// namedShade is what we take a shade's name for.
type namedShade struct {
	Lightness *[2]float64 `json:"lightness"`
	A         *[2]float64 `json:"a"`
	B         *[2]float64 `json:"b"`
	Like      string      `json:"like"`   // name of another that has the figures
	Any       bool        `json:"any"`    // every colour
	Former    bool        `json:"former"` // accepted once
	Reason    string      `json:"reason"`
}

// shades is the data file.
var shades = sync.OnceValues(func() (map[string]namedShade, error) { return parseShades(shadesJSON) })

// parseShades reads the data file and reports everything that is wrong with it.
func parseShades(data []byte) (map[string]namedShade, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var all map[string]namedShade
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("shades.json: %w", err)
	}
	var errs []error
	for name, s := range all {
		if err := s.validate(all); err != nil {
			errs = append(errs, fmt.Errorf("shades.json: %s: %w", name, err))
		}
	}
	return all, errors.Join(errs...)
}

func (s namedShade) validate(all map[string]namedShade) error {
	if s.Reason == "" {
		return errors.New("no reason")
	}
	if s.Like != "" || s.Any || s.Former {
		if s.Lightness != nil || s.A != nil || s.B != nil {
			return errors.New("figures for what has none of its own")
		}
		if s.Like != "" && all[s.Like].Lightness == nil {
			return fmt.Errorf("%q has no figures", s.Like)
		}
		return nil
	}
	if s.Lightness == nil || s.A == nil || s.B == nil {
		return errors.New("want lightness, a and b")
	}
	for _, r := range [][2]float64{*s.Lightness, *s.A, *s.B} {
		if !(r[0] < r[1]) || math.Abs(r[0]) > 128 || math.Abs(r[1]) > 128 {
			return fmt.Errorf("range from %v to %v", r[0], r[1])
		}
	}
	return nil
}

// tolerance returns the range that holds all shades of these names; nil where one of them is any.
func tolerance(accepts []string) (*Shade, error) {
	all, err := shades()
	if err != nil {
		return nil, err
	}
	var sum *Shade
	for _, name := range accepts {
		s, ok := all[name]
		switch {
		case !ok:
			return nil, fmt.Errorf("shade %q does not stand in shades.json", name)
		case s.Any:
			return nil, nil
		case s.Former:
			continue
		case s.Like != "":
			s = all[s.Like]
		}
		sum = sum.with(&Shade{*s.Lightness, *s.A, *s.B, shadeSource, houseGrade})
	}
	return sum, nil
}
