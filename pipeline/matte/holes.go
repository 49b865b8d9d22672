package matte

import (
	"image"
	"math"

	"idphoto/pipeline/resample"
)

// wallEdge is how many times likelier a hole's colours must be as background, per pixel on average
// and as a logarithm, before it stays a hole: what the person wholly encloses is mostly person.
const wallEdge = .5

// FillHoles makes those parts of the matte opaque that the person encloses and that do not look like
// the background around the person: the network loses patches of cloth and fur. Gaps that show the
// wall (between arm and body, in a curl) stay. img is the picture, as large as a. It returns how
// many pixels it filled.
func FillHoles(img *image.RGBA, a *resample.Plane) int {
	open := outside(a)
	var people, walls *tones
	filled := 0
	seen := make([]bool, len(a.Pix))
	for i, v := range a.Pix {
		if v > Opaque || open[i] || seen[i] {
			continue
		}
		if people == nil {
			b := &band{w: a.W, h: a.H, known: certain(a, open)}
			people, walls = b.tones(img)
			people.fill()
			walls.fill()
		}
		hole := reachable(a, i, seen)
		if wallLikelier(img, a, hole, people, walls) {
			continue
		}
		for _, at := range hole {
			a.Pix[at] = 1
		}
		filled += len(hole)
	}
	return filled
}

// certain says what is known of each pixel before holes are judged: what is clear counts as
// background only outside the person.
func certain(a *resample.Plane, open []bool) []int8 {
	known := make([]int8, len(a.Pix))
	for i, v := range a.Pix {
		switch {
		case v > sureOpaque:
			known[i] = person
		case v >= sureClear || !open[i]:
			known[i] = unknown
		}
	}
	return known
}

// outside marks the pixels that are not opaque and joined to the plane's border through such.
func outside(a *resample.Plane) []bool {
	seen := make([]bool, len(a.Pix))
	for x := range a.W {
		reachable(a, x, seen)
		reachable(a, (a.H-1)*a.W+x, seen)
	}
	for y := range a.H {
		reachable(a, y*a.W, seen)
		reachable(a, y*a.W+a.W-1, seen)
	}
	return seen
}

// reachable returns the pixels that are not opaque and 4-connected to the first, and marks them.
func reachable(a *resample.Plane, first int, seen []bool) []int {
	return connected(a, first, seen, func(v float32) bool { return v <= Opaque })
}

// wallLikelier tells whether the hole's pixels fit the background's colours better than the
// person's, each a normal distribution around what is near. The clearer a pixel the more it counts: in a
// gap between strands of hair the others are half hair.
func wallLikelier(img *image.RGBA, a *resample.Plane, hole []int, people, walls *tones) bool {
	var sum, weight float64
	for _, i := range hole {
		x, y := i%a.W, i/a.W
		cx, cy := (float32(x)+.5)/cellSide, (float32(y)+.5)/cellSide
		p, b := people.between(cx, cy), walls.between(cx, cy)
		if p[0] == 0 || b[0] == 0 {
			return false
		}
		c := colour(img, x, y)
		clear := float64(1-a.Pix[i]) * float64(1-a.Pix[i])
		sum += clear * (logLikelihood(c, b) - logLikelihood(c, p))
		weight += clear
	}
	return sum > wallEdge*weight
}

func logLikelihood(c [3]float32, t tone) float64 {
	mean, variance := t.mean()
	var off float32
	for ch := range 3 {
		off += (c[ch] - mean[ch]) * (c[ch] - mean[ch])
	}
	// The variance is a sum over three channels, each with a third of it.
	return -1.5*float64(off/variance) - 1.5*math.Log(float64(variance))
}
