package pipeline

import (
	"image"
	"image/color"
	"testing"
)

// A head without a body is held: nothing of it reaches the lower edge.
func TestAHeadWithoutABodyFloats(t *testing.T) {
	const w, h = 40, 50
	photo := func(lowest, left, right int) *image.NRGBA {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range lowest {
			for x := left; x < right; x++ {
				img.SetNRGBA(x, y, color.NRGBA{200, 150, 120, 255})
			}
		}
		return img
	}
	for name, tc := range map[string]struct {
		img  *image.NRGBA
		want bool
	}{
		"a body": {photo(h, 5, 35), false}, "a neck": {photo(h, 16, 24), false},
		"a head": {photo(h-1, 5, 35), true}, "a scrap": {photo(h, 20, 23), true}, "nobody": {photo(0, 0, 0), true},
	} {
		if got := floats(tc.img, leastBody); got != tc.want {
			t.Errorf("%s: floats = %v", name, got)
		}
	}
}
