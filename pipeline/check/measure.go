package check

import (
	"image"
	"slices"
	"sync"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// measure takes one value of a picture. ok is false where it cannot be taken, such as the colour of
// a background that no pixel shows.
type measure struct {
	name string // in thresholds.json
	take func(*work) (value float64, ok bool)
}

// measures are all that Examine takes, in the order of its findings.
var measures = sync.OnceValue(func() []measure { return slices.Concat(faceMeasures, imageMeasures) })

// Value is one measure as it was taken.
type Value struct {
	Measure string
	Value   float64
}

// Measure takes all measures of s, each at most once; one that cannot be taken is left out. s is
// not changed.
func Measure(s *Subject) []Value {
	w := newWork(s)
	all := measures()
	out := make([]Value, 0, len(all))
	for _, m := range all {
		if value, ok := m.take(w); ok {
			out = append(out, Value{m.name, value})
		}
	}
	return out
}

// Judge gives the verdicts on values, in their order.
func (r Rules) Judge(values []Value) []Finding {
	out := make([]Finding, len(values))
	for i, v := range values {
		out[i] = r.judge(v.Measure, v.Value)
	}
	return out
}

// Examine measures s and judges it by rules.
func Examine(s *Subject, rules Rules) []Finding { return rules.Judge(Measure(s)) }

// Size of the patch, and where the eyes are on it: 96 pixels apart, a little more than the 90 that
// ICAO Doc 9303 part 9 asks of a portrait, so that a picture which is good enough is not enlarged.
// It reaches from above most hair to below the chin, and past both ears.
const (
	patchEyes   = 96 // between the iris centres
	patchWidth  = 3 * patchEyes
	patchHeight = 4 * patchEyes
	patchEyeX   = patchWidth / 2 // the point between the eyes
	patchEyeY   = 2 * patchEyes
)

// work is a Subject with what several measures need, made once. One goroutine uses it.
type work struct {
	*Subject
	toPatch  geometry.Affine // source pixels -> pixels of the patch
	toSource geometry.Affine // and back

	patch func() *image.RGBA      // the face level, the eyes patchEyes apart
	luma  func() *resample.Plane  // of the patch: Rec. 709 luma of the sRGB values, 0 to 1
	mesh  func() []geometry.Point // the face mesh on the patch
	skin  func() *skin            // the face's bare skin on the patch
	wall  func() *wall            // what is behind the person
}

func newWork(s *Subject) *work {
	d := s.Face.EyeDistance()
	scale := d / patchEyes
	w := &work{Subject: s}
	w.toSource = geometry.Affine{A: 1, C: -patchEyeX, E: 1, F: -patchEyeY}.
		Then(geometry.Similarity(scale, s.Face.Roll, s.Face.EyeMid()))
	w.toPatch = w.toSource.Inverse()
	w.patch = sync.OnceValue(func() *image.RGBA {
		return resample.Sample(s.Source, w.toSource, patchWidth, patchHeight, resample.Linear)
	})
	w.luma = sync.OnceValue(func() *resample.Plane { return luma(w.patch()) })
	w.mesh = sync.OnceValue(func() []geometry.Point {
		out := make([]geometry.Point, len(s.Face.Mesh))
		for i, p := range s.Face.Mesh {
			out[i] = w.toPatch.Apply(p)
		}
		return out
	})
	w.skin = sync.OnceValue(func() *skin { return newSkin(w.patch(), w.mesh()) })
	w.wall = sync.OnceValue(func() *wall { return newWall(s) })
	return w
}

// luma returns the brightness of img as it is coded: Y' of ITU-R BT.709, 0 to 1.
func luma(img *image.RGBA) *resample.Plane {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := resample.NewPlane(w, h)
	for y := range h {
		row := img.Pix[y*img.Stride:]
		for x := range w {
			out.Pix[y*w+x] = luma8(row[4*x], row[4*x+1], row[4*x+2])
		}
	}
	return out
}

func luma8(r, g, b uint8) float32 {
	return (.2126*float32(r) + .7152*float32(g) + .0722*float32(b)) / 255
}
