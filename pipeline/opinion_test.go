package pipeline

import (
	"compress/zlib"
	"errors"
	"image"
	"os"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
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
			_, a := mattedFace(t, tc.path, tc.face)
			if held := a.disagreement > matte.MaxDisagreement; held != tc.held {
				t.Errorf("disagreement %.4f: held %v, want %v", a.disagreement, held, tc.held)
			}
		})
	}
}

// mattedFace returns a run up to the matte of one of a picture's faces, as if it were alone.
func mattedFace(t *testing.T, path string, number int) (*run, surroundings) {
	t.Helper()
	r := &run{
		Pipeline: shared, req: request(t, "1-inch", "blue"), data: readFile(t, path),
		matting: shared.matting, network: shared.network,
	}
	if err := r.decode(t.Context()); err != nil {
		t.Fatal(err)
	}
	boxes, err := r.faces.Detect(t.Context(), r.pic)
	if err != nil || len(boxes) <= number {
		t.Fatalf("%d faces, %v", len(boxes), err)
	}
	f, ok, err := r.faces.Measure(t.Context(), r.pic, boxes[number])
	if err != nil || !ok {
		t.Fatalf("no face: %v", err)
	}
	r.face = f
	a, err := r.surroundings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, a
}

// TestALostEarComesBack: both ears are taken out of a real matte, and the second opinion brings
// most of them back.
func TestALostEarComesBack(t *testing.T) {
	r, a := mattedFace(t, "testdata/s17_hopper.jpg", 0)
	img := resample.Sample(r.pic, a.toWork.Inverse().Then(a.toSource), a.alpha.W, a.alpha.H, resample.Linear)
	opinion, err := r.opinion.Opinion(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if n := matte.MendEars(a.alpha, opinion, a.ears(r.face)); n != 0 {
		t.Errorf("%d pixels of ears that are there were mended", n)
	}
	for side, e := range a.ears(r.face) {
		var lost []int
		for i, v := range a.alpha.Pix {
			dx, dy := (float64(i%a.alpha.W)+.5-e.X)/e.RX, (float64(i/a.alpha.W)+.5-e.Y)/e.RY
			if dx*dx+dy*dy <= 1 && v > matte.Opaque {
				lost = append(lost, i)
				a.alpha.Pix[i] = 0
			}
		}
		back := matte.MendEars(a.alpha, opinion, a.ears(r.face))
		t.Logf("ear %d: %d of %d pixels are back", side, back, len(lost))
		if len(lost) < 50 || 2*back <= len(lost) {
			t.Errorf("ear %d: %d of %d pixels are back, want most", side, back, len(lost))
		}
	}
}

// cropped returns rows [top, ...) of a picture, lossless.
func cropped(t *testing.T, path string, top int) []byte {
	t.Helper()
	pic, err := picture.Decode(readFile(t, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, h := pic.Bounds()
	img := pic.Reduce(image.Rect(0, top, w, h), 1)
	data, err := picture.EncodePNG(&image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}, 300, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestACapThatThePictureCutsIsHeld: the matting network ends a white cap below the picture's edge that
// cuts it, and the photo would show it torn.
func TestACapThatThePictureCutsIsHeld(t *testing.T) {
	for _, tc := range []struct {
		top  int
		held bool
	}{{0, false}, {60, true}} {
		res, err := shared.Run(t.Context(), cropped(t, "testdata/s17_hopper.jpg", tc.top), request(t, "1-inch", "white"), nil)
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.HeadCutOff && tc.held {
			continue // as good
		}
		if err != nil {
			t.Errorf("from row %d: %v", tc.top, err)
		} else if (res.Held != nil) != tc.held {
			t.Errorf("from row %d: held is %v, want %v", tc.top, res.Held, tc.held)
		}
	}
}

// TestTheCauseIsNamed: a burnt picture, of which nobody can be cut out, is told that it is too bright.
func TestTheCauseIsNamed(t *testing.T) {
	pic, err := picture.Decode(readFile(t, "testdata/s17_hopper.jpg"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, h := pic.Bounds()
	img := pic.Reduce(image.Rect(0, 0, w, h), 1)
	for i, v := range img.Pix {
		img.Pix[i] = uint8(min(3*int(v)+60, 255))
	}
	burnt, err := picture.EncodePNG(&image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}, 300, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = shared.Run(t.Context(), burnt, request(t, "1-inch", "blue"), nil)
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.TooBright {
		t.Errorf("error = %v, want too_bright", err)
	}
}
