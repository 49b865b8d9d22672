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
	Bounds() (w, h int)
	Reduce(r image.Rectangle, factor int) *image.RGBA
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
	scale := toSource.Scale()
	factor := max(1, int(scale))
	sw, sh := src.Bounds()
	region := footprint(toSource, w, h, 3*float64(factor)).Intersect(image.Rect(0, 0, sw, sh))
	if region.Empty() {
		region = nearest(footprint(toSource, w, h, 0), sw, sh)
	}
	reduced := src.Reduce(region, factor)
	f := 1 / float64(factor)
	toReduced := toSource.Then(geometry.Affine{A: f, C: -float64(region.Min.X) * f, E: f, F: -float64(region.Min.Y) * f})
	return warp(reduced, toReduced, w, h, k)
}

// Inside returns where a w x h piece lies within the source: true for pixels whose centre does.
func Inside(src Source, toSource geometry.Affine, w, h int) []bool {
	sw, sh := src.Bounds()
	in := make([]bool, w*h)
	for y := range h {
		for x := range w {
			p := toSource.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5})
			in[y*w+x] = p.X >= 0 && p.Y >= 0 && p.X < float64(sw) && p.Y < float64(sh)
		}
	}
	return in
}

// footprint is the bounding box of the piece in the source, grown by margin pixels.
func footprint(m geometry.Affine, w, h int, margin float64) image.Rectangle {
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

func warp(src *image.RGBA, m geometry.Affine, w, h int, k Kernel) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	// Where the piece is still coarser than the reduced source, several points are averaged.
	n := int(math.Ceil(m.Scale() - .1))
	read := linear
	if n <= 1 {
		n = 1
		if k == Cubic {
			read = cubic
		}
	}
	step, norm := 1/float64(n), 1/float32(n*n)
	for y := range h {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w]
		for x := range w {
			var r, g, b float32
			for j := range n {
				for i := range n {
					px, py := float64(x)+(float64(i)+.5)*step, float64(y)+(float64(j)+.5)*step
					sr, sg, sb := read(src, float32(m.A*px+m.B*py+m.C-.5), float32(m.D*px+m.E*py+m.F-.5))
					r, g, b = r+sr, g+sg, b+sb
				}
			}
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = to8(r*norm), to8(g*norm), to8(b*norm), 255
		}
	}
	return dst
}

func to8(v float32) uint8 {
	return uint8(min(max(v+.5, 0), 255))
}

// linear reads between the four pixels around (x, y), which count from pixel centres.
func linear(src *image.RGBA, x, y float32) (r, g, b float32) {
	x0, y0 := floor(x), floor(y)
	fx, fy := x-float32(x0), y-float32(y0)
	xa, xb := clamp(x0, src.Rect.Dx()), clamp(x0+1, src.Rect.Dx())
	ya, yb := clamp(y0, src.Rect.Dy())*src.Stride, clamp(y0+1, src.Rect.Dy())*src.Stride
	p, q := src.Pix[ya+4*xa:ya+4*xa+3:ya+4*xa+3], src.Pix[ya+4*xb:ya+4*xb+3:ya+4*xb+3]
	s, t := src.Pix[yb+4*xa:yb+4*xa+3:yb+4*xa+3], src.Pix[yb+4*xb:yb+4*xb+3:yb+4*xb+3]
	wp, wq, ws, wt := (1-fx)*(1-fy), fx*(1-fy), (1-fx)*fy, fx*fy
	r = wp*float32(p[0]) + wq*float32(q[0]) + ws*float32(s[0]) + wt*float32(t[0])
	g = wp*float32(p[1]) + wq*float32(q[1]) + ws*float32(s[1]) + wt*float32(t[1])
	b = wp*float32(p[2]) + wq*float32(q[2]) + ws*float32(s[2]) + wt*float32(t[2])
	return r, g, b
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
