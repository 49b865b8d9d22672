package picture

import "image"

// Chroma says how finely a JPEG keeps colours; brightness is always kept at every pixel.
type Chroma int

const (
	// FullChroma keeps the colour of every pixel (4:4:4): the edge of a head on red stays sharp.
	FullChroma Chroma = iota
	// HalfChroma keeps one colour for 2x2 pixels (4:2:0). Files are smaller, and colours bleed by
	// a pixel where a strong one meets another.
	HalfChroma
)

// String names the sampling as people know it.
func (c Chroma) String() string {
	if c == HalfChroma {
		return "4:2:0"
	}
	return "4:4:4"
}

// step is the side, in pixels, of what one chroma value covers.
func (c Chroma) step() int {
	if c == HalfChroma {
		return 2
	}
	return 1
}

// fraction is how many bits behind the point the planes keep, so that nothing is rounded to whole
// levels between colours and coefficients.
const fraction = 4

// yccPlane is one channel, a multiple of 8 wide and high, as value - 128 in 1/16 levels.
type yccPlane struct {
	w, h int
	v    []int16
}

func newYCCPlane(w, h int) yccPlane { return yccPlane{w, h, make([]int16, w*h)} }

// yccPlanes converts img to the colours of JFIF (ITU-R BT.601, full range). Each plane is continued
// by its last column and row to whole blocks of the frame.
func yccPlanes(img *image.RGBA, c Chroma) [3]yccPlane {
	block := 8 * c.step()
	w, h := roundUp(img.Rect.Dx(), block), roundUp(img.Rect.Dy(), block)
	p := [3]yccPlane{newYCCPlane(w, h), newYCCPlane(w, h), newYCCPlane(w, h)}
	for y := range h {
		from := y * w
		if y >= img.Rect.Dy() {
			for i := range p {
				copy(p[i].v[from:from+w], p[i].v[from-w:from])
			}
			continue
		}
		yccRow(p[0].v[from:from+w], p[1].v[from:from+w], p[2].v[from:from+w], img.Pix[y*img.Stride:], img.Rect.Dx())
	}
	if c == HalfChroma {
		p[1], p[2] = p[1].halved(), p[2].halved()
	}
	return p
}

// yccRow converts n pixels and repeats the last one to the end of the row. Weights are in 1/65536;
// those of each channel add up to 0 or 1 exactly, so that greys stay grey.
func yccRow(luma, blue, red []int16, pix []uint8, n int) {
	const shift = 16 - fraction
	const half = 1 << (shift - 1)
	blue, red = blue[:len(luma)], red[:len(luma)]
	for x := range n {
		q := pix[4*x : 4*x+3 : 4*x+3]
		r, g, b := int32(q[0]), int32(q[1]), int32(q[2])
		luma[x] = int16((19595*r + 38470*g + 7471*b - 128<<16 + half) >> shift)
		blue[x] = int16((-11059*r - 21709*g + 32768*b + half) >> shift)
		red[x] = int16((32768*r - 27439*g - 5329*b + half) >> shift)
	}
	for x := n; x < len(luma); x++ {
		luma[x], blue[x], red[x] = luma[n-1], blue[n-1], red[n-1]
	}
}

// halved averages blocks of 2x2, whose middle is where JFIF puts the value.
func (p yccPlane) halved() yccPlane {
	s := newYCCPlane(p.w/2, p.h/2)
	for y := range s.h {
		above, below := p.v[2*y*p.w:][:p.w], p.v[(2*y+1)*p.w:][:p.w]
		for x := range s.w {
			sum := int32(above[2*x]) + int32(above[2*x+1]) + int32(below[2*x]) + int32(below[2*x+1])
			s.v[y*s.w+x] = int16((sum + 2) >> 2)
		}
	}
	return s
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
