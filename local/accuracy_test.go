package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idphoto/pipeline/resample"
)

const marksHeader = "file,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_y,hairtop_y,expect\n"

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMarks(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "marks.csv"), marksHeader+
		"a.jpg,100,200,160,200,310,90,\n"+
		"b.jpg,,,,,,,no_face\n")
	marks, err := readMarks(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(marks) != 2 || !marks[0].marked || marks[1].marked || marks[1].expect != "no_face" || marks[0].chinY != 310 {
		t.Errorf("marks = %+v", marks)
	}
	writeFile(t, filepath.Join(dir, "a.jpg"), "")
	writeFile(t, filepath.Join(dir, "c.PNG"), "")
	more, err := unmarked(dir, marks)
	if err != nil {
		t.Fatal(err)
	}
	if len(more) != 1 || more[0].file != "c.PNG" {
		t.Errorf("pictures without marks = %+v, want c.PNG", more)
	}
	for name, row := range map[string]string{
		"a mark missing": "a.jpg,100,200,160,200,,90,\n",
		"eyes swapped":   "a.jpg,160,200,100,200,310,90,\n",
		"no file":        ",100,200,160,200,310,90,\n",
	} {
		if _, err := readMarks(writeFile(t, path, marksHeader+row)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Pictures that give no photo are lines of the table, and stop nothing.
func TestAccuracyTellsWhyThereIsNoPhoto(t *testing.T) {
	const pictures = "../pipeline/testdata"
	dir := t.TempDir()
	for _, name := range []string{"s15_noface_coffee.png", "s17_hopper.jpg"} {
		data, err := os.ReadFile(filepath.Join(pictures, name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(data))
	}
	writeFile(t, filepath.Join(dir, "broken.jpg"), "\xff\xd8\xff\xe0 and no more")
	marks := writeFile(t, filepath.Join(dir, "marks.csv"), marksHeader+
		"s17_hopper.jpg,221.4,190,304,186.8,327,24,\n"+
		"s15_noface_coffee.png,,,,,,,no_face\n"+
		"missing.jpg,,,,,,,unreadable\n")
	figures := filepath.Join(dir, "figures.json")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"accuracy", "--photos", dir, "--marks", marks, "--json", figures}, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	data, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var got accuracy
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	codes := make(map[string]string)
	for _, p := range got.Portraits {
		codes[p.File] = p.Code
		if p.File == "s17_hopper.jpg" && (p.EyeError > .05 || p.ChinError > .15 || p.EyeError == 0) {
			t.Errorf("errors on %s: eyes %v, chin %v", p.File, p.EyeError, p.ChinError)
		}
	}
	if codes["s17_hopper.jpg"] != "" || codes["s15_noface_coffee.png"] != "no_face" || codes["missing.jpg"] != "unreadable" || codes["broken.jpg"] == "" {
		t.Errorf("codes = %v", codes)
	}
	if s := got.Summary; s.Pictures != 4 || s.Made != 1 || s.Marked != 1 || s.Expected != 2 || s.AsExpected != 2 {
		t.Errorf("summary = %+v", s)
	}
	if !strings.Contains(out.String(), "2 of 2 refused as expected") {
		t.Errorf("the table says:\n%s", &out)
	}
}

func TestSoftBand(t *testing.T) {
	truth, got := resample.NewPlane(60, 40), resample.NewPlane(60, 40)
	soft := 20*60 + 30
	truth.Pix[soft], got.Pix[soft] = .5, .75
	got.Pix[soft+10] = .1  // within the band's reach
	got.Pix[soft+11] = 1   // beyond it
	got.Pix[soft+8*60] = 0 // right
	e := compareMattes("x", got, truth)
	inBand := 0
	for y := -softReach; y <= softReach; y++ {
		for x := -softReach; x <= softReach; x++ {
			if x*x+y*y <= softReach*softReach {
				inBand++
			}
		}
	}
	if want := 100 * .35 / float64(inBand); math.Abs(e.Soft-want) > 1e-6 {
		t.Errorf("soft band = %v, want %v", e.Soft, want)
	}
	if math.Abs(e.Hair-25) > 1e-6 {
		t.Errorf("strands = %v, want 25", e.Hair)
	}
	if want := 1000 * 1.35 / 2400; math.Abs(e.MAD-want) > 1e-4 {
		t.Errorf("MAD = %v, want %v", e.MAD, want)
	}
	if same := compareMattes("x", truth, truth); same.MAD+same.MSE+same.Soft+same.Hair+same.Grad != 0 {
		t.Errorf("a matte differs from itself: %+v", same)
	}
}
