package matte

import (
	"context"
	"image"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// How Refine works. The values are the best of those tried on the pictures with true mattes.
const (
	sureOpaque = 0.9   // of the network's alpha: person, unless near a pixel that is not
	sureClear  = 0.1   // background, likewise
	epsilon    = 5e-5  // variance of the noise that JPEG leaves; colours are 0 to 1. Less follows its blocks, more blurs hair
	trustNear  = 0.01  // weight of the network's alpha against the colours where it is not sure ...
	trustFar   = 0.3   // ... and at the edge of the band
	iterations = 30    // of the solver at most: more changes nothing that can be seen
	tolerance  = 1e-3  // the solver stops when the residual has shrunk so far
	maxSolved  = 60000 // unknown pixels at most, 6 MB: a larger picture is refined at half its size
)

// Refine improves alpha, in place, where the network was not sure: around the outline, within
// reach pixels of where it was, alpha is solved from the colours of img, which is as large, so that
// strands of hair come out that the network blurs.
//
// It is closed-form matting (Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image
// Matting", PAMI 2008) on 3x3 windows: within each, alpha is to be a linear function of colour. The
// unknown band is solved by conjugate gradients, started from the network's alpha and drawn to it
// a little, which keeps what colour cannot tell.
func Refine(ctx context.Context, img *image.RGBA, alpha *resample.Plane, reach int) error {
	b := newBand(alpha, reach)
	switch {
	case len(b.at) == 0:
		return ctx.Err()
	case len(b.at) > maxSolved:
		return refineHalf(ctx, img, alpha, reach, b.known)
	}
	b.windows(img)
	if err := ctx.Err(); err != nil {
		return err
	}
	solved := b.solve(alpha)
	for i, k := range b.known {
		switch k {
		case unknown:
			alpha.Pix[i] = min(max(solved[b.index[i]], 0), 1)
		default:
			alpha.Pix[i] = float32(k) // what is sure is whole
		}
	}
	return nil
}

// refineHalf does it at half the size. What is known at the full size stays so.
func refineHalf(ctx context.Context, img *image.RGBA, alpha *resample.Plane, reach int, known []int8) error {
	w, h := max(alpha.W/2, 1), max(alpha.H/2, 1)
	toFull := geometry.Affine{A: float64(alpha.W) / float64(w), E: float64(alpha.H) / float64(h)}
	small := alpha.Warp(toFull, w, h)
	if err := Refine(ctx, halved(img, w, h), small, max(reach/2, 1)); err != nil {
		return err
	}
	refined := small.Warp(toFull.Inverse(), alpha.W, alpha.H)
	for i, k := range known {
		alpha.Pix[i] = refined.Pix[i]
		if k != unknown {
			alpha.Pix[i] = float32(k)
		}
	}
	return nil
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
