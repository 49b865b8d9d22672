package face

import (
	"math"
	"testing"

	"idphoto/pipeline/geometry"
)

// drawn returns a face of eye distance 60 around the origin, its chin 110 below the eyes and 140
// wide, turned by roll.
func drawn(roll float64) *Face {
	turn := geometry.Similarity(1, roll, geometry.Point{X: 300, Y: 200})
	f := &Face{
		Eyes: [2]geometry.Point{turn.Apply(geometry.Point{X: -30}), turn.Apply(geometry.Point{X: 30})},
		Chin: turn.Apply(geometry.Point{X: 4, Y: 110}),
	}
	for i := range MeshPoints {
		a := 2 * math.Pi * float64(i) / MeshPoints
		f.Mesh = append(f.Mesh, turn.Apply(geometry.Point{X: 70 * math.Cos(a), Y: 20 + 90*math.Sin(a)}))
	}
	f.Roll = angle(f.Eyes[0], f.Eyes[1])
	return f
}

func TestSkullCrownTurnsWithTheFace(t *testing.T) {
	for _, roll := range []float64{0, .2, -.4} {
		f := drawn(roll)
		want := geometry.Similarity(1, roll, geometry.Point{X: 300, Y: 200}).Apply(geometry.Point{Y: -110 * skullOverFace})
		if got := f.SkullCrown(); got.Dist(want) > 1e-6 {
			t.Errorf("roll %v: crown at %v, want %v", roll, got, want)
		}
		if got := f.FaceWidth(); math.Abs(got-140) > .1 {
			t.Errorf("roll %v: face width %v, want 140", roll, got)
		}
	}
}
