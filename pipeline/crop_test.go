package pipeline

import (
	"cmp"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

// onWhite is a portrait before a plain wall, as these documents want it.
func onWhite(t testing.TB) []byte {
	t.Helper()
	res, err := shared.Run(t.Context(), readFile(t, "testdata/s17_hopper.jpg"), request(t, "60x70mm@300dpi", "white"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res.Photo
}

// Where the authority allows nothing but cropping, the photo is the picture's pixels: cropped and
// scaled, neither turned nor matted nor touched.
func TestACropIsThePicturesOwnPixels(t *testing.T) {
	portraits := map[string][]byte{"s17 on white": onWhite(t)}
	for _, file := range []string{"s04_idpass2.png", "s07_gates.jpg", "s10_hivision4.jpg"} {
		path := filepath.Join(cmp.Or(os.Getenv("PHOTOS_DIR"), "../../shared/photos"), file)
		if _, err := os.Stat(path); err == nil {
			portraits[file] = readFile(t, path)
		} else {
			t.Logf("without %s", path)
		}
	}
	for file, data := range portraits {
		res, img := makePhoto(t, shared, data, "au-passport", "original")
		m := res.Report.Transform
		if m[0][1] != 0 || m[1][0] != 0 {
			t.Errorf("%s: transform %v turns the picture", file, m)
		}
		pic, err := picture.Decode(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		toPhoto := geometry.Affine{A: m[0][0], B: m[0][1], C: m[0][2], D: m[1][0], E: m[1][1], F: m[1][2]}
		b := img.Bounds()
		plain := resample.Sample(pic, toPhoto.Inverse(), b.Dx(), b.Dy(), resample.Cubic)
		encoded, err := picture.EncodeJPEG(plain, res.Report.File.Quality, res.Report.DPI)
		if err != nil {
			t.Fatal(err)
		}
		diff := meanDifference(t, img, photoOf(t, encoded))
		t.Logf("%s: %d findings, upscale %.2f, differs from the plain crop by %.4f levels", file, len(res.Report.Quality), res.Report.Upscale, diff)
		if diff > .01 {
			t.Errorf("%s: differs from the plain crop by %.3f levels per channel on average", file, diff)
		}
		if resample.Inside(pic, toPhoto.Inverse(), b.Dx(), b.Dy()) != nil {
			t.Errorf("%s: the photo shows what lies beyond the picture", file)
		}
		if res.Cutout != nil || res.Held != nil || len(res.Report.Quality) == 0 {
			t.Errorf("%s: cut-out of %d bytes, held %v, findings %v", file, len(res.Cutout), res.Held, res.Report.Quality)
		}
		if len(res.Report.Rules) == 0 || slices.ContainsFunc(res.Report.Rules, func(c Check) bool { return c.Verdict == failed }) || res.Report.Tilt.Verdict != passed {
			t.Errorf("%s: rules %+v, tilt %+v", file, res.Report.Rules, res.Report.Tilt)
		}
	}
}

func TestWhatMayOnlyBeCroppedIsNotEdited(t *testing.T) {
	au, err := spec.Lookup("au-passport")
	if err != nil {
		t.Fatal(err)
	}
	touched := request(t, "au-passport", "original")
	touched.Touch = touchup.Options{Skin: 10}
	mirrored := request(t, "au-passport", "original")
	mirrored.Touch = touchup.Options{Mirror: true}
	for name, tc := range map[string]struct {
		req  Request
		code string
	}{
		"white":       {request(t, "au-passport", "white"), fault.BackgroundForbidden},
		"transparent": {request(t, "au-passport", "transparent"), fault.BackgroundForbidden},
		"skin":        {touched, fault.EditForbidden},
		"mirror":      {mirrored, fault.EditForbidden},
	} {
		began := false
		_, err := shared.Run(t.Context(), readFile(t, "testdata/s17_hopper.jpg"), tc.req, func(ctx context.Context, _ string, f func(context.Context) error) error {
			began = true
			return f(ctx)
		})
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != tc.code || f.Detail["source"] != au.Editing.Source || f.Detail["source"] == "" || began {
			t.Errorf("%s: %v (begun: %v), want %s by %q", name, err, began, tc.code, au.Editing.Source)
		}
	}
}

// A background that has to stay as it is must be one that the authority takes.
func TestACropsBackgroundIsJudged(t *testing.T) {
	_, err := shared.Run(t.Context(), readFile(t, "testdata/s17_hopper.jpg"), request(t, "au-passport", "original"), nil)
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.Backdrop {
		t.Errorf("before a flag: %v, want background_uneven", err)
	}
}

// A head that leans cannot be put straight by cropping.
func TestATiltedHeadIsNoCrop(t *testing.T) {
	tilted := enlargedPNG(t, "testdata/s17_hopper.jpg", 1, 9*math.Pi/180)
	_, err := shared.Run(t.Context(), tilted, request(t, "au-passport", "original"), nil)
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.FaceTurned || f.Detail["measure"] != "tilt" {
		t.Errorf("error = %v, want face_turned by its tilt", err)
	}
	if res, _ := makePhoto(t, shared, tilted, "passport-35x45", "white"); math.Abs(res.Report.TiltDeg) > .5 || math.Abs(res.Report.RollDeg) < 5 {
		t.Errorf("where it may be turned: roll %.1f, tilt %.1f degrees", res.Report.RollDeg, res.Report.TiltDeg)
	}
}
