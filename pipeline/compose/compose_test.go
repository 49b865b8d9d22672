package compose

import (
	"image"
	"image/color"
	"math"
	"testing"

	"idphoto/pipeline/resample"
)

// softDisc is a disc of one colour on another, with a soft rim, and its true matte.
func softDisc(size int, fg, bg color.RGBA) (*image.RGBA, *resample.Plane) {
	img, alpha := image.NewRGBA(image.Rect(0, 0, size, size)), resample.NewPlane(size, size)
	for y := range size {
		for x := range size {
			d := math.Hypot(float64(x-size/2), float64(y-size/2)) - float64(size)/3
			a := float32(min(max(.5-d/12, 0), 1))
			alpha.Pix[y*size+x] = a
			mix := func(f, b uint8) uint8 { return uint8(a*float32(f) + (1-a)*float32(b) + .5) }
			img.SetRGBA(x, y, color.RGBA{mix(fg.R, bg.R), mix(fg.G, bg.G), mix(fg.B, bg.B), 255})
		}
	}
	return img, alpha
}

// A dark head before a white wall, put on blue: with the mixed colours the rim would be up to
// 100 levels too bright.
func TestNoRimOfTheOldWall(t *testing.T) {
	hair, wall, blue := color.RGBA{40, 30, 20, 255}, color.RGBA{250, 250, 250, 255}, color.RGBA{0x43, 0x8e, 0xdb, 255}
	img, alpha := softDisc(200, hair, wall)
	want, _ := softDisc(200, hair, blue)
	got := Over(Foreground(img, alpha), alpha, blue)
	worst := 0
	for i := range got.Pix {
		worst = max(worst, abs(int(got.Pix[i])-int(want.Pix[i])))
	}
	if worst > 6 {
		t.Errorf("the rim is off by up to %d levels, want at most 6", worst)
	}
}

func TestBackgroundIsExactlyTheColour(t *testing.T) {
	red := color.RGBA{255, 0, 0, 255}
	img, alpha := softDisc(64, color.RGBA{10, 200, 30, 255}, color.RGBA{1, 2, 3, 255})
	got := Over(Foreground(img, alpha), alpha, red)
	for _, p := range []image.Point{{0, 0}, {63, 0}, {0, 63}, {63, 63}} {
		if c := got.RGBAAt(p.X, p.Y); c != red {
			t.Errorf("pixel %v = %v, want %v", p, c, red)
		}
	}
}

func TestCutoutKeepsNothingOfTheBackground(t *testing.T) {
	img, alpha := softDisc(64, color.RGBA{10, 200, 30, 255}, color.RGBA{90, 90, 90, 255})
	cut := Cutout(Foreground(img, alpha), alpha)
	transparent := 0
	for i := 0; i < len(cut.Pix); i += 4 {
		if cut.Pix[i+3] != 0 {
			continue
		}
		transparent++
		if cut.Pix[i] != 0 || cut.Pix[i+1] != 0 || cut.Pix[i+2] != 0 {
			t.Fatalf("transparent pixel %d holds %v", i/4, cut.Pix[i:i+4])
		}
	}
	if transparent == 0 {
		t.Error("nothing is transparent")
	}
}

func BenchmarkForeground(b *testing.B) {
	img, alpha := softDisc(400, color.RGBA{10, 200, 30, 255}, color.RGBA{90, 90, 90, 255})
	for b.Loop() {
		Foreground(img, alpha)
	}
}

func abs(v int) int { return max(v, -v) }
