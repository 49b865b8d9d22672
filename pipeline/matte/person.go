package matte

import (
	"idphoto/pipeline/resample"
)

// Thresholds on alpha.
const (
	Opaque = 0.5  // more person than background
	Faint  = 0.05 // below: nothing an eye would see
)

// KeepPerson clears everything in a that is not connected to the person around the seed pixel
// (sx, sy): lamps, posters, other people's shoulders. Connected means through pixels above Faint.
// It returns the share of opaque pixels that stayed; 0 means that there is no person at the seed.
func KeepPerson(a *resample.Plane, sx, sy int) float64 {
	seed := sy*a.W + sx
	if sx < 0 || sy < 0 || sx >= a.W || sy >= a.H || a.Pix[seed] < Opaque {
		return 0
	}
	kept := flood(a, seed)
	var before, after int
	for i, v := range a.Pix {
		if v > Opaque {
			before++
		}
		if !kept[i] {
			a.Pix[i] = 0
		} else if v > Opaque {
			after++
		}
	}
	return float64(after) / float64(before)
}

// flood marks the pixels above Faint that are 4-connected to seed.
func flood(a *resample.Plane, seed int) []bool {
	seen := make([]bool, len(a.Pix))
	seen[seed] = true
	stack := []int{seed}
	visit := func(i int) {
		if !seen[i] && a.Pix[i] > Faint {
			seen[i] = true
			stack = append(stack, i)
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := i%a.W, i/a.W
		if x > 0 {
			visit(i - 1)
		}
		if x < a.W-1 {
			visit(i + 1)
		}
		if y > 0 {
			visit(i - a.W)
		}
		if y < a.H-1 {
			visit(i + a.W)
		}
	}
	return seen
}

// Top returns the first row, from above, where at least need pixels of columns [x0, x1) are
// opaque; ok is false when there is none.
func Top(a *resample.Plane, x0, x1, need int) (y int, ok bool) {
	x0, x1 = max(x0, 0), min(x1, a.W)
	for y := range a.H {
		n := 0
		for x := x0; x < x1; x++ {
			if a.Pix[y*a.W+x] > Opaque {
				n++
			}
		}
		if n >= need {
			return y, true
		}
	}
	return 0, false
}
