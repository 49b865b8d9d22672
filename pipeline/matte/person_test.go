package matte

import (
	"testing"

	"idphoto/pipeline/resample"
)

// paint sets a rectangle of the plane.
func paint(p *resample.Plane, x0, y0, x1, y1 int, v float32) {
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			p.Pix[y*p.W+x] = v
		}
	}
}

func TestKeepPerson(t *testing.T) {
	p := resample.NewPlane(100, 100)
	paint(p, 30, 40, 70, 100, 1)  // a body, down to the edge
	paint(p, 5, 5, 15, 15, 1)     // a lamp, apart
	paint(p, 40, 20, 42, 40, 1)   // an opaque strand of hair
	paint(p, 35, 30, 36, 40, .2)  // a faint one ...
	paint(p, 33, 25, 36, 30, 1)   // ... with a curl at its end
	paint(p, 90, 90, 100, 91, .3) // haze in the corner
	share := KeepPerson(p, 50, 60)
	for name, at := range map[string]struct {
		x, y int
		kept bool
	}{
		"body": {50, 60, true}, "edge of the body": {30, 99, true}, "strand": {40, 20, true},
		"faint strand": {35, 30, true}, "curl": {34, 27, true},
		"lamp": {10, 10, false}, "haze": {95, 90, false},
	} {
		if got := p.At(at.x, at.y) > 0; got != at.kept {
			t.Errorf("%s: kept %v, want %v", name, got, at.kept)
		}
	}
	if want := 2455. / 2555; share < want-.001 || share > want+.001 {
		t.Errorf("share = %.3f, want %.3f: all but the lamp", share, want)
	}
	if share := KeepPerson(p, 2, 2); share != 0 {
		t.Errorf("share = %v at a seed on the background, want 0", share)
	}
}

func TestTopIgnoresALoneStrand(t *testing.T) {
	p := resample.NewPlane(50, 50)
	paint(p, 10, 20, 40, 50, 1)
	paint(p, 20, 5, 21, 20, 1)
	if y, ok := Top(p, 0, 50, 3); !ok || y != 20 {
		t.Errorf("Top = %d, %v; want 20", y, ok)
	}
	if y, ok := Top(p, 0, 50, 1); !ok || y != 5 {
		t.Errorf("Top with strands = %d, %v; want 5", y, ok)
	}
	if _, ok := Top(resample.NewPlane(9, 9), 0, 9, 1); ok {
		t.Error("Top found something on an empty matte")
	}
}
