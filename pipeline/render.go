package pipeline

import (
	"compress/zlib"
	"context"
	"image"
	"math"

	"idphoto/pipeline/compose"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
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
	if !r.req.HD {
		return nil
	}
	area := float64(r.req.Spec.WidthPx * r.req.Spec.HeightPx)
	if k := min(1/r.crop.Scale, math.Sqrt(hdPixels/area)); k > 1.05 {
		r.hd, r.hdCutout, err = r.render(ctx, k)
	}
	return err
}

// render makes the photo k times as large as the document says. cutout is nil where the original
// background stays.
func (r *run) render(ctx context.Context, k float64) (photo *image.RGBA, cutout *image.NRGBA, err error) {
	w, h := enlarged(r.req.Spec.WidthPx, k), enlarged(r.req.Spec.HeightPx, k)
	toHead := geometry.Affine{A: float64(r.req.Spec.WidthPx) / float64(w), E: float64(r.req.Spec.HeightPx) / float64(h)}.
		Then(r.crop.ToPhoto().Inverse())
	toSource := toHead.Then(r.area.toSource)
	photo = resample.Sample(r.pixels, toSource.Then(r.pixels.fromUpright), w, h, resample.Cubic)
	if r.req.Background.Kind == spec.Original {
		return photo, nil, nil
	}
	alpha, err := r.matteOf(ctx, photo, toHead, toSource)
	if err != nil {
		return nil, nil, err
	}
	fg := compose.Foreground(photo, alpha)
	cutout = compose.Cutout(fg, alpha)
	if r.req.Background.Kind == spec.Solid {
		photo = compose.Over(fg, alpha, r.req.Background.Color)
	}
	return photo, cutout, nil
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

// file encodes a photo: as PNG where it has no background.
func (r *run) file(photo *image.RGBA, cutout *image.NRGBA, dpi int) (data []byte, contentType string, err error) {
	if r.req.Background.Kind == spec.Transparent {
		data, err = picture.EncodePNG(cutout, dpi, zlib.BestSpeed)
		return data, "image/png", err
	}
	data, err = picture.EncodeJPEG(photo, r.opts.Quality, dpi)
	return data, "image/jpeg", err
}

func (r *run) encode(context.Context) (err error) {
	if r.result.Photo, r.result.PhotoType, err = r.file(r.photo, r.cutout, r.req.Spec.DPI); err != nil {
		return err
	}
	if r.hd != nil {
		dpi := enlarged(r.req.Spec.DPI, float64(r.hd.Rect.Dx())/float64(r.photo.Rect.Dx()))
		if r.result.HD, _, err = r.file(r.hd, r.hdCutout, dpi); err != nil {
			return err
		}
	}
	switch {
	case r.req.Background.Kind == spec.Transparent:
		r.result.Cutout = r.result.Photo
	case r.cutout != nil:
		// A cut-out is fetched now and then, not kept: fast to write beats small.
		if r.result.Cutout, err = picture.EncodePNG(r.cutout, r.req.Spec.DPI, zlib.BestSpeed); err != nil {
			return err
		}
	}
	if r.req.Keep {
		r.result.Analysis, err = r.keep()
	}
	return err
}
