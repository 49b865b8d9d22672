package check

// Luma up to which a pixel is lost in the dark and from which on it is lost in the light, of 255.
// From the ranges [0, 25] and [247, 255] of ISO/IEC 29794-5's under- and over-exposure prevention.
const (
	lostDark  = 25.5 / 255
	lostLight = 246.5 / 255
)

// underExposure is the share of the face, brows, eyes and beard included, that is lost in the dark.
// ISO/IEC 29794-5: under-exposure prevention.
func underExposure(w *work) (float64, bool) {
	count, n := w.faceHistogram()
	lost := 0
	for v, c := range count {
		if float32(v)/255 <= lostDark {
			lost += c
		}
	}
	return float64(lost) / float64(max(1, n)), n > 0
}

// overExposure is the share of the skin that is lost in the light. ISO/IEC 29794-5: over-exposure
// prevention.
func overExposure(w *work) (float64, bool) {
	s, lost := w.skin(), 0
	for _, t := range s.all {
		if t.luma >= lostLight {
			lost++
		}
	}
	return float64(lost) / float64(max(1, len(s.all))), len(s.all) > 0
}

// skinLightness is the skin's median L*. People differ in it, so it is stated and not judged.
// ISO/IEC 29794-5: luminance mean, here of skin only.
func skinLightness(w *work) (float64, bool) {
	s := w.skin()
	return float64(s.median.l), len(s.all) > 0
}

// highlights is how bright the brightest parts of the face are, in L*: the shine on nose and forehead
// (98th percentile of the face), or the white of an eye (90th percentile between the lids) where that
// is brighter. They tell a picture that is too dark from skin that is dark: eyes are about as white
// in every face.
func highlights(w *work) (float64, bool) {
	_, high, ok := w.faceRange()
	img := w.patch()
	for _, lids := range eyeOutlines {
		eye := tonesWithin(img, polygon(w.mesh(), lids))
		high = max(high, float64(quantileOf(eye, .9, func(t tone) float32 { return t.l })))
	}
	return high, ok
}

// eyeOutlines are the lids' edges in the mesh: left, right.
var eyeOutlines = [2][]int{
	{33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246},
	{263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466},
}

// dynamicRange is the span of L* from the face's 2nd to its 98th percentile: little in fog, in glare
// and in the dark. ISO/IEC 29794-5: dynamic range, there as entropy.
func dynamicRange(w *work) (float64, bool) {
	low, high, ok := w.faceRange()
	return high - low, ok
}

// faceRange returns L* of the 2nd and the 98th percentile of all that lies within the face's outline.
func (w *work) faceRange() (low, high float64, ok bool) {
	count, n := w.faceHistogram()
	at := func(q float64) float64 {
		sum := 0
		for v, c := range count {
			if sum += c; float64(sum) > q*float64(n) {
				return float64(labOf(uint8(v), uint8(v), uint8(v)).l)
			}
		}
		return 0
	}
	return at(.02), at(.98), n > 0
}

// faceHistogram counts every second row's luma, 0 to 255, within the face's outline.
func (w *work) faceHistogram() (count [256]int, n int) {
	l := w.luma()
	spans(polygon(w.mesh(), faceOutline), l.W, l.H, func(y, x0, x1 int) {
		if y%2 != 0 {
			return
		}
		for _, v := range l.Pix[y*l.W+x0 : y*l.W+x1] {
			count[int(min(v, 1)*255+.5)]++
		}
		n += x1 - x0
	})
	return count, n
}
