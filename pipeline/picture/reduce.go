package picture

import "image"

// Reduce returns the part r of the upright picture, each pixel the plain average of a block of
// factor x factor source pixels; blocks at the right and bottom edge average what is there. r is
// in upright source pixels and is clipped to the picture. The result is opaque sRGB of
// ceil(r.Dx()/factor) x ceil(r.Dy()/factor) pixels with its origin at (0, 0). Factor 1 copies;
// less is taken as 1. Only the pixels of r are read.
//
// Averages are taken of the values as stored (not of linear light), and the colour profile is
// applied to the averages: that makes it cheap.
func (p *Picture) Reduce(r image.Rectangle, factor int) *image.RGBA {
	w, h := p.Bounds()
	r = r.Intersect(image.Rect(0, 0, w, h))
	if r.Empty() {
		return image.NewRGBA(image.Rectangle{})
	}
	factor = min(max(factor, 1), max(r.Dx(), r.Dy()))
	out := image.NewRGBA(image.Rect(0, 0, (r.Dx()-1)/factor+1, (r.Dy()-1)/factor+1))
	s := p.orient.toStored(r, p.stored)
	rd := newReducer(p.pixels, cuts(s.Min.X, s.Max.X, factor, p.orient.flipX), factor)
	ys := cuts(s.Min.Y, s.Max.Y, factor, p.orient.flipY)
	if p.orient == (orientation{}) {
		for j := range len(ys) - 1 {
			rd.row(out.Pix[j*out.Stride:], ys[j], ys[j+1])
		}
	} else {
		reduceTurned(rd, ys, p.orient.place(out))
	}
	p.colour.apply(out.Pix)
	return out
}

func reduceTurned(rd *reducer, ys []int, to placement) {
	n := len(rd.xs) - 1
	band := make([]byte, 4*n*bandRows)
	for j := 0; j < len(ys)-1; j += bandRows {
		rows := min(bandRows, len(ys)-1-j)
		for k := range rows {
			rd.row(band[4*n*k:], ys[j+k], ys[j+k+1])
		}
		to.put(band, n, rows, j)
	}
}

// reducer makes one row of averages at a time, in stored order.
type reducer struct {
	src    source
	xs     []int // borders of the blocks
	single bool  // blocks of one pixel
	planes *planeSums
	rgb    *rowSums
}

func newReducer(src source, xs []int, factor int) *reducer {
	r := &reducer{src: src, xs: xs, single: factor == 1}
	if r.single {
		return r
	}
	if y, ok := src.(*yccSource); ok {
		r.planes = newPlaneSums(y, xs)
	} else {
		r.rgb = newRowSums(src, xs)
	}
	return r
}

// row writes the averages of the stored rows [y0, y1), four bytes each, to dst.
func (r *reducer) row(dst []byte, y0, y1 int) {
	switch {
	case r.single:
		r.src.row(dst, r.xs[0], r.xs[len(r.xs)-1], y0)
	case r.planes != nil:
		r.planes.average(dst, y0, y1)
	default:
		r.rgb.average(dst, y0, y1)
	}
}
