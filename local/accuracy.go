package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"idphoto/pipeline"
	"idphoto/pipeline/check"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/spec"
)

// accuracyCmd measures how far photos are off, against marks made by hand and true mattes. Pictures
// without marks are tried too: what becomes of them is told by its code.
type accuracyCmd struct {
	Photos  string      `required:"" type:"existingdir" help:"Folder of pictures; those that the marks do not name are tried too."`
	Marks   string      `required:"" type:"existingfile" help:"CSV: file, left_eye_x, left_eye_y, right_eye_x, right_eye_y, chin_y, hairtop_y in upright pixels (all empty: only try the picture), expect (code with which it must be refused or held; several: a|b; refused: any; made: none)."`
	Matting string      `type:"existingdir" help:"Folder with INDEX.csv (image, alpha) and pictures with their true mattes."`
	Without []string    `default:"lemur" help:"Leave mattes of pictures whose names contain this out of a second mean."`
	Size    string      `default:"passport-35x45" help:"Document to make."`
	JSON    string      `help:"Write the figures to this file too."`
	Engine  engineFlags `embed:""`
}

// portrait is what was measured on one picture. Distances are in eye distances of the marks where
// they say so, else in percent of the photo's height. Fields are added, never renamed.
type portrait struct {
	File   string `json:"file"`
	Code   string `json:"code,omitempty"`   // why there is no photo; "unreadable" and "internal" are this command's own
	Expect string `json:"expect,omitempty"` // what must come of it: see readMarks
	Marked bool   `json:"marked"`           // whether there are marks to compare with: if not, the figures are 0
	Marks  string `json:"marks_unusable,omitempty"`

	EyeError   float64 `json:"eye_error_eye_distances"`
	ChinError  float64 `json:"chin_error_eye_distances"`
	ChinOff    float64 `json:"chin_error_percent"`        // reported minus marked: positive when too low
	CrownOff   float64 `json:"crown_error_percent"`       // of the hair's top, likewise
	HeadHeight float64 `json:"head_height_error_percent"` // reported minus marked
	EyeLine    float64 `json:"eye_line_error_percent"`
	MarkedHead float64 `json:"marked_head_percent"` // hair top to chin on the photo, by the marks
	Upscale    float64 `json:"upscale"`

	Passed    []string `json:"rules_passed"`
	Failed    []string `json:"rules_failed"`
	Yielded   []string `json:"rules_warned"`                  // those that gave way to the others
	Contested []string `json:"rules_passed_but_not_by_marks"` // with 1 % of the height as slack

	Warned []string `json:"checks_warned"` // names of measures of the picture's quality
	Bad    []string `json:"checks_failed"`
	Held   string   `json:"held,omitempty"` // code for which somebody should look at the photo
}

// accuracy is the command's JSON.
type accuracy struct {
	Size      string     `json:"size"`
	Portraits []portrait `json:"portraits"`
	Summary   summary    `json:"summary"`
	Mattes    []matteErr `json:"mattes,omitempty"`

	PhotoMattes []matteErr `json:"photo_mattes,omitempty"`

	// Means over those that could be measured: of all, and without those that Without names.
	MatteMeans      []matteErr `json:"matte_means,omitempty"`
	PhotoMatteMeans []matteErr `json:"photo_matte_means,omitempty"`
}

// Run prints the tables. A picture that gives no photo, whatever the reason, is a line of them.
func (c *accuracyCmd) Run(ctx context.Context, out io.Writer) error {
	s, err := spec.Lookup(c.Size)
	if err != nil {
		return err
	}
	marks, err := readMarks(c.Marks)
	if err != nil {
		return err
	}
	more, err := unmarked(c.Photos, marks)
	if err != nil {
		return err
	}
	p, err := pipeline.Open(c.Engine.options())
	if err != nil {
		return err
	}
	defer p.Close()
	result := accuracy{Size: s.ID}
	for _, m := range append(marks, more...) {
		one := measurePortrait(ctx, p, s, c.Photos, m)
		if err := ctx.Err(); err != nil {
			return err
		}
		result.Portraits = append(result.Portraits, one)
	}
	result.Summary = summarize(result.Portraits)
	printPortraits(out, result)
	if c.Matting != "" {
		if result.Mattes, result.PhotoMattes, err = measureMattes(ctx, p, s, c.Matting); err != nil {
			return err
		}
		result.MatteMeans, result.PhotoMatteMeans = matteMeans(result.Mattes, c.Without), matteMeans(result.PhotoMattes, c.Without)
		printMattes(out, "Mattes of whole pictures against the truth", append(result.Mattes, result.MatteMeans...))
		printMattes(out, "Mattes on photos for "+s.ID+" against the truth", append(result.PhotoMattes, result.PhotoMatteMeans...))
	}
	if c.JSON == "" {
		return nil
	}
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.JSON, append(data, '\n'), 0o644)
}

func measurePortrait(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, dir string, m mark) portrait {
	one := portrait{File: m.file, Expect: strings.Join(m.expect, "|"), Marked: m.marked, Marks: m.problem}
	res, refused := makePhoto(ctx, p, s, locate(dir, m.file), s.Background)
	if refused != nil {
		one.Code = refused.Code
		return one
	}
	one.judge(res)
	if m.marked {
		one.compare(res.Report, m, s)
	}
	return one
}

// asExpected tells whether what became of the picture is what had to.
func (one *portrait) asExpected() bool {
	return slices.ContainsFunc(strings.Split(one.Expect, "|"), func(want string) bool {
		switch want {
		case "refused", "rejected", "reject", "refuse":
			return one.Code != "" && one.Code != unreadable && one.Code != internal
		case "made", "ok", "pass":
			return one.Code == ""
		case "held":
			return one.Held != ""
		}
		return want == one.Code || want == one.Held
	})
}

// Codes of this command's own, beside those of package fault.
const (
	unreadable = "unreadable"   // the file cannot be read
	internal   = "internal"     // the picture may be good: the fault is ours
	otherSize  = "size_differs" // a matte has not the shape of its picture
)

// makePhoto makes the photo of the picture at path, or tells why there is none.
func makePhoto(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, path, background string) (*pipeline.Result, *fault.Error) {
	bg, err := spec.ParseBackground(background)
	if err != nil {
		return nil, fault.New(fault.UnknownBackground, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(unreadable, err)
	}
	res, err := p.Run(ctx, data, pipeline.Request{Spec: s, Background: bg}, nil)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return nil, f
	}
	if err != nil {
		return nil, fault.New(internal, err)
	}
	return res, nil
}

// judge notes what the report itself says of the photo.
func (one *portrait) judge(res *pipeline.Result) {
	one.Upscale = res.Report.Upscale
	for _, c := range res.Report.Rules {
		switch c.Verdict {
		case "pass":
			one.Passed = append(one.Passed, c.Measure)
		case "warn":
			one.Yielded = append(one.Yielded, c.Measure)
		default:
			one.Failed = append(one.Failed, c.Measure)
		}
	}
	for _, f := range res.Report.Quality {
		switch f.Verdict {
		case check.Warn:
			one.Warned = append(one.Warned, f.Measure)
		case check.Fail:
			one.Bad = append(one.Bad, f.Measure)
		}
	}
	if res.Held != nil {
		one.Held = res.Held.Code
	}
}

// transform is the report's map from upright source pixels to photo pixels.
func transform(r *pipeline.Report) geometry.Affine {
	m := r.Transform
	return geometry.Affine{A: m[0][0], B: m[0][1], C: m[0][2], D: m[1][0], E: m[1][1], F: m[1][2]}
}

// compare takes the marks to the photo through the report's transform and compares there.
func (one *portrait) compare(r *pipeline.Report, m mark, s *spec.Spec) {
	t := transform(r)
	left, right := t.Apply(m.left), t.Apply(m.right)
	chin, hair := t.Apply(m.onAxis(m.chinY)), t.Apply(m.onAxis(m.hairY))
	unit := left.Dist(right)
	percent := func(px float64) float64 { return 100 * px / float64(r.Height) }

	one.EyeError = (left.Dist(r.Eyes[0]) + right.Dist(r.Eyes[1])) / 2 / unit
	one.ChinError = math.Abs(chin.Y-r.Chin.Y) / unit
	one.ChinOff = percent(r.Chin.Y - chin.Y)
	one.CrownOff = percent(r.CrownY - hair.Y)
	one.MarkedHead = percent(chin.Y - hair.Y)
	one.HeadHeight = percent((r.Chin.Y - r.CrownY) - (chin.Y - hair.Y))
	one.EyeLine = percent(r.Eyes[0].Mid(r.Eyes[1]).Y - left.Mid(right).Y)

	marked := map[string]float64{
		spec.HairHeight:    chin.Y - hair.Y,
		spec.HairGap:       hair.Y,
		spec.EyeLine:       float64(r.Height) - left.Mid(right).Y,
		spec.ChinGap:       float64(r.Height) - chin.Y,
		spec.PupilDistance: unit,
		spec.EyesFromLeft:  left.Mid(right).X,
	}
	if s.Crown != spec.CrownSkull { // nobody can mark a skull under hair
		marked[spec.HeadHeight], marked[spec.CrownGap] = marked[spec.HairHeight], marked[spec.HairGap]
	}
	slack := .01 * s.HeightMM
	for i, c := range r.Rules {
		px, known := marked[c.Measure]
		if c.Verdict != "pass" || !known {
			continue
		}
		if v := px / s.PxPer(c.Measure); v < c.Min-slack || v > s.Rules[i].Upper()+slack {
			one.Contested = append(one.Contested, c.Measure)
		}
	}
}
