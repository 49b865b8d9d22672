package check

import (
	"math"
	"slices"

	"idphoto/pipeline/geometry"
)

// eyeShape is one eye on the patch, as the iris network sees it: the lids' contour is its points 0 to
// 15, of which 0 and 8 are the corners, 1 to 7 the lower lid and 9 to 15 the upper lid, each from
// corner 0 to corner 8.
type eyeShape struct {
	lids [16]geometry.Point
	iris geometry.Point
}

func eyeOf(w *work, i int) eyeShape {
	e := eyeShape{iris: w.toPatch.Apply(w.Face.Eyes[i])}
	for k := range e.lids {
		e.lids[k] = w.toPatch.Apply(w.Face.EyeContour[i][k])
	}
	return e
}

// opening is the distance of the lids in pixels: the mean of the five largest of seven, so that
// neither the corners nor a single point decide.
func (e eyeShape) opening() float64 {
	var d [7]float64
	for k := range d {
		d[k] = e.lids[1+k].Y - e.lids[9+k].Y
	}
	slices.Sort(d[:])
	sum := 0.
	for _, v := range d[2:] {
		sum += v
	}
	return sum / 5
}

// corners returns the left and the right one.
func (e eyeShape) corners() (left, right geometry.Point) {
	if left, right = e.lids[0], e.lids[8]; left.X > right.X {
		left, right = right, left
	}
	return left, right
}

// between calls f for the columns from corner to corner with the heights of the upper and the lower
// lid there.
func (e eyeShape) between(f func(x int, upper, lower float64)) {
	left, right := e.corners()
	upper := append([]geometry.Point{e.lids[0]}, e.lids[9:]...)
	upper = append(upper, e.lids[8])
	lower := e.lids[:9]
	for x := max(int(math.Ceil(left.X)), 0); float64(x) <= right.X && x < patchWidth; x++ {
		f(x, heightAt(upper, float64(x)), heightAt(lower, float64(x)))
	}
}

// heightAt is where a line of points, ordered by x one way or the other, passes x.
func heightAt(line []geometry.Point, x float64) float64 {
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		if lo, hi := min(a.X, b.X), max(a.X, b.X); x >= lo && x <= hi && hi > lo {
			return a.Y + (b.Y-a.Y)*(x-a.X)/(b.X-a.X)
		}
	}
	return line[0].Y
}

// openness is the opening over a length of the face: the geometric mean of the distance between the
// eyes and the eye's width. Either alone is worse: the width tells small eyes from closed ones, but
// where an eye is closed the network is not sure of its corners. Nor is it of the iris.
func (e eyeShape) openness() float64 {
	left, right := e.corners()
	return e.opening() / math.Sqrt(patchEyes*max(left.Dist(right), 1))
}

// eyesOpen is the openness of the eye that is less open. ISO/IEC 29794-5: eyes open, which takes
// the smaller opening over a length of the face too.
func eyesOpen(w *work) (float64, bool) {
	return min(eyeOf(w, 0).openness(), eyeOf(w, 1).openness()), true
}

// The strip below the lower lid that stays skin when the eye looks anywhere, in pixels of the patch;
// nearer are lashes, and farther the frames of most glasses.
const (
	stripFrom, stripTo = 3, 9
	darkSkin           = .4 // of the face's brighter skin on that side; eye sockets in shadow have .5
)

// eyesVisible is the share of the skin below the lower lid, of the eye that has less, that is not
// much darker than the face: dark glasses, frames and hair hide it together with the eye. ISO/IEC
// 29794-5: eyes visible.
func eyesVisible(w *work) (float64, bool) {
	visible := 1.
	for i := range 2 {
		limit := darkSkin * skinLuma(w, i)
		if limit == 0 {
			return 0, false
		}
		dark, all := 0, 0
		eyeOf(w, i).between(func(x int, _, lower float64) {
			for y := int(lower + stripFrom); y < int(lower+stripTo); y++ {
				all++
				if w.luma().At(x, y) < limit {
					dark++
				}
			}
		})
		if all > 0 {
			visible = min(visible, 1-float64(dark)/float64(all))
		}
	}
	return visible, true
}

// pupilLightness is how bright the darkest tenth of the iris and its pupil is, over the skin's
// brightness, of the eye where it is brighter: a pupil is dark whatever the iris' colour, unless a soft
// reflection on glasses lies over it. It is not taken of eyes fewer than 40 pixels apart, whose
// pupils are mixed with the white beside them.
func pupilLightness(w *work) (float64, bool) {
	const enough = 40 // px between the eyes
	worst := 0.
	for i := range 2 {
		eye, skin := eyeOf(w, i), float64(skinLuma(w, i))
		if skin == 0 || w.Face.EyeDistance() < enough {
			return 0, false
		}
		radius := w.Face.IrisRadius[i] * w.toPatch.Scale()
		var tones []float32
		eye.between(func(x int, upper, lower float64) {
			if math.Abs(float64(x)-eye.iris.X) > radius {
				return
			}
			for y := int(upper); y <= int(lower); y++ {
				tones = append(tones, w.luma().At(x, y))
			}
		})
		if len(tones) == 0 { // closed, or seen from the side
			return 0, false
		}
		slices.Sort(tones)
		worst = max(worst, float64(tones[len(tones)/10])/skin)
	}
	return worst, true
}

// skinLuma is the brightness of the face's skin on the side of eye i: the third quartile, which is
// skin even where glasses or hair cover a half.
func skinLuma(w *work, i int) float32 {
	side := w.skin().left
	if i == 1 {
		side = w.skin().right
	}
	if len(side) == 0 {
		return 0
	}
	var count [256]int // by luma; the measures ask often, and sorting takes longer
	for _, t := range side {
		count[min(int(255*t.luma+.5), 255)]++
	}
	level := 255
	for above := count[level]; 4*above <= len(side); above += count[level] {
		level--
	}
	return float32(level) / 255
}

// eyeGlare is the share of the eye, lids included, that is burnt out to white: a reflection on
// glasses. A catch light on the eye is too small to count. It cannot be taken where the skin itself is
// burnt out.
func eyeGlare(w *work) (float64, bool) {
	const (
		white   = 230 // of 255, the darkest channel
		lids    = 6   // px beyond the lids
		tooMuch = .88 // luma of skin
	)
	worst := 0.
	img := w.patch()
	for i := range 2 {
		if skinLuma(w, i) > tooMuch {
			return 0, false
		}
		burnt, all := 0, 0
		eyeOf(w, i).between(func(x int, upper, lower float64) {
			for y := max(int(upper)-lids, 0); y <= int(lower)+lids && y < patchHeight; y++ {
				all++
				if p := img.Pix[y*img.Stride+4*x:]; min(p[0], p[1], p[2]) > white {
					burnt++
				}
			}
		})
		if all > 0 {
			worst = max(worst, float64(burnt)/float64(all))
		}
	}
	return worst, true
}
