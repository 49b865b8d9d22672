package face

import (
	"image"
	"math"
	"testing"

	"idphoto/pipeline/geometry"
)

// drawing is a picture that a function shades: the grey of each pixel's centre.
type drawing struct {
	w, h int
	at   func(x, y float64) float64
}

func (d drawing) Bounds() (w, h int) { return d.w, d.h }

func (d drawing) Reduce(r image.Rectangle, factor int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, (r.Dx()+factor-1)/factor, (r.Dy()+factor-1)/factor))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			k := float64(factor)
			v := uint8(d.at(float64(r.Min.X)+k*(float64(x)+.5), float64(r.Min.Y)+k*(float64(y)+.5)))
			copy(img.Pix[img.PixOffset(x, y):], []uint8{v, v, v, 255})
		}
	}
	return img
}

// chinError returns how far below the mesh's menton the refined one lies, in eye distances, when
// the picture is bright inside the mesh's oval moved down by shift and dark below it.
func chinError(roll, shift, contrast float64) (along, across float64) {
	f := drawn(roll)
	toLevel := geometry.Similarity(1, roll, geometry.Point{X: 300, Y: 200}).Inverse()
	// The jaw of drawn's oval ends at (0, 110), 110 below the eyes.
	for k, i := range jawCurve {
		a := math.Pi * (.15 + .7*float64(len(jawCurve)-1-k)/float64(len(jawCurve)-1))
		f.Mesh[i] = toLevel.Inverse().Apply(geometry.Point{X: 70 * math.Cos(a), Y: 20 + 90*math.Sin(a)})
	}
	d := drawing{600, 500, func(x, y float64) float64 {
		p := toLevel.Apply(geometry.Point{X: x, Y: y})
		if math.Hypot(p.X/70, (p.Y-20-shift*60)/90) < 1 {
			return 100 + contrast
		}
		return 100
	}}
	got := toLevel.Apply(refineChin(d, f)).Sub(toLevel.Apply(f.Mesh[meshChin]))
	return got.Y / 60, got.X / 60
}

func TestChinMovesToTheJawsEdge(t *testing.T) {
	for _, roll := range []float64{0, .3} {
		for _, shift := range []float64{-.08, 0, .08, .16} {
			along, across := chinError(roll, shift, 120)
			if math.Abs(along-shift) > .04 || math.Abs(across) > 1e-6 {
				t.Errorf("roll %v: the menton moved by (%.3f, %.3f), the edge by %v", roll, across, along, shift)
			}
		}
	}
}

func TestChinIsWhereItMostlyIsWithoutAnEdge(t *testing.T) {
	if along, _ := chinError(.1, -.15, 0); math.Abs(along-chinLower) > .001 {
		t.Errorf("without an edge the menton moved by %v eye distances, want %v", along, chinLower)
	}
	if along, _ := chinError(.1, -.15, 3); math.Abs(along-chinLower) > .03 {
		t.Errorf("a faint edge moved the menton by %v eye distances, want about %v", along, chinLower)
	}
}
