package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
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
	if len(marks) != 2 || !marks[0].marked || marks[1].marked || !slices.Equal(marks[1].expect, []string{"no_face"}) || marks[0].chinY != 310 {
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
	if _, err := readMarks(writeFile(t, path, marksHeader+",100,200,160,200,310,90,\n")); err == nil {
		t.Error("a row without a file: no error")
	}
}

// What another hand's table may look like does not stop the command: marks that are no use are not
// used, and the picture is tried all the same.
func TestMarksOfAnotherHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks.csv")
	for name, tc := range map[string]struct {
		table  string
		marked bool
		says   string
	}{
		"a mark missing":           {marksHeader + "a.jpg,100,200,160,200,,90,\n", false, "chin_y"},
		"no number":                {marksHeader + "a.jpg,100,200,160,NaN,310,90,\n", false, "right_eye_y"},
		"upside down":              {marksHeader + "a.jpg,100,200,160,200,90,310,\n", false, "chin"},
		"the person's left":        {marksHeader + "a.jpg,160,200,100,200,310,90,\n", true, ""},
		"a byte order mark":        {"\ufeff" + marksHeader + "a.jpg,100,200,160,200,310,90,\n", true, ""},
		"a row that ends early":    {marksHeader + "a.jpg,100,200,160,200,310,90\n", true, ""},
		"blanks and capital names": {"Image, Left_Eye_X,left_eye_y,right_eye_x,right_eye_y,chin_y,hairtop_y\n a.jpg, 100,200,160,200,310, 90\n", true, ""},
	} {
		marks, err := readMarks(writeFile(t, path, tc.table))
		if err != nil || len(marks) != 1 {
			t.Errorf("%s: %v, %v", name, marks, err)
			continue
		}
		m := marks[0]
		if m.file != "a.jpg" || m.marked != tc.marked || (m.problem != "") != (tc.says != "") || !strings.Contains(m.problem, tc.says) {
			t.Errorf("%s: %+v", name, m)
		}
		if m.marked && (m.left.X != 100 || m.right.X != 160) {
			t.Errorf("%s: eyes at %v and %v", name, m.left, m.right)
		}
	}
}

func TestWhatIsExpected(t *testing.T) {
	for _, tc := range []struct {
		expect, code, held string
		want               bool
	}{
		{"no_face", "no_face", "", true}, {"no_face", "many_faces", "", false}, {"no_face", "", "", false},
		{"eyes_closed|eyes_hidden", "eyes_hidden", "", true}, {"refused", "too_dark", "", true}, {"refused", "", "", false},
		{"refused", unreadable, "", false}, {"matte_uncertain", "", "matte_uncertain", true}, {"held", "", "matte_uncertain", true},
		{"made", "", "", true}, {"made", "no_face", "", false}, {unreadable, unreadable, "", true},
	} {
		one := portrait{Expect: tc.expect, Code: tc.code, Held: tc.held}
		if got := one.asExpected(); got != tc.want {
			t.Errorf("expected %q, code %q, held %q: %v", tc.expect, tc.code, tc.held, got)
		}
	}
}

func TestPicturesAreFoundWhereverTheTableWasWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "a.jpg"), "")
	writeFile(t, filepath.Join(dir, "sub", "b.jpg"), "")
	for name, want := range map[string]string{"a.jpg": "a.jpg", "photos/a.jpg": "a.jpg", "sub/b.jpg": "sub/b.jpg", "c.jpg": "c.jpg", "sub/c.jpg": "sub/c.jpg"} {
		if got := locate(dir, name); got != filepath.Join(dir, want) {
			t.Errorf("%s is looked for at %s, want %s", name, got, want)
		}
	}
	if more, err := unmarked(dir, []mark{{file: "photos/a.jpg"}}); err != nil || len(more) != 0 {
		t.Errorf("pictures without marks: %v, %v", more, err)
	}
}

func TestWhatIsHeldIsCounted(t *testing.T) {
	all := []portrait{{File: "a"}, {File: "b", Held: "matte_uncertain", Expect: "held"}, {File: "c", Code: "no_face"}}
	a := accuracy{Portraits: all, Summary: summarize(all)}
	if s := a.Summary; s.Made != 2 || s.Doubtful != 1 || s.AsExpected != 1 {
		t.Errorf("summary = %+v", s)
	}
	var out bytes.Buffer
	printPortraits(&out, a)
	if !strings.Contains(out.String(), "2 of 3 made, 1 of them held; 1 of 1 as expected") {
		t.Errorf("the table says:\n%s", &out)
	}
}

func TestMattesAreFoundWithAndWithoutAnIndex(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"p_alpha.png", "p_wall.jpg", "p_street.webp", "q_alpha.png", "lonely.jpg"} {
		writeFile(t, filepath.Join(dir, name), "")
	}
	got, err := mattePairs(dir)
	want := []mattePair{{"p_street.webp", "p_alpha.png"}, {"p_wall.jpg", "p_alpha.png"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("pairs = %v, %v; want %v", got, err, want)
	}
	writeFile(t, filepath.Join(dir, "INDEX.csv"), "file,Matte\nx.jpg,x.png\n,\n")
	if got, err = mattePairs(dir); err != nil || !slices.Equal(got, []mattePair{{"x.jpg", "x.png"}}) {
		t.Errorf("pairs of the index = %v, %v", got, err)
	}
	if _, err := mattePairs(t.TempDir()); err == nil {
		t.Error("an empty folder: no error")
	}
}

// A cut-out is a true matte too: its transparency counts.
func TestTheTruthMayBeACutOut(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	img.SetNRGBA(0, 0, color.NRGBA{200, 10, 10, 255})
	img.SetNRGBA(1, 0, color.NRGBA{200, 10, 10, 51})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	truth, err := readAlpha(writeFile(t, filepath.Join(t.TempDir(), "a.png"), b.String()))
	if err != nil || truth.Pix[0] != 1 || math.Abs(float64(truth.Pix[1])-.2) > 1e-3 {
		t.Errorf("truth = %v, %v", truth, err)
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
	mattes := t.TempDir()
	if err := os.Rename(filepath.Join(dir, "broken.jpg"), filepath.Join(mattes, "broken.jpg")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "broken.jpg"), "\xff\xd8\xff\xe0 and no more")
	for _, name := range []string{"small.png", "hopper.png"} {
		side := map[string]image.Rectangle{"small.png": image.Rect(0, 0, 8, 8), "hopper.png": image.Rect(0, 0, 512, 600)}[name]
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(side)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(mattes, name), b.String())
	}
	writeFile(t, filepath.Join(mattes, "INDEX.csv"), "image,alpha\nbroken.jpg,small.png\ngone.jpg,small.png\n"+
		"../"+filepath.Base(dir)+"/s17_hopper.jpg,small.png\n../"+filepath.Base(dir)+"/s17_hopper.jpg,hopper.png\n")
	if err := run(t.Context(), []string{"accuracy", "--photos", dir, "--marks", marks, "--matting", mattes, "--json", figures}, &out); err != nil {
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
	var matteCodes []string
	for _, m := range got.Mattes {
		matteCodes = append(matteCodes, m.Code)
	}
	if len(matteCodes) != 4 || matteCodes[0] == "" || !slices.Equal(matteCodes[1:], []string{unreadable, otherSize, ""}) {
		t.Errorf("mattes' codes = %v", matteCodes)
	}
	if m := got.MatteMeans; len(m) != 1 || m[0].Of != 1 || m[0].MAD != got.Mattes[3].MAD || m[0].MAD < 100 {
		t.Errorf("means = %+v, want those of the one matte that was measured", m)
	}
	if s := got.Summary; s.Pictures != 4 || s.Made != 1 || s.Marked != 1 || s.Expected != 2 || s.AsExpected != 2 {
		t.Errorf("summary = %+v", s)
	}
	if !strings.Contains(out.String(), "2 of 2 as expected") {
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
