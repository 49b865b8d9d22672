package resample

import (
	"encoding/binary"
	"image"

	"idphoto/pipeline/geometry"
)

// Positions along a row are counted in 1/2^32 pixels, so that steps add up without drifting;
// weights in 1/256, finer than a level of colour.
const (
	fixedBits  = 32
	weightBits = 8
)

func fixed(v float64) int64 { return int64(v * (1 << fixedBits)) }

// walk goes along a row of a piece and reads src between four pixels each. This is where most of the
// time outside the networks goes.
type walk struct {
	pix          []uint8
	stride, w, h int
	x, y         int64 // in src, from its first pixel's centre
	stepX, stepY int64
}

func newWalk(src *image.RGBA, m geometry.Affine, y int) walk {
	sx, sy := start(m, y)
	return walk{
		pix: src.Pix, stride: src.Stride, w: src.Rect.Dx(), h: src.Rect.Dy(),
		x: fixed(sx), y: fixed(sy), stepX: fixed(m.A), stepY: fixed(m.D),
	}
}

// next returns the colours where the walk stands, 256 times as large, in lanes of 16 bits: red and
// blue, green and opacity. Then it takes a step.
//
// It takes two pixels side by side at once. A product of two numbers of two halves each has, in its
// upper half, the sum of the one's upper by the other's lower half and of the lower by the upper: that
// is two pixels' channels by two weights.
func (w *walk) next() (rb, ga uint32) {
	x, y := int(w.x>>fixedBits), int(w.y>>fixedBits)
	fx := uint64(w.x>>(fixedBits-weightBits)) & (1<<weightBits - 1)
	fy := uint64(w.y>>(fixedBits-weightBits)) & (1<<weightBits - 1)
	w.x, w.y = w.x+w.stepX, w.y+w.stepY
	var top, bottom uint64
	if uint(x) < uint(w.w-1) && uint(y) < uint(w.h-1) {
		i := y*w.stride + 4*x
		top = binary.LittleEndian.Uint64(w.pix[i : i+8 : i+8])
		i += w.stride
		bottom = binary.LittleEndian.Uint64(w.pix[i : i+8 : i+8])
	} else {
		top, bottom = w.pair(x, y), w.pair(x, y+1)
	}
	// Weights add up to 256. The right pixel's stands in the lower half, where the right pixel's
	// channels, from the upper half, meet it.
	both := (256-fx)<<32 | fx
	right := (fx*fy + 128) >> weightBits
	down := (fy-right)<<32 | right
	up := both - down
	const even = 0x00ff00ff00ff00ff
	rb = uint32(((top&even)*up)>>32) + uint32(((bottom&even)*down)>>32)
	ga = uint32(((top>>8&even)*up)>>32) + uint32(((bottom>>8&even)*down)>>32)
	return rb, ga
}

// pair is the pixels at (x, y) and to the right of it, the nearest ones beyond the edges.
func (w *walk) pair(x, y int) uint64 {
	row := w.pix[clamp(y, w.h)*w.stride:]
	return uint64(load(row, 4*clamp(x, w.w))) | uint64(load(row, 4*clamp(x+1, w.w)))<<32
}

func load(pix []uint8, i int) uint32 { return binary.LittleEndian.Uint32(pix[i : i+4 : i+4]) }

// store writes a pixel whose lanes are 256 times its colours.
func store(pix []uint8, rb, ga uint32) {
	const even, half = 0x00ff00ff, 0x00800080
	binary.LittleEndian.PutUint32(pix, (rb+half)>>8&even|(ga+half)&^uint32(even)|0xff<<24)
}

// linearRow fills row y of a piece.
func linearRow(row []uint8, src *image.RGBA, m geometry.Affine, y int) {
	w := newWalk(src, m, y)
	for ; len(row) >= 4; row = row[4:] {
		rb, ga := w.next()
		store(row, rb, ga)
	}
}

// averageRow fills row y with the averages of 2 x 2 points for each pixel; m maps the points.
func averageRow(row []uint8, src *image.RGBA, m geometry.Affine, y int) {
	a, b := newWalk(src, m, 2*y), newWalk(src, m, 2*y+1)
	const quarter = 0x3fff3fff // of what a lane holds
	for ; len(row) >= 4; row = row[4:] {
		var rb, ga uint32
		for range 2 {
			e, o := a.next()
			rb, ga = rb+e>>2&quarter, ga+o>>2&quarter
			e, o = b.next()
			rb, ga = rb+e>>2&quarter, ga+o>>2&quarter
		}
		store(row, rb, ga)
	}
}
