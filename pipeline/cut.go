package pipeline

import (
	"context"
	"math"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
)

// wholeShortSide is what MODNet was trained with; longSideLimit keeps panoramas affordable.
const (
	wholeShortSide = 512
	longSideLimit  = 2048
)

// Matte returns the matte of a whole picture, at the picture's upright size, without looking for a
// face: for cutting out alone, and for measuring the network against true mattes.
func (p *Pipeline) Matte(ctx context.Context, data []byte) (*resample.Plane, error) {
	pic, err := picture.Decode(data, p.opts.Limits)
	if err != nil {
		return nil, err
	}
	w, h := pic.Bounds()
	scale := wholeShortSide / float64(min(w, h))
	scale = min(scale, longSideLimit/float64(max(w, h)))
	nw, nh := fit(float64(w)*scale), fit(float64(h)*scale)
	toNet := geometry.Affine{A: float64(nw) / float64(w), E: float64(nh) / float64(h)}
	img := resample.Sample(pic, toNet.Inverse(), nw, nh, resample.Linear)
	alpha, err := p.matting.Alpha(ctx, img)
	if err != nil {
		return nil, err
	}
	matte.FillHoles(img, alpha)
	// Refined where the network blurs, at most at the size of a large photo.
	scale = min(1, refineLongSide/float64(max(w, h)))
	rw, rh := max(1, int(float64(w)*scale)), max(1, int(float64(h)*scale))
	toFine := geometry.Affine{A: float64(rw) / float64(w), E: float64(rh) / float64(h)}
	fine := alpha.Warp(toFine.Inverse().Then(toNet), rw, rh)
	if err := matte.Refine(ctx, resample.Sample(pic, toFine.Inverse(), rw, rh, resample.Linear), fine, refineReach(float64(rw)/float64(nw))); err != nil {
		return nil, err
	}
	return fine.Warp(toFine, w, h), nil
}

// refineLongSide bounds the size at which whole pictures are refined.
const refineLongSide = 1200

// refineReach is how far, in pixels, the network's alpha is off around an outline: not quite two of its
// own pixels, which are scale times as large.
func refineReach(scale float64) int { return max(1, int(math.Round(1.8*scale))) }

// fit rounds a side to what the matting network takes.
func fit(side float64) int {
	return max(1, int(math.Round(side/matte.Stride))) * matte.Stride
}
