package spec_test

import (
	"testing"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/spec"
)

// Every record of the catalogue, and sizes of any shape, can be met by an ordinary head that no edge
// cuts: the crop solver, which knows nothing of how the catalogue checks itself, finds a place for it.
func TestEveryRecordCanBeMet(t *testing.T) {
	specs := spec.All()
	for _, size := range []string{"64x128px@72dpi", "128x64px@72dpi", "25x35mm@1200dpi", "60x40mm", "500x500px"} {
		s, err := spec.Lookup(size)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, s)
	}
	for _, s := range specs {
		if s.WidthPx == 0 {
			continue // no size is published, so nothing can be placed
		}
		for _, eyes := range []float64{.42, .435, .45} { // above the chin, in head heights
			const head = 300.
			crop, conflict, ok := geometry.Uncut(0, head*(1-eyes), head, 0).Solve(s, nil)
			if !ok {
				t.Errorf("%s: eyes at %v of the head: %v cannot hold together", s.ID, eyes, conflict)
				continue
			}
			if top, chin := crop.Shift, crop.Scale*head+crop.Shift; top < 0 || chin > float64(s.HeightPx) {
				t.Errorf("%s: the head reaches from row %.1f to %.1f of %d", s.ID, top, chin, s.HeightPx)
			}
		}
	}
}
