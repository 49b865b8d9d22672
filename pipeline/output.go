package pipeline

import (
	"compress/zlib"
	"context"
	"errors"
	"image"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
)

// File says what the photo's file is like.
type File struct {
	Type    string  `json:"type"` // image/jpeg or image/png
	Bytes   int     `json:"bytes"`
	MinKB   float64 `json:"min_kb,omitzero"` // what was asked for, or the document asks for
	MaxKB   float64 `json:"max_kb,omitzero"`
	Quality int     `json:"jpeg_quality,omitzero"`
	Chroma  string  `json:"jpeg_chroma,omitzero"`
	Binary  bool    `json:"kb_of_1024_only,omitzero"` // the size fits only if a KB has 1024 bytes
}

// encode writes the files, and what the report says of them.
func (r *run) encode(ctx context.Context) (err error) {
	if err := r.encodePhoto(ctx); err != nil {
		return err
	}
	if r.hd != nil {
		if r.result.HD, err = r.encodeHD(); err != nil {
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
	r.conclude()
	return err
}

// encodePhoto writes the photo's file: a PNG where it has no background, else a JPEG of the size that
// was asked for or that the document asks for.
func (r *run) encodePhoto(ctx context.Context) (err error) {
	if r.req.Background.Kind == spec.Transparent {
		r.result.PhotoType = "image/png"
		r.result.Photo, err = picture.EncodePNG(r.cutout, r.req.Spec.DPI, zlib.BestSpeed)
		r.result.Report.File = File{Type: r.result.PhotoType, Bytes: len(r.result.Photo)}
		return err
	}
	r.result.PhotoType = "image/jpeg"
	want := r.sizeRange()
	data, fit, err := r.fit(r.photo, want)
	for _, k := range r.otherSizes(err) {
		photo, cutout, again := r.render(ctx, k)
		if again != nil {
			return again
		}
		if data, fit, again = r.fit(photo, want); again == nil {
			r.result.Report.enlarge(float64(photo.Rect.Dx()) / float64(r.photo.Rect.Dx()))
			r.photo, r.cutout, err = photo, cutout, nil
			break
		}
	}
	if err != nil {
		return err
	}
	r.result.Photo = data
	r.result.Report.File = File{r.result.PhotoType, len(data), want.MinKB, want.MaxKB, fit.Quality, fit.Chroma.String(), fit.Binary}
	return nil
}

// fit encodes at our usual quality, or a better one where the file would be too small.
func (r *run) fit(photo *image.RGBA, want picture.SizeRange) ([]byte, picture.Fitted, error) {
	quality, asked := r.opts.Quality, 0
	if r.req.Spec.File != nil {
		asked = r.req.Spec.File.Quality
	}
	if want == (picture.SizeRange{}) && asked > 0 {
		quality = min(quality, asked)
	}
	data, fit, err := picture.FitJPEG(photo, r.req.Spec.DPI, want, asked, quality)
	if nearest, off := unreachable(err); off && nearest < want.MinKB {
		return picture.FitJPEG(photo, r.req.Spec.DPI, want, asked, 100)
	}
	return data, fit, err
}

// unreachable tells whether err says that no file of the wanted size can be made, and how large the
// nearest is, in KB.
func unreachable(err error) (nearest float64, off bool) {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != fault.SizeUnreachable {
		return 0, false
	}
	nearest, _ = f.Detail["nearest_kb"].(float64)
	return nearest, true
}

// sizeRange is how large the file is to be, in KB: as asked for, else as the document asks.
func (r *run) sizeRange() picture.SizeRange {
	f := r.req.Spec.File
	if r.req.File != (picture.SizeRange{}) || f == nil {
		return r.req.File
	}
	want := picture.SizeRange{MinKB: f.MinKB, MaxKB: f.MaxKB}
	if f.MaxRatio > 0 {
		want = want.AtMostCompressed(r.req.Spec.WidthPx, r.req.Spec.HeightPx, f.MaxRatio)
	}
	return want
}

// sizeSteps are how much larger a photo is tried to be made when its file is too small.
var sizeSteps = []float64{1.2, 1.5, 2}

// otherSizes lists how much larger or smaller the photo may be where err says that no file of it has
// the wanted size, as far as the document accepts other dimensions.
func (r *run) otherSizes(err error) (ks []float64) {
	nearest, off := unreachable(err)
	z := r.req.Spec.Sizes
	if !off || z == nil || z.Unit != spec.UnitPx {
		return nil
	}
	larger := nearest < r.sizeRange().MinKB
	for _, k := range sizeSteps {
		if !larger {
			k = 1 / k
		}
		w, h := float64(enlarged(r.req.Spec.WidthPx, k)), float64(enlarged(r.req.Spec.HeightPx, k))
		if (z.Min == nil || w >= z.Min[0] && h >= z.Min[1]) && (z.Max == nil || w <= z.Max[0] && h <= z.Max[1]) {
			ks = append(ks, k)
		}
	}
	return ks
}

func (r *run) encodeHD() ([]byte, error) {
	dpi := enlarged(r.req.Spec.DPI, float64(r.hd.Rect.Dx())/float64(r.req.Spec.WidthPx))
	if r.req.Background.Kind == spec.Transparent {
		return picture.EncodePNG(r.hdCutout, dpi, zlib.BestSpeed)
	}
	return picture.EncodeJPEG(r.hd, r.opts.Quality, dpi)
}
