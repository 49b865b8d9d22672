package matte

import (
	"testing"

	"idphoto/pipeline/resample"
)

// An ear that the network lost comes back where the second opinion sees it; a soft edge, and hair or
// wall beside the face of which it is not sure, stay as they are.
func TestMendEars(t *testing.T) {
	const w, h = 60, 80
	ears := [2]Ear{{X: 15, Y: 40, RX: 4, RY: 9}, {X: 45, Y: 40, RX: 4, RY: 9}}
	head := func(left, right int) *resample.Plane { // the person from left to right in each row
		p := resample.NewPlane(w, h)
		for y := range h {
			for x := left; x < right; x++ {
				p.Pix[y*w+x] = 1
			}
		}
		return p
	}
	half := func(p *resample.Plane) *resample.Plane { // an opinion is coarser
		small := resample.NewPlane(w/2, h/2)
		for i := range small.Pix {
			small.Pix[i] = p.At(2*(i%small.W), 2*(i/small.W))
		}
		return small
	}
	for name, tc := range map[string]struct {
		alpha, opinion *resample.Plane
		mends          bool
	}{
		"both ears lost":         {head(20, 40), half(head(10, 50)), true},
		"one ear lost":           {head(20, 50), half(head(10, 50)), true},
		"ears are there":         {head(11, 49), half(head(10, 50)), false},
		"a soft edge":            {head(13, 47), half(head(10, 50)), false},
		"nobody sees ears":       {head(20, 40), half(head(20, 40)), false},
		"neither is sure of any": {head(20, 40), resample.NewPlane(w/2, h/2), false},
	} {
		t.Run(name, func(t *testing.T) {
			before := append([]float32(nil), tc.alpha.Pix...)
			n := MendEars(tc.alpha, tc.opinion, ears)
			if (n > 0) != tc.mends {
				t.Fatalf("%d pixels mended, want some: %v", n, tc.mends)
			}
			changed := 0
			for i, v := range tc.alpha.Pix {
				if v == before[i] {
					continue
				}
				changed++
				x, y := i%w, i/w
				if v != 1 || y < 31 || y > 49 || x > 19 && x < 41 {
					t.Fatalf("pixel %d, %d became %v", x, y, v)
				}
			}
			if changed != n {
				t.Errorf("%d pixels changed, %d were counted", changed, n)
			}
			if tc.mends && tc.alpha.At(16, 40) != 1 {
				t.Error("the left ear is not whole")
			}
		})
	}
}
