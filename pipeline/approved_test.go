package pipeline

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// bodiless is a head before a white wall: its photo is held, since nothing of it reaches the lower edge.
func bodiless(t *testing.T) []byte {
	t.Helper()
	made, _ := analysed(t, readFile(t, "testdata/s17_hopper.jpg"), "1-inch", "blue")
	head, err := png.Decode(bytes.NewReader(made.Cutout))
	if err != nil {
		t.Fatal(err)
	}
	size := head.Bounds().Size()
	size.Y = int(made.Report.Chin.Y) + 8
	img := image.NewRGBA(image.Rect(0, 0, 2*size.X, 2*size.Y))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rectangle{Max: size}.Add(image.Pt(size.X/2, size.Y/4)), head, image.Point{}, draw.Over)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Who approves a cut has seen that one. Where the networks run again, or the matte is continued, the
// photo is judged as any other.
func TestOnlyTheApprovedCutIsNotHeld(t *testing.T) {
	data := bodiless(t)
	first, a := analysed(t, data, "1-inch", "blue")
	if first.Held == nil {
		t.Fatal("the photo is not held: there is nothing to approve")
	}
	for name, tc := range map[string]struct {
		a        *Analysis
		size     string
		approved bool
		held     bool
	}{
		"the same cut":                  {a, "1-inch", true, false},
		"the same cut, nobody approved": {a, "1-inch", false, true},
		"more than was matted":          {a, "51x51mm@300dpi", true, true},
		"nothing is left of it":         {nil, "1-inch", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, tc.size, "red")
			req.Analysis, req.Approved = tc.a, tc.approved
			res, stages := traced(t, data, req)
			if (res.Held != nil) != tc.held {
				t.Errorf("held: %v, want %v", res.Held, tc.held)
			}
			if same := slices.Equal(stages, fromTheAnalysis); same != strings.HasPrefix(name, "the same") {
				t.Errorf("stages are %v", stages)
			}
		})
	}
}
