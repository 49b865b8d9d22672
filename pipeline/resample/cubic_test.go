package resample

import (
	"image"
	"math/rand/v2"
	"testing"

	"idphoto/pipeline/geometry"
)

// noise is a picture of any colours; opaque.
func noise(w, h int) *image.RGBA {
	rng := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

// plainly reads img at (x, y) with weights of the distance across and down, in floating point.
func plainly(img *image.RGBA, x, y float64, reach int, weights func(t float64) []float64) (c [3]float64) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	x0, y0 := floor(float32(x)), floor(float32(y))
	wx, wy := weights(x-float64(x0)), weights(y-float64(y0))
	for j := range wy {
		for i := range wx {
			p := img.Pix[clamp(y0-reach+j, h)*img.Stride+4*clamp(x0-reach+i, w):]
			for k := range c {
				c[k] += wx[i] * wy[j] * float64(p[k])
			}
		}
	}
	return c
}

func line(t float64) []float64 { return []float64{1 - t, t} }

func spline(t float64) []float64 {
	v := catmullRom(float32(t))
	return []float64{float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])}
}

// turned shows a part of a 60 x 50 picture and goes beyond its edges.
var turned = geometry.Affine{A: .9, B: .11, C: -3.3, D: -.11, E: .9, F: -2.1}

// TestIntegersComeToWhatFloatsDo compares the kernels with their formulas on noise, whose pixels differ
// as much as they can: at the edges too.
func TestIntegersComeToWhatFloatsDo(t *testing.T) {
	src := noise(60, 50)
	const w, h = 75, 66
	half := geometry.Affine{A: .5, E: .5}.Then(turned)
	for name, tc := range map[string]struct {
		got  *image.RGBA
		want func(x, y int) [3]float64
		off  float64 // weights are in 1/256 or 1/2048, so that noise is off by more than one half
	}{
		"linear": {warp(src, turned, w, h, Linear), func(x, y int) [3]float64 {
			sx, sy := start(turned, y)
			return plainly(src, sx+turned.A*float64(x), sy+turned.D*float64(x), 0, line)
		}, 3},
		"cubic": {warp(src, turned, w, h, Cubic), func(x, y int) [3]float64 {
			sx, sy := start(turned, y)
			return plainly(src, sx+turned.A*float64(x), sy+turned.D*float64(x), 1, spline)
		}, 1},
		"averages": {average(src, turned, w, h), func(x, y int) (mean [3]float64) {
			for j := range 2 {
				for i := range 2 {
					sx, sy := start(half, 2*y+j)
					c := plainly(src, sx+half.A*float64(2*x+i), sy+half.D*float64(2*x+i), 0, line)
					for k := range mean {
						mean[k] += c[k] / 4
					}
				}
			}
			return mean
		}, 2},
	} {
		for y := range h {
			for x := range w {
				c := tc.got.RGBAAt(x, y)
				for k, want := range tc.want(x, y) {
					want = min(max(want, 0), 255)
					if got := float64([3]uint8{c.R, c.G, c.B}[k]); got < want-tc.off || got > want+tc.off || c.A != 255 {
						t.Fatalf("%s: pixel (%d, %d), channel %d is %v, want %.2f", name, x, y, k, got, want)
					}
				}
			}
		}
	}
}

func TestFixedWeightsAddUpToOne(t *testing.T) {
	for i := range 1000 {
		f := float32(i) / 999
		sum, v := int64(0), catmullRom(f)
		for k, w := range fixedWeights(f) {
			sum += w
			if d := float32(w) - v[k]*(1<<cubicBits); d > 2 || d < -2 {
				t.Errorf("weight %d at %v is %d, want %v", k, f, w, v[k]*(1<<cubicBits))
			}
		}
		if sum != 1<<cubicBits {
			t.Errorf("at %v weights add up to %d", f, sum)
		}
	}
}
