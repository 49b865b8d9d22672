package check

import "math"

const (
	pupilReach = .5 // radius of what is looked at, in radii of the iris: a wide pupil
	pupilRed   = 30 // a* of a flash's reflection; brown eyes have 5 to 18
	skinRed    = 15 // a* of skin without a red cast; what is above is taken off
)

// redEye is the share of the redder pupil that is red. ISO/IEC 39794-5 asks for none.
func redEye(w *work) (float64, bool) {
	img := w.patch()
	cast := max(0, w.skin().median.a-skinRed)
	worst := 0.
	for i, eye := range w.Face.Eyes {
		c := w.toPatch.Apply(eye)
		r := pupilReach * w.Face.IrisRadius[i] * w.toPatch.Scale()
		n, red := 0, 0
		for y := max(0, int(c.Y-r)); y < min(img.Rect.Dy(), int(math.Ceil(c.Y+r))); y++ {
			for x := max(0, int(c.X-r)); x < min(img.Rect.Dx(), int(math.Ceil(c.X+r))); x++ {
				if math.Hypot(float64(x)+.5-c.X, float64(y)+.5-c.Y) > r {
					continue
				}
				n++
				if p := img.Pix[y*img.Stride+4*x:]; labOf(p[0], p[1], p[2]).a-cast > pupilRed {
					red++
				}
			}
		}
		if n == 0 {
			return 0, false
		}
		worst = max(worst, float64(red)/float64(n))
	}
	return worst, true
}
