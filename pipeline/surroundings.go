package pipeline

import (
	"context"
	"image"
	"math"

	"idphoto/pipeline/face"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// How far up the surroundings reach from between the eyes, in distances from there to the chin.
// Most hair ends 1.2 of these above the eyes; where the first reach ends in hair, the second is
// tried, which few need and which costs resolution.
var reaches = []float64{1.75, 2.8}

// headHeight is that of most heads from chin to crown, in distances from eyes to chin.
const headHeight = 2.3

// surroundings is the head with what is around it, level and scaled for the matting network.
type surroundings struct {
	bounds       resample.Bounded // the upright picture
	toSource     geometry.Affine  // head frame -> source
	toWork       geometry.Affine  // head frame -> pixels of alpha
	alpha        *resample.Plane  // matte of the person, continued beyond the picture's edges
	inside       []bool           // which of its pixels lie within the picture; nil: all
	refined      bool             // whether alpha was solved at about the photo's size
	share        float64          // of the opaque pixels, how many belong to the person
	disagreement float64          // of the coarse segmentation with alpha: the share that both are sure of, each of the opposite
	overview     *overview        // nil where several people stand together, whom it does not tell apart
	seen         float64          // of several people: how much of the head the network took for a person
}

// surroundings mattes the region that any photo of the requested document can show of the person.
func (r *run) surroundings(ctx context.Context) (a surroundings, err error) {
	for _, reach := range reaches {
		var o *overview
		if r.req.Person == nil {
			if o, err = r.survey(ctx, reach); err != nil {
				return a, err
			}
		}
		if a, err = r.mattePerson(ctx, reach, o); err != nil || !a.endsInHair(r.face) {
			break
		}
	}
	if err == nil && r.req.Person != nil {
		err = r.doubtOwn(ctx, &a)
	}
	return a, err
}

// matteRegion mattes what is within reach, scale times as large as the network should see it.
func (r *run) matteRegion(ctx context.Context, reach, scale float64, o *overview) (surroundings, error) {
	a := surroundings{overview: o, bounds: r.pic, toSource: geometry.Similarity(1, r.face.Roll, r.face.EyeMid())}
	lo, hi := a.region(r.face, r.req.Spec, reach)
	rw, rh := hi.X-lo.X, hi.Y-lo.Y
	aim := math.Sqrt(float64(r.opts.MattePixels) / (rw * rh))
	if r.req.Person != nil {
		aim = min(aim, enlarging)
	}
	aim *= scale
	w, h := fit(rw*aim), fit(rh*aim)
	// Rounding to the network's stride stretches the region a little rather than reaching past
	// the picture's edge, where repeated pixels would fade the matte of a person that it cuts.
	sx, sy := float64(w)/rw, float64(h)/rh
	a.toWork = geometry.Affine{A: sx, C: -sx * lo.X, E: sy, F: -sy * lo.Y}
	img := resample.Sample(r.pic, a.toWork.Inverse().Then(a.toSource), w, h, resample.Linear)
	var err error
	if a.alpha, err = r.matting.Alpha(ctx, img); err != nil {
		return a, err
	}
	a.inside = a.covered()
	mendEdges(a.alpha, edges(w, h, a.inside))
	if r.req.Person != nil {
		a.seen = keepOne(a.alpha, img, a.toSource.Inverse().Then(a.toWork), r.face.Box, r.neighbours)
	}
	nose := a.toWork.Apply(a.toSource.Inverse().Apply(r.face.Center()))
	a.share = matte.KeepPerson(a.alpha, int(nose.X), int(nose.Y))
	if a.share == 0 {
		return a, fault.New(fault.MatteUncertain, nil)
	}
	matte.FillHoles(img, a.alpha)
	if o != nil {
		opinion := o.over(a)
		matte.MendEars(a.alpha, opinion, a.ears(r.face))
		a.disagreement = matte.Disagreement(a.alpha, opinion)
	}
	return a, nil
}

// An ear's place beside the face's outline, in eye distances.
const (
	earAside  = .12 // its middle, from the outline's widest point
	earWidth  = .18 // half of it
	earHeight = .38 // half of it
)

// ears are where f's ears are, if they are to be seen, in pixels of the matte.
func (a surroundings) ears(f *face.Face) (ears [2]matte.Ear) {
	toHead := a.toSource.Inverse()
	d := f.EyeDistance()
	for i, aside := range [2]float64{-earAside, earAside} {
		side := toHead.Apply(f.Sides[i])
		at := a.toWork.Apply(geometry.Point{X: side.X + aside*d, Y: side.Y})
		ears[i] = matte.Ear{X: at.X, Y: at.Y, RX: earWidth * d * a.toWork.A, RY: earHeight * d * a.toWork.E}
	}
	return ears
}

// refineScale bounds how much larger than the network's matte a refined one is, finestSave how much
// smaller than the photo: enlarging it that far later shows in no strand, and solving it costs by area.
const (
	refineScale = 2
	finestSave  = 1.25
)

// refine makes the matte about as large as a photo of s needs it, and solves it anew where the
// network was unsure.
func (a *surroundings) refine(ctx context.Context, pic resample.Source, f *face.Face, s *spec.Spec) error {
	k := min(max(photoScale(f, s)/finestSave/a.toWork.A, 1), refineScale)
	w, h := enlarged(a.alpha.W, k), enlarged(a.alpha.H, k)
	larger := geometry.Affine{A: float64(w) / float64(a.alpha.W), E: float64(h) / float64(a.alpha.H)}
	a.alpha = a.alpha.Warp(larger.Inverse(), w, h)
	a.toWork = a.toWork.Then(larger)
	a.inside = a.covered()
	a.refined = true
	img := resample.Sample(pic, a.toWork.Inverse().Then(a.toSource), w, h, resample.Linear)
	return matte.Refine(ctx, img, a.alpha, refineReach(k))
}

// footprint is the part of the picture that the matte covers.
func (a surroundings) footprint() image.Rectangle {
	w, h := a.bounds.Bounds()
	box := resample.Footprint(a.toWork.Inverse().Then(a.toSource), a.alpha.W, a.alpha.H, 2)
	return box.Intersect(image.Rect(0, 0, w, h))
}

// endsInHair tells whether the matte's upper edge cuts the head although the picture goes on.
func (a surroundings) endsInHair(f *face.Face) bool {
	toHead := a.toSource.Inverse()
	x0 := int(a.toWork.Apply(toHead.Apply(f.Sides[0])).X)
	x1 := int(a.toWork.Apply(toHead.Apply(f.Sides[1])).X)
	above := a.toWork.Inverse().Then(a.toSource).Apply(geometry.Point{X: float64(x0+x1) / 2, Y: -2})
	if above.Y < 0 {
		return false
	}
	for x := max(x0, 0); x < min(x1, a.alpha.W); x++ {
		if a.alpha.At(x, 1) > matte.Opaque {
			return true
		}
	}
	return false
}

// region returns the corners, in the head's frame, of what the document's frame around this head
// can show of the person, cut down to the picture.
func (a surroundings) region(f *face.Face, s *spec.Spec, reach float64) (lo, hi geometry.Point) {
	toHead := a.toSource.Inverse()
	chin := toHead.Apply(f.Chin).Y
	axis := headAxis(f, toHead)
	head, _ := s.Rule(spec.HeadHeight)
	frame := headHeight * chin * s.HeightMM / ((head.Min + min(head.Upper(), s.HeightMM)) / 2)
	// Shoulders tell the network what is person: without them it loses suits and hats.
	half := max(1.15*frame*s.WidthMM/s.HeightMM/2, 1.4*chin)
	lo = geometry.Point{X: axis - half, Y: -reach * chin}
	hi = geometry.Point{X: axis + half, Y: chin + max(1.4*chin, frame-headHeight*chin)}

	return a.clip(lo, hi)
}

// clip cuts what lies between two corners in the head's frame down to the picture.
func (a surroundings) clip(lo, hi geometry.Point) (geometry.Point, geometry.Point) {
	w, h := a.bounds.Bounds()
	pl, ph := corners(a.toSource.Inverse(), float64(w), float64(h))
	return geometry.Point{X: max(lo.X, pl.X), Y: max(lo.Y, pl.Y)}, geometry.Point{X: min(hi.X, ph.X), Y: min(hi.Y, ph.Y)}
}

// corners returns those of the upright box around what m makes of a w x h rectangle.
func corners(m geometry.Affine, w, h float64) (lo, hi geometry.Point) {
	lo, hi = geometry.Point{X: math.Inf(1), Y: math.Inf(1)}, geometry.Point{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, c := range []geometry.Point{{}, {X: w}, {Y: h}, {X: w, Y: h}} {
		p := m.Apply(c)
		lo = geometry.Point{X: min(lo.X, p.X), Y: min(lo.Y, p.Y)}
		hi = geometry.Point{X: max(hi.X, p.X), Y: max(hi.Y, p.Y)}
	}
	return lo, hi
}

// turned returns the surroundings in a frame that leaves tilt radians of the head's roll.
func (a surroundings) turned(f *face.Face, tilt float64) surroundings {
	if tilt == 0 {
		return a
	}
	frame := geometry.Similarity(1, f.Roll-tilt, f.EyeMid())
	toLevel := frame.Then(a.toSource.Inverse()) // turned head frame -> level head frame
	// The matte turns around the eyes with everything else, at the same size.
	w, h := a.alpha.W, a.alpha.H
	b := a
	b.toSource = frame
	b.alpha = a.alpha.Warp(a.toWork.Inverse().Then(toLevel).Then(a.toWork), w, h)
	b.inside = b.covered()
	return b
}

// headAxis is the middle of the head: between the eyes and between the outlines of the cheeks,
// which differ when the head is turned a little.
func headAxis(f *face.Face, toHead geometry.Affine) float64 {
	return (toHead.Apply(f.EyeMid()).X + toHead.Apply(f.Sides[0].Mid(f.Sides[1])).X) / 2
}

// head measures what the solver needs. It rejects a head that the picture's upper edge cuts.
func (a surroundings) head(f *face.Face) (geometry.Head, error) {
	toHead := a.toSource.Inverse()
	eyes := toHead.Apply(f.EyeMid())
	h := geometry.Head{
		Eyes: eyes.Y, EyesX: eyes.X, Pupils: f.EyeDistance(), Chin: toHead.Apply(f.Chin).Y, Axis: headAxis(f, toHead),
		Face: faceSides(f, toHead), CutBottom: math.Inf(1),
	}
	width := h.Face[1] - h.Face[0]

	// The hair's top, within a head's width of the axis; a lone strand does not count.
	visible := a.visible()
	x0, x1 := a.toWork.Apply(geometry.Point{X: h.Axis - width}).X, a.toWork.Apply(geometry.Point{X: h.Axis + width}).X
	px := width * a.toWork.A
	top, ok := matte.Top(visible, int(x0), int(x1), max(2, int(.04*px)))
	if !ok {
		return h, fault.New(fault.MatteUncertain, nil)
	}
	h.Crown = a.toWork.Inverse().Apply(geometry.Point{Y: float64(top)}).Y
	h.Skull = max(h.Crown, toHead.Apply(f.SkullCrown()).Y) // flat hair lies on the skull
	h.HeadSide = headSides(visible, a.toWork, h)
	if cut := a.cuts(visible, &h, x0, x1); float64(cut) > .04*px {
		return h, fault.New(fault.HeadCutOff, nil, "edge", "top")
	}
	return h, nil
}

// visible is the matte without what lies beyond the picture.
func (a surroundings) visible() *resample.Plane {
	if a.inside == nil {
		return a.alpha
	}
	v := &resample.Plane{W: a.alpha.W, H: a.alpha.H, Pix: append([]float32(nil), a.alpha.Pix...)}
	for i, in := range a.inside {
		if !in {
			v.Pix[i] = 0
		}
	}
	return v
}

// covered tells which pixels of the matte lie within the picture; nil: all.
func (a surroundings) covered() []bool {
	return resample.Inside(a.bounds, a.toWork.Inverse().Then(a.toSource), a.alpha.W, a.alpha.H)
}

// cuts notes in h where the picture's edges cut the person, and returns how many pixels of the
// upper edge within columns [x0, x1) do.
func (a surroundings) cuts(visible *resample.Plane, h *geometry.Head, x0, x1 float64) (top int) {
	toHead := a.toWork.Inverse()
	toSource := toHead.Then(a.toSource)
	w, hgt := a.bounds.Bounds()
	for _, e := range edges(visible.W, visible.H, a.inside) {
		if visible.At(e.x, e.y) < matte.Opaque {
			continue
		}
		at := geometry.Point{X: float64(e.x) + .5, Y: float64(e.y) + .5}
		beyond := toSource.Apply(geometry.Point{X: at.X + float64(e.dx), Y: at.Y + float64(e.dy)})
		p := toHead.Apply(at)
		switch {
		case beyond.Y < 0:
			if e.dy < 0 && at.X >= x0 && at.X < x1 {
				top++
			}
		case beyond.X < 0:
			h.CutLeft = append(h.CutLeft, p)
		case beyond.X > float64(w):
			h.CutRight = append(h.CutRight, p)
		case beyond.Y > float64(hgt):
			h.CutBottom = min(h.CutBottom, p.Y)
		}
	}
	return top
}

// pictureEdges are the picture's borders as half planes of the head's frame.
func (a surroundings) pictureEdges() []geometry.HalfPlane {
	m := a.toSource
	w, h := a.bounds.Bounds()
	return []geometry.HalfPlane{
		{NX: m.A, NY: m.B, D: -m.C},
		{NX: m.D, NY: m.E, D: -m.F},
		{NX: -m.A, NY: -m.B, D: m.C - float64(w)},
		{NX: -m.D, NY: -m.E, D: m.F - float64(h)},
	}
}

// cutFace names the edge of the picture that cuts the face itself, if one does.
func cutFace(f *face.Face, src resample.Source) string {
	w, h := src.Bounds()
	tolerance := .05 * f.EyeDistance() // of the landmarks
	for _, p := range f.Mesh {
		switch {
		case p.X < -tolerance:
			return "left"
		case p.X > float64(w)+tolerance:
			return "right"
		case p.Y < -tolerance:
			return "top"
		case p.Y > float64(h)+tolerance:
			return "bottom"
		}
	}
	return ""
}
