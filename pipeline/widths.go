package pipeline

import (
	"math"

	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
)

// faceSides returns the x of the face's outline where it is widest: left, right.
func faceSides(f *face.Face, toHead geometry.Affine) [2]float64 {
	sides := [2]float64{math.Inf(1), math.Inf(-1)}
	for _, p := range f.Mesh {
		x := toHead.Apply(p).X
		sides = [2]float64{min(sides[0], x), max(sides[1], x)}
	}
	return sides
}

// headSides returns the x of the head's outline in the matte, with hair and ears, where it is widest
// between the eyes and half way to the chin; below, long hair and shoulders begin. toWork maps the
// head's frame to the matte.
func headSides(visible *resample.Plane, toWork geometry.Affine, h geometry.Head) [2]float64 {
	from, to := toWork.Apply(geometry.Point{X: h.Axis, Y: h.Eyes}), toWork.Apply(geometry.Point{X: h.Axis, Y: (h.Eyes + h.Chin) / 2})
	axis := min(max(int(from.X), 0), visible.W-1)
	left, right := axis, axis
	for y := max(int(from.Y), 0); y < min(int(to.Y), visible.H); y++ {
		x0, x1 := axis, axis
		for x0 > 0 && visible.At(x0-1, y) > matte.Opaque {
			x0--
		}
		for x1 < visible.W && visible.At(x1, y) > matte.Opaque {
			x1++
		}
		left, right = min(left, x0), max(right, x1)
	}
	toHead := toWork.Inverse()
	return [2]float64{
		min(h.Face[0], toHead.Apply(geometry.Point{X: float64(left)}).X),
		max(h.Face[1], toHead.Apply(geometry.Point{X: float64(right)}).X),
	}
}
