package check

import "math"

// leastSkin is how many tones a side of the face must show to be compared with the other.
const leastSkin = 40

// stops is by how many stops of light (factors of two) lightness b is below a. It is the same for
// all skin under the same lamps, which differences of L* are not: L* + 16 goes with the cube root of
// the light.
func stops(a, b float32) float64 { return 3 * math.Log2(float64((a+16)/(b+16))) }

// illumination is by how many stops the light on the two halves of the face differs: 0 when it is
// even. ISO/IEC 29794-5: illumination uniformity, there as the overlap of two histograms.
func illumination(w *work) (float64, bool) {
	s := w.skin()
	if len(s.left) < leastSkin || len(s.right) < leastSkin {
		return 0, false
	}
	lightness := func(t tone) float32 { return t.l }
	return math.Abs(stops(medianOf(s.left, lightness), medianOf(s.right, lightness))), true
}

// faceShadows is by how many stops the darkest tenth of the skin lies below its median: hats, hard
// lamps and noses throw shadows that both halves may have alike.
func faceShadows(w *work) (float64, bool) {
	s := w.skin()
	dark := quantileOf(s.all, .1, func(t tone) float32 { return t.l })
	return stops(s.median.l, dark), len(s.all) >= leastSkin
}
