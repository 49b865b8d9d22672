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

// Some documents show more of the person than others: two shoulders in a square where a portrait has
// one and a half. What the matting network has not seen, the coarse segmentation has: it looks at
// all that any document of the catalogue can show, once, as the picture is analysed. The matte is
// then continued from it, and its outline solved from the picture as everywhere. That far from the
// head there are shoulders and arms, whose edges are there to be found; hair has been matted.

// seam is over how much of its width the matte gives way to what it is continued with.
const seam = .04

// survey lets the coarse segmentation look at all that any document can show, where that is more
// than the matte has. Where the two differ it is not to be trusted with the rest.
func (r *run) survey(ctx context.Context) error {
	l := &r.level
	lo, hi := l.widest(r.face)
	p, q := l.toWork.Apply(lo), l.toWork.Apply(hi)
	if (q.X-p.X)*(q.Y-p.Y) < 1.05*float64(l.alpha.W*l.alpha.H) {
		return nil
	}
	const side = matte.CoarseSide
	sx, sy := side/(hi.X-lo.X), side/(hi.Y-lo.Y)
	toCoarse := geometry.Affine{A: sx, C: -sx * lo.X, E: sy, F: -sy * lo.Y}
	img := resample.Sample(r.pic, toCoarse.Inverse().Then(l.toSource), side, side, resample.Linear)
	coarse, err := r.opinion.Opinion(ctx, img)
	if err != nil {
		return err
	}
	shared := geometry.Affine{A: float64(l.alpha.W) / side, E: float64(l.alpha.H) / side}.Then(l.toWork.Inverse()).Then(toCoarse)
	if matte.Disagreement(l.alpha, coarse.Warp(shared, side, side)) <= matte.MaxDisagreement {
		l.coarse, l.toCoarse = coarse, toCoarse
	}
	return nil
}

// widest returns the corners, in the head's frame, of what any document can show of the person.
func (a surroundings) widest(f *face.Face) (lo, hi geometry.Point) {
	lo, hi = geometry.Point{X: math.Inf(1), Y: math.Inf(1)}, geometry.Point{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, s := range spec.All() {
		if _, ok := s.Rule(spec.HeadHeight); !ok || s.Editing.Policy == spec.CropOnly {
			continue
		}
		l, h := a.region(f, s, reaches[0])
		lo, hi = geometry.Point{X: min(lo.X, l.X), Y: min(lo.Y, l.Y)}, geometry.Point{X: max(hi.X, h.X), Y: max(hi.Y, h.Y)}
	}
	return lo, hi
}

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
	wide.alpha = kept.coarse.Warp(wide.toWork.Inverse().Then(kept.toCoarse), w, h)
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
func (a surroundings) coarseReach() int { return max(2, int(math.Ceil(1.5*a.toWork.A/a.toCoarse.A))) }

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
