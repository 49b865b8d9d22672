package resample

import (
	"image"
	"math"
	"testing"

	"idphoto/pipeline/geometry"
)

// field is a source whose colours are smooth functions of the position, so that the right answer
// is known between pixels too.
type field struct{ w, h int }

func (f field) Bounds() (int, int) { return f.w, f.h }

func (f field) at(x, y float64) [3]float64 {
	return [3]float64{
		128 + 100*math.Sin(x/40),
		128 + 100*math.Cos(y/50),
		255 * x / float64(f.w),
	}
}

func (f field) Reduce(r image.Rectangle, factor int) *image.RGBA {
	w, h := (r.Dx()+factor-1)/factor, (r.Dy()+factor-1)/factor
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := f.at(float64(r.Min.X)+(float64(x)+.5)*float64(factor), float64(r.Min.Y)+(float64(y)+.5)*float64(factor))
			p := img.Pix[y*img.Stride+4*x:]
			p[0], p[1], p[2], p[3] = uint8(c[0]+.5), uint8(c[1]+.5), uint8(c[2]+.5), 255
		}
	}
	return img
}

func TestSampleReadsWhereTheMapSays(t *testing.T) {
	src := field{600, 500}
	for name, m := range map[string]geometry.Affine{
		"same size, half a pixel off": {A: 1, C: 100.5, E: 1, F: 80.5},
		"enlarged":                    {A: .4, C: 200, E: .4, F: 150},
		"reduced a little":            {A: 1.6, C: 100, E: 1.6, F: 100},
		"reduced by 3.7":              {A: 3.7, C: 50, E: 3.7, F: 50},
		"turned":                      geometry.Square(100, geometry.Point{X: 300, Y: 250}, 180, .4),
	} {
		for _, k := range []Kernel{Linear, Cubic} {
			got := Sample(src, m, 100, 100, k)
			for _, at := range []image.Point{{0, 0}, {99, 0}, {50, 37}, {10, 99}} {
				p := m.Apply(geometry.Point{X: float64(at.X) + .5, Y: float64(at.Y) + .5})
				want := src.at(p.X, p.Y)
				c := got.RGBAAt(at.X, at.Y)
				for i, v := range []uint8{c.R, c.G, c.B} {
					if math.Abs(float64(v)-want[i]) > 2.5 {
						t.Errorf("%s, kernel %d: pixel %v channel %d = %d, want %.1f", name, k, at, i, v, want[i])
					}
				}
			}
		}
	}
}

func TestBeyondTheEdgeRepeatsTheNearest(t *testing.T) {
	src := field{60, 50}
	got := Sample(src, geometry.Affine{A: 1, C: -20, E: 1, F: -20}, 100, 100, Linear)
	if a, b := got.RGBAAt(0, 45), got.RGBAAt(20, 45); a != b {
		t.Errorf("left of the edge %v, at the edge %v", a, b)
	}
	if all := Sample(src, geometry.Affine{A: 1, C: 500, E: 1, F: 500}, 8, 8, Cubic); all.RGBAAt(3, 3) != src.Reduce(image.Rect(59, 49, 60, 50), 1).RGBAAt(0, 0) {
		t.Errorf("far outside: %v, want the corner's pixel", all.RGBAAt(3, 3))
	}
	in := Inside(src, geometry.Affine{A: 1, C: -20, E: 1, F: -20}, 100, 100)
	if all := Inside(src, geometry.Affine{A: 1, C: 10, E: 1, F: 10}, 50, 40); all != nil {
		t.Error("a piece that lies within the source has a mask")
	}
	for _, tc := range []struct {
		x, y int
		want bool
	}{{19, 30, false}, {20, 30, true}, {79, 30, true}, {80, 30, false}, {30, 19, false}, {30, 69, true}, {30, 70, false}} {
		if got := in[tc.y*100+tc.x]; got != tc.want {
			t.Errorf("Inside(%d, %d) = %v, want %v", tc.x, tc.y, got, tc.want)
		}
	}
}

func TestPlaneWarp(t *testing.T) {
	p := NewPlane(40, 40)
	for i := range p.Pix {
		p.Pix[i] = float32(i%40) / 40
	}
	got := p.Warp(geometry.Affine{A: .5, C: 5, E: .5, F: 5}, 40, 40)
	for _, x := range []int{4, 17, 30} {
		want := (5 + .5*(float64(x)+.5) - .5) / 40
		if v := float64(got.At(x, 20)); math.Abs(v-want) > 1e-4 {
			t.Errorf("column %d = %v, want %v", x, v, want)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	src := image.NewRGBA(image.Rect(0, 0, 1200, 1200))
	m := geometry.Square(400, geometry.Point{X: 600, Y: 600}, 560, .05)
	for b.Loop() {
		warp(src, m, 400, 400, Linear)
	}
}

// Planes smaller than the spline, and whatever lies beyond an edge, are read too.
func TestPlaneWarpOfAFewPixels(t *testing.T) {
	for _, side := range []int{1, 2, 3, 4} {
		p := NewPlane(side, side)
		for i := range p.Pix {
			p.Pix[i] = .25
		}
		for i, v := range p.Warp(geometry.Affine{A: .7, C: -2, E: .7, F: -2}, 12, 12).Pix {
			if math.Abs(float64(v)-.25) > 1e-6 {
				t.Fatalf("of %d x %d equal values, value %d becomes %v", side, side, i, v)
			}
		}
	}
}
