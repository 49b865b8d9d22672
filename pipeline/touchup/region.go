package touchup

import (
	"image"
	"math"
	"slices"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Outlines of MediaPipe's face mesh, as lists of its points.
var (
	faceOval = []int{10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
		152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109}
	eyes = [][]int{
		{33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246},
		{263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466},
	}
	brows = [][]int{
		{70, 63, 105, 66, 107, 55, 65, 52, 53, 46},
		{300, 293, 334, 296, 336, 285, 295, 282, 283, 276},
	}
	lips     = []int{61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185}
	nostrils = []int{64, 98, 97, 2, 326, 327, 294, 19}
)

const (
	meshTop, meshChin   = 10, 152
	meshLeft, meshRight = 234, 454
	meshPoints          = 468
)

// region is the face's part of a picture: what of it is skin, and where the features are.
type region struct {
	at    image.Rectangle // within the picture
	mesh  []geometry.Point
	width float64         // of the face, in pixels
	oval  *resample.Plane // 1 within the face's outline
	skin  *resample.Plane // 1 on skin, 0 on eyes, brows, lips, nostrils, hair and beyond the outline
	place *resample.Plane // skin by place alone, whatever its colour
	luma  *resample.Plane
	rgb   [3]*resample.Plane

	lightness     float32 // of the skin: the median of luma
	blueCb, redCr float32 // of the skin: the medians of its chroma
}

// newRegion cuts the face out of img. ok is false where there is none to speak of: without a mesh, or
// with a face too small for anything to be told apart on it.
func newRegion(img *image.RGBA, mesh []geometry.Point) (r *region, ok bool) {
	if len(mesh) < meshPoints {
		return nil, false
	}
	r = &region{width: mesh[meshLeft].Dist(mesh[meshRight])}
	lo, hi := bounds(mesh)
	margin := .3 * r.width
	r.at = image.Rect(int(lo.X-margin), int(lo.Y-margin), int(hi.X+margin), int(hi.Y+margin)).Intersect(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	if r.width < 24 || r.at.Dx() < 8 || r.at.Dy() < 8 {
		return nil, false
	}
	for _, p := range mesh {
		r.mesh = append(r.mesh, geometry.Point{X: p.X - float64(r.at.Min.X), Y: p.Y - float64(r.at.Min.Y)})
	}
	r.read(img)
	r.outline()
	r.learnSkin()
	return r, true
}

func bounds(points []geometry.Point) (lo, hi geometry.Point) {
	lo, hi = points[0], points[0]
	for _, p := range points {
		lo = geometry.Point{X: min(lo.X, p.X), Y: min(lo.Y, p.Y)}
		hi = geometry.Point{X: max(hi.X, p.X), Y: max(hi.Y, p.Y)}
	}
	return lo, hi
}

// px is a share of the face's width in whole pixels, at least 1.
func (r *region) px(share float64) int { return max(1, int(math.Round(share*r.width))) }

func (r *region) plane() *resample.Plane { return resample.NewPlane(r.at.Dx(), r.at.Dy()) }

// read fills the planes from img.
func (r *region) read(img *image.RGBA) {
	r.luma = r.plane()
	for c := range r.rgb {
		r.rgb[c] = r.plane()
	}
	for y := range r.luma.H {
		row := img.Pix[(r.at.Min.Y+y)*img.Stride+4*r.at.Min.X:]
		for x := range r.luma.W {
			i := y*r.luma.W + x
			for c := range r.rgb {
				r.rgb[c].Pix[i] = float32(row[4*x+c])
			}
			r.luma.Pix[i] = luma(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
		}
	}
}

// luma and chroma are those of ITU-R BT.601.
func luma(r, g, b float32) float32 { return .299*r + .587*g + .114*b }

func chroma(r, g, b float32) (blue, red float32) {
	y := luma(r, g, b)
	return .564 * (b - y), .713 * (r - y)
}

// outline draws the face's outline without its features, both with soft edges.
func (r *region) outline() {
	r.oval, r.skin = r.plane(), r.plane()
	fill(r.oval, r.points(faceOval))
	features := r.plane()
	for _, e := range eyes {
		fill(features, r.points(e))
	}
	features = grown(features, r.px(.035)) // with lashes and the lids' edges
	others := r.plane()
	for _, b := range brows {
		fill(others, r.points(b))
	}
	fill(others, r.points(lips))
	fill(others, r.points(nostrils))
	others = grown(others, r.px(.025))
	inside := blur(r.oval, r.px(.02))
	for i, v := range inside.Pix {
		r.skin.Pix[i] = clamp01(2*v-1) * (1 - features.Pix[i]) * (1 - others.Pix[i])
	}
}

// grown extends a mask by about n pixels, with a soft edge.
func grown(mask *resample.Plane, n int) *resample.Plane {
	out := blur(mask, n)
	for i, v := range out.Pix {
		out.Pix[i] = clamp01(8 * v)
	}
	return out
}

func (r *region) points(of []int) (out []geometry.Point) {
	for _, i := range of {
		out = append(out, r.mesh[i])
	}
	return out
}

// fill sets the pixels whose centres lie within the polygon (even-odd).
func fill(p *resample.Plane, polygon []geometry.Point) {
	var cross []float64
	for y := range p.H {
		at := float64(y) + .5
		cross = cross[:0]
		for i, a := range polygon {
			b := polygon[(i+1)%len(polygon)]
			if (a.Y <= at) != (b.Y <= at) {
				cross = append(cross, a.X+(at-a.Y)/(b.Y-a.Y)*(b.X-a.X))
			}
		}
		slices.Sort(cross)
		for i := 0; i+1 < len(cross); i += 2 {
			lo, hi := max(int(math.Ceil(cross[i]-.5)), 0), min(int(math.Ceil(cross[i+1]-.5)), p.W)
			for x := lo; x < hi; x++ {
				p.Pix[y*p.W+x] = 1
			}
		}
	}
}

// learnSkin takes the colour of this face's skin from the middle of the mask, and takes what differs
// from it, hair over the forehead, a beard, frames of glasses, out of the mask. Nothing here knows
// how light or dark skin is.
func (r *region) learnSkin() {
	var light, blues, reds []float32
	for i, m := range r.skin.Pix {
		if m < .99 {
			continue
		}
		b, d := chroma(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
		light, blues, reds = append(light, r.luma.Pix[i]), append(blues, b), append(reds, d)
	}
	r.place = r.skin
	if len(light) == 0 {
		return
	}
	r.skin = r.plane()
	r.lightness, r.blueCb, r.redCr = median(light), median(blues), median(reds)
	for i, m := range r.place.Pix {
		if m > 0 {
			r.skin.Pix[i] = m * r.likeSkin(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
		}
	}
	r.skin = blur(r.skin, 1)
}

// likeSkin tells, from 0 to 1, how well a colour goes with the face's skin, in light or in shadow:
// chroma shrinks with light, so it is compared at the skin's own lightness.
func (r *region) likeSkin(red, green, blue float32) float32 {
	y := luma(red, green, blue)
	b, d := chroma(red, green, blue)
	scale := min(max(r.lightness/max(y, 1), .7), 1.6)
	off := float32(math.Hypot(float64(b*scale-r.blueCb), float64(d*scale-r.redCr)))
	const tolerance = 14 // levels of chroma; beyond twice as much it is something else
	return clamp01(2-off/tolerance) * clamp01(6*y/max(r.lightness, 1)-1.8)
}

// median reorders v.
func median(v []float32) float32 {
	slices.Sort(v)
	return v[len(v)/2]
}

// write puts the planes back into img, as far as the person is there.
func (r *region) write(img *image.RGBA, person *resample.Plane) {
	for y := range r.luma.H {
		row := img.Pix[(r.at.Min.Y+y)*img.Stride+4*r.at.Min.X:]
		for x := range r.luma.W {
			a := float32(1)
			if person != nil {
				a = clamp01(person.Pix[(r.at.Min.Y+y)*person.W+r.at.Min.X+x])
			}
			if a == 0 {
				continue
			}
			for c, p := range r.rgb {
				was := float32(row[4*x+c])
				row[4*x+c] = uint8(min(max(was+a*(p.Pix[y*p.W+x]-was), 0), 255) + .5)
			}
		}
	}
}
