package picture

import (
	"image"
	"math"
)

// block holds the coefficients of 8x8 values in zigzag order, in 1/8 of a level.
type block [64]int16

// spectrum is a picture as coefficients: all of a JPEG that does not depend on its quality.
type spectrum struct {
	w, h   int
	chroma Chroma
	blocks []block // in the order of the scan: unit by unit, brightness first
	unit   []int   // the channel (0 brightness, 1 and 2 colour) of each block of a unit
}

// newSpectrum transforms img, which is opaque.
func newSpectrum(img *image.RGBA, c Chroma) *spectrum {
	planes := yccPlanes(img, c)
	n := c.step()
	s := &spectrum{w: img.Rect.Dx(), h: img.Rect.Dy(), chroma: c}
	for range n * n {
		s.unit = append(s.unit, 0)
	}
	s.unit = append(s.unit, 1, 2)
	across, down := planes[1].w/8, planes[1].h/8
	s.blocks = make([]block, across*down*len(s.unit))
	k := 0
	for y := range down {
		for x := range across {
			for i := range n * n {
				planes[0].transform(8*(n*x+i%n), 8*(n*y+i/n), &s.blocks[k])
				k++
			}
			planes[1].transform(8*x, 8*y, &s.blocks[k])
			planes[2].transform(8*x, 8*y, &s.blocks[k+1])
			k += 2
		}
	}
	return s
}

// Cosines of the transform of 8 values, cos(k pi/16)/2, and 1/sqrt(8) for the mean, in 1/8192.
const cosineBits = 13

var cosines = func() (c [8]int32) {
	for k := range c {
		c[k] = int32(math.Round(math.Cos(float64(k)*math.Pi/16) / 2 * (1 << cosineBits)))
	}
	return c
}()

// transform fills b with the DCT (ISO/IEC 10918-1, A.3.3) of the 8x8 values at (x, y). It computes in
// integers, so that every machine writes the same file.
func (p yccPlane) transform(x, y int, b *block) {
	const keep = cosineBits + fraction - 3 // from 1/16 to 1/8 of a level
	var rows, out [64]int32
	for j := range 8 {
		v := p.v[(y+j)*p.w+x:][:8:8]
		in := [8]int32{int32(v[0]), int32(v[1]), int32(v[2]), int32(v[3]), int32(v[4]), int32(v[5]), int32(v[6]), int32(v[7])}
		dct8(&in, rows[j:], cosineBits)
	}
	for i := range 8 {
		in := [8]int32(rows[8*i : 8*i+8])
		dct8(&in, out[i:], keep)
	}
	for k, at := range zigzag {
		b[k] = int16(out[at])
	}
}

// dct8 transforms 8 values and puts the results 8 apart, which turns rows into columns. Sums of
// opposite values give the even coefficients, differences the odd ones.
func dct8(in *[8]int32, out []int32, shift uint) {
	c1, c2, c3, c4, c5, c6, c7 := cosines[1], cosines[2], cosines[3], cosines[4], cosines[5], cosines[6], cosines[7]
	half := int32(1) << (shift - 1)
	s0, s1, s2, s3 := in[0]+in[7], in[1]+in[6], in[2]+in[5], in[3]+in[4]
	d0, d1, d2, d3 := in[0]-in[7], in[1]-in[6], in[2]-in[5], in[3]-in[4]
	out = out[:57]
	out[0] = (c4*(s0+s1+s2+s3) + half) >> shift
	out[8] = (c1*d0 + c3*d1 + c5*d2 + c7*d3 + half) >> shift
	out[16] = (c2*(s0-s3) + c6*(s1-s2) + half) >> shift
	out[24] = (c3*d0 - c7*d1 - c1*d2 - c5*d3 + half) >> shift
	out[32] = (c4*(s0-s1-s2+s3) + half) >> shift
	out[40] = (c5*d0 - c1*d1 + c7*d2 + c3*d3 + half) >> shift
	out[48] = (c6*(s0-s3) - c2*(s1-s2) + half) >> shift
	out[56] = (c7*d0 - c5*d1 + c3*d2 - c1*d3 + half) >> shift
}

// zigzag lists, from low to high frequency, where a coefficient stands in its block.
var zigzag = func() (order [64]int) {
	k := 0
	for sum := range 15 { // of row and column; diagonals go up and down in turn
		for i := range sum + 1 {
			row, col := i, sum-i
			if sum%2 == 0 {
				row, col = col, row
			}
			if row < 8 && col < 8 {
				order[k] = 8*row + col
				k++
			}
		}
	}
	return order
}()
