package jpegdec

import "encoding/binary"

// coefs are a block's coefficients times their steps, in natural order. cols has a bit for each
// column in which one was set: most blocks have few.
type coefs struct {
	v    [64]int32
	cols uint8
	more bool // whether any but the mean was set
}

func (b *coefs) set(at uint8, v int32) {
	b.v[at&63] = v
	b.cols |= 1 << (at & 7)
	b.more = b.more || at > 0
}

// dequantise takes up a block of a progressive file.
func (b *coefs) dequantise(from *[64]int16, quant *[64]int32) {
	*b = coefs{}
	for at, v := range from {
		if v != 0 {
			b.set(uint8(at), int32(v)*quant[at])
		}
	}
}

// Cosines of the transform of eight values, sqrt(2) cos(k pi/16), in 1/8192. With that factor the
// first and the fifth need no product, and both directions together are 8 times too large.
const (
	cosineBits = 13

	c1 = 11363
	c2 = 10703
	c3 = 9633
	c5 = 6436
	c6 = 4433
	c7 = 2260
)

// Bits behind the point between the two directions, and those to be dropped after both.
const (
	between = 2
	last    = cosineBits + between + 3
)

// samples writes the block's 8x8 samples to dst: the inverse DCT (T.81, A.3.3), within a level of the
// exact one, and 128.
func (b *coefs) samples(dst []byte, stride int) {
	if !b.more {
		v := uint64(level((b.v[0]<<between)<<cosineBits + 1<<(last-1) + 128<<last))
		v *= 0x0101010101010101
		for y := range 8 {
			binary.LittleEndian.PutUint64(dst[y*stride:], v)
		}
		return
	}
	v := &b.v
	for x := range 8 {
		if b.cols>>x&1 != 0 {
			column(v, x)
		}
	}
	if b.cols < 1<<4 {
		for y := range 8 {
			binary.LittleEndian.PutUint64(dst[y*stride:], halfRow((*[8]int32)(v[8*y:])))
		}
		return
	}
	for y := range 8 {
		binary.LittleEndian.PutUint64(dst[y*stride:], row((*[8]int32)(v[8*y:])))
	}
}

// column transforms column x in place.
func column(v *[64]int32, x int) {
	x &= 7
	v0, v1, v2, v3 := v[x], v[x+8], v[x+16], v[x+24]
	v4, v5, v6, v7 := v[x+32], v[x+40], v[x+48], v[x+56]
	if v1|v2|v3|v4|v5|v6|v7 == 0 {
		v0 <<= between
		v[x], v[x+8], v[x+16], v[x+24], v[x+32], v[x+40], v[x+48], v[x+56] = v0, v0, v0, v0, v0, v0, v0, v0
		return
	}
	const shift = cosineBits - between
	const half = 1 << (shift - 1)
	a, b := (v0+v4)<<cosineBits+half, (v0-v4)<<cosineBits+half
	c, d := c2*v2+c6*v6, c6*v2-c2*v6
	e0, e1, e2, e3 := a+c, b+d, b-d, a-c
	o0 := c1*v1 + c3*v3 + c5*v5 + c7*v7
	o1 := c3*v1 - c7*v3 - c1*v5 - c5*v7
	o2 := c5*v1 - c1*v3 + c7*v5 + c3*v7
	o3 := c7*v1 - c5*v3 + c3*v5 - c1*v7
	v[x], v[x+56] = (e0+o0)>>shift, (e0-o0)>>shift
	v[x+8], v[x+48] = (e1+o1)>>shift, (e1-o1)>>shift
	v[x+16], v[x+40] = (e2+o2)>>shift, (e2-o2)>>shift
	v[x+24], v[x+32] = (e3+o3)>>shift, (e3-o3)>>shift
}

// middle is what turns a row's sums into levels: 128, and one half for rounding.
const middle = 128<<last + 1<<(last-1)

// row transforms a row and returns its samples, the first one lowest.
func row(v *[8]int32) uint64 {
	a, b := (v[0]+v[4])<<cosineBits+middle, (v[0]-v[4])<<cosineBits+middle
	c, d := c2*v[2]+c6*v[6], c6*v[2]-c2*v[6]
	return packed(a+c, b+d, b-d, a-c,
		c1*v[1]+c3*v[3]+c5*v[5]+c7*v[7],
		c3*v[1]-c7*v[3]-c1*v[5]-c5*v[7],
		c5*v[1]-c1*v[3]+c7*v[5]+c3*v[7],
		c7*v[1]-c5*v[3]+c3*v[5]-c1*v[7])
}

// halfRow is row where the last four values are zero.
func halfRow(v *[8]int32) uint64 {
	a := v[0]<<cosineBits + middle
	c, d := c2*v[2], c6*v[2]
	return packed(a+c, a+d, a-d, a-c, c1*v[1]+c3*v[3], c3*v[1]-c7*v[3], c5*v[1]-c1*v[3], c7*v[1]-c5*v[3])
}

// packed adds the odd cosines' sums to the even ones', and takes them off for the mirrored samples.
func packed(e0, e1, e2, e3, o0, o1, o2, o3 int32) uint64 {
	s0, s1, s2, s3 := (e0+o0)>>last, (e1+o1)>>last, (e2+o2)>>last, (e3+o3)>>last
	s4, s5, s6, s7 := (e3-o3)>>last, (e2-o2)>>last, (e1-o1)>>last, (e0-o0)>>last
	if uint32(s0|s1|s2|s3|s4|s5|s6|s7) > 255 {
		s0, s1, s2, s3 = clamp(s0), clamp(s1), clamp(s2), clamp(s3)
		s4, s5, s6, s7 = clamp(s4), clamp(s5), clamp(s6), clamp(s7)
	}
	return uint64(s0) | uint64(s1)<<8 | uint64(s2)<<16 | uint64(s3)<<24 | uint64(s4)<<32 | uint64(s5)<<40 | uint64(s6)<<48 | uint64(s7)<<56
}

func level(v int32) int32 { return clamp(v >> last) }

func clamp(v int32) int32 { return min(max(v, 0), 255) }
