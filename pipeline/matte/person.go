package matte

import (
	"idphoto/pipeline/resample"
)

// Thresholds on alpha.
const (
	Opaque = 0.5  // more person than background
	Faint  = 0.05 // below: nothing an eye would see
)

// neck is how thin, in pixels to either side, a link to the person may be before what hangs on it
// counts as something else.
const neck = 2

// KeepPerson clears from a what is not the person around the seed pixel (sx, sy): lamps, posters,
// other people's shoulders, a star of the flag behind the cap. Solid parts that are joined to the
// person by a thin neck or not at all are foreign; every softer pixel goes with the solid part it
// is nearest to along the matte, so strands of hair stay. It returns the share of opaque pixels
// that stayed; 0 means that there is no person at the seed.
func KeepPerson(a *resample.Plane, sx, sy int) float64 {
	if sx < 0 || sy < 0 || sx >= a.W || sy >= a.H {
		return 0
	}
	solid := erode(opaque(a), a.W, a.H, neck)
	if !solid[sy*a.W+sx] {
		return 0
	}
	owner := make([]uint8, len(a.Pix))
	person := spread(owner, isPerson, []int{sy*a.W + sx}, a, func(i int) bool { return solid[i] })
	var foreign []int
	for i, s := range solid {
		if s && owner[i] == nobody {
			owner[i] = isForeign
			foreign = append(foreign, i)
		}
	}
	share(owner, person, foreign, a)

	before, after := 0, 0
	for i, v := range a.Pix {
		if v > Opaque {
			before++
		}
		if owner[i] != isPerson {
			a.Pix[i] = 0
		} else if v > Opaque {
			after++
		}
	}
	return float64(after) / float64(before)
}

// Owners of pixels.
const (
	nobody uint8 = iota
	isPerson
	isForeign
)

func opaque(a *resample.Plane) []bool {
	m := make([]bool, len(a.Pix))
	for i, v := range a.Pix {
		m[i] = v > Opaque
	}
	return m
}

// erode keeps pixels whose neighbours up to r to each side and, of those rows, up and down are
// all set. Beyond the edges counts as set: the picture's edge is no end of the person.
func erode(m []bool, w, h, r int) []bool {
	rows, out := make([]bool, len(m)), make([]bool, len(m))
	for i := range m {
		x, ok := i%w, m[i]
		for d := 1; ok && d <= r; d++ {
			ok = (x-d < 0 || m[i-d]) && (x+d >= w || m[i+d])
		}
		rows[i] = ok
	}
	for i := range m {
		y, ok := i/w, rows[i]
		for d := 1; ok && d <= r; d++ {
			ok = (y-d < 0 || rows[i-d*w]) && (y+d >= h || rows[i+d*w])
		}
		out[i] = ok
	}
	return out
}

// spread gives all pixels that pass and are 4-connected to the front to one owner, and returns them.
func spread(owner []uint8, to uint8, front []int, a *resample.Plane, pass func(int) bool) []int {
	var all []int
	for len(front) > 0 {
		all = append(all, front...)
		for _, i := range front {
			owner[i] = to
		}
		front = grow(owner, to, front, a, pass)
	}
	return all
}

// share lets two owners' parts grow over the matte side by side, a pixel at a time, until they
// meet or end: each pixel goes to the nearer.
func share(owner []uint8, person, foreign []int, a *resample.Plane) {
	seen := func(i int) bool { return a.Pix[i] > Faint }
	for len(person)+len(foreign) > 0 {
		person = grow(owner, isPerson, person, a, seen)
		foreign = grow(owner, isForeign, foreign, a, seen)
	}
}

// grow gives the front's free neighbours that pass to an owner and returns them.
func grow(owner []uint8, to uint8, front []int, a *resample.Plane, pass func(int) bool) []int {
	var next []int
	take := func(i int) {
		if owner[i] == nobody && pass(i) {
			owner[i] = to
			next = append(next, i)
		}
	}
	for _, i := range front {
		x, y := i%a.W, i/a.W
		if x > 0 {
			take(i - 1)
		}
		if x < a.W-1 {
			take(i + 1)
		}
		if y > 0 {
			take(i - a.W)
		}
		if y < a.H-1 {
			take(i + a.W)
		}
	}
	return next
}

// Top returns the first row, from above, with a run of at least need opaque pixels within columns
// [x0, x1): the head's own outline, not a strand or a splinter. ok is false when there is none.
func Top(a *resample.Plane, x0, x1, need int) (y int, ok bool) {
	x0, x1 = max(x0, 0), min(x1, a.W)
	for y := range a.H {
		run := 0
		for x := x0; x < x1; x++ {
			if a.Pix[y*a.W+x] <= Opaque {
				run = 0
				continue
			}
			if run++; run >= need {
				return y, true
			}
		}
	}
	return 0, false
}
