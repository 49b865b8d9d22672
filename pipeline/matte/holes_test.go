package matte

import (
	"image"
	"testing"

	"idphoto/pipeline/resample"
)

// TestFillHoles: a hole in the jacket is filled, the gap between arm and body is not, nor is the
// wall beside the person.
func TestFillHoles(t *testing.T) {
	wall, suit := [3]byte{200, 205, 210}, [3]byte{40, 40, 60}
	img, a := image.NewRGBA(image.Rect(0, 0, 120, 120)), resample.NewPlane(120, 120)
	draw := func(x0, y0, x1, y1 int, c [3]byte, alpha float32) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				jitter := byte((x*7 + y*13) % 5)
				copy(img.Pix[img.PixOffset(x, y):], []byte{c[0] + jitter, c[1] + jitter, c[2] + jitter, 255})
				a.Pix[y*120+x] = alpha
			}
		}
	}
	draw(0, 0, 120, 120, wall, 0)
	draw(20, 30, 100, 120, suit, 1)
	draw(30, 50, 44, 70, suit, .1) // lost by the network
	draw(80, 60, 90, 90, wall, .2) // a gap
	if n := FillHoles(img, a); n != 14*20 {
		t.Errorf("filled %d pixels, want %d", n, 14*20)
	}
	for name, at := range map[string]struct {
		x, y int
		want float32
	}{"jacket": {37, 60, 1}, "gap": {85, 75, .2}, "wall": {5, 5, 0}, "body": {60, 100, 1}} {
		if got := a.At(at.x, at.y); got != at.want {
			t.Errorf("%s: alpha %v, want %v", name, got, at.want)
		}
	}
}

// TestFillHolesOnABusyWall: a background of many colours could explain anything; the jacket's own
// colour explains the hole better.
func TestFillHolesOnABusyWall(t *testing.T) {
	img, a := image.NewRGBA(image.Rect(0, 0, 120, 120)), resample.NewPlane(120, 120)
	for i := range a.Pix {
		x, y := i%120, i/120
		c := byte((x*x*31 + y*y*17 + x*y*7) % 256)
		if x > 20 && x < 100 && y > 30 {
			c = 45 + c%8
			a.Pix[i] = 1
			if x > 40 && x < 60 && y > 60 && y < 80 {
				a.Pix[i] = 0
			}
		}
		copy(img.Pix[4*i:], []byte{c, c, c, 255})
	}
	if n := FillHoles(img, a); n != 19*19 {
		t.Errorf("filled %d pixels, want %d", n, 19*19)
	}
}
