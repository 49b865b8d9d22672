package compose

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"idphoto/pipeline/resample"
)

// drawnHair is a head with 400 soft strands standing off it, its colours changing from strand to
// strand, before a wall: the picture with a camera's noise, the true matte and the true colours.
func drawnHair(hair, wall color.RGBA) (img *image.RGBA, alpha *resample.Plane, fg []float32) {
	const size = 240
	rng := rand.New(rand.NewPCG(3, 4))
	alpha, fg = resample.NewPlane(size, size), make([]float32, 3*size*size)
	base := [3]float32{float32(hair.R), float32(hair.G), float32(hair.B)}
	for i := range alpha.Pix {
		d := math.Hypot(float64(i%size-size/2), float64(i/size-size/2)) - 70
		alpha.Pix[i] = float32(min(max(.5-d/3, 0), 1))
		copy(fg[3*i:], base[:])
	}
	for range 400 {
		angle, shade := 2*math.Pi*rng.Float64(), float32(20*rng.Float64()-10)
		bend, length := .4*rng.NormFloat64(), 10+20*rng.Float64()
		for s := 0.; s < length; s += .25 {
			r := 66 + s
			x, y := size/2+r*math.Cos(angle+bend*s/70), size/2+r*math.Sin(angle+bend*s/70)
			for dy := -1; dy <= 2; dy++ {
				for dx := -1; dx <= 2; dx++ {
					px, py := int(x)+dx, int(y)+dy
					d := math.Hypot(float64(px)-x, float64(py)-y)
					if a := float32(.9 * max(1-d/1.3, 0) * (1 - .6*s/length)); a > alpha.Pix[py*size+px] {
						alpha.Pix[py*size+px] = a
						for c := range 3 {
							fg[3*(py*size+px)+c] = base[c] + shade
						}
					}
				}
			}
		}
	}
	img = image.NewRGBA(image.Rect(0, 0, size, size))
	for i, a := range alpha.Pix {
		for c, w := range [3]uint8{wall.R, wall.G, wall.B} {
			v := a*fg[3*i+c] + (1-a)*float32(w) + float32(1.5*rng.NormFloat64())
			img.Pix[4*i+c] = uint8(min(max(v+.5, 0), 255))
		}
		img.Pix[4*i+3] = 255
	}
	return img, alpha, fg
}

// TestHairKeepsNoRim: the mixed colours would leave a rim of the old wall around every strand; the
// estimated ones stay near what the person's own colours give.
func TestHairKeepsNoRim(t *testing.T) {
	blue, red := color.RGBA{0x43, 0x8e, 0xdb, 255}, color.RGBA{255, 0, 0, 255}
	for name, tc := range map[string]struct {
		hair, wall, onto color.RGBA
	}{
		"dark hair, white wall, on blue":  {color.RGBA{45, 35, 30, 255}, color.RGBA{245, 245, 240, 255}, blue},
		"grey hair, dark door, on red":    {color.RGBA{170, 165, 160, 255}, color.RGBA{35, 25, 20, 255}, red},
		"brown hair, green wall, on blue": {color.RGBA{120, 80, 50, 255}, color.RGBA{90, 150, 90, 255}, blue},
	} {
		t.Run(name, func(t *testing.T) {
			img, alpha, truth := drawnHair(tc.hair, tc.wall)
			mixed := make([]float32, len(truth))
			for i := range mixed {
				mixed[i] = float32(img.Pix[i/3*4+i%3])
			}
			want := Over(truth, alpha, tc.onto)
			before := bandError(Over(mixed, alpha, tc.onto), want, alpha)
			after := bandError(Over(Foreground(img, alpha), alpha, tc.onto), want, alpha)
			t.Logf("mean error in the band: %.1f levels, with the mixed colours %.1f", after, before)
			if after > 3 || after > before/5 {
				t.Errorf("mean error in the band %.1f levels (mixed colours: %.1f), want at most 3 and a fifth", after, before)
			}
		})
	}
}

// bandError is the mean difference per channel where the matte is soft.
func bandError(got, want *image.RGBA, alpha *resample.Plane) float64 {
	var sum, n float64
	for i, a := range alpha.Pix {
		if a < .02 || a > .98 {
			continue
		}
		for c := range 3 {
			sum += math.Abs(float64(got.Pix[4*i+c]) - float64(want.Pix[4*i+c]))
			n++
		}
	}
	return sum / n
}
