package main

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline"
	"idphoto/pipeline/check"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

const hopper = "../pipeline/testdata/s17_hopper.jpg"

// TestPhotoFromItsAnalysis makes two photos of one portrait, the second without the networks.
func TestPhotoFromItsAnalysis(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	var said bytes.Buffer
	if err := run(t.Context(), []string{"photo", hopper, "-o", in("1.jpg"), "--analysis", in("kept")}, &said); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said.String(), "analysis") {
		t.Errorf("of the first photo it says %s", &said)
	}
	said.Reset()
	err := run(t.Context(), []string{"photo", hopper, "-o", in("2.jpg"), "--analysis", in("kept"), "--report", in("2.json"),
		"--size", "2-inch", "--background", "red", "--size-kb", "20-50", "--skin", "40", "--mirror"}, &said)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "from the analysis in") {
		t.Errorf("of the second photo it says %s", &said)
	}
	data, err := os.ReadFile(in("2.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil || cfg.Width != 413 || len(data) < 20_000 || len(data) > 50*1024 {
		t.Errorf("the second photo is %d pixels wide, of %d bytes, %v", cfg.Width, len(data), err)
	}
	var report pipeline.Report
	if data, err = os.ReadFile(in("2.json")); err != nil || json.Unmarshal(data, &report) != nil || report.File.MaxKB != 50 {
		t.Errorf("the report says of the file %+v, %v", report.File, err)
	}
}

func TestAnalysisOfAnotherPictureIsNotUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	k, err := openKept(path, hopper)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.write([]byte("what was found")); err != nil {
		t.Fatal(err)
	}
	if k, err = openKept(path, "../pipeline/testdata/s01_astronaut.png"); err != nil || k.analysis != nil {
		t.Errorf("of another picture: %v, %v", k.analysis, err)
	}
	if k, err = openKept(hopper, hopper); err == nil {
		t.Errorf("a portrait is taken for an analysis to be written over: %+v", k.path)
	}
}

// What a form of the interface takes, the command line takes too.
func TestWishesAreTheFormsFields(t *testing.T) {
	flags := reflect.TypeFor[wishFlags]()
	if got, want := flags.NumField(), len(photo.Fields)-len([]string{"size", "background", "hd"}); got != want {
		t.Errorf("%d wishes on the command line, %d in forms", got, want)
	}
	w := wishFlags{SizeKB: "20-50", Light: 1, Skin: 2, Spots: 3, Whitening: 4, Brightness: 5, Contrast: 6, Saturation: 7, Sharpening: 8, Mirror: true}
	o, err := w.order("2-inch", "")
	if err != nil || len(w.fields()) != flags.NumField() || o.File.MaxKB != 50 || o.Touch.Sharpening != 8 || !o.Touch.Mirror {
		t.Errorf("order is %+v, %v", o, err)
	}
	for _, bad := range []wishFlags{{Skin: 101}, {Light: -1}, {SizeKB: "50-20"}} {
		if _, err := bad.order("1-inch", ""); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestChecksAreTold(t *testing.T) {
	limit := .1
	res := &pipeline.Result{
		Held: fault.New(fault.MatteUncertain, nil),
		Report: &pipeline.Report{
			Background: "#FFFFFF",
			Rules:      []pipeline.Check{{Measure: spec.HeadWidth, Value: 25, Min: 20, Verdict: "warn"}, {Measure: spec.EyeLine, Verdict: "pass"}},
			Tilt:       pipeline.TiltCheck{Value: 6, Max: 5, Verdict: "fail"},
			Quality: []check.Finding{
				{Measure: "mouth_closed", Value: .2, Max: &limit, Verdict: check.Warn, Asked: true},
				{Measure: "gaze", Value: .2, Max: &limit, Verdict: check.Warn},
				{Measure: "glasses", Value: .5, Max: &limit, Verdict: check.Note},
				{Measure: "background_shadow", Value: 50, Max: &limit, Verdict: check.Warn, Asked: true},
			},
		},
	}
	var said bytes.Buffer
	if err := tellChecks(&said, res, problem.English); err != nil {
		t.Fatal(err)
	}
	const want = `look at it before use: The person could not be separated from the background well enough. Use a picture in front of a plain wall whose colour differs from hair and clothes, in even light. (matte_uncertain)
warning: head's width: 25 mm (wanted >= 20)
fails: eyes' slope on the photo: 6 degrees (wanted <= 5)
warning: mouth open: 0.2 (wanted <= 0.1)
warning: eyes off the camera: 0.2 (wanted <= 0.1); the document does not ask
`
	if said.String() != want {
		t.Errorf("it says\n%s", &said)
	}
	said.Reset()
	if err := tellChecks(&said, res, problem.Chinese); err != nil || !strings.Contains(said.String(), "警告: 嘴巴张开程度: 0.2 (要求 <= 0.1)\n") {
		t.Errorf("in Chinese it says\n%s%v", &said, err)
	}
}

func TestEveryMeasureHasAName(t *testing.T) {
	for _, m := range check.Thresholds() {
		if _, ok := measureNames[m.Measure]; !ok {
			t.Errorf("%s has none", m.Measure)
		}
	}
	for _, s := range spec.All() {
		for _, r := range s.Rules {
			if _, ok := measureNames[r.Measure]; !ok {
				t.Errorf("%s has none", r.Measure)
			}
		}
	}
}
