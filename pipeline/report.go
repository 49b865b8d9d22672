package pipeline

import (
	"math"
	"slices"
	"sync"

	"idphoto/models"
	"idphoto/pipeline/check"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/spec"
)

// Report says what a photo was checked against and how it was made. It is kept with the task. It
// holds measures of the photo, no picture and nothing that names a person.
type Report struct {
	Version    int     `json:"version"` // of this format
	Spec       string  `json:"spec"`
	Catalogue  string  `json:"catalogue"`  // version of what the rules were taken from
	Thresholds string  `json:"thresholds"` // version of what Quality is judged by, where the document says nothing of its own
	Background string  `json:"background"`
	Width      int     `json:"width_px"`
	Height     int     `json:"height_px"`
	DPI        int     `json:"dpi"`
	Rules      []Check `json:"rules"`

	Quality []check.Finding `json:"quality"` // of the picture as it was taken
	File    File            `json:"file"`

	// FileRules are what the document asks of the file.
	FileRules []FileCheck `json:"file_rules,omitempty"`

	// NotChecked names what the document asks for and nothing here says anything about.
	NotChecked []string `json:"not_checked"`

	// Transform maps upright source pixels to photo pixels (pixel centres at +0.5): a 2x3 matrix.
	Transform [2][3]float64     `json:"transform"`
	Eyes      [2]geometry.Point `json:"eyes_px"` // iris centres on the photo: left, right
	Chin      geometry.Point    `json:"chin_px"`
	CrownY    float64           `json:"crown_y_px"` // top of the hair
	SkullY    float64           `json:"skull_y_px"` // top of the skull, estimated from the face
	RollDeg   float64           `json:"roll_deg"`   // of the head in the source, right eye lower
	TiltDeg   float64           `json:"tilt_deg"`   // what is left of it on the photo
	Tilt      TiltCheck         `json:"tilt"`
	Upscale   float64           `json:"upscale"` // photo pixels per source pixel; above 1.2 the photo is softer than it could be
	Margin    float64           `json:"margin"`  // 1: every rule in the middle of its band; 0: one at its limit
	Person    float64           `json:"matte_person_share"`
	Doubt     float64           `json:"matte_disagreement"` // with a second, coarse opinion, in shares of the person's area

	Matte    string          `json:"matte_network"`
	SHA256   string          `json:"matte_sha256"`
	Provider models.Provider `json:"execution_provider"`
	Runtime  string          `json:"onnxruntime"` // version
	Networks []Network       `json:"networks"`    // that found and measured the face and looked at the matte again
}

// Network names a network's file.
type Network struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// networks are those that every picture passes, beside the matte's.
var networks = sync.OnceValue(func() (all []Network) {
	for _, name := range []string{models.CenterFace, models.FaceLandmark, models.IrisLandmark, models.SelfieSegmentation} {
		if m, err := models.Lookup(name); err == nil { // else they could not have been opened
			all = append(all, Network{m.Name, m.SHA256})
		}
	}
	return all
})

// Verdicts on rules; see Check.
const (
	passed  = "pass"
	failed  = "fail"
	yielded = "warn" // it gave way to the others
)

// Check is one rule's verdict.
type Check struct {
	Measure string   `json:"measure"`
	Value   float64  `json:"value_mm"`
	Min     float64  `json:"min_mm"`
	Max     *float64 `json:"max_mm,omitempty"`
	Verdict string   `json:"verdict"` // pass, fail, or warn where the rule gives way to the others
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
	Checked string   `json:"checked,omitzero"` // date the source was read
}

// FileCheck is the verdict on what a document asks of the photo's file.
type FileCheck struct {
	Measure string   `json:"measure"` // file_size, jpeg_quality, compression_ratio
	Value   float64  `json:"value"`
	Unit    string   `json:"unit,omitzero"` // KB (of 1024 bytes)
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	Verdict string   `json:"verdict"` // pass, fail, or warn: programs' scales of quality differ
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
	Checked string   `json:"checked,omitzero"`
}

// report measures the crop, from where landmarks and matte land on the photo, not from what the
// solver aimed at.
func (r *run) report() *Report {
	s, head := r.req.Spec, r.head
	toPhoto := r.area.toSource.Inverse().Then(r.crop.ToPhoto())
	out := &Report{
		Version: 2, Spec: s.ID, Catalogue: spec.Version(), Thresholds: check.Version(), Background: r.req.Background.String(),
		Width: s.WidthPx, Height: s.HeightPx, DPI: s.DPI,
		Transform: toPhoto.Matrix(),
		Eyes:      [2]geometry.Point{toPhoto.Apply(r.face.Eyes[0]), toPhoto.Apply(r.face.Eyes[1])},
		Chin:      toPhoto.Apply(r.face.Chin),
		CrownY:    r.crop.Scale*head.Crown + r.crop.Shift,
		SkullY:    r.crop.Scale*head.Skull + r.crop.Shift,
		RollDeg:   degrees(r.face.Roll),
		Upscale:   r.crop.Scale, Margin: min(r.crop.Margin, 1), Person: r.area.share, Doubt: r.level.disagreement,
		Matte: r.network.Name, SHA256: r.network.SHA256,
	}
	d := out.Eyes[1].Sub(out.Eyes[0])
	out.TiltDeg = degrees(math.Atan2(d.Y, d.X))
	out.Tilt = tiltCheck(s.MaxTilt(), out.TiltDeg)
	out.Tilt.Checked = s.Checked
	out.Provider, _ = r.runtime.Provider()
	out.Runtime, out.Networks = r.runtime.Version(), networks()
	for _, rule := range s.Rules {
		c := verdict(rule, head.Measure(r.crop, s, rule))
		c.Checked = s.Checked
		out.Rules = append(out.Rules, c)
	}
	return out
}

// conclude adds what can be said of the finished photo.
func (r *run) conclude() {
	out := r.result.Report
	out.FileRules = fileChecks(r.req.Spec, out)
	out.NotChecked = r.notChecked()
}

// fileChecks judges a JPEG by what the document asks of the file. What it asks of a JPEG, a PNG does
// not answer.
func fileChecks(s *spec.Spec, r *Report) (all []FileCheck) {
	f := s.File
	if f == nil || r.File.Type != "image/jpeg" {
		return nil
	}
	add := func(measure string, value float64, unit string, lo, hi float64, otherwise string) {
		c := FileCheck{
			Measure: measure, Value: math.Round(value*100) / 100, Unit: unit, Verdict: passed,
			Source: f.Source, Grade: f.Grade, Checked: s.Checked,
		}
		if lo > 0 {
			c.Min = &lo
		}
		if hi > 0 {
			c.Max = &hi
		}
		if lo > 0 && value < lo || hi > 0 && value > hi {
			c.Verdict = otherwise
		}
		all = append(all, c)
	}
	if f.MinKB > 0 || f.MaxKB > 0 {
		add("file_size", float64(r.File.Bytes)/1024, "KB", f.MinKB, f.MaxKB, failed)
	}
	if f.Quality > 0 {
		add("jpeg_quality", float64(r.File.Quality), "", float64(f.Quality), 0, yielded)
	}
	if f.MaxRatio > 0 {
		add("compression_ratio", 3*float64(r.Width)*float64(r.Height)/float64(r.File.Bytes), "", 0, f.MaxRatio, failed)
	}
	return all
}

// notChecked names what the document asks for and the report says nothing about. A background that was
// replaced by the document's own is of that shade, and one that stays is measured where it is seen.
func (r *run) notChecked() []string {
	s, out := r.req.Spec, r.result.Report
	own, err := spec.ParseBackground(s.Background)
	measured := r.req.Background.Kind == spec.Original && slices.ContainsFunc(out.Quality, func(f check.Finding) bool { return f.Measure == "background_lightness" })
	return append(slices.Clone(s.NotChecked), slices.DeleteFunc(s.Demands(), func(demand string) bool {
		switch demand {
		case spec.BackgroundShade:
			return err == nil && own.Kind == spec.Solid && r.req.Background == own || measured
		case spec.FileSize, spec.FileQuality:
			return out.FileRules != nil
		}
		return false
	})...)
}

// TiltCheck is the verdict on how far the line through the eyes leans on the photo.
type TiltCheck struct {
	Value   float64 `json:"value_deg"`
	Max     float64 `json:"max_deg"`
	Verdict string  `json:"verdict"` // pass or fail
	Source  string  `json:"source"`
	Grade   string  `json:"grade"`
	Checked string  `json:"checked,omitzero"`
}

func tiltCheck(limit spec.Angle, tilt float64) TiltCheck {
	c := TiltCheck{Value: math.Round(math.Abs(tilt)*100) / 100, Max: limit.Degrees, Verdict: passed, Source: limit.Source, Grade: limit.Grade}
	if c.Value > limit.Degrees {
		c.Verdict = failed
	}
	return c
}

func verdict(rule spec.Rule, value float64) Check {
	const rounding = 1e-6
	c := Check{
		Measure: rule.Measure, Value: math.Round(value*1000) / 1000, Min: rule.Min, Max: rule.Max, Verdict: passed,
		Source: rule.Source, Grade: rule.Grade,
	}
	if value < rule.Min-rounding || value > rule.Upper()+rounding {
		c.Verdict = failed
		if rule.Yields {
			c.Verdict = yielded
		}
	}
	return c
}

// mirror makes the report that of the photo with left and right exchanged.
func (r *Report) mirror(widthMM float64) {
	w := float64(r.Width)
	for j := range r.Transform[0] {
		r.Transform[0][j] = -r.Transform[0][j]
	}
	r.Transform[0][2] += w
	flipped := func(p geometry.Point) geometry.Point { return geometry.Point{X: w - p.X, Y: p.Y} }
	r.Eyes[0], r.Eyes[1], r.Chin = flipped(r.Eyes[1]), flipped(r.Eyes[0]), flipped(r.Chin)
	r.TiltDeg = -r.TiltDeg
	for i, c := range r.Rules {
		if c.Measure == spec.Centring || c.Measure == spec.EyesFromLeft {
			r.Rules[i] = c.mirrored(widthMM)
		}
	}
}

// mirrored is the check of a distance from the left edge on a photo with left and right exchanged.
// The rule is judged by the same band: it is the photo that is turned round.
func (c Check) mirrored(widthMM float64) Check {
	rule := spec.Rule{Measure: c.Measure, Min: c.Min, Max: c.Max, Source: c.Source, Grade: c.Grade}
	out := verdict(rule, widthMM-c.Value)
	out.Checked = c.Checked
	return out
}

// enlarge makes the report that of the same photo with k times as many pixels each way.
func (r *Report) enlarge(k float64) {
	r.Width, r.Height = enlarged(r.Width, k), enlarged(r.Height, k)
	for i := range r.Transform {
		for j := range r.Transform[i] {
			r.Transform[i][j] *= k
		}
	}
	scaled := func(p geometry.Point) geometry.Point { return geometry.Point{X: k * p.X, Y: k * p.Y} }
	r.Eyes[0], r.Eyes[1], r.Chin = scaled(r.Eyes[0]), scaled(r.Eyes[1]), scaled(r.Chin)
	r.CrownY, r.SkullY, r.Upscale = k*r.CrownY, k*r.SkullY, k*r.Upscale
}

func degrees(radians float64) float64 { return radians * 180 / math.Pi }
