// Package resample takes turned, scaled pieces out of a picture without touching the rest of it.
//
// A piece is described by an affine map from its own pixels to upright source pixels. The source
// is first averaged down by a whole factor over just the region the piece needs, then sampled
// with subpixel accuracy. So a 12 MP picture costs what the piece costs, plus one pass of sums.
package resample

import (
	"image"
	"math"

	"idphoto/pipeline/geometry"
)

// Source is a picture that can average down a region of itself. *picture.Picture is one.
type Source interface {
	Bounded
	Reduce(r image.Rectangle, factor int) *image.RGBA
}

// Bounded has a size in pixels.
type Bounded interface {
	Bounds() (w, h int)
}

// Kernel is how a point between pixels is read.
type Kernel int

const (
	Linear Kernel = iota // fast: for networks
	Cubic                // Catmull-Rom: for pixels that people look at
)

// Sample returns the w x h piece whose pixels toSource maps to the source. Beyond the source's
// edge the nearest pixel is repeated: Inside tells where that happened.
func Sample(src Source, toSource geometry.Affine, w, h int, k Kernel) *image.RGBA {
	factor, blurred := steps(toSource.Scale(), k)
	sw, sh := src.Bounds()
	region := Footprint(toSource, w, h, 3*float64(factor)).Intersect(image.Rect(0, 0, sw, sh))
	if region.Empty() {
		region = nearest(Footprint(toSource, w, h, 0), sw, sh)
	}
	reduced := src.Reduce(region, factor)
	f := 1 / float64(factor)
	toReduced := toSource.Then(geometry.Affine{A: f, C: -float64(region.Min.X) * f, E: f, F: -float64(region.Min.Y) * f})
	if blurred {
		return average(reduced, toReduced, w, h)
	}
	return warp(reduced, toReduced, w, h, k)
}

// steps splits a reduction: by a whole factor first, then, where that leaves more than a tenth, by
// averaging 2 x 2 points of each pixel of the piece. Networks take a piece from the nearest factor with
// one point; pixels for people come from no coarser source than themselves.
func steps(scale float64, k Kernel) (factor int, blurred bool) {
	if k == Linear {
		return max(1, int(scale+.5)), false
	}
	factor = max(1, int(scale))
	return factor, scale/float64(factor) > 1.1
}

// Inside returns where a w x h piece lies within the source: true for pixels whose centre does. It
// returns nil when all of them do.
func Inside(src Bounded, toSource geometry.Affine, w, h int) []bool {
	sw, sh := src.Bounds()
	within := func(x, y int) bool {
		p := toSource.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5})
		return p.X >= 0 && p.Y >= 0 && p.X < float64(sw) && p.Y < float64(sh)
	}
	if within(0, 0) && within(w-1, 0) && within(0, h-1) && within(w-1, h-1) {
		return nil // a piece is convex
	}
	in := make([]bool, w*h)
	for y := range h {
		row := in[y*w : (y+1)*w]
		from, to := 0, w // what is inside of a row is in one piece, too
		for from < to && !within(from, y) {
			from++
		}
		for to > from && !within(to-1, y) {
			to--
		}
		for x := from; x < to; x++ {
			row[x] = true
		}
	}
	return in
}

// Footprint is the bounding box of the piece in the source, grown by margin pixels.
func Footprint(m geometry.Affine, w, h int, margin float64) image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, c := range [4]geometry.Point{{}, {X: float64(w)}, {Y: float64(h)}, {X: float64(w), Y: float64(h)}} {
		p := m.Apply(c)
		x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
	}
	return image.Rect(int(math.Floor(x0-margin)), int(math.Floor(y0-margin)), int(math.Ceil(x1+margin)), int(math.Ceil(y1+margin)))
}

// nearest is the one-pixel region of the source closest to r.
func nearest(r image.Rectangle, sw, sh int) image.Rectangle {
	x := min(max(r.Min.X, 0), sw-1)
	y := min(max(r.Min.Y, 0), sh-1)
	return image.Rect(x, y, x+1, y+1)
}

// warp reads one point of src for each pixel.
func warp(src *image.RGBA, m geometry.Affine, w, h int, k Kernel) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w]
		if k == Linear {
			linearRow(row, src, m, y)
		} else {
			cubicRow(row, src, m, y)
		}
	}
	return dst
}

// start is where row y of the piece begins in the source, counted from pixel centres.
func start(m geometry.Affine, y int) (sx, sy float64) {
	fy := float64(y) + .5
	return m.A*.5 + m.B*fy + m.C - .5, m.D*.5 + m.E*fy + m.F - .5
}

// average reads 2 x 2 points of src for each pixel.
func average(src *image.RGBA, m geometry.Affine, w, h int) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	points := geometry.Affine{A: .5, E: .5}.Then(m)
	for y := range h {
		averageRow(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], src, points, y)
	}
	return dst
}

// catmullRom returns the weights of the pixels at -1, 0, 1 and 2 for a point at t in [0, 1)
// (Catmull and Rom, 1974).
func catmullRom(t float32) [4]float32 {
	t2, t3 := t*t, t*t*t
	return [4]float32{-.5*t + t2 - .5*t3, 1 - 2.5*t2 + 1.5*t3, .5*t + 2*t2 - 1.5*t3, -.5*t2 + .5*t3}
}

func floor(v float32) int {
	i := int(v)
	if v < float32(i) {
		i--
	}
	return i
}

func clamp(i, n int) int { return min(max(i, 0), n-1) }
