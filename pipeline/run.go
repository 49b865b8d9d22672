package pipeline

import (
	"compress/zlib"
	"context"
	"errors"
	"image"
	"math"

	"idphoto/pipeline/compose"
	"idphoto/pipeline/face"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// MinEyeDistance is the least distance between the eyes, in source pixels, that still makes a
// photo: a 1-inch photo has about 75.
const MinEyeDistance = 30

// run is one photo on its way. Each stage fills in fields for those after it.
type run struct {
	*Pipeline
	req  Request
	data []byte

	pic  *picture.Picture
	face *face.Face
	area surroundings
	crop geometry.Crop

	photo  *image.RGBA
	cutout *image.NRGBA
	result Result
}

func (r *run) decode(context.Context) (err error) {
	r.pic, err = picture.Decode(r.data, r.opts.Limits)
	return err
}

func (r *run) detect(ctx context.Context) error {
	boxes, err := r.faces.Detect(ctx, r.pic)
	if err != nil {
		return err
	}
	switch len(boxes) {
	case 0:
		return fault.New(fault.NoFace, nil)
	case 1:
		r.face = &face.Face{Box: boxes[0]}
		return nil
	}
	return fault.New(fault.ManyFaces, nil, "count", len(boxes))
}

func (r *run) landmarks(ctx context.Context) error {
	f, ok, err := r.faces.Measure(ctx, r.pic, r.face.Box)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.NoFace, nil)
	}
	if d := f.EyeDistance(); d < MinEyeDistance {
		return fault.New(fault.FaceTooSmall, nil, "pixels", int(d), "need", MinEyeDistance)
	}
	if edge := cutFace(f, r.pic); edge != "" {
		return fault.New(fault.HeadCutOff, nil, "edge", edge)
	}
	r.face = f
	return nil
}

func (r *run) matte(ctx context.Context) (err error) {
	r.area, err = r.surroundings(ctx)
	return err
}

// geometry finds the crop. A head that cannot be levelled within the picture may stay a little
// tilted, as the person held it.
func (r *run) geometry(context.Context) error {
	level := r.area
	var first error
	for _, tilt := range tilts(r.face.Roll) {
		r.area = level.turned(r.face, tilt)
		err := r.solve()
		if err == nil {
			return nil
		}
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.GeometryImpossible {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (r *run) solve() error {
	head, err := r.area.head(r.face)
	if err != nil {
		return err
	}
	var cover []geometry.HalfPlane
	if r.req.Background.Kind == spec.Original {
		cover = r.area.pictureEdges()
	}
	crop, conflict, ok := head.Solve(r.req.Spec, cover)
	if !ok {
		return fault.New(fault.GeometryImpossible, nil, "rules", conflict)
	}
	r.crop = crop
	r.result.Report = r.report(head)
	return nil
}

func (r *run) compose(ctx context.Context) error {
	w, h := r.req.Spec.WidthPx, r.req.Spec.HeightPx
	toHead := r.crop.ToPhoto().Inverse()
	toSource := toHead.Then(r.area.toSource)
	r.photo = resample.Sample(r.pic, toSource, w, h, resample.Cubic)
	if r.req.Background.Kind == spec.Original {
		return nil
	}
	toAlpha := toHead.Then(r.area.toWork)
	alpha := r.area.alpha.Warp(toAlpha, w, h)
	for i, inside := range resample.Inside(r.pic, toSource, w, h) {
		if !inside {
			alpha.Pix[i] = 0
		}
	}
	if err := matte.Refine(ctx, r.photo, alpha, refineReach(1/math.Hypot(toAlpha.A, toAlpha.D))); err != nil {
		return err
	}
	fg := compose.Foreground(r.photo, alpha)
	r.cutout = compose.Cutout(fg, alpha)
	if r.req.Background.Kind == spec.Solid {
		r.photo = compose.Over(fg, alpha, r.req.Background.Color)
	}
	return nil
}

func (r *run) encode(context.Context) (err error) {
	dpi := r.req.Spec.DPI
	if r.cutout != nil {
		// A cut-out is fetched now and then, not kept: fast to write beats small.
		if r.result.Cutout, err = picture.EncodePNG(r.cutout, dpi, zlib.BestSpeed); err != nil {
			return err
		}
	}
	if r.req.Background.Kind == spec.Transparent {
		r.result.Photo, r.result.PhotoType = r.result.Cutout, "image/png"
		return nil
	}
	r.result.PhotoType = "image/jpeg"
	r.result.Photo, err = picture.EncodeJPEG(r.photo, r.opts.Quality, dpi)
	return err
}
