package check

import "math"

// Where the bridge of a pair of glasses crosses the nose, in pixels of the patch around the line
// between the eyes: farther up wrinkles stand, and nothing there is as narrow as the strip is wide.
const (
	bridgeHeight = 30 // above and below the eyes
	bridgeHalf   = 7  // of the strip's width
	bridgeStep   = 4  // between the rows that are compared
)

// Where the lower rims of glasses cross the cheeks, in pixels of the patch below the eyes: nearer are
// lashes and the edges of bags, farther a smile's folds.
const (
	rimFrom, rimTo = 20, 60
	rimReach       = 8   // of the two strips to the left and the right of the eye's middle, and half of their width
	rimGap         = 7   // from the middle of a rim to bare skin above and below it
	leastRim       = .25 // over the skin's brightness
)

// aloneAtMost is what a bridge without rims counts: a frown, a laugh's wrinkles and a lock of hair
// between the eyes come close to one.
const aloneAtMost = .38

// glasses is the strongest edge along the ridge of the nose between the eyes, where a face has none:
// the difference between rows of a narrow strip, over the skin's brightness. Beyond aloneAtMost it
// needs rims below both eyes. Of 17 pairs of glasses 13 had 0.40 to 0.80 between the eyes, the others
// were seen from the side or have a thin bridge; of the 13, seven had rims of 0.29 and more, those of
// the others were tilted, thin or dark lenses' edges. 85 bare faces had up to 0.34, and those with more
// than 0.28 rims of at most 0.07. Bags below old eyes have up to 0.22.
func glasses(w *work) (float64, bool) {
	skin := float64(skinLuma(w, 0)+skinLuma(w, 1)) / 2
	if skin == 0 {
		return 0, false
	}
	edge := bridgeEdge(w) / skin
	if edge > aloneAtMost && min(rimDepth(w, 0), rimDepth(w, 1)) < leastRim*skin {
		edge = aloneAtMost
	}
	return edge, true
}

func bridgeEdge(w *work) float64 {
	const top, bottom = patchEyeY - bridgeHeight, patchEyeY + bridgeHeight
	brow, nose := w.mesh()[9].X, w.mesh()[197].X // between the brows, and on the ridge
	var rows [bottom - top]float64
	for i := range rows {
		t := float64(i) / float64(len(rows)-1)
		rows[i] = rowMean(w, top+i, int(brow*(1-t)+nose*t), bridgeHalf)
	}
	edge := 0.
	for i := bridgeStep; i < len(rows); i++ {
		edge = max(edge, math.Abs(rows[i]-rows[i-bridgeStep]))
	}
	return edge
}

// rimDepth is by how much a line below eye i is darker than the skin on both of its sides.
func rimDepth(w *work, i int) float64 {
	const top, bottom = patchEyeY + rimFrom - rimGap, patchEyeY + rimTo + rimGap
	eye := int(w.toPatch.Apply(w.Face.Eyes[i]).X)
	depth := 0.
	for _, x := range [...]int{eye - rimReach, eye + rimReach} {
		var rows [bottom - top + 1]float64
		for y := range rows {
			rows[y] = rowMean(w, top+y, x, rimReach)
		}
		for y := rimGap; y < len(rows)-rimGap; y++ {
			depth = max(depth, min(rows[y-rimGap], rows[y+rimGap])-rows[y])
		}
	}
	return depth
}

// rowMean is the mean luma of the patch's row y from x-half to x+half.
func rowMean(w *work, y, x, half int) float64 {
	sum := 0.
	for i := x - half; i <= x+half; i++ {
		sum += float64(w.luma().At(i, y))
	}
	return sum / float64(2*half+1)
}
