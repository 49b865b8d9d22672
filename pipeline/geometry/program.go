package geometry

import "math"

// A linear programme in few unknowns, solved by Seidel's method (Small-dimensional linear
// programming and convex hulls made easy, 1991): rows are taken one by one; where the best point so far
// breaks a row, the new best lies on that row's plane, which is a programme with one unknown less.
// It is exact, has no step size, and takes time in proportion to the number of rows. The method asks
// for rows in random order; they come in a handful of dozens here, so the order does not matter.

// unknowns of a crop's programme: scale, shift down, shift right, margin.
const unknowns = 4

// row is the condition a[0]*z[0] + ... + b >= 0.
type row struct {
	a [unknowns]float64
	b float64
}

func (r row) at(z [unknowns]float64) float64 {
	return r.a[0]*z[0] + r.a[1]*z[1] + r.a[2]*z[2] + r.a[3]*z[3] + r.b
}

// unit returns the row with its largest factor 1, so that one tolerance suits all rows. A row
// without factors stays as it is.
func (r row) unit() row {
	_, size := r.largest()
	if size == 0 {
		return r
	}
	for i := range r.a {
		r.a[i] /= size
	}
	r.b /= size
	return r
}

func (r row) largest() (at int, size float64) {
	for i, a := range r.a {
		if v := math.Abs(a); v > size {
			at, size = i, v
		}
	}
	return at, size
}

const (
	eps = 1e-9 // of rows in unit form
	// noise is what is left, by rounding, of factors that cancel.
	noise = 1e-12
	far   = 1e4 // bound on every unknown, which keeps programmes bounded: photos and heads are 1 here
)

// maximise returns the z within the box |z[i]| <= far that meets every row and makes goal.at(z)
// largest; ok is false when no z meets them. room holds rows of smaller programmes between calls.
func maximise(rows []row, goal row, room *[unknowns][]row) (z [unknowns]float64, ok bool) {
	var fixed [unknowns]bool
	return solve(rows, goal, &fixed, 0, room)
}

// solve is maximise with depth unknowns already expressed by the others: they have no factors in rows.
func solve(rows []row, goal row, fixed *[unknowns]bool, depth int, room *[unknowns][]row) (z [unknowns]float64, ok bool) {
	if unknowns-depth == 1 {
		return solveOne(rows, goal, fixed)
	}
	for i := range z {
		if !fixed[i] {
			z[i] = math.Copysign(far, goal.a[i])
		}
	}
	for i, r := range rows {
		if r.at(z) >= -eps {
			continue
		}
		k, size := r.largest()
		if size < eps {
			return z, false
		}
		less := room[depth][:0]
		for _, other := range rows[:i] {
			less = append(less, other.without(k, r).unit())
		}
		// z[k] stays within the box, whatever expresses it.
		for _, sign := range [2]float64{1, -1} {
			side := row{b: far}
			side.a[k] = sign
			less = append(less, side.without(k, r).unit())
		}
		room[depth] = less
		fixed[k] = true
		z, ok = solve(less, goal.without(k, r), fixed, depth+1, room)
		fixed[k] = false
		if !ok {
			return z, false
		}
		z[k] = 0
		z[k] = -r.at(z) / r.a[k]
	}
	return z, true
}

// without replaces unknown k by what it is on the plane of on.
func (r row) without(k int, on row) row {
	f := r.a[k] / on.a[k]
	if f == 0 {
		return r
	}
	for i := range r.a {
		if r.a[i] -= f * on.a[i]; math.Abs(r.a[i]) < noise {
			r.a[i] = 0
		}
	}
	r.b -= f * on.b
	r.a[k] = 0
	return r
}

// solveOne solves a programme whose only unknown is the one not fixed.
func solveOne(rows []row, goal row, fixed *[unknowns]bool) (z [unknowns]float64, ok bool) {
	k := 0
	for fixed[k] {
		k++
	}
	lo, hi := -far, far
	for _, r := range rows {
		switch a := r.a[k]; {
		case a > eps:
			lo = max(lo, -r.b/a)
		case a < -eps:
			hi = min(hi, -r.b/a)
		case r.b < -eps:
			return z, false
		}
	}
	if lo > hi+eps {
		return z, false
	}
	if z[k] = lo; goal.a[k] > 0 {
		z[k] = hi
	}
	return z, true
}
