package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/spec"
)

// accuracyCmd measures how far photos are off, against marks made by hand and true mattes.
type accuracyCmd struct {
	Photos  string      `required:"" type:"existingdir" help:"Folder of portraits."`
	Marks   string      `required:"" type:"existingfile" help:"CSV: file, left_eye_x, left_eye_y, right_eye_x, right_eye_y, chin_y, hairtop_y in upright pixels."`
	Matting string      `type:"existingdir" help:"Folder with INDEX.csv (image, alpha) and pictures with their true mattes."`
	Size    string      `default:"passport-35x45" help:"Document to make."`
	JSON    string      `help:"Write the figures to this file too."`
	Engine  engineFlags `embed:""`
}

// portrait is what was measured on one picture. Distances are in eye distances of the marks where
// they say so, else in percent of the photo's height.
type portrait struct {
	File       string   `json:"file"`
	Code       string   `json:"code,omitempty"` // why there is no photo
	EyeError   float64  `json:"eye_error_eye_distances"`
	ChinError  float64  `json:"chin_error_eye_distances"`
	HeadHeight float64  `json:"head_height_error_percent"` // reported minus marked
	EyeLine    float64  `json:"eye_line_error_percent"`
	MarkedHead float64  `json:"marked_head_percent"` // hair top to chin on the photo, by the marks
	Upscale    float64  `json:"upscale"`
	Passed     []string `json:"rules_passed"`
	Contested  []string `json:"rules_passed_but_not_by_marks"` // with 1 % of the height as slack
}

type accuracy struct {
	Size      string     `json:"size"`
	Portraits []portrait `json:"portraits"`
	Mattes    []matteErr `json:"mattes,omitempty"`

	PhotoMattes []matteErr `json:"photo_mattes,omitempty"`
}

func (c *accuracyCmd) Run(ctx context.Context, out io.Writer) error {
	p, err := pipeline.Open(c.Engine.options())
	if err != nil {
		return err
	}
	defer p.Close()
	s, err := spec.Lookup(c.Size)
	if err != nil {
		return err
	}
	marks, err := readMarks(c.Marks)
	if err != nil {
		return err
	}
	result := accuracy{Size: s.ID}
	for _, m := range marks {
		one, err := measurePortrait(ctx, p, s, c.Photos, m)
		if err != nil {
			return err
		}
		result.Portraits = append(result.Portraits, one)
	}
	printPortraits(out, result)
	if c.Matting != "" {
		if result.Mattes, result.PhotoMattes, err = measureMattes(ctx, p, s, c.Matting); err != nil {
			return err
		}
		printMattes(out, "Mattes of whole pictures against the truth", result.Mattes)
		printMattes(out, "Mattes on photos for "+s.ID+" against the truth", result.PhotoMattes)
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

func measurePortrait(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, dir string, m mark) (portrait, error) {
	one := portrait{File: m.file}
	data, err := os.ReadFile(filepath.Join(dir, m.file))
	if err != nil {
		return one, err
	}
	bg, err := spec.ParseBackground(s.Background)
	if err != nil {
		return one, err
	}
	res, err := p.Run(ctx, data, pipeline.Request{Spec: s, Background: bg}, nil)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		one.Code = f.Code
		return one, nil
	}
	if err != nil {
		return one, fmt.Errorf("%s: %w", m.file, err)
	}
	one.compare(res.Report, m, s)
	return one, nil
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

	one.Upscale = r.Upscale
	one.EyeError = (left.Dist(r.Eyes[0]) + right.Dist(r.Eyes[1])) / 2 / unit
	one.ChinError = math.Abs(chin.Y-r.Chin.Y) / unit
	one.MarkedHead = percent(chin.Y - hair.Y)
	one.HeadHeight = percent((r.Chin.Y - r.CrownY) - (chin.Y - hair.Y))
	one.EyeLine = percent(r.Eyes[0].Mid(r.Eyes[1]).Y - left.Mid(right).Y)

	marked := map[string]float64{
		spec.HeadHeight: chin.Y - hair.Y,
		spec.EyeLine:    float64(r.Height) - left.Mid(right).Y,
		spec.CrownGap:   hair.Y,
		spec.ChinGap:    float64(r.Height) - chin.Y,
	}
	slack := .01 * s.HeightMM
	for i, c := range r.Rules {
		if c.Verdict != "pass" {
			continue
		}
		one.Passed = append(one.Passed, c.Measure)
		if v := marked[c.Measure] / s.PxPerMM(); v < c.Min-slack || v > s.Rules[i].Upper()+slack {
			one.Contested = append(one.Contested, c.Measure)
		}
	}
}

func printPortraits(out io.Writer, a accuracy) {
	fmt.Fprintf(out, "Photos for %s; errors of eyes and chin in eye distances, the rest in percent of the height\n", a.Size)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "picture\teyes\tchin\thead height\teye line\tmarked head\tupscale\tpassed but not by marks\t")
	var made []portrait
	for _, p := range a.Portraits {
		if p.Code != "" {
			fmt.Fprintf(w, "%s\t%s\t\t\t\t\t\t\t\n", p.File, p.Code)
			continue
		}
		made = append(made, p)
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%+.1f\t%+.1f\t%.1f\t%.2f\t%v\t\n",
			p.File, p.EyeError, p.ChinError, p.HeadHeight, p.EyeLine, p.MarkedHead, p.Upscale, p.Contested)
	}
	w.Flush()
	if len(made) == 0 {
		return
	}
	share := func(ok func(portrait) bool) float64 {
		n := 0
		for _, p := range made {
			if ok(p) {
				n++
			}
		}
		return 100 * float64(n) / float64(len(made))
	}
	med := func(value func(portrait) float64) float64 {
		vs := make([]float64, len(made))
		for i, p := range made {
			vs[i] = value(p)
		}
		return median(vs)
	}
	fmt.Fprintf(out, "%d of %d made. Median error: eyes %.3f, chin %.3f eye distances; head height %.1f %%, eye line %.1f %%\n",
		len(made), len(a.Portraits),
		med(func(p portrait) float64 { return p.EyeError }), med(func(p portrait) float64 { return p.ChinError }),
		med(func(p portrait) float64 { return math.Abs(p.HeadHeight) }), med(func(p portrait) float64 { return math.Abs(p.EyeLine) }))
	fmt.Fprintf(out, "Head height within 2 %%: %.0f %% of them; eye line within 1.5 %%: %.0f %%; every passed rule passed by the marks: %.0f %%\n",
		share(func(p portrait) bool { return math.Abs(p.HeadHeight) <= 2 }),
		share(func(p portrait) bool { return math.Abs(p.EyeLine) <= 1.5 }),
		share(func(p portrait) bool { return len(p.Contested) == 0 }))
}

func median(vs []float64) float64 {
	vs = slices.Clone(vs)
	slices.Sort(vs)
	n := len(vs)
	return (vs[(n-1)/2] + vs[n/2]) / 2
}
