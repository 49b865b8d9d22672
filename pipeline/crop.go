package pipeline

import (
	"context"
	"errors"
	"math"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/spec"
)

// maxTilt is how far a photo's head may stay tilted when levelling it would cut it.
const maxTilt = 4 * math.Pi / 180

// comfortable is a margin with which nobody looks for a better crop.
const comfortable = .25

// geometry finds the crop, and reports it.
func (r *run) geometry(context.Context) error {
	if err := r.place(); err != nil {
		return r.cause(err)
	}
	r.result.Report = r.report()
	if t := r.result.Report.Tilt; t.Verdict == failed && !r.turns() {
		return fault.New(fault.FaceTurned, nil, "measure", "tilt", "value", t.Value, "limit", t.Max)
	}
	return nil
}

// place finds the crop. A head that cannot be levelled within the picture, or only just, may stay
// a little tilted, as the person held it; where nothing but cropping is allowed it is not turned at
// all.
func (r *run) place() error {
	var first error
	best := math.Inf(-1)
	for _, tilt := range r.tilts() {
		area := r.level.turned(r.face, tilt)
		head, crop, err := r.solve(area)
		switch {
		case err != nil && !impossible(err):
			return err
		case err != nil:
			if first == nil {
				first = err
			}
		case crop.Margin > best:
			best = crop.Margin
			r.area, r.head, r.crop = area, head, crop
		}
		if best >= comfortable {
			break
		}
	}
	if math.IsInf(best, -1) {
		return first
	}
	return nil
}

// shown returns the corners, in the level head's frame, of what the crop shows of the picture.
func (r *run) shown() (lo, hi geometry.Point) {
	toLevel := r.crop.ToPhoto().Inverse().Then(r.area.toSource).Then(r.level.toSource.Inverse())
	lo, hi = corners(toLevel, float64(r.req.Spec.WidthPx), float64(r.req.Spec.HeightPx))
	return r.level.clip(lo, hi)
}

func impossible(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == fault.GeometryImpossible
}

// turns tells whether the document lets a head be levelled.
func (r *run) turns() bool { return r.req.Spec.Editing.Policy != spec.CropOnly }

// tilts lists what may be left of the head's roll, the least first.
func (r *run) tilts() []float64 {
	roll := r.face.Roll
	if !r.turns() {
		return []float64{roll}
	}
	limit := min(math.Abs(roll), maxTilt, r.req.Spec.MaxTilt().Degrees*math.Pi/180)
	return []float64{0, math.Copysign(limit/2, roll), math.Copysign(limit, roll)}
}

// solve finds the crop with the head as area has it.
func (r *run) solve(area surroundings) (geometry.Head, geometry.Crop, error) {
	head, err := area.head(r.face)
	if err != nil {
		return head, geometry.Crop{}, err
	}
	var cover []geometry.HalfPlane
	if r.req.Background.Kind == spec.Original {
		cover = area.pictureEdges()
	}
	crop, conflict, ok := head.Solve(r.req.Spec, cover)
	if !ok {
		return head, crop, fault.New(fault.GeometryImpossible, nil, "rules", conflict)
	}
	return head, crop, nil
}
