package geometry

import (
	"cmp"
	"math"
	"slices"

	"idphoto/pipeline/spec"
)

// firmShare and firmMargin say how far the other rules give in when a rule has to give way: they keep
// this share of the best margin they could have, or the whole of it up to firmMargin. So a photo whose
// hair is too high for a rule loses no more of it than must be, and is still safe by the others.
const (
	firmShare  = .5
	firmMargin = .25
)

// Solve finds the crop of head that meets the document's rules with the largest margin. Rules that
// may give way do so only where the others cannot hold with them, and no further than they must. cover,
// when not nil, is a quadrilateral's set of half planes n.x >= d (in the head's frame) that the photo
// must not leave. When there is no crop, conflict names rules that cannot hold together, none of which
// could be left out.
func (h Head) Solve(s *spec.Spec, cover []HalfPlane) (crop Crop, conflict []string, ok bool) {
	q := search{
		units: units{head: max(h.Chin-h.Crown, math.SmallestNonzeroFloat32), photo: float64(max(s.WidthPx, s.HeightPx))},
		base:  h.rules(s),
		left:  besides(h.CutLeft, BodyLeft, s, -1), right: besides(h.CutRight, BodyRight, s, 1),
	}
	for _, p := range cover {
		q.base = append(q.base, p.bounds(s)...)
	}
	if crop, ok = q.all(); ok {
		return crop, nil, true
	}
	if crop, ok = q.firm(); ok {
		return crop, nil, true
	}
	return Crop{}, q.conflict(), false
}

// search is the search for one head's crop. Each side cut has several ways of being kept out of the
// photo, which are other bounds; all of them are looked at.
type search struct {
	units
	base        []Bound
	left, right [][]Bound
}

// rank tells how good the best crop under these bounds is; ok is false when there is none.
type rank func(bounds []Bound) (margin float64, ok bool)

// all meets every rule.
func (q *search) all() (Crop, bool) {
	raise := func(bounds []Bound) (float64, bool) {
		z, ok := q.place(bounds).best(soft(bounds, everything))
		return z[zMargin], ok && z[zMargin] > -tight
	}
	return q.finish(raise, everything, func(p *placing) ([unknowns]float64, bool) {
		return p.level(soft(p.bounds, everything))
	})
}

// firm meets the rules that do not give way, and breaks the others as little as it can.
func (q *search) firm() (Crop, bool) {
	kept := func(bounds []Bound) (float64, bool) {
		bounds = slices.DeleteFunc(slices.Clone(bounds), yields)
		z, ok := q.place(bounds).best(soft(bounds, everything))
		return z[zMargin], ok && z[zMargin] > -tight
	}
	margin := math.Inf(-1)
	for _, bounds := range q.ways(kept) {
		m, _ := kept(bounds)
		margin = max(margin, m)
	}
	if math.IsInf(margin, -1) {
		return Crop{}, false
	}
	floor := max(firmShare*margin, min(firmMargin, margin))
	hold := func(bounds []Bound) *placing {
		p := q.place(bounds)
		for _, i := range soft(bounds, firm) {
			p.floor[i] = floor - tight
		}
		p.top = 0
		return p
	}
	broken := func(bounds []Bound) (float64, bool) {
		z, ok := hold(bounds).best(soft(bounds, yields))
		return z[zMargin], ok
	}
	crop, ok := q.finish(broken, firm, func(p *placing) ([unknowns]float64, bool) {
		*p = *hold(p.bounds)
		z, ok := p.level(soft(p.bounds, yields))
		if !ok {
			return z, false
		}
		// What does not have to give way is as good as the others from here on.
		p.top = 1
		free := soft(p.bounds, everything)
		free = slices.DeleteFunc(free, func(i int) bool { return p.bounds[i].Yields && p.floor[i] < -10*tight })
		if better, ok := p.level(free); ok {
			z = better
		}
		return z, true
	})
	return crop, ok
}

// finish looks at the best ways, brings each to its end and returns the best crop. Its margin is that of
// the bounds that count.
func (q *search) finish(r rank, counts func(Bound) bool, end func(*placing) ([unknowns]float64, bool)) (best Crop, ok bool) {
	if _, ok := r(q.base); !ok {
		return Crop{}, false
	}
	// Mostly the best crop keeps the side cuts out by itself.
	root := q.place(q.base)
	if z, found := end(root); found {
		if best = root.crop(z, counts); holdsAny(q.left, best) && holdsAny(q.right, best) {
			return best, true
		}
	}
	var margins []float64
	for _, bounds := range q.ways(r) {
		p := q.place(bounds)
		z, found := end(p)
		if !found {
			continue
		}
		own := p.margins(z)
		if !ok || slices.CompareFunc(own, margins, roughly) > 0 {
			best, margins, ok = p.crop(z, counts), own, true
		}
	}
	return best, ok
}

func holdsAny(ways [][]Bound, c Crop) bool {
	return slices.ContainsFunc(ways, func(way []Bound) bool {
		return !slices.ContainsFunc(way, func(b Bound) bool { return b.value(c) < 0 })
	})
}

// maxTies bounds how many equally good ways are brought to their end.
const maxTies = 2

// ways returns the bounds with the highest rank, those of each way of keeping side cuts out.
func (q *search) ways(r rank) [][]Bound {
	if _, ok := r(q.base); !ok {
		return nil
	}
	type way struct {
		bounds []Bound
		margin float64
	}
	ranked := func(sides [][]Bound) (ways []way) {
		for _, side := range sides {
			if m, ok := r(slices.Concat(q.base, side)); ok {
				ways = append(ways, way{side, m})
			}
		}
		slices.SortStableFunc(ways, func(a, b way) int { return cmp.Compare(b.margin, a.margin) })
		return ways
	}
	lefts, rights := ranked(q.left), ranked(q.right)
	best := math.Inf(-1)
	var found []way
	for _, l := range lefts {
		for _, right := range rights {
			if min(l.margin, right.margin) < best-tight {
				break // both together cannot be better than each alone
			}
			bounds := slices.Concat(q.base, l.bounds, right.bounds)
			if m, ok := r(bounds); ok {
				found = append(found, way{bounds, m})
				best = max(best, m)
			}
		}
	}
	var ties [][]Bound
	for _, w := range found {
		if w.margin >= best-tight && len(ties) < maxTies {
			ties = append(ties, w.bounds)
		}
	}
	return ties
}

// conflict leaves out one name after the other; what cannot be left out is the conflict.
func (q *search) conflict() []string {
	possible := func(bounds []Bound) (float64, bool) {
		_, ok := q.place(bounds).best(nil)
		return 0, ok
	}
	rest := *q
	rest.base = slices.DeleteFunc(slices.Clone(q.base), yields)
	// The sides first: without them there are fewer ways to look at.
	for _, name := range append([]string{BodyLeft, BodyRight}, rest.names()...) {
		without := rest.without(name)
		if !without.any(possible) {
			rest = without
		}
	}
	return rest.names()
}

// any tells whether there is a crop at all.
func (q *search) any(possible rank) bool {
	if _, ok := possible(q.base); !ok {
		return false
	}
	for _, left := range q.left {
		if _, ok := possible(slices.Concat(q.base, left)); !ok {
			continue
		}
		for _, right := range q.right {
			if _, ok := possible(slices.Concat(q.base, left, right)); ok {
				return true
			}
		}
	}
	return false
}

func (q search) without(name string) search {
	q.base = slices.DeleteFunc(slices.Clone(q.base), func(b Bound) bool { return b.Name == name })
	switch name {
	case BodyLeft:
		q.left = [][]Bound{nil}
	case BodyRight:
		q.right = [][]Bound{nil}
	}
	return q
}

// names lists the bounds' names, each once.
func (q search) names() []string {
	var out []string
	for _, b := range slices.Concat(q.base, q.left[0], q.right[0]) {
		if !slices.Contains(out, b.Name) {
			out = append(out, b.Name)
		}
	}
	return out
}
