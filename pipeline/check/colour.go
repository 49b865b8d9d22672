package check

import "math"

// naturalColour is how far the skin's colour lies outside of what skin has under daylight, in steps
// of a* and b*: 0 within. ISO/IEC 29794-5: natural colour, with its ranges a* 5 to 25, b* 5 to 35.
func naturalColour(w *work) (float64, bool) {
	s := w.skin()
	outside := func(v, low, high float32) float64 { return float64(max(0, low-v, v-high)) }
	return math.Hypot(outside(s.median.a, 5, 25), outside(s.median.b, 5, 35)), len(s.all) > 0
}

// colourfulness is the 95th percentile of the skin's chroma: near 0 the picture is grey.
func colourfulness(w *work) (float64, bool) {
	s := w.skin()
	return float64(quantileOf(s.all, .95, func(t tone) float32 {
		return float32(math.Hypot(float64(t.a), float64(t.b)))
	})), len(s.all) > 0
}
