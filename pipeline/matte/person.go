package matte

import (
	"idphoto/pipeline/resample"
)

// Thresholds on alpha.
const (
	Opaque = 0.5  // more person than background
	Faint  = 0.05 // below: nothing an eye would see
)

// KeepPerson clears from a what is not joined to the person around the seed pixel (sx, sy): lamps,
// posters, people further off. Joined means through pixels above Faint: strands of hair stay, at
// the price of what touches the person. It returns the share of opaque pixels that stayed; 0 means that
// there is no person at the seed.
func KeepPerson(a *resample.Plane, sx, sy int) float64 {
	if sx < 0 || sy < 0 || sx >= a.W || sy >= a.H || a.Pix[sy*a.W+sx] <= Opaque {
		return 0
	}
	joined := flood(a, sy*a.W+sx)
	before, after := 0, 0
	for i, v := range a.Pix {
		if v > Opaque {
			before++
		}
		if !joined[i] {
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
	connected(a, seed, seen, func(v float32) bool { return v > Faint })
	return seen
}

// connected returns first and the pixels 4-connected to it whose value is in, and marks them as
// seen; those that are seen already are left out.
func connected(a *resample.Plane, first int, seen []bool, in func(v float32) bool) []int {
	var list []int
	visit := func(i int) {
		if !seen[i] && in(a.Pix[i]) {
			seen[i] = true
			list = append(list, i)
		}
	}
	visit(first)
	for k := 0; k < len(list); k++ {
		i := list[k]
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
	return list
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

// Near tells which pixels are within reach of one above Faint, along rows and columns.
func Near(a *resample.Plane, reach int) []bool {
	rows := make([]bool, len(a.Pix)) // within reach along the row
	for y := range a.H {
		row := a.Pix[y*a.W : (y+1)*a.W]
		until := -1
		for x := -reach; x < a.W; x++ {
			if x+reach < a.W && row[x+reach] > Faint {
				until = x + 2*reach
			}
			if x >= 0 && x <= until {
				rows[y*a.W+x] = true
			}
		}
	}
	near := make([]bool, len(a.Pix))
	until := make([]int, a.W)
	for x := range until {
		until[x] = -1
	}
	for y := -reach; y < a.H; y++ {
		for x := range a.W {
			if y+reach < a.H && rows[(y+reach)*a.W+x] {
				until[x] = y + 2*reach
			}
			if y >= 0 && y <= until[x] {
				near[y*a.W+x] = true
			}
		}
	}
	return near
}
