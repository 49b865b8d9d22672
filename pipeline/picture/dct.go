package picture

import "image"

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

// Cosines of the transform of 8 values, cos(k pi/16)/2, and 1/sqrt(8) for the mean, in 1/8192; constants
// for the compiler's sake.
const (
	cosineBits = 13

	c1 = 4017
	c2 = 3784
	c3 = 3406
	c4 = 2896
	c5 = 2276
	c6 = 1567
	c7 = 799
)

// transform fills b with the DCT (ISO/IEC 10918-1, A.3.3) of the 8x8 values at (x, y). It computes in
// integers, so that every machine writes the same file.
func (p yccPlane) transform(x, y int, b *block) {
	const keep = cosineBits + fraction - 3 // from 1/16 to 1/8 of a level
	var rows [8][8]int32
	for j := range 8 {
		v := p.v[(y+j)*p.w+x:][:8:8]
		rows[j] = dct8(int32(v[0]), int32(v[1]), int32(v[2]), int32(v[3]), int32(v[4]), int32(v[5]), int32(v[6]), int32(v[7]), cosineBits)
	}
	for i := range 8 {
		column := dct8(rows[0][i], rows[1][i], rows[2][i], rows[3][i], rows[4][i], rows[5][i], rows[6][i], rows[7][i], keep)
		for j, v := range column {
			b[zigzagAt[8*j+i]&63] = int16(v)
		}
	}
}

// dct8 transforms 8 values. Sums of opposite values give the even coefficients, differences the odd ones.
func dct8(v0, v1, v2, v3, v4, v5, v6, v7 int32, shift uint) [8]int32 {
	half := int32(1) << (shift&31 - 1)
	s0, s1, s2, s3 := v0+v7, v1+v6, v2+v5, v3+v4
	d0, d1, d2, d3 := v0-v7, v1-v6, v2-v5, v3-v4
	e0, e1, e2, e3 := s0+s3, s1+s2, s0-s3, s1-s2
	shift &= 31
	return [8]int32{
		(c4*(e0+e1) + half) >> shift,
		(c1*d0 + c3*d1 + c5*d2 + c7*d3 + half) >> shift,
		(c2*e2 + c6*e3 + half) >> shift,
		(c3*d0 - c7*d1 - c1*d2 - c5*d3 + half) >> shift,
		(c4*(e0-e1) + half) >> shift,
		(c5*d0 - c1*d1 + c7*d2 + c3*d3 + half) >> shift,
		(c6*e2 - c2*e3 + half) >> shift,
		(c7*d0 - c5*d1 + c3*d2 - c1*d3 + half) >> shift,
	}
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

// zigzagAt is the inverse of zigzag.
var zigzagAt = func() (at [64]uint8) {
	for k, i := range zigzag {
		at[i] = uint8(k)
	}
	return at
}()
