package face

import (
	"image"
	"image/draw"
	"os"
	"sync"
	"testing"

	"idphoto/models"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
)

var finder = sync.OnceValues(func() (*Finder, error) {
	rt, err := models.Open(nil)
	if err != nil {
		return nil, err
	}
	return Open(rt)
})

func open(t *testing.T, name string) (*Finder, *picture.Picture) {
	t.Helper()
	f, err := finder()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	pic, err := picture.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, pic
}

// raster is an image that Sample can read.
type raster struct{ *image.RGBA }

func (r raster) Bounds() (w, h int) { return r.Rect.Dx(), r.Rect.Dy() }

func (r raster) Reduce(at image.Rectangle, factor int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, (at.Dx()+factor-1)/factor, (at.Dy()+factor-1)/factor))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			var sum [4]int
			n := 0
			for v := at.Min.Y + y*factor; v < min(at.Min.Y+(y+1)*factor, at.Max.Y); v++ {
				for u := at.Min.X + x*factor; u < min(at.Min.X+(x+1)*factor, at.Max.X); u++ {
					for c, p := range r.Pix[r.PixOffset(u, v):][:4] {
						sum[c] += int(p)
					}
					n++
				}
			}
			for c := range sum {
				img.Pix[img.PixOffset(x, y)+c] = uint8(sum[c] / n)
			}
		}
	}
	return img
}

// A small second face in the upper right corner is counted whenever a look at LongSide counts it.
func TestTheFirstLookOverlooksNobody(t *testing.T) {
	f, hopper := open(t, "s17_hopper.jpg")
	_, astronaut := open(t, "s01_astronaut.png")
	w, h := hopper.Bounds()
	for _, share := range []float64{.2, .14, .1, .07, .055, .045, .035} {
		img := resample.Sample(hopper, geometry.Affine{A: 1, E: 1}, w, h, resample.Linear)
		box := share * float64(h)
		k := .24 * 512 / box // the astronaut's face is so long; her head is 2.2 times as large
		side := int(2.2 * box)
		head := resample.Sample(astronaut, geometry.Affine{A: k, C: 90, E: k}, side, side, resample.Linear)
		draw.Draw(img, image.Rect(w-side, 0, w, side), head, image.Point{}, draw.Src)
		got, err := f.Detect(t.Context(), raster{img})
		if err != nil {
			t.Fatal(err)
		}
		want, err := f.DetectAt(t.Context(), raster{img}, LongSide)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) || share > .06 && len(want) != 2 {
			t.Errorf("second face of %v of the long side: %d faces, %d at %d pixels", share, len(got), len(want), LongSide)
		}
	}
}

// What is measured does not depend on the size at which the face was found.
func TestMeasuresDoNotDependOnTheBox(t *testing.T) {
	for _, name := range []string{"s01_astronaut.png", "s17_hopper.jpg"} {
		f, pic := open(t, name)
		var first *Face
		for _, side := range []int{LongSide, 288, 320, 352, 416} {
			boxes, err := f.DetectAt(t.Context(), pic, side)
			if err != nil || len(boxes) != 1 {
				t.Fatalf("%s at %d: %d faces, %v", name, side, len(boxes), err)
			}
			got, ok, err := f.Measure(t.Context(), pic, boxes[0])
			if err != nil || !ok {
				t.Fatalf("%s at %d: %v, %v", name, side, ok, err)
			}
			if first == nil {
				first = got
			}
			d := first.EyeDistance()
			eyes := max(got.Eyes[0].Dist(first.Eyes[0]), got.Eyes[1].Dist(first.Eyes[1])) / d
			chin := got.Chin.Dist(first.Chin) / d
			t.Logf("%s at %d: eyes moved %.4f, chin %.4f eye distances", name, side, eyes, chin)
			if eyes > .03 || chin > .04 {
				t.Errorf("%s at %d: eyes moved %.4f, chin %.4f eye distances", name, side, eyes, chin)
			}
		}
	}
}
