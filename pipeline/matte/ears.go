package matte

import (
	"idphoto/pipeline/resample"
)

// Ear is about where an ear is, if it is not under hair: an upright ellipse beside the face, in
// pixels of the matte.
type Ear struct{ X, Y, RX, RY float64 }

// lostEar is the share of what the second opinion is sure of, within an ear's place, from which on the
// matte has lost the ear: less is the ear's own soft edge, or wall that the coarse opinion takes for one.
const lostEar = .5

// MendEars makes ears opaque that the matte has lost and of which the second opinion, a plane of
// any size over the same picture, is sure. It returns how many pixels it changed.
func MendEars(a, opinion *resample.Plane, ears [2]Ear) (mended int) {
	for _, e := range ears {
		sure := 0
		var lost []int
		for y := max(int(e.Y-e.RY), 0); y < min(int(e.Y+e.RY)+1, a.H); y++ {
			for x := max(int(e.X-e.RX), 0); x < min(int(e.X+e.RX)+1, a.W); x++ {
				dx, dy := (float64(x)+.5-e.X)/e.RX, (float64(y)+.5-e.Y)/e.RY
				if dx*dx+dy*dy > 1 || opinion.At((2*x+1)*opinion.W/(2*a.W), (2*y+1)*opinion.H/(2*a.H)) <= sureOpaque {
					continue
				}
				sure++
				if i := y*a.W + x; a.Pix[i] <= Opaque {
					lost = append(lost, i)
				}
			}
		}
		if float64(len(lost)) < lostEar*float64(sure) {
			continue
		}
		for _, i := range lost {
			a.Pix[i] = 1
		}
		mended += len(lost)
	}
	return mended
}
