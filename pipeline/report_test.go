package pipeline

import (
	"slices"
	"testing"

	"idphoto/models"
	"idphoto/pipeline/check"
	"idphoto/pipeline/spec"
)

func lookup(t *testing.T, id string) *spec.Spec {
	t.Helper()
	s, err := spec.Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A background that stays is judged by the shades that the document names; one that goes is only stated.
func TestABackgroundThatStaysIsJudgedByItsShade(t *testing.T) {
	for _, tc := range []struct {
		id      string
		kept    bool
		l, a, b float64
		want    [3]check.Verdict // of lightness, a, b
	}{
		{"sg-ica", true, 94, 0, 4, [3]check.Verdict{check.Pass, check.Pass, check.Pass}},      // white
		{"sg-ica", true, 84, 0, 4, [3]check.Verdict{check.Warn, check.Pass, check.Pass}},      // a grey that a camera may make of it
		{"sg-ica", true, 70, 0, -30, [3]check.Verdict{check.Fail, check.Pass, check.Fail}},    // blue
		{"au-passport", true, 70, 0, 4, [3]check.Verdict{check.Pass, check.Pass, check.Pass}}, // light grey will do
		{"au-passport", true, 23, 12, 5, [3]check.Verdict{check.Fail, check.Warn, check.Pass}},
		{"jp-passport", true, 70, 0, -30, [3]check.Verdict{check.Pass, check.Pass, check.Warn}}, // names no colour: ours
		{"cn-passport", true, 70, 0, -30, [3]check.Verdict{check.Fail, check.Pass, check.Fail}},
		{"cn-passport", false, 70, 0, -30, [3]check.Verdict{check.Pass, check.Pass, check.Note}},
		{"1-inch", true, 20, 0, -30, [3]check.Verdict{check.Note, check.Pass, check.Note}},
	} {
		s := lookup(t, tc.id)
		values := []check.Value{{Measure: "background_lightness", Value: tc.l}, {Measure: "background_a", Value: tc.a}, {Measure: "background_b", Value: tc.b}}
		findings := checkRules(s, tc.kept).Judge(values)
		for i, f := range findings {
			if f.Verdict != tc.want[i] {
				t.Errorf("%s, kept %v, %v %v %v: %s is %s, want %s", tc.id, tc.kept, tc.l, tc.a, tc.b, f.Measure, f.Verdict, tc.want[i])
			}
		}
		if reject := check.Rejection(findings); reject != nil {
			t.Errorf("%s: a colour rejects: %v", tc.id, reject)
		}
	}
}

func TestFilesAreJudgedByTheirDocument(t *testing.T) {
	for _, tc := range []struct {
		id   string
		file File
		want map[string]string // verdicts by measure
	}{
		{"cn-id-card", File{Type: "image/jpeg", Bytes: 18 << 10, Quality: 75}, map[string]string{"file_size": passed, "jpeg_quality": passed}},
		{"cn-id-card", File{Type: "image/jpeg", Bytes: 30 << 10, Quality: 64}, map[string]string{"file_size": failed, "jpeg_quality": yielded}},
		{"us-ds-160", File{Type: "image/jpeg", Bytes: 80 << 10, Quality: 90}, map[string]string{"file_size": passed, "compression_ratio": passed}},
		{"us-ds-160", File{Type: "image/jpeg", Bytes: 40 << 10, Quality: 60}, map[string]string{"file_size": passed, "compression_ratio": failed}},
		{"cn-id-card", File{Type: "image/png", Bytes: 18 << 10}, map[string]string{}},
		{"1-inch", File{Type: "image/jpeg", Bytes: 18 << 10, Quality: 75}, map[string]string{}},
	} {
		s := lookup(t, tc.id)
		all := fileChecks(s, &Report{Width: s.WidthPx, Height: s.HeightPx, File: tc.file})
		for _, c := range all {
			if c.Verdict != tc.want[c.Measure] || c.Source == "" || c.Grade == "" || c.Checked != s.Checked {
				t.Errorf("%s, %+v: %+v, want %s with source, grade and date", tc.id, tc.file, c, tc.want[c.Measure])
			}
		}
		if len(all) != len(tc.want) {
			t.Errorf("%s, %+v: %d verdicts, want %d", tc.id, tc.file, len(all), len(tc.want))
		}
	}
}

// The report says of every rule when its source was read, and names as unchecked only what is.
func TestTheReportIsCompleteAboutItsDocument(t *testing.T) {
	picture := readFile(t, "testdata/s01_astronaut.png")
	for id, background := range map[string]string{"us-ds-160": "white", "au-passport": "original"} {
		res, err := shared.Run(t.Context(), picture, request(t, id, background), nil)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		s := lookup(t, id)
		if n := res.Report.Networks; len(n) != 4 || n[0].Name != models.CenterFace || len(n[3].SHA256) != 64 || res.Report.Runtime == "" {
			t.Errorf("%s: networks %v on ONNX Runtime %q", id, n, res.Report.Runtime)
		}
		for _, c := range res.Report.Rules {
			if c.Checked != s.Checked {
				t.Errorf("%s: %s was read %q, want %s", id, c.Measure, c.Checked, s.Checked)
			}
		}
		if !slices.Equal(res.Report.NotChecked, s.NotChecked) {
			t.Errorf("%s: not checked: %v, want only what nothing looks at, %v", id, res.Report.NotChecked, s.NotChecked)
		}
	}
}

func TestDistancesFromTheLeftAreMirrored(t *testing.T) {
	hi := 15.
	r := &Report{Width: 295, Rules: []Check{
		{Measure: spec.Centring, Value: 12, Min: 10, Max: &hi, Verdict: passed, Checked: "2026-01-01"},
		{Measure: spec.HeadHeight, Value: 24, Min: 20, Verdict: passed},
		{Measure: spec.EyesFromLeft, Value: 9, Min: 8, Max: &hi, Verdict: passed},
	}}
	r.mirror(25)
	if c := r.Rules[0]; c.Value != 13 || c.Verdict != passed || c.Checked == "" {
		t.Errorf("centring: %+v, want 13 mm", c)
	}
	if c := r.Rules[1]; c.Value != 24 {
		t.Errorf("head height: %+v", c)
	}
	if c := r.Rules[2]; c.Value != 16 || c.Verdict != failed {
		t.Errorf("eyes from the left: %+v, want 16 mm, which is too far", c)
	}
}
