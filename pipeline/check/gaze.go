package check

import "math"

// gazeNeedsOpen is the opening, as eyesOpen has it, below which the iris network guesses.
const gazeNeedsOpen = .09

// gaze is how far the irises stand from the middle between the eyes' corners, over the eye's width:
// the mean of both eyes, in which their squint towards the nose cancels. Looking at the camera it is
// within 0.06 even with the head turned by 12 degrees; looking aside 0.12 and more. Up and down is not
// measured: the lids follow the eye.
func gaze(w *work) (float64, bool) {
	if open, _ := eyesOpen(w); open < gazeNeedsOpen {
		return 0, false
	}
	sum := 0.
	for i := range 2 {
		e := eyeOf(w, i)
		left, right := e.corners()
		mid, along := left.Mid(right), right.Sub(left)
		off := e.iris.Sub(mid)
		sum += (off.X*along.X + off.Y*along.Y) / (along.X*along.X + along.Y*along.Y)
	}
	return math.Abs(sum / 2), true
}
