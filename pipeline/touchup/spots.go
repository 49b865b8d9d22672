package touchup

import (
	"cmp"
	"image"
	"math"
	"slices"

	"idphoto/pipeline/resample"
)

// A spot is darker or redder than the skin around it, small and about as long as it is wide. Shares
// are of the face's width: a pimple is about 5 mm of 140, and a mole that is larger belongs to the
// person, as does what is long: a fold, a scar, a strand of hair.
const (
	spotSpan   = .05 // the longest
	spotRatio  = 2.2 // length over width
	spotLevels = 6   // at least so much darker or redder than around, in levels
	spotNoise  = 4   // and so many times the usual difference on this skin
)

// removeSpots takes spots away, s from 0 to 1: their colour becomes that of the skin around, with
// the texture of skin beside them.
func (r *region) removeSpots(s float32) {
	stands := r.standsOut()
	limit := max(spotLevels, spotNoise*r.usual(stands))
	spots := r.plane()
	found := false
	for _, blob := range blobs(stands, limit) {
		if r.isSpot(blob) {
			found = true
			for _, p := range blob.pixels {
				spots.Pix[p.Y*spots.W+p.X] = 1
			}
		}
	}
	if !found {
		return
	}
	spots = grown(spots, r.px(.01))
	clean := r.plane()
	for i, m := range r.skin.Pix {
		clean.Pix[i] = m * (1 - spots.Pix[i])
	}
	fine := r.px(.006)
	for _, p := range r.rgb {
		around, soft := blurWithin(p, clean, r.px(.035)), blur(p, fine)
		texture := r.plane()
		for i, v := range p.Pix {
			texture.Pix[i] = v - soft.Pix[i]
		}
		for y := range p.H {
			for x := range p.W {
				i := y*p.W + x
				if w := s * spots.Pix[i] * r.place.Pix[i]; w > 0 {
					p.Pix[i] += w * (around.Pix[i] + borrowed(texture, clean, x, y, r.px(.06)) - p.Pix[i])
				}
			}
		}
	}
	r.updateLuma()
}

// borrowed returns texture from clean skin n pixels away, if there is any.
func borrowed(texture, clean *resample.Plane, x, y, n int) float32 {
	for _, d := range []image.Point{{n, 0}, {-n, 0}, {0, n}, {0, -n}} {
		if at := d.Add(image.Pt(x, y)); at.X >= 0 && at.Y >= 0 && at.X < clean.W && at.Y < clean.H && clean.At(at.X, at.Y) > .95 {
			return texture.At(at.X, at.Y)
		}
	}
	return 0
}

// standsOut is by how many levels each pixel is darker or redder than the skin around.
func (r *region) standsOut() *resample.Plane {
	red := r.plane()
	for i := range red.Pix {
		_, red.Pix[i] = chroma(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
	}
	fine, wide := r.px(.006), r.px(.045)
	dark := blurWithin(r.luma, r.skin, wide)
	redder := blurWithin(red, r.skin, wide)
	softLuma, softRed := blur(r.luma, fine), blur(red, fine)
	for i, m := range r.place.Pix { // a spot's own colour need not be one of skin
		dark.Pix[i] = m * (max(dark.Pix[i]-softLuma.Pix[i], 0) + max(softRed.Pix[i]-redder.Pix[i], 0))
	}
	return dark
}

// usual is the median of what stands out on skin.
func (r *region) usual(stands *resample.Plane) float32 {
	var values []float32
	for i, m := range r.skin.Pix {
		if m > .9 {
			values = append(values, stands.Pix[i])
		}
	}
	if len(values) == 0 {
		return math.MaxFloat32
	}
	return median(values)
}

// blob is a patch of pixels that hang together.
type blob struct {
	pixels []image.Point
	box    image.Rectangle
}

// blobs returns the patches around peaks of at least limit, the highest first: all that hangs together
// and is not below 0.45 of the peak. So a spot beside a fold does not become a part of it.
func blobs(p *resample.Plane, limit float32) (found []blob) {
	const foot = .45
	var peaks []int
	for i, v := range p.Pix {
		if v >= limit {
			peaks = append(peaks, i)
		}
	}
	slices.SortFunc(peaks, func(a, b int) int { return cmp.Or(cmp.Compare(p.Pix[b], p.Pix[a]), cmp.Compare(a, b)) })
	owner := make([]int, len(p.Pix)) // the patch that a pixel is of, counted from 1
	for count, peak := range peaks {
		if owner[peak] != 0 {
			continue
		}
		b, own, shoulder := blob{pixels: []image.Point{{peak % p.W, peak / p.W}}}, count+1, false
		owner[peak] = own
		for k := 0; k < len(b.pixels); k++ {
			at := b.pixels[k]
			b.box = b.box.Union(image.Rectangle{at, at.Add(image.Pt(1, 1))})
			for _, d := range []image.Point{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
				n := at.Add(d)
				if !n.In(image.Rect(0, 0, p.W, p.H)) {
					continue
				}
				i := n.Y*p.W + n.X
				switch {
				case owner[i] == 0 && p.Pix[i] >= foot*p.Pix[peak]:
					owner[i] = own
					b.pixels = append(b.pixels, n)
				case owner[i] != 0 && owner[i] != own:
					shoulder = true
				}
			}
		}
		if !shoulder {
			found = append(found, b)
		}
	}
	return found
}

// isSpot tells a spot from folds, large moles, and what only borders on skin.
func (r *region) isSpot(b blob) bool {
	w, h := b.box.Dx(), b.box.Dy()
	if float64(max(w, h)) > max(spotSpan*r.width, 3) {
		return false
	}
	long, short := principalSpread(b.pixels)
	if long > spotRatio*short {
		return false
	}
	return r.amidSkin(b)
}

// amidSkin tells whether a patch lies clear of features and outline, with skin almost all around: hair
// and stubble have more of themselves around.
func (r *region) amidSkin(b blob) bool {
	in := make(map[image.Point]bool, len(b.pixels))
	for _, p := range b.pixels {
		in[p] = true
	}
	near := b.box.Inset(-r.px(.02)).Intersect(image.Rect(0, 0, r.skin.W, r.skin.H))
	around, skin := 0, 0
	for y := near.Min.Y; y < near.Max.Y; y++ {
		for x := near.Min.X; x < near.Max.X; x++ {
			if r.place.At(x, y) < .6 {
				return false
			}
			if !in[image.Pt(x, y)] {
				around++
				if r.skin.At(x, y) > .6 {
					skin++
				}
			}
		}
	}
	return 10*skin >= 8*around
}

// principalSpread returns the standard deviations along and across a patch, each with that of a pixel.
func principalSpread(pixels []image.Point) (long, short float64) {
	var n, sx, sy, sxx, syy, sxy float64
	for _, p := range pixels {
		x, y := float64(p.X), float64(p.Y)
		n, sx, sy, sxx, syy, sxy = n+1, sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	const pixel = 1. / 12
	a, c, b := sxx/n-sx*sx/n/n+pixel, syy/n-sy*sy/n/n+pixel, sxy/n-sx*sy/n/n
	root := math.Sqrt((a-c)*(a-c)/4 + b*b)
	return math.Sqrt((a+c)/2 + root), math.Sqrt(max((a+c)/2-root, 0))
}
