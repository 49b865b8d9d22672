package compose

import (
	"image"
	"image/color"

	"idphoto/pipeline/resample"
)

// Over blends the foreground (interleaved RGB, 0..255) over one colour, in sRGB values as mattes
// are defined.
func Over(fg []float32, alpha *resample.Plane, bg color.RGBA) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, alpha.W, alpha.H))
	back := [3]float32{float32(bg.R), float32(bg.G), float32(bg.B)}
	for i, a := range alpha.Pix {
		p := out.Pix[4*i : 4*i+4 : 4*i+4]
		if a <= Sure {
			a = 0 // a background of one colour is of exactly that colour
		}
		for c := range 3 {
			p[c] = uint8(a*fg[3*i+c] + (1-a)*back[c] + .5)
		}
		p[3] = 255
	}
	return out
}

// Cutout returns the foreground with the matte as its alpha. Transparent pixels are black, so
// that nothing of the old background is left in the file.
func Cutout(fg []float32, alpha *resample.Plane) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, alpha.W, alpha.H))
	for i, a := range alpha.Pix {
		a8 := uint8(a*255 + .5)
		if a <= Sure || a8 == 0 {
			continue
		}
		p := out.Pix[4*i : 4*i+4 : 4*i+4]
		for c := range 3 {
			p[c] = uint8(fg[3*i+c] + .5)
		}
		p[3] = a8
	}
	return out
}
