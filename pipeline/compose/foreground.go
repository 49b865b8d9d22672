// Package compose puts a cut-out person in front of a new background.
//
// A pixel of hair is a mix of hair and old wall. Blending that mix over a new colour leaves a rim
// of wall, so the person's own colours are estimated first, then blended.
package compose

import (
	"image"
	"math"

	"idphoto/pipeline/resample"
)

// Constants of multi-level foreground estimation, as in the paper.
const (
	smallSize       = 32 // levels up to this size are iterated more
	smallIterations = 10
	largeIterations = 2
	regularisation  = 1e-5 // weight of smoothness where the matte is flat
)

// Sure are the shares of person beyond which a pixel needs no estimate: at least 1-Sure it is
// person, at most Sure it is not seen.
const Sure = 0.004

// Foreground returns the person's colours in img, whose matte is alpha, of the same size: as in
// img where the person is opaque, estimated where it is not. Interleaved RGB, 0..255.
//
// Source: Germer, Uelwer, Conrad, Harmeling, "Fast Multi-Level Foreground Estimation", ICPR 2020.
// Unlike there, the finer levels visit only the band where the matte is neither 0 nor 1.
func Foreground(img *image.RGBA, alpha *resample.Plane) []float32 {
	full := newLevel(img, alpha)
	pyramid := []*level{full}
	for l := full; l.w > 1 || l.h > 1; {
		l = l.half()
		pyramid = append(pyramid, l)
	}
	var est *estimate
	for i := len(pyramid) - 1; i >= 0; i-- {
		est = est.enlarge(pyramid[i])
		est.iterate(pyramid[i])
	}
	for i, a := range full.alpha {
		if a >= 1-Sure {
			copy(est.fg[3*i:3*i+3], full.color[3*i:3*i+3])
		}
	}
	return est.fg
}

// level is the picture at one size.
type level struct {
	w, h  int
	color []float32 // RGB, 0..255
	alpha []float32
}

func newLevel(img *image.RGBA, alpha *resample.Plane) *level {
	l := &level{w: alpha.W, h: alpha.H, color: make([]float32, 3*alpha.W*alpha.H), alpha: alpha.Pix}
	for y := range l.h {
		row := img.Pix[y*img.Stride:]
		for x := range l.w {
			for c := range 3 {
				l.color[3*(y*l.w+x)+c] = float32(row[4*x+c])
			}
		}
	}
	return l
}

// half averages blocks of 2x2.
func (l *level) half() *level {
	s := &level{w: (l.w + 1) / 2, h: (l.h + 1) / 2}
	s.color, s.alpha = make([]float32, 3*s.w*s.h), make([]float32, s.w*s.h)
	for y := range s.h {
		for x := range s.w {
			var sum [4]float32
			var n float32
			for yy := 2 * y; yy < min(2*y+2, l.h); yy++ {
				for xx := 2 * x; xx < min(2*x+2, l.w); xx++ {
					i := yy*l.w + xx
					sum[0], sum[1], sum[2], sum[3] = sum[0]+l.color[3*i], sum[1]+l.color[3*i+1], sum[2]+l.color[3*i+2], sum[3]+l.alpha[i]
					n++
				}
			}
			o := y*s.w + x
			s.color[3*o], s.color[3*o+1], s.color[3*o+2], s.alpha[o] = sum[0]/n, sum[1]/n, sum[2]/n, sum[3]/n
		}
	}
	return s
}

// estimate holds foreground and background colours at one size.
type estimate struct {
	w, h   int
	fg, bg []float32
}

// enlarge repeats e's pixels at l's size; a nil e starts from the picture itself.
func (e *estimate) enlarge(l *level) *estimate {
	big := &estimate{l.w, l.h, make([]float32, 3*l.w*l.h), make([]float32, 3*l.w*l.h)}
	if e == nil {
		copy(big.fg, l.color)
		copy(big.bg, l.color)
		return big
	}
	for y := range l.h {
		for x := range l.w {
			from, to := 3*(min(y/2, e.h-1)*e.w+min(x/2, e.w-1)), 3*(y*l.w+x)
			copy(big.fg[to:to+3], e.fg[from:from+3])
			copy(big.bg[to:to+3], e.bg[from:from+3])
		}
	}
	return big
}

// iterate solves, pixel by pixel, for the two colours that explain the picture's pixel and differ
// little from those of the four neighbours, less so where the matte changes.
func (e *estimate) iterate(l *level) {
	n := largeIterations
	small := max(l.w, l.h) <= smallSize
	if small {
		n = smallIterations
	}
	for range n {
		for y := range l.h {
			for x := range l.w {
				i := y*l.w + x
				a := l.alpha[i]
				switch {
				case small || a > Sure && a < 1-Sure:
					e.solve(l, x, y)
				case a >= 1-Sure:
					copy(e.fg[3*i:3*i+3], l.color[3*i:3*i+3])
				default:
					copy(e.bg[3*i:3*i+3], l.color[3*i:3*i+3])
				}
			}
		}
	}
}

func (e *estimate) solve(l *level, x, y int) {
	i := y*l.w + x
	a0 := l.alpha[i]
	a1 := 1 - a0
	var weight float32
	var fg, bg [3]float32
	add := func(j int) {
		w := regularisation + float32(math.Abs(float64(a0-l.alpha[j])))
		weight += w
		for c := range 3 {
			fg[c] += w * e.fg[3*j+c]
			bg[c] += w * e.bg[3*j+c]
		}
	}
	add(y*l.w + max(x-1, 0))
	add(y*l.w + min(x+1, l.w-1))
	add(max(y-1, 0)*l.w + x)
	add(min(y+1, l.h-1)*l.w + x)

	a00, a01, a11 := a0*a0+weight, a0*a1, a1*a1+weight
	inv := 1 / (a00*a11 - a01*a01)
	for c := range 3 {
		b0, b1 := a0*l.color[3*i+c]+fg[c], a1*l.color[3*i+c]+bg[c]
		e.fg[3*i+c] = clamp255((a11*b0 - a01*b1) * inv)
		e.bg[3*i+c] = clamp255((a00*b1 - a01*b0) * inv)
	}
}

func clamp255(v float32) float32 { return min(max(v, 0), 255) }
