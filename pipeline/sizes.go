package pipeline

import (
	"context"

	"idphoto/pipeline/matte"
)

// Sizes that the matting network may see a picture at, in parts of the usual one. The first is taken
// at which it is sure enough, else that at which it is surest: it loses a shoulder at one size and has it at
// another.
var (
	singleScales  = []float64{1, 0.87, 1.15}
	severalScales = []float64{1, 0.75, 1.35}
)

// wholeHead is how much of a head among several people must be taken for a person: all of it but a
// reflection in glasses.
const wholeHead = 0.97

// mattePerson is matteRegion at the size that suits the picture.
func (r *run) mattePerson(ctx context.Context, reach float64, o *overview) (best surroundings, err error) {
	scales, enough := singleScales, matte.MaxDisagreement
	if o == nil {
		scales, enough = severalScales, 1-wholeHead
	}
	for i, scale := range scales {
		a, failed := r.matteRegion(ctx, reach, scale, o)
		if ctx.Err() != nil {
			return a, failed
		}
		if i == 0 || failed == nil && (err != nil || a.doubt() < best.doubt()) {
			best, err = a, failed
		}
		if err == nil && best.doubt() <= enough {
			break
		}
	}
	return best, err
}

// doubt is how likely the network is to have lost a part of the person: less is better.
func (a surroundings) doubt() float64 {
	if a.overview == nil {
		return 1 - a.seen
	}
	return a.disagreement
}
