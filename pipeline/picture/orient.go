package picture

import (
	"encoding/binary"
	"image"
)

// orientation says how stored pixels are turned to stand upright: first mirrored along x and y,
// then, with swap, rows become columns.
type orientation struct {
	flipX, flipY, swap bool
}

// orientations are the EXIF values; 0 is unused.
var orientations = [9]orientation{
	2: {flipX: true},
	3: {flipX: true, flipY: true},
	4: {flipY: true},
	5: {swap: true},
	6: {swap: true, flipY: true},
	7: {swap: true, flipX: true, flipY: true},
	8: {swap: true, flipX: true},
}

// toStored maps a rectangle of upright pixels to the stored pixels of a picture of the given
// stored size.
func (o orientation) toStored(r image.Rectangle, size image.Point) image.Rectangle {
	if o.swap {
		r = image.Rect(r.Min.Y, r.Min.X, r.Max.Y, r.Max.X)
	}
	if o.flipX {
		r.Min.X, r.Max.X = size.X-r.Max.X, size.X-r.Min.X
	}
	if o.flipY {
		r.Min.Y, r.Max.Y = size.Y-r.Max.Y, size.Y-r.Min.Y
	}
	return r
}

// cuts divides [lo, hi) into blocks of n, a partial one last, or first when the axis is mirrored
// (so that it is last once the picture stands upright). It returns the borders in rising order.
func cuts(lo, hi, n int, mirrored bool) []int {
	blocks := (hi-lo-1)/n + 1
	out := make([]int, 0, blocks+1)
	out = append(out, lo)
	first := lo + n
	if mirrored {
		first = hi - (blocks-1)*n
	}
	for at := first; at < hi; at += n {
		out = append(out, at)
	}
	return append(out, hi)
}

// placement puts rows of stored order into an upright picture.
type placement struct {
	out    *image.RGBA
	origin int // offset of the first stored pixel
	dx, dy int // offset from one stored pixel to the next, and from one stored row to the next
}

func (o orientation) place(out *image.RGBA) placement {
	w, h := out.Rect.Dx(), out.Rect.Dy()
	p := placement{out: out, dx: 4, dy: out.Stride}
	if o.swap {
		w, h = h, w
		p.dx, p.dy = p.dy, p.dx
	}
	if o.flipX {
		p.origin += (w - 1) * p.dx
		p.dx = -p.dx
	}
	if o.flipY {
		p.origin += (h - 1) * p.dy
		p.dy = -p.dy
	}
	return p
}

// bandRows rows are put at once: sixteen pixels of four bytes fill a cache line when the picture
// is turned on its side.
const bandRows = 16

// put writes rows of n pixels each, the first of them stored row j. It walks so that the inner
// loop writes neighbouring pixels.
func (p placement) put(band []byte, n, rows, j int) {
	origin := p.origin + j*p.dy
	if p.dx == 4 || p.dx == -4 {
		for k := range rows {
			scatter(p.out.Pix, origin+k*p.dy, p.dx, band[4*k*n:], 4, n)
		}
		return
	}
	for i := range n {
		scatter(p.out.Pix, origin+i*p.dx, p.dy, band[4*i:], 4*n, rows)
	}
}

// scatter copies n pixels that lie a step of bytes apart in from to pixels another step apart in to.
func scatter(to []byte, at, toStep int, from []byte, fromStep, n int) {
	for i := range n {
		v := binary.LittleEndian.Uint32(from[i*fromStep:])
		binary.LittleEndian.PutUint32(to[at+i*toStep:], v)
	}
}
