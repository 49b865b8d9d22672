package check

import (
	"math"

	"idphoto/pipeline/geometry"
)

// forehead is the part of MediaPipe's mesh between the brows and where most hair starts.
var forehead = []int{10, 109, 67, 69, 66, 107, 9, 336, 296, 299, 297, 338}

// foreheadVisible is the share of the forehead that is about as light as the face's skin: hair, a low
// cap or a scarf hides the rest. Which of these it is, it cannot tell.
func foreheadVisible(w *work) (float64, bool) {
	face := w.skin().median.l
	bare, all := 0, 0
	for _, t := range tonesWithin(w.patch(), polygon(w.mesh(), forehead)) {
		all++
		if math.Abs(float64(t.l-face)) < hairLess {
			bare++
		}
	}
	if all == 0 {
		return 0, false
	}
	return float64(bare) / float64(all), true
}

// Colours that neither hair nor skin has in fair light, in CIE Lab.
const (
	clothLightness = 20 // below, any camera's colours are noise
	clothBlue      = -8 // b of blue cloth
	clothGreen     = -12
	clothVivid     = 60 // chroma
	minCoverPixels = 100
)

// headCovering is the share of the person above the forehead whose colour is that of cloth: blue,
// green or vivid. It finds coloured caps and scarves; black, brown, grey and white ones it cannot
// tell from hair, so a low value says nothing. ISO/IEC 29794-5: no head coverings.
func headCovering(w *work) (float64, bool) {
	if w.Alpha == nil {
		return 0, false
	}
	m, img := w.mesh(), w.patch()
	toAlpha := w.toSource.Then(w.ToAlpha)
	top, half := m[10], .45*m[234].Dist(m[454]) // the head at its widest
	cloth, all := 0, 0
	for y := 0; y < int(top.Y); y += 2 {
		for x := max(int(top.X-half), 0); x < min(int(top.X+half), patchWidth); x += 2 {
			p := toAlpha.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5})
			if w.Alpha.At(int(math.Floor(p.X)), int(math.Floor(p.Y))) < .95 {
				continue
			}
			all++
			c := img.Pix[y*img.Stride+4*x:]
			if isCloth(labOf(c[0], c[1], c[2])) {
				cloth++
			}
		}
	}
	if all < minCoverPixels {
		return 0, false
	}
	return float64(cloth) / float64(all), true
}

func isCloth(c lab) bool {
	return c.l > clothLightness && (c.b < clothBlue || c.a < clothGreen || math.Hypot(float64(c.a), float64(c.b)) > clothVivid)
}
