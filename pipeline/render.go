package pipeline

import (
	"context"
	"image"
	"math"

	"idphoto/pipeline/compose"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

// pixels is what photos are sampled from: the picture, or the part of it that an analysis keeps.
type pixels struct {
	resample.Source
	fromUpright geometry.Affine // upright source pixels -> its own
}

// hdPixels bounds an HD photo: its planes take some 60 bytes a pixel while it is made.
const hdPixels = 2 << 20

// compose makes the photo's pixels, and those of the HD variant.
func (r *run) compose(ctx context.Context) (err error) {
	if r.photo, r.cutout, err = r.render(ctx, 1); err != nil {
		return err
	}
	if r.cutout != nil && floats(r.cutout, r.leastBody()) && r.result.Held == nil && !r.req.Approved {
		r.result.Held = fault.New(fault.MatteUncertain, nil)
	}
	if r.req.Touch.Mirror {
		r.result.Report.mirror(r.req.Spec.WidthMM)
	}
	if !r.req.HD {
		return nil
	}
	area := float64(r.req.Spec.WidthPx * r.req.Spec.HeightPx)
	if k := min(1/r.crop.Scale, math.Sqrt(hdPixels/area)); k > 1.05 {
		r.hd, r.hdCutout, err = r.render(ctx, k)
	}
	return err
}

// Least part of the photo's lower edge that the person takes; of one of several people, half of whose body
// may have gone to somebody else: such a one has .28 in the pictures at hand, all that are good .58 and more.
const (
	leastBody    = .1
	leastOwnBody = .33
)

func (r *run) leastBody() float64 {
	if r.req.Person != nil {
		return leastOwnBody
	}
	return leastBody
}

// floats tells whether nobody's body reaches the photo's lower edge with at least such a part of it: the
// matte has lost it, or somebody stands before it.
func floats(cutout *image.NRGBA, least float64) bool {
	w, h := cutout.Rect.Dx(), cutout.Rect.Dy()
	row := cutout.Pix[(h-1)*cutout.Stride:][:4*w]
	opaque := 0
	for x := range w {
		if row[4*x+3] > 127 {
			opaque++
		}
	}
	return float64(opaque) < least*float64(w)
}

// render makes the photo k times as large as the document says. cutout is nil where the original
// background stays.
func (r *run) render(ctx context.Context, k float64) (photo *image.RGBA, cutout *image.NRGBA, err error) {
	w, h := enlarged(r.req.Spec.WidthPx, k), enlarged(r.req.Spec.HeightPx, k)
	toHead := geometry.Affine{A: float64(r.req.Spec.WidthPx) / float64(w), E: float64(r.req.Spec.HeightPx) / float64(h)}.
		Then(r.crop.ToPhoto().Inverse())
	toSource := toHead.Then(r.area.toSource)
	photo = resample.Sample(r.pixels, toSource.Then(r.pixels.fromUpright), w, h, resample.Cubic)
	if r.req.Background.Kind != spec.Original || r.touches() {
		if photo, cutout, err = r.dress(ctx, photo, toHead); err != nil {
			return nil, nil, err
		}
	}
	if r.req.Touch.Mirror {
		touchup.Mirror(photo.Pix, photo.Stride, photo.Rect.Size())
		if cutout != nil {
			touchup.Mirror(cutout.Pix, cutout.Stride, cutout.Rect.Size())
		}
	}
	return photo, cutout, nil
}

// dress puts the wanted background behind the person in a sampled photo, and touches the person up.
func (r *run) dress(ctx context.Context, photo *image.RGBA, toHead geometry.Affine) (*image.RGBA, *image.NRGBA, error) {
	toSource := toHead.Then(r.area.toSource)
	alpha, err := r.matteOf(ctx, photo, toHead, toSource)
	if err != nil {
		return nil, nil, err
	}
	if r.req.Background.Kind == spec.Original {
		return r.touch(photo, alpha, toSource.Inverse()), nil, nil
	}
	size := photo.Rect.Size()
	fg := r.touchColors(compose.Foreground(photo, alpha), size.X, size.Y, toSource.Inverse())
	cutout := compose.Cutout(fg, alpha)
	if r.req.Background.Kind == spec.Solid {
		photo = compose.Over(fg, alpha, r.req.Background.Color)
	}
	return photo, cutout, nil
}

// touches tells whether the person is to look otherwise than taken; mirroring is none of that.
func (r *run) touches() bool {
	o := r.req.Touch
	o.Mirror = false
	return !o.Zero()
}

// touch improves the person in img as far as was asked.
func (r *run) touch(img *image.RGBA, person *resample.Plane, toPhoto geometry.Affine) *image.RGBA {
	mesh := make([]geometry.Point, len(r.face.Mesh))
	for i, p := range r.face.Mesh {
		mesh[i] = toPhoto.Apply(p)
	}
	return touchup.Apply(img, person, mesh, r.req.Touch)
}

// touchColors does so with the person's own colours of a w x h photo, as package compose has them.
func (r *run) touchColors(fg []float32, w, h int, toPhoto geometry.Affine) []float32 {
	if !r.touches() {
		return fg
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		for c := range 3 {
			img.Pix[4*i+c] = uint8(fg[3*i+c] + .5)
		}
		img.Pix[4*i+3] = 255
	}
	img = r.touch(img, nil, toPhoto)
	touched := make([]float32, len(fg))
	for i := range w * h {
		for c := range 3 {
			touched[3*i+c] = float32(img.Pix[4*i+c])
		}
	}
	return touched
}

func enlarged(side int, k float64) int { return int(math.Round(float64(side) * k)) }

// refineAgain is how many photo pixels a pixel of the matte may be without being solved anew.
const refineAgain = 1.4

// matteOf is the matte in the photo's frame. What lies beyond the picture is no person.
func (r *run) matteOf(ctx context.Context, photo *image.RGBA, toHead, toSource geometry.Affine) (*resample.Plane, error) {
	w, h := photo.Rect.Dx(), photo.Rect.Dy()
	toAlpha := toHead.Then(r.area.toWork)
	alpha := r.area.alpha.Warp(toAlpha, w, h)
	for i, inside := range resample.Inside(r.area.bounds, toSource, w, h) {
		if !inside {
			alpha.Pix[i] = 0
		}
	}
	larger := 1 / math.Hypot(toAlpha.A, toAlpha.D)
	if r.area.refined && larger <= refineAgain {
		return alpha, nil
	}
	return alpha, matte.Refine(ctx, photo, alpha, refineReach(larger))
}
