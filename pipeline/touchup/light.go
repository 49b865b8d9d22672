package touchup

import (
	"math"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// evenLight brightens the darker side of the face and darkens the lighter one, s from 0 to 1. What
// counts as light is luma without detail, of skin only. Each point moves towards the mean of itself
// and its mirror image about the face's axis, which keeps the shading of nose and cheeks, and a
// little towards the mean of all. Colours are multiplied, which keeps hue and saturation; the
// change fades out over hair and neck, or, unless cut is true, at the face's outline: without a matte
// it would light the wall.
func (r *region) evenLight(s float32, cut bool) {
	light := blurWithin(r.luma, r.skin, r.px(.09))
	var sum, weight float32
	for i, m := range r.skin.Pix {
		sum, weight = sum+m*light.Pix[i], weight+m
	}
	if weight < 16 {
		return
	}
	mean := sum / weight
	change := r.plane() // logarithm of the factor
	const toMean = .3
	known := blur(r.skin, r.px(.09))
	for y := range light.H {
		for x := range light.W {
			i := y*light.W + x
			if known.Pix[i] < .02 {
				continue
			}
			here := max(light.Pix[i], 4)
			mx, my := r.mirrored(x, y)
			there := here
			if known.At(mx, my) >= .02 {
				there = max(light.At(mx, my), 4)
			}
			target := (1-toMean)*(here+there)/2 + toMean*mean
			change.Pix[i] = min(max(float32(math.Log(float64(target/here))), -.45), .6)
		}
	}
	change = blurWithin(change, clamped(known), r.px(.08))
	reach, gain, from := blur(r.oval, r.px(.1)), float32(1.6), float32(0)
	if !cut {
		reach, gain, from = blur(r.oval, r.px(.05)), 2, .5
	}
	for i := range change.Pix {
		if w := clamp01(gain * (reach.Pix[i] - from)); w > 0 {
			r.scale(i, float32(math.Exp(float64(.9*s*w*change.Pix[i]))))
		}
	}
}

// clamped is 1 wherever a mask has anything.
func clamped(p *resample.Plane) *resample.Plane {
	out := resample.NewPlane(p.W, p.H)
	for i, v := range p.Pix {
		out.Pix[i] = clamp01(20 * v)
	}
	return out
}

// mirrored returns the pixel on the other side of the line from forehead to chin.
func (r *region) mirrored(x, y int) (int, int) {
	a, b := r.mesh[meshTop], r.mesh[meshChin]
	d := b.Sub(a)
	p := geometry.Point{X: float64(x) + .5, Y: float64(y) + .5}.Sub(a)
	k := 2 * (p.X*d.X + p.Y*d.Y) / (d.X*d.X + d.Y*d.Y)
	return int(a.X + k*d.X - p.X), int(a.Y + k*d.Y - p.Y)
}

// scale multiplies a pixel, less where a channel would clip.
func (r *region) scale(i int, f float32) {
	top := max(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
	if f > 1 && top*f > 250 {
		f = max(1, 250/top)
	}
	for _, p := range r.rgb {
		p.Pix[i] *= f
	}
	r.luma.Pix[i] *= f
}
