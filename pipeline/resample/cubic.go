package resample

import (
	"encoding/binary"
	"image"

	"idphoto/pipeline/geometry"
)

// Weights of the spline are in 1/2048: so a point's sum is exact to a tenth of a level, and the sums of
// both directions fit 32 bits.
const cubicBits = 11

// cubicRow fills row y of a piece with src read between sixteen pixels each, with the Catmull-Rom
// spline.
func cubicRow(row []uint8, src *image.RGBA, m geometry.Affine, y int) {
	sx, sy := start(m, y)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	var edge [4 * 4 * 4]uint8 // the sixteen pixels where some of them lie beyond the edge
	for x := range len(row) / 4 {
		px, py := float32(sx+m.A*float64(x)), float32(sy+m.D*float64(x))
		x0, y0 := floor(px), floor(py)
		wx, wy := fixedWeights(px-float32(x0)), fixedWeights(py-float32(y0))
		pix, stride := src.Pix, src.Stride
		if x0 >= 1 && y0 >= 1 && x0 < w-2 && y0 < h-2 {
			pix = pix[(y0-1)*stride+4*(x0-1):]
		} else {
			for j := range 4 {
				line := src.Pix[clamp(y0-1+j, h)*stride:]
				for i := range 4 {
					copy(edge[16*j+4*i:], line[4*clamp(x0-1+i, w):][:4])
				}
			}
			pix, stride = edge[:], 16
		}
		binary.LittleEndian.PutUint32(row[4*x:], cubic(pix, stride, &wx, &wy))
	}
}

// cubic returns the weighted sum of the four by four pixels at the beginning of pix, opaque.
//
// Red and blue are summed in one integer, 32 bits apart. Weights can be negative: then the lower sum
// borrows from the upper one, which is given back when they are taken apart.
func cubic(pix []uint8, stride int, wx, wy *[4]int64) uint32 {
	var r, g, b int64
	for j := range 4 {
		line := pix[j*stride:][:16:16]
		left, right := binary.LittleEndian.Uint64(line), binary.LittleEndian.Uint64(line[8:])
		const red, blue = 0xff, 0xff << 32
		rb := int64(left&red|left<<16&blue)*wx[0] + int64(left>>32&red|left>>16&blue)*wx[1] +
			int64(right&red|right<<16&blue)*wx[2] + int64(right>>32&red|right>>16&blue)*wx[3]
		green := int64(left>>8&0xff)*wx[0] + int64(left>>40&0xff)*wx[1] + int64(right>>8&0xff)*wx[2] + int64(right>>40&0xff)*wx[3]
		low := int64(int32(rb))
		r, g, b = r+low*wy[j], g+green*wy[j], b+(rb-low)>>32*wy[j]
	}
	const half = 1 << (2*cubicBits - 1)
	level := func(v int64) uint32 { return uint32(min(max((v+half)>>(2*cubicBits), 0), 255)) }
	return level(r) | level(g)<<8 | level(b)<<16 | 0xff<<24
}

// fixedWeights are catmullRom's in 1/2048. They add up to one.
func fixedWeights(t float32) (w [4]int64) {
	v := catmullRom(t)
	sum := int64(0)
	for i := range w {
		w[i] = int64(v[i]*(1<<cubicBits)+1024.5) - 1024 // to the nearest; none is below -1/8
		sum += w[i]
	}
	w[1+int(t+.5)] += 1<<cubicBits - sum // to the nearest pixel's, the greatest
	return w
}
