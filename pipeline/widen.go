package pipeline

import (
	"context"
	"math"

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

// overlook makes the overview, as far up as reach.
func (r *run) overlook(ctx context.Context, reach float64) (*overview, error) {
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

// seam is over how much of its width the matte gives way to what it is continued with.
const seam = .04

// widen continues the matte over all that the document can show.
func (r *run) widen(ctx context.Context) error {
	kept := r.level
	lo, hi := kept.region(r.face, r.req.Spec, reaches[0])
	keptLo := kept.toWork.Inverse().Apply(geometry.Point{})
	keptHi := kept.toWork.Inverse().Apply(geometry.Point{X: float64(kept.alpha.W), Y: float64(kept.alpha.H)})
	// Whole pixels of the matte, so that what is kept is copied as it is.
	left, top := pixelsBefore(keptLo.X-lo.X, kept.toWork.A), pixelsBefore(keptLo.Y-lo.Y, kept.toWork.E)
	w := left + kept.alpha.W + pixelsBefore(hi.X-keptHi.X, kept.toWork.A)
	h := top + kept.alpha.H + pixelsBefore(hi.Y-keptHi.Y, kept.toWork.E)

	wide := kept
	wide.toWork = kept.toWork.Then(geometry.Affine{A: 1, C: float64(left), E: 1, F: float64(top)})
	wide.alpha = kept.overview.person.Warp(wide.toWork.Inverse().Then(kept.overview.toPlane), w, h)
	wide.inside = wide.covered()
	overlay(wide.alpha, kept.alpha, left, top)
	nose := wide.toWork.Apply(wide.toSource.Inverse().Apply(r.face.Center()))
	wide.share = matte.KeepPerson(wide.alpha, int(nose.X), int(nose.Y))
	img := resample.Sample(r.pic, wide.toWork.Inverse().Then(wide.toSource), w, h, resample.Linear)
	if err := matte.Refine(ctx, img, wide.alpha, wide.coarseReach()); err != nil {
		return err
	}
	overlay(wide.alpha, kept.alpha, left, top)
	r.level = wide
	return nil
}

// coarseReach is how many pixels of the matte the coarse segmentation's outline may be off.
func (a surroundings) coarseReach() int {
	return max(2, int(math.Ceil(1.5*a.toWork.A/a.overview.toPlane.A)))
}

// pixelsBefore is how many whole pixels more there are in a length, at a scale.
func pixelsBefore(length, scale float64) int { return max(0, int(math.Ceil(length*scale-.01))) }

// overlay lays inner over outer, its first pixel on (left, top), and fades it in from those of its
// borders beyond which outer goes on.
func overlay(outer, inner *resample.Plane, left, top int) {
	fade := max(1, int(seam*float64(inner.W)))
	for y := range inner.H {
		for x := range inner.W {
			near := fade
			if left > 0 {
				near = min(near, x)
			}
			if left+inner.W < outer.W {
				near = min(near, inner.W-1-x)
			}
			if top > 0 {
				near = min(near, y)
			}
			if top+inner.H < outer.H {
				near = min(near, inner.H-1-y)
			}
			t := float32(near) / float32(fade)
			o := &outer.Pix[(y+top)*outer.W+x+left]
			*o += t * (inner.Pix[y*inner.W+x] - *o)
		}
	}
}
