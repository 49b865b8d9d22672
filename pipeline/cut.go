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
	return alpha.Warp(toNet, w, h), nil
}

// fit rounds a side to what the matting network takes.
func fit(side float64) int {
	return max(1, int(math.Round(side/matte.Stride))) * matte.Stride
}
