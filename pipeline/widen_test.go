package pipeline

import (
	"math"
	"testing"

	"idphoto/pipeline/geometry"
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

// What the matte is continued with is as good as what the matting network would have given. The mattes
// are compared, not the photos: of these the crop moves with the hair's highest pixel.
func TestAWidenedMatteIsLikeANewOne(t *testing.T) {
	for _, path := range []string{"testdata/s01_astronaut.png", "testdata/s17_hopper.jpg"} {
		data := readFile(t, path)
		_, a := analysed(t, data, "1-inch", "blue")
		again := throughTo(t, from(t, a, "51x51mm@300dpi", "white"), data, "widen")
		fresh := throughTo(t, request(t, "51x51mm@300dpi", "white"), data, "matte")
		got, want := again.level, fresh.level
		toFresh := got.toWork.Inverse().Then(got.toSource).Then(want.toSource.Inverse()).Then(want.toWork)
		other := want.alpha.Warp(toFresh, got.alpha.W, got.alpha.H)
		var sum float64
		n := 0
		for i, v := range got.alpha.Pix {
			p := toFresh.Apply(geometry.Point{X: float64(i % got.alpha.W), Y: float64(i / got.alpha.W)})
			if p.X < 0 || p.Y < 0 || p.X >= float64(want.alpha.W) || p.Y >= float64(want.alpha.H) {
				continue
			}
			sum += math.Abs(float64(v - other.Pix[i]))
			n++
		}
		t.Logf("%s: alpha differs by %.4f on average", path, sum/float64(n))
		if n < len(got.alpha.Pix)/2 || sum/float64(n) > .02 {
			t.Errorf("%s: alpha differs by %.4f on average of %d of %d pixels, want at most 0.02", path, sum/float64(n), n, len(got.alpha.Pix))
		}
	}
}

// throughTo is a run that has done its stages up to the named one.
func throughTo(t *testing.T, req Request, data []byte, last string) *run {
	t.Helper()
	r := &run{Pipeline: shared, req: req, data: data, matting: shared.matting, network: shared.network}
	for _, s := range r.stages() {
		if err := s.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if s.name == last {
			return r
		}
	}
	t.Fatalf("no stage %s", last)
	return nil
}
