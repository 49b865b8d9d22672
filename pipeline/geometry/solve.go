package geometry

import (
	"math"
	"slices"
)

// Bound is a linear condition on the vertical placement of a photo. A point at height u in the
// face's own upright frame lands on row Scale*u + Shift of the photo, so every measure of a photo
// is Gain*Scale + Move*Shift + Const, and a Bound asks that this be at least 0. With Slack > 0
// the solver keeps away from the limit: margin is the measure over Slack. With Slack 0 the limit
// is hard: it must hold, being close to it costs nothing.
type Bound struct {
	Name              string
	Gain, Move, Const float64
	Slack             float64
}

func (b Bound) value(p Placement) float64 { return b.Gain*p.Scale + b.Move*p.Shift + b.Const }

// Placement is the vertical half of a crop: photo row = Scale*u + Shift.
type Placement struct {
	Scale, Shift float64
	Margin       float64 // the smallest margin over all bounds with slack; 1 is the middle of every band
}

// Solve returns the placement with the largest margin. When no placement meets every bound, ok is
// false and conflict names bounds that cannot hold together, none of which could be left out.
//
// It is a linear programme in scale, shift and margin. There are about ten bounds, so the optimum is
// found by looking at every corner where three of them meet, which is exact and has no step size.
func Solve(bounds []Bound) (best Placement, conflict []string, ok bool) {
	if best, ok = optimum(bounds); ok {
		return best, nil, true
	}
	// Leave out one name after the other; what cannot be left out is the conflict.
	rest := bounds
	for _, name := range names(bounds) {
		without := slices.DeleteFunc(slices.Clone(rest), func(b Bound) bool { return b.Name == name })
		if _, feasible := optimum(without); !feasible {
			rest = without
		}
	}
	return Placement{}, names(rest), false
}

// frame keeps the programme bounded, whatever it is given: far beyond any picture.
var frame = []Bound{
	{Gain: 1, Const: -1e-6}, {Gain: -1, Const: 1e6},
	{Move: 1, Const: 1e7}, {Move: -1, Const: 1e7},
	{Const: 2, Slack: 1}, // no band has a margin above 1
}

const eps = 1e-9

// optimum looks at every corner. ok is false when the best one has a negative margin.
func optimum(bounds []Bound) (best Placement, ok bool) {
	all := append(slices.Clone(bounds), frame...)
	best.Margin = math.Inf(-1)
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			for k := j + 1; k < len(all); k++ {
				p, regular := meet(all[i], all[j], all[k])
				if regular && p.Margin > best.Margin && holds(all, p) {
					best = p
				}
			}
		}
	}
	return best, best.Margin >= -eps
}

func holds(bounds []Bound, p Placement) bool {
	return !slices.ContainsFunc(bounds, func(b Bound) bool {
		return b.value(p) < b.Slack*p.Margin-eps*(1+math.Abs(b.Const)+math.Abs(b.Gain*p.Scale))
	})
}

// meet solves value = Slack*margin for three bounds by Cramer's rule.
func meet(a, b, c Bound) (Placement, bool) {
	m := [3][4]float64{
		{a.Gain, a.Move, -a.Slack, -a.Const},
		{b.Gain, b.Move, -b.Slack, -b.Const},
		{c.Gain, c.Move, -c.Slack, -c.Const},
	}
	det := func(x, y, z int) float64 {
		return m[0][x]*(m[1][y]*m[2][z]-m[1][z]*m[2][y]) -
			m[0][y]*(m[1][x]*m[2][z]-m[1][z]*m[2][x]) +
			m[0][z]*(m[1][x]*m[2][y]-m[1][y]*m[2][x])
	}
	d := det(0, 1, 2)
	size := math.Abs(m[0][0]) + math.Abs(m[1][0]) + math.Abs(m[2][0]) + 1
	if math.Abs(d) < eps*size {
		return Placement{}, false
	}
	return Placement{Scale: det(3, 1, 2) / d, Shift: det(0, 3, 2) / d, Margin: det(0, 1, 3) / d}, true
}

// names lists the bounds' names, each once.
func names(bounds []Bound) []string {
	var out []string
	for _, b := range bounds {
		if !slices.Contains(out, b.Name) {
			out = append(out, b.Name)
		}
	}
	return out
}
