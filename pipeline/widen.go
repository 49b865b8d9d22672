package pipeline

import (
	"context"
	"math"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
)

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
