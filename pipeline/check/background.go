package check

import (
	"math"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
)

// Distances from the person, in distances between the eyes. What is nearer than hairGap may be hair
// or its shine.
const (
	hairGap   = .25
	leastNear = .45 // as far as a shadow of the head reaches on a wall close behind it
	mostNear  = .8  // and on one further behind
	between   = .15 // of neither
	coarse    = 112 // pixels along the longer side at which the background is looked at
	leastWall = 40  // pixels that must be seen to say something of it
	// A shadow keeps the wall's colour (steps of a* and b*), and a busy background has none (deltaE).
	shadowTint = 12
	plainWall  = 35
)

// wall is what is seen of the background around the head.
type wall struct {
	tones  []spot
	shade  lab     // median
	spread float64 // deltaE that nine tenths of it lie within, around the median
}

// spot is one pixel of the background.
type spot struct {
	lab
	gap       float32 // from the person, in distances between the eyes
	side      int     // -1 left of the face, 1 right of it
	aboveChin bool
	beside    bool // of the face: between forehead and chin
}

// newWall looks at the background that the matte leaves.
func newWall(s *Subject) *wall {
	out := &wall{}
	if s.Alpha == nil {
		return out
	}
	step := max(1, float64(max(s.Alpha.W, s.Alpha.H))/coarse)
	w, h := int(float64(s.Alpha.W)/step), int(float64(s.Alpha.H)/step)
	toAlpha := geometry.Affine{A: step, E: step}
	toSource := toAlpha.Then(s.ToAlpha.Inverse())
	img := resample.Sample(s.Source, toSource, w, h, resample.Linear)
	inside := resample.Inside(s.Source, toSource, w, h)
	perEye := toSource.Scale() / s.Face.EyeDistance()
	gap := gaps(s.Alpha, toAlpha, w, h)
	toImage := toSource.Inverse()
	chin, eyes := toImage.Apply(s.Face.Chin).Y, toImage.Apply(s.Face.EyeMid())
	forehead := eyes.Y - 1/perEye
	for i, g := range gap {
		g *= float32(perEye)
		if g < hairGap || inside != nil && !inside[i] {
			continue
		}
		x, y := i%w, i/w
		p := img.Pix[y*img.Stride+4*x:]
		sp := spot{lab: labOf(p[0], p[1], p[2]), gap: g, side: 1, aboveChin: float64(y) < chin}
		sp.beside = sp.aboveChin && float64(y) > forehead
		if float64(x) < eyes.X {
			sp.side = -1
		}
		out.tones = append(out.tones, sp)
	}
	out.shade = medianSpot(out.tones)
	out.spread = float64(quantileOf(out.tones, .9, func(s spot) float32 { return s.deltaE(out.shade) }))
	return out
}

// gaps returns how far each pixel of a w x h patch is from the person, in its pixels, counted in
// straight and diagonal steps.
func gaps(alpha *resample.Plane, toAlpha geometry.Affine, w, h int) []float32 {
	const far = math.MaxFloat32 / 4
	out := make([]float32, w*h)
	for y := range h {
		for x := range w {
			p := toAlpha.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5})
			if out[y*w+x] = far; alpha.At(int(p.X), int(p.Y)) > matte.Faint {
				out[y*w+x] = 0
			}
		}
	}
	relax := func(x, y, dx, dy int, cost float32) {
		if nx, ny := x+dx, y+dy; nx >= 0 && nx < w && ny >= 0 && ny < h {
			out[y*w+x] = min(out[y*w+x], out[ny*w+nx]+cost)
		}
	}
	sweep := func(x, y, d int) {
		relax(x, y, d, 0, 1)
		relax(x, y, 0, d, 1)
		relax(x, y, d, d, math.Sqrt2)
		relax(x, y, -d, d, math.Sqrt2)
	}
	for y := range h {
		for x := range w {
			sweep(x, y, -1)
		}
	}
	for y := h - 1; y >= 0; y-- {
		for x := w - 1; x >= 0; x-- {
			sweep(x, y, 1)
		}
	}
	return out
}

func medianSpot(spots []spot) lab {
	return lab{
		medianOf(spots, func(s spot) float32 { return s.l }),
		medianOf(spots, func(s spot) float32 { return s.a }),
		medianOf(spots, func(s spot) float32 { return s.b }),
	}
}

func (b *wall) seen() bool { return len(b.tones) >= leastWall }

// backgroundUniformity is the colour difference (CIE76) that nine tenths of the background lie
// within, around its median, before anything is replaced. ISO/IEC 29794-5: background uniformity.
func backgroundUniformity(w *work) (float64, bool) { return w.wall().spread, w.wall().seen() }

// The background's median colour, for documents that keep it and want it white, light or plain.

func backgroundLightness(w *work) (float64, bool) { return float64(w.wall().shade.l), w.wall().seen() }

func backgroundRed(w *work) (float64, bool) { return float64(w.wall().shade.a), w.wall().seen() }

func backgroundYellow(w *work) (float64, bool) { return float64(w.wall().shade.b), w.wall().seen() }

// backgroundShadow is by how much darker (L*) the wall is right beside the head than further away,
// on the side where it is most. On a busy background no one can tell.
func backgroundShadow(w *work) (float64, bool) {
	b := w.wall()
	if !b.seen() || b.spread > plainWall {
		return 0, false
	}
	// Each side has its own limit: a tight photo shows little wall, and what is away begins nearer.
	var near [2][]spot
	var far []spot
	for i, side := range [2]int{-1, 1} {
		all := where(b.tones, func(s spot) bool { return s.side == side && s.aboveChin })
		limit := min(max(quantileOf(all, .6, func(s spot) float32 { return s.gap }), leastNear), mostNear)
		near[i] = where(all, func(s spot) bool { return s.beside && s.gap < limit })
		far = append(far, where(all, func(s spot) bool { return s.gap > limit+between })...)
	}
	if len(far) < leastWall/2 {
		return 0, false
	}
	// What is away may lie partly in the shadow too: the lighter part of it counts.
	wall := medianSpot(far)
	wall.l = quantileOf(far, .75, func(s spot) float32 { return s.l })
	worst, ok := 0., false
	for _, spots := range near {
		if len(spots) < leastWall/2 {
			continue
		}
		ok = true
		n := medianSpot(spots)
		if math.Hypot(float64(n.a-wall.a), float64(n.b-wall.b)) <= shadowTint {
			worst = max(worst, float64(wall.l-n.l))
		}
	}
	return worst, ok
}

func where(spots []spot, ok func(spot) bool) []spot {
	var out []spot
	for _, s := range spots {
		if ok(s) {
			out = append(out, s)
		}
	}
	return out
}
