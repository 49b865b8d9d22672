package touchup

import "math"

// smooth evens blotches of the skin, s from 0 to 1. The picture is split by frequency: what is finer
// than a pore stays but for a little, what varies softly over a few hundredths of the face is
// levelled by a filter that keeps edges, what is larger is shape and stays.
func (r *region) smooth(s float32) {
	const contrast = 14 // levels: stronger edges are folds and outlines, not blotches
	fine, wide := r.px(.006), r.px(.03)
	for _, p := range r.rgb {
		soft := blur(p, fine)
		level := guided(soft, wide, contrast*contrast)
		for i, m := range r.skin.Pix {
			if m == 0 {
				continue
			}
			texture := p.Pix[i] - soft.Pix[i]
			p.Pix[i] += m * s * (.85*(level.Pix[i]-soft.Pix[i]) - .25*texture)
		}
	}
	r.updateLuma()
}

func (r *region) updateLuma() {
	for i := range r.luma.Pix {
		r.luma.Pix[i] = luma(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
	}
}

// whiten lightens what has the colour of the face's skin, s from 0 to 1: face, ears and the neck below,
// where it fades out. Lightness follows a logarithm, which leaves black and white where they are;
// all channels get the same, which keeps hue and makes colours no stronger.
func (r *region) whiten(s float32) {
	base := 1 + 1.1*float64(s)
	mask := r.plane()
	features := r.plane()
	for _, f := range append(append([][]int{lips}, eyes...), brows...) {
		fill(features, r.points(f))
	}
	features = grown(features, r.px(.02))
	fade := float32(.25 * r.width)
	for y := range mask.H {
		edge := clamp01(float32(mask.H-1-y) / fade)
		for x := range mask.W {
			i := y*mask.W + x
			side := clamp01(float32(min(x, mask.W-1-x)) / (fade / 2))
			mask.Pix[i] = edge * side * r.likeSkin(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
		}
	}
	mask = blur(mask, r.px(.012))
	for i, m := range mask.Pix {
		l := r.luma.Pix[i]
		add := m * (1 - features.Pix[i]) * (255*float32(math.Log(1+float64(l)/255*(base-1))/math.Log(base)) - l)
		top := max(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
		add = min(add, max(0, 252-top))
		for _, p := range r.rgb {
			p.Pix[i] += add
		}
		r.luma.Pix[i] += add
	}
}
