package pipeline

import (
	"os"
	"testing"

	"idphoto/pipeline/matte"
)

// TestSecondOpinion: portraits agree with it; a child cut out of a group as if alone does not.
func TestSecondOpinion(t *testing.T) {
	for _, tc := range []struct {
		path string
		face int
		held bool
	}{
		{"testdata/s01_astronaut.png", 0, false},
		{"testdata/s17_hopper.jpg", 0, false},
		{"../../shared/photos/s08_curly_man.jpg", 0, false},
		{"../../shared/photos/s14_children_group.jpg", 1, true},
	} {
		t.Run(tc.path, func(t *testing.T) {
			if _, err := os.Stat(tc.path); err != nil {
				t.Skip("not here: ", err)
			}
			r := &run{
				Pipeline: shared, req: request(t, "1-inch", "blue"), data: readFile(t, tc.path),
				matting: shared.matting, network: shared.network,
			}
			if err := r.decode(t.Context()); err != nil {
				t.Fatal(err)
			}
			boxes, err := r.faces.Detect(t.Context(), r.pic)
			if err != nil || len(boxes) <= tc.face {
				t.Fatalf("%d faces, %v", len(boxes), err)
			}
			f, ok, err := r.faces.Measure(t.Context(), r.pic, boxes[tc.face])
			if err != nil || !ok {
				t.Fatalf("no face: %v", err)
			}
			r.face = f
			a, err := r.surroundings(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if held := a.disagreement > matte.MaxDisagreement; held != tc.held {
				t.Errorf("disagreement %.4f: held %v, want %v", a.disagreement, held, tc.held)
			}
		})
	}
}
