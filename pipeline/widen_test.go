package pipeline

import (
	"image"
	"math"
	"slices"
	"testing"

	"idphoto/pipeline/spec"
)

// One picture's analysis is enough for every document of the catalogue, whichever came first.
func TestOneAnalysisServesEveryDocument(t *testing.T) {
	for _, first := range []string{"1-inch", "51x51mm@300dpi"} {
		_, a := analysed(t, readFile(t, "testdata/s17_hopper.jpg"), first, "blue")
		wider := 0
		for _, s := range spec.All() {
			if _, ok := s.Rule(spec.HeadHeight); !ok {
				continue // nobody says how large it is
			}
			own, err := spec.ParseBackground(s.Background)
			if err != nil {
				t.Fatal(err)
			}
			req := Request{Spec: s, Background: own}
			switch {
			case a.covers(&req):
			case a.widens(s):
				wider++
			default:
				t.Errorf("from %s: %s needs the matting network", first, s.ID)
			}
		}
		t.Logf("from %s: %d documents show more", first, wider)
	}
}

// What the matte is continued with is as good as what the matting network would have given.
func TestAWidenedMatteIsLikeANewOne(t *testing.T) {
	for _, path := range []string{"testdata/s01_astronaut.png", "testdata/s17_hopper.jpg"} {
		data := readFile(t, path)
		_, a := analysed(t, data, "1-inch", "blue")
		again, stages := traced(t, data, from(t, a, "51x51mm@300dpi", "transparent"))
		if !slices.Equal(stages, widened) {
			t.Fatalf("%s: stages are %v, want %v", path, stages, widened)
		}
		fresh, _ := traced(t, data, request(t, "51x51mm@300dpi", "transparent"))
		diff := alphaDifference(photoOf(t, again.Photo), photoOf(t, fresh.Photo))
		t.Logf("%s: alpha differs by %.4f on average", path, diff)
		if diff > .02 { // on a flag a piece of it may come and go: 0.0139
			t.Errorf("%s: alpha differs by %.4f on average, want at most 0.02", path, diff)
		}
	}
}

// alphaDifference is the mean distance of two pictures' alpha, 0 to 1.
func alphaDifference(p, q image.Image) float64 {
	b := p.Bounds()
	sum := 0.
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			_, _, _, u := p.At(x, y).RGBA()
			_, _, _, v := q.At(x, y).RGBA()
			sum += math.Abs(float64(u)-float64(v)) / 0xffff
		}
	}
	return sum / float64(b.Dx()*b.Dy())
}
