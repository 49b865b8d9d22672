package resample

import (
	"idphoto/pipeline/geometry"
)

// Plane is a w x h array of values, such as a matte, in row-major order.
type Plane struct {
	W, H int
	Pix  []float32
}

// NewPlane returns a plane of zeros.
func NewPlane(w, h int) *Plane { return &Plane{w, h, make([]float32, w*h)} }

// At returns the value at (x, y), the nearest one beyond the edges.
func (p *Plane) At(x, y int) float32 { return p.Pix[clamp(y, p.H)*p.W+clamp(x, p.W)] }

// Warp returns the w x h plane whose pixels toPlane maps to p, read with the Catmull-Rom spline
// and kept within [0, 1]. Beyond p's edge the nearest value is repeated.
func (p *Plane) Warp(toPlane geometry.Affine, w, h int) *Plane {
	dst := NewPlane(w, h)
	for y := range h {
		sx, sy := start(toPlane, y)
		for x := range w {
			dst.Pix[y*w+x] = p.cubic(float32(sx+toPlane.A*float64(x)), float32(sy+toPlane.D*float64(x)))
		}
	}
	return dst
}

func (p *Plane) cubic(x, y float32) float32 {
	x0, y0 := floor(x), floor(y)
	if x0 < 1 || y0 < 1 || x0 >= p.W-2 || y0 >= p.H-2 {
		return p.cubicAtEdge(x, y)
	}
	i := y0*p.W + x0
	v, down := p.Pix[i], p.Pix[i+p.W:i+p.W+2]
	if (v == 0 || v == 1) && p.Pix[i+1] == v && down[0] == v && down[1] == v {
		return v // most of a matte; beyond its limits the spline is cut off anyway
	}
	wx, wy := catmullRom(x-float32(x0)), catmullRom(y-float32(y0))
	v = 0
	for j := range 4 {
		row := p.Pix[i+(j-1)*p.W-1:][:4]
		v += wy[j] * (wx[0]*row[0] + wx[1]*row[1] + wx[2]*row[2] + wx[3]*row[3])
	}
	return min(max(v, 0), 1)
}

// cubicAtEdge is cubic where some of the sixteen values lie beyond the edge.
func (p *Plane) cubicAtEdge(x, y float32) float32 {
	x0, y0 := floor(x), floor(y)
	if v := p.At(x0, y0); (v == 0 || v == 1) && p.At(x0+1, y0) == v && p.At(x0, y0+1) == v && p.At(x0+1, y0+1) == v {
		return v
	}
	wx, wy := catmullRom(x-float32(x0)), catmullRom(y-float32(y0))
	var v float32
	for j := range 4 {
		var row float32
		for i := range 4 {
			row += wx[i] * p.At(x0-1+i, y0-1+j)
		}
		v += wy[j] * row
	}
	return min(max(v, 0), 1)
}
