package check

import "math"

// The inner border of the lips in MediaPipe's mesh, from the left corner to the right one.
var (
	innerUpperLip = []int{78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308}
	innerLowerLip = []int{78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308}
)

// mouthWidth is the distance of the inner corners, in pixels of the patch.
func mouthWidth(w *work) float64 {
	m := w.mesh()
	return m[78].Dist(m[308])
}

// mouthOpening is the distance of the lips in the middle over the mouth's width. ISO/IEC 29794-5:
// mouth closed.
func mouthOpening(w *work) (float64, bool) {
	m, width := w.mesh(), mouthWidth(w)
	return m[13].Dist(m[14]) / width, width > 0
}

// mouthDark is the height of what is dark between the lips over the mouth's width, as the mean of
// the mouth's middle half: an open mouth, where a smile shows teeth.
func mouthDark(w *work) (float64, bool) {
	m, width := w.mesh(), mouthWidth(w)
	if width <= 0 {
		return 0, false
	}
	const dark = .45 // of the face's skin
	limit := dark * min(skinLuma(w, 0), skinLuma(w, 1))
	upper, lower := polygon(m, innerUpperLip), polygon(m, innerLowerLip)
	left, right := m[78].X+width/4, m[308].X-width/4
	count, columns := 0, 0
	for x := max(int(math.Ceil(left)), 0); float64(x) <= right && x < patchWidth; x++ {
		columns++
		for y := int(math.Ceil(heightAt(upper, float64(x)))); float64(y) < heightAt(lower, float64(x)); y++ {
			if w.luma().At(x, y) < limit {
				count++
			}
		}
	}
	if columns == 0 {
		return 0, false
	}
	return float64(count) / float64(columns) / width, true
}
