package check

import "math"

// Where the bridge of a pair of glasses crosses the nose, in pixels of the patch around the line
// between the eyes: farther up wrinkles stand, and nothing there is as narrow as the strip is wide.
const (
	bridgeHeight = 30 // above and below the eyes
	bridgeHalf   = 7  // of the strip's width
	bridgeStep   = 4  // between the rows that are compared
)

// glasses is the strongest edge along the ridge of the nose between the eyes, where a face has none:
// the difference between rows of a narrow strip, over the skin's brightness. Three pairs of glasses
// had 0.40 to 0.80, fifty bare faces up to 0.19, with a fringe that hangs between the eyes 0.26.
// Rimless glasses with a thin bridge can be missed.
func glasses(w *work) (float64, bool) {
	skin := float64(skinLuma(w, 0)+skinLuma(w, 1)) / 2
	if skin == 0 {
		return 0, false
	}
	const top, bottom = patchEyeY - bridgeHeight, patchEyeY + bridgeHeight
	brow, nose := w.mesh()[9].X, w.mesh()[197].X // between the brows, and on the ridge
	var rows [bottom - top]float64
	for i := range rows {
		t := float64(i) / float64(len(rows)-1)
		x0 := int(brow*(1-t)+nose*t) - bridgeHalf
		for x := x0; x <= x0+2*bridgeHalf; x++ {
			rows[i] += float64(w.luma().At(x, top+i)) / (2*bridgeHalf + 1)
		}
	}
	edge := 0.
	for i := bridgeStep; i < len(rows); i++ {
		edge = max(edge, math.Abs(rows[i]-rows[i-bridgeStep]))
	}
	return edge / skin, true
}
