package touchup

import (
	"image"
	"slices"

	"github.com/disintegration/imaging"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Suggested is what is meant by a touch-up that is asked for without a number: each is seen when
// looked for, and none when not.
var Suggested = Options{Light: 50, Skin: 40, Spots: 80, Whitening: 30, Brightness: 20, Contrast: 20, Saturation: 20, Sharpening: 30}

// Apply returns img, an opaque photo, touched up as o says; img stays as it is. person is its matte
// and the limit of all changes: where it is 0 no pixel changes; nil stands for 1 everywhere. mesh
// holds the points of MediaPipe's face mesh in photo pixels; without them, light, skin, spots and
// whitening do nothing.
//
// Mirroring is left to Mirror, since the matte and all that was measured has to turn with the photo.
func Apply(img *image.RGBA, person *resample.Plane, mesh []geometry.Point, o Options) *image.RGBA {
	out := &image.RGBA{Pix: slices.Clone(img.Pix), Stride: img.Stride, Rect: img.Rect}
	if o.Light > 0 || o.Skin > 0 || o.Spots > 0 || o.Whitening > 0 {
		applyToFace(out, person, mesh, o)
	}
	applyToAll(out, person, mesh, o)
	return out
}

func share(n int) float32 { return float32(n) / 100 }

// applyToFace does what needs to know where skin is. Spots go first, since they are found by how much
// they stand out.
func applyToFace(out *image.RGBA, person *resample.Plane, mesh []geometry.Point, o Options) {
	r, ok := newRegion(out, mesh)
	if !ok {
		return
	}
	if o.Spots > 0 {
		r.removeSpots(share(o.Spots))
	}
	if o.Skin > 0 {
		r.smooth(share(o.Skin))
	}
	if o.Light > 0 {
		r.evenLight(share(o.Light), person != nil)
	}
	if o.Whitening > 0 {
		r.whiten(share(o.Whitening))
	}
	r.write(out, person)
}

// applyToAll does what concerns the whole person. The curves of brightness and contrast keep black
// and white, so that nothing clips.
func applyToAll(out *image.RGBA, person *resample.Plane, mesh []geometry.Point, o Options) {
	var img image.Image = out
	if o.Brightness > 0 {
		img = imaging.AdjustGamma(img, 1+.5*float64(share(o.Brightness)))
	}
	if o.Contrast > 0 {
		img = imaging.AdjustSigmoid(img, .5, 4*float64(share(o.Contrast)))
	}
	if o.Saturation > 0 {
		img = imaging.AdjustSaturation(img, 30*float64(share(o.Saturation)))
	}
	if o.Sharpening > 0 {
		sharp := imaging.Sharpen(img, sharpenSigma(out, mesh))
		img = imaging.Overlay(img, sharp, image.Point{}, .8*float64(share(o.Sharpening)))
	}
	if changed, ok := img.(*image.NRGBA); ok {
		blend(out, changed, person)
	}
}

// sharpenSigma is the detail to be sharpened, in pixels: that of an eyelash, so that a large photo looks as
// a small one does.
func sharpenSigma(img *image.RGBA, mesh []geometry.Point) float64 {
	width := .45 * float64(img.Rect.Dx())
	if len(mesh) >= meshPoints {
		width = mesh[meshLeft].Dist(mesh[meshRight])
	}
	return min(max(.006*width, .7), 3)
}

// blend puts changed over out as far as the person is there. Both are opaque.
func blend(out *image.RGBA, changed *image.NRGBA, person *resample.Plane) {
	w := out.Rect.Dx()
	for y := range out.Rect.Dy() {
		to, from := out.Pix[y*out.Stride:], changed.Pix[y*changed.Stride:]
		for x := range w {
			a := float32(1)
			if person != nil {
				a = clamp01(person.Pix[y*person.W+x])
			}
			if a == 0 {
				continue
			}
			for k := 4 * x; k < 4*x+3; k++ {
				to[k] = uint8(float32(to[k]) + a*(float32(from[k])-float32(to[k])) + .5)
			}
		}
	}
}

// Mirror exchanges left and right of pixels of four bytes, in place: those of an RGBA or an NRGBA.
func Mirror(pix []uint8, stride int, size image.Point) {
	for y := range size.Y {
		row := pix[y*stride:][:4*size.X]
		for i, j := 0, 4*(size.X-1); i < j; i, j = i+4, j-4 {
			var left [4]uint8
			copy(left[:], row[i:i+4])
			copy(row[i:i+4], row[j:j+4])
			copy(row[j:j+4], left[:])
		}
	}
}
