package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// summary is what the portraits come to. Shares are in percent of the marked portraits that gave a
// photo; errors are medians.
type summary struct {
	Pictures int `json:"pictures"`
	Made     int `json:"made"`
	Marked   int `json:"made_and_marked"`
	Doubtful int `json:"made_and_held"` // photos that somebody should look at first

	EyeError   float64 `json:"eye_error_eye_distances"`
	ChinError  float64 `json:"chin_error_eye_distances"`
	ChinOff    float64 `json:"chin_error_percent"`
	CrownOff   float64 `json:"crown_error_percent"`
	HeadHeight float64 `json:"head_height_error_percent"`
	EyeLine    float64 `json:"eye_line_error_percent"`

	HeadWithin float64 `json:"head_height_within_2_percent"`
	EyesWithin float64 `json:"eye_line_within_1_5_percent"`
	Held       float64 `json:"passed_rules_passed_by_marks"`

	Expected   int      `json:"expected_refusals"` // pictures of which something is expected
	AsExpected int      `json:"refused_as_expected"`
	Otherwise  []string `json:"not_as_expected"` // files
}

func summarize(all []portrait) summary {
	sum := summary{Pictures: len(all)}
	var marked []portrait
	for _, p := range all {
		if p.Code == "" {
			sum.Made++
			if p.Held != "" {
				sum.Doubtful++
			}
			if p.Marked {
				marked = append(marked, p)
			}
		}
		if p.Expect == "" {
			continue
		}
		sum.Expected++
		if p.asExpected() {
			sum.AsExpected++
		} else {
			sum.Otherwise = append(sum.Otherwise, p.File)
		}
	}
	if sum.Marked = len(marked); sum.Marked == 0 {
		return sum
	}
	middle := func(value func(portrait) float64) float64 {
		vs := make([]float64, len(marked))
		for i, p := range marked {
			vs[i] = math.Abs(value(p))
		}
		return median(vs)
	}
	share := func(ok func(portrait) bool) float64 {
		n := 0
		for _, p := range marked {
			if ok(p) {
				n++
			}
		}
		return 100 * float64(n) / float64(len(marked))
	}
	sum.EyeError = middle(func(p portrait) float64 { return p.EyeError })
	sum.ChinError = middle(func(p portrait) float64 { return p.ChinError })
	sum.ChinOff = middle(func(p portrait) float64 { return p.ChinOff })
	sum.CrownOff = middle(func(p portrait) float64 { return p.CrownOff })
	sum.HeadHeight = middle(func(p portrait) float64 { return p.HeadHeight })
	sum.EyeLine = middle(func(p portrait) float64 { return p.EyeLine })
	sum.HeadWithin = share(func(p portrait) bool { return math.Abs(p.HeadHeight) <= 2 })
	sum.EyesWithin = share(func(p portrait) bool { return math.Abs(p.EyeLine) <= 1.5 })
	sum.Held = share(func(p portrait) bool { return len(p.Contested) == 0 })
	return sum
}

func printPortraits(out io.Writer, a accuracy) {
	fmt.Fprintf(out, "Photos for %s; errors of eyes and chin in eye distances, the rest in percent of the photo's height\n", a.Size)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "picture\teyes\tchin\tchin %\tcrown %\thead height\teye line\tmarked head\tupscale\trules fail\trules warn\tpassed, not by marks\tchecks warn/fail\t")
	for _, p := range a.Portraits {
		name := p.File
		if p.Expect != "" && !p.asExpected() {
			name += " (expected: " + p.Expect + ")"
		}
		figures := "\t\t\t\t\t\t"
		if p.Marked {
			figures = fmt.Sprintf("%.3f\t%.3f\t%+.1f\t%+.1f\t%+.1f\t%+.1f\t%.1f",
				p.EyeError, p.ChinError, p.ChinOff, p.CrownOff, p.HeadHeight, p.EyeLine, p.MarkedHead)
		}
		if p.Code != "" {
			fmt.Fprintf(w, "%s\t%s\t\t\t\t\t\t\t\t\t\t\t\t\n", name, p.Code)
			continue
		}
		if p.Held != "" {
			name += " [held: " + p.Held + "]"
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%s\t%s\t%d/%d\t\n",
			name, figures, p.Upscale, list(p.Failed), list(p.Yielded), list(p.Contested), len(p.Warned), len(p.Bad))
	}
	w.Flush()
	printFindings(out, a.Portraits)
	s := a.Summary
	fmt.Fprintf(out, "%d of %d made", s.Made, s.Pictures)
	if s.Doubtful > 0 {
		fmt.Fprintf(out, ", %d of them held", s.Doubtful)
	}
	if s.Expected > 0 {
		fmt.Fprintf(out, "; %d of %d as expected", s.AsExpected, s.Expected)
	}
	if s.Marked == 0 {
		fmt.Fprintln(out)
		return
	}
	fmt.Fprintf(out, ". Median error on the %d marked: eyes %.3f, chin %.3f eye distances; chin %.1f %%, crown %.1f %%, head height %.1f %%, eye line %.1f %%\n",
		s.Marked, s.EyeError, s.ChinError, s.ChinOff, s.CrownOff, s.HeadHeight, s.EyeLine)
	fmt.Fprintf(out, "Head height within 2 %%: %.0f %% of them; eye line within 1.5 %%: %.0f %%; every passed rule passed by the marks (1 %% slack): %.0f %%\n",
		s.HeadWithin, s.EyesWithin, s.Held)
}

// printFindings names the checks of the picture's quality that did not pass.
func printFindings(out io.Writer, all []portrait) {
	for _, p := range all {
		if p.Marks != "" {
			fmt.Fprintf(out, "  %s: marks not used: %s\n", p.File, p.Marks)
		}
		if len(p.Bad)+len(p.Warned) > 0 {
			fmt.Fprintf(out, "  %s: fail %s; warn %s\n", p.File, list(p.Bad), list(p.Warned))
		}
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ",")
}

func median(vs []float64) float64 {
	vs = slices.Clone(vs)
	slices.Sort(vs)
	n := len(vs)
	return (vs[(n-1)/2] + vs[n/2]) / 2
}
