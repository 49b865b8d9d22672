package pipeline

import (
	"context"

	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// overview is what the coarse segmentation makes of all that any document can show of a person. It is
// the second opinion on the matte, and what the matte is continued with.
//
// Some documents show more of the person than others: two shoulders in a square where a portrait has
// one and a half. What the matting network has not seen, the overview has. That far from the head
// there are shoulders and arms, whose edges are there to be found in the picture; hair has been matted.
type overview struct {
	person  *resample.Plane // how sure it is of a person
	toPlane geometry.Affine // head frame -> pixels of person
}

// survey makes the overview, as far up as reach.
func (r *run) survey(ctx context.Context, reach float64) (*overview, error) {
	a := surroundings{bounds: r.pic, toSource: geometry.Similarity(1, r.face.Roll, r.face.EyeMid())}
	lo, hi := a.widest(r.face, r.req.Spec, reach)
	sx, sy := matte.CoarseSide/(hi.X-lo.X), matte.CoarseSide/(hi.Y-lo.Y)
	toPlane := geometry.Affine{A: sx, C: -sx * lo.X, E: sy, F: -sy * lo.Y}
	img := resample.Sample(r.pic, toPlane.Inverse().Then(a.toSource), matte.CoarseSide, matte.CoarseSide, resample.Linear)
	person, err := r.opinion.Opinion(ctx, img)
	return &overview{person, toPlane}, err
}

// over returns the overview's part over the matte, in the segmentation's own size.
func (o *overview) over(a surroundings) *resample.Plane {
	const side = matte.CoarseSide
	toAlpha := geometry.Affine{A: float64(a.alpha.W) / side, E: float64(a.alpha.H) / side}
	return o.person.Warp(toAlpha.Then(a.toWork.Inverse()).Then(o.toPlane), side, side)
}

// widest returns the corners, in the head's frame, of what s or any other document can show of the person.
func (a surroundings) widest(f *face.Face, s *spec.Spec, reach float64) (lo, hi geometry.Point) {
	lo, hi = a.region(f, s, reach)
	for _, s := range spec.All() {
		if _, ok := s.Rule(spec.HeadHeight); !ok || s.Editing.Policy == spec.CropOnly {
			continue
		}
		l, h := a.region(f, s, reach)
		lo, hi = geometry.Point{X: min(lo.X, l.X), Y: min(lo.Y, l.Y)}, geometry.Point{X: max(hi.X, h.X), Y: max(hi.Y, h.Y)}
	}
	return lo, hi
}

// What makes the picture's upper edge suspect: the overview not as good as sure that there is nobody,
// in such a part of the face's width. Of 230 pictures only cut caps and burnt walls have more than .03.
const (
	hardlyAnybody = .2
	suspectTop    = .2
)

// losesTop tells whether a head that the matte ends below the picture's upper edge may go on beyond it.
func (a surroundings) losesTop(f *face.Face) bool {
	if a.overview == nil {
		return false
	}
	toHead := a.toSource.Inverse()
	sides, axis := faceSides(f, toHead), headAxis(f, toHead)
	const columns = 100
	suspect := 0
	for i := range columns {
		x := axis + ((float64(i)+.5)/columns-.5)*(sides[1]-sides[0])
		edge := geometry.Point{X: x, Y: (.5 - a.toSource.F - a.toSource.D*x) / a.toSource.E}
		at, seen := a.toWork.Apply(edge), a.overview.toPlane.Apply(edge)
		if at.Y < -1 || seen.Y < 0 {
			continue // the edge is farther up than anybody looked
		}
		empty := true
		for k := range edgeFade {
			empty = empty && a.alpha.At(int(at.X), int(at.Y)+k) <= matte.Faint
		}
		if empty && a.overview.person.At(int(seen.X), int(seen.Y)+1) > hardlyAnybody {
			suspect++
		}
	}
	return suspect > suspectTop*columns
}
