package matte

import (
	"context"
	"image"

	"idphoto/pipeline/resample"
)

// How Refine works. The values are the best of those tried on the pictures with true mattes and on
// composites of 22 people before walls and rooms, of other sizes and qualities.
const (
	faintest   = 0.15  // of the network's alpha: less is background, unless near a pixel that is more
	epsilon    = 1e-5  // variance of the noise that JPEG leaves; colours are 0 to 1. Less follows its blocks, more blurs hair
	chroma     = 1e-5  // and of what it leaves in the colours beside: most files keep those for 2x2 pixels
	trustNear  = 0.003 // weight of the network's alpha against the colours where it is not sure ...
	trustFar   = 0.03  // ... at the edge of the band ...
	trustAlike = 1     // ... and, added, where person and background have one colour
	iterations = 24    // of the solver at most: more fits the noise, less leaves soft rims
	halfFirst  = 10000 // unknown pixels from which half the size is solved first, for a start that is nearly right ...
	afterHalf  = 20    // ... and needs so many iterations
	tolerance  = 1e-3  // the solver stops when the residual has shrunk so far
	maxSolved  = 60000 // unknown pixels at most, 6 MB: of a larger picture half the size is solved
)

// Refine improves alpha, in place, where the network was not sure: around the outline, within
// reach pixels of where it was, alpha is solved from the colours of img, which is as large, so that
// strands of hair come out that the network blurs.
//
// It is closed-form matting (Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image
// Matting", PAMI 2008) on 3x3 windows: within each, alpha is to be a linear function of colour. The
// unknown band is solved by conjugate gradients, started from the network's alpha and drawn to it
// a little, which keeps what colour cannot tell. Pixels that look like the wall beside them are drawn to it.
func Refine(ctx context.Context, img *image.RGBA, alpha *resample.Plane, reach int) error {
	b := newBand(alpha, reach)
	if len(b.at) == 0 {
		return ctx.Err()
	}
	found, steps := make([]float32, len(b.at)), iterations
	if len(b.at) > halfFirst && reach > 1 {
		small, err := refinedHalf(ctx, img, alpha, reach)
		if err != nil {
			return err
		}
		b.enlarge(small, found)
		steps = afterHalf
	} else {
		for i, at := range b.at {
			found[i] = alpha.Pix[at]
		}
	}
	if len(b.at) <= maxSolved {
		b.windows(img)
		if err := ctx.Err(); err != nil {
			return err
		}
		b.solve(found, alpha, b.backdrop(img), steps)
	}
	for i, k := range b.known {
		alpha.Pix[i] = float32(k) // what is sure is whole
	}
	for i, at := range b.at {
		alpha.Pix[at] = min(max(found[i], 0), 1)
	}
	return nil
}

// refinedHalf returns alpha as it is when refined at half the size.
func refinedHalf(ctx context.Context, img *image.RGBA, alpha *resample.Plane, reach int) (*resample.Plane, error) {
	small := resample.NewPlane(max(alpha.W/2, 1), max(alpha.H/2, 1))
	for y := range small.H {
		for x := range small.W {
			small.Pix[y*small.W+x] = (alpha.At(2*x, 2*y) + alpha.At(2*x+1, 2*y) + alpha.At(2*x, 2*y+1) + alpha.At(2*x+1, 2*y+1)) / 4
		}
	}
	return small, Refine(ctx, halved(img, small.W, small.H), small, max(reach/2, 1))
}

// enlarge reads the unknown pixels between those of a plane of half the size.
func (b *band) enlarge(half *resample.Plane, out []float32) {
	for i, at := range b.at {
		x, y := at%b.w-1, at/b.w-1 // in half pixels from the middle of half's first
		x0, y0 := x>>1, y>>1
		fx, fy := float32(1+2*(x&1))/4, float32(1+2*(y&1))/4
		top := half.At(x0, y0)*(1-fx) + half.At(x0+1, y0)*fx
		bottom := half.At(x0, y0+1)*(1-fx) + half.At(x0+1, y0+1)*fx
		out[i] = top*(1-fy) + bottom*fy
	}
}

// halved averages pixels two by two; an odd last row or column is left out.
func halved(img *image.RGBA, w, h int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		above := img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+2*y):]
		below := above
		if 2*y+1 < img.Rect.Dy() {
			below = img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+2*y+1):]
		}
		row := out.Pix[y*out.Stride:]
		for x := range w {
			for ch := range 4 {
				i, j := 8*x+ch, 8*x+4+ch
				if 2*x+1 >= img.Rect.Dx() {
					j = i
				}
				row[4*x+ch] = byte((int(above[i]) + int(above[j]) + int(below[i]) + int(below[j]) + 2) / 4)
			}
		}
	}
	return out
}
