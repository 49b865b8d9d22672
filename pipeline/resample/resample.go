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
	factor, n := steps(toSource.Scale(), k)
	sw, sh := src.Bounds()
	region := Footprint(toSource, w, h, 3*float64(factor)).Intersect(image.Rect(0, 0, sw, sh))
	if region.Empty() {
		region = nearest(Footprint(toSource, w, h, 0), sw, sh)
	}
	reduced := src.Reduce(region, factor)
	f := 1 / float64(factor)
	toReduced := toSource.Then(geometry.Affine{A: f, C: -float64(region.Min.X) * f, E: f, F: -float64(region.Min.Y) * f})
	if n > 1 {
		return average(reduced, toReduced, w, h, n)
	}
	return warp(reduced, toReduced, w, h, k)
}

// steps splits a reduction: by a whole factor first, then by averaging n x n points of each pixel
// of the piece. Networks take a piece from the nearest factor with one point; pixels for people
// come from no coarser source than themselves.
func steps(scale float64, k Kernel) (factor, n int) {
	if k == Linear {
		return max(1, int(scale+.5)), 1
	}
	factor = max(1, int(scale))
	return factor, max(1, int(math.Ceil(scale/float64(factor)-.1)))
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
		for x := range w {
			in[y*w+x] = within(x, y)
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

func cubicRow(row []uint8, src *image.RGBA, m geometry.Affine, y int) {
	sx, sy := start(m, y)
	for x := range len(row) / 4 {
		r, g, b := cubic(src, float32(sx+m.A*float64(x)), float32(sy+m.D*float64(x)))
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = to8(r), to8(g), to8(b), 255
	}
}

// average reads n x n points of src for each pixel.
func average(src *image.RGBA, m geometry.Affine, w, h, n int) *image.RGBA {
	step := 1 / float64(n)
	fine := warp(src, geometry.Affine{A: step, E: step}.Then(m), n*w, n*h, Linear)
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	// Even and odd bytes are summed in separate integers, as in mix; n is small enough for 16 bits.
	const even = 0x00ff00ff
	count := uint32(n * n)
	for y := range h {
		for x := range w {
			var e, o uint32
			for j := range n {
				i := (n*y+j)*fine.Stride + 4*n*x
				for range n {
					v := load(fine.Pix, i)
					e, o = e+v&even, o+v>>8&even
					i += 4
				}
			}
			p := dst.Pix[y*dst.Stride+4*x:]
			p[0], p[1] = uint8((e&0xffff+count/2)/count), uint8((o&0xffff+count/2)/count)
			p[2], p[3] = uint8((e>>16+count/2)/count), 255
		}
	}
	return dst
}

func to8(v float32) uint8 {
	return uint8(min(max(v+.5, 0), 255))
}

// cubic reads between the sixteen pixels around (x, y) with the Catmull-Rom spline.
func cubic(src *image.RGBA, x, y float32) (r, g, b float32) {
	x0, y0 := floor(x), floor(y)
	wx, wy := catmullRom(x-float32(x0)), catmullRom(y-float32(y0))
	var cols [4]int
	for i := range cols {
		cols[i] = 4 * clamp(x0-1+i, src.Rect.Dx())
	}
	for j := range 4 {
		row := src.Pix[clamp(y0-1+j, src.Rect.Dy())*src.Stride:]
		var rr, rg, rb float32
		for i, c := range cols {
			p := row[c : c+3 : c+3]
			rr += wx[i] * float32(p[0])
			rg += wx[i] * float32(p[1])
			rb += wx[i] * float32(p[2])
		}
		r, g, b = r+wy[j]*rr, g+wy[j]*rg, b+wy[j]*rb
	}
	return r, g, b
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
