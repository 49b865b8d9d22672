package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"idphoto/pipeline/spec"
)

// specsCmd shows the catalogue of documents.
type specsCmd struct {
	ID     string `arg:"" optional:"" help:"Show this record: an id, alias, or size such as 35x45mm@600dpi."`
	Search string `short:"q" help:"List only records that hold these words."`
	JSON   bool   `name:"json" help:"Write JSON."`
	Lang   string `default:"en" enum:"en,zh" help:"Language of names and notes: en or zh."`
}

// Run writes one record, or the list.
func (c *specsCmd) Run(out io.Writer) error {
	if c.ID != "" {
		s, err := spec.Lookup(c.ID)
		if err != nil {
			return fmt.Errorf("%q: %w (a list: local specs)", c.ID, err)
		}
		if c.JSON {
			return writeJSON(out, s)
		}
		return c.one(out, s)
	}
	found := spec.Search(c.Search)
	if c.JSON {
		return writeJSON(out, map[string]any{"version": spec.Version(), "specs": found})
	}
	return c.list(out, found)
}

func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// list writes a line per record. Names come last: Chinese ones are wider than their letters.
func (c *specsCmd) list(out io.Writer, found []*spec.Spec) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tMM\tPX\tDPI\tBACKGROUND\tEDITING\tGRADE\tNAME")
	for _, s := range found {
		mm, px, dpi := measures(s)
		name := s.Names[c.Lang]
		if !s.Available {
			name += " [" + s.Unavailable + "]"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, mm, px, dpi, s.Background, s.Editing.Policy, s.Grade, name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d records, catalogue %s\n", len(found), spec.Version())
	return err
}

// measures writes a record's size; "-" for what no source gives.
func measures(s *spec.Spec) (mm, px, dpi string) {
	mm, px, dpi = "-", "-", "-"
	if s.WidthPx > 0 {
		px, dpi = fmt.Sprintf("%d x %d", s.WidthPx, s.HeightPx), fmt.Sprint(s.DPI)
	}
	if s.WidthPx > 0 && !s.Nominal {
		mm = fmt.Sprintf("%g x %g", s.WidthMM, s.HeightMM)
	}
	return mm, px, dpi
}

// one writes all of a record.
func (c *specsCmd) one(out io.Writer, s *spec.Spec) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	mm, px, dpi := measures(s)
	line(s.ID, "%s", s.Names[c.Lang])
	line("document", "%s, for %s; decided by: %s", s.Document, s.Use, s.Authority[c.Lang])
	if len(s.Aliases) > 0 {
		line("aliases", "%s", strings.Join(s.Aliases, ", "))
	}
	line("size", "%s mm, %s px at %s dpi", mm, px, dpi)
	if s.PxReason != "" {
		line("", "%s", s.PxReason)
	}
	if z := s.Sizes; z != nil {
		line("accepted", "%s to %s %s [%s, %s]", corner(z.Min), corner(z.Max), z.Unit, z.Grade, z.Source)
	}
	line("background", "%s", s.Background)
	line("editing", "%s [%s, %s]", s.Editing.Policy, s.Editing.Grade, s.Editing.Source)
	if rule := s.Editing.Rule[c.Lang]; rule != "" {
		line("", "%s", rule)
	}
	line("source", "%s [%s, read %s]", s.Source, s.Grade, s.Checked)
	for _, r := range s.Rules {
		published := ""
		if p := r.Published; p != nil {
			published = fmt.Sprintf(" (published: %s %s)", band(&p.Min, p.Max), p.Unit)
		}
		if r.Yields {
			published += ", gives way to the others"
		}
		line("checked", "%s %s mm%s [%s, %s]", r.Measure, band(&r.Min, r.Max), published, r.Grade, r.Source)
	}
	tilt := s.MaxTilt()
	line("checked", "tilt <= %g degrees [%s, %s]", tilt.Degrees, tilt.Grade, tilt.Source)
	for _, a := range s.Asks {
		name := "asked"
		if a.Check == "" {
			name = "not checked"
		}
		line(name, "%s%s [%s, %s]", a.Words[c.Lang], askedBy(a), a.Grade, a.Source)
	}
	if s.Trade {
		line("picture", "judged by our own rules: only what nobody wants on a photo rejects")
	} else {
		line("picture", "judged by the rules of ICAO Doc 9303 beside what is asked here")
	}
	for _, m := range s.Unchecked {
		line("not checked", "%s %s %s: %s [%s, %s]", m.Measure, band(m.Min, m.Max), m.Unit, m.Reason, m.Grade, m.Source)
	}
	if s.Crown == spec.CrownSkull {
		line("crown", "the top of the skull, estimated from the face")
	}
	if d := s.Backdrop; d != nil {
		line("asked", "background: %s [%s, %s]", strings.Join(d.Accepts, ", or "), d.Grade, d.Source)
		if t := d.Tolerance; t != nil {
			line("", "taken for L* %s, a* %s, b* %s [%s, %s]", band(&t.Lightness[0], &t.Lightness[1]), band(&t.A[0], &t.A[1]), band(&t.B[0], &t.B[1]), t.Grade, t.Source)
		}
	}
	if f := s.File; f != nil {
		line("asked", "file: %s [%s, %s]", fileRule(f), f.Grade, f.Source)
	}
	if n := s.Note[c.Lang]; n != "" {
		line("note", "%s", n)
	}
	if !s.Available {
		line("not available", "%s", s.Unavailable)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// askedBy says which measure looks at what is asked for, and what comes of it.
func askedBy(a spec.Ask) string {
	if a.Check == "" {
		return ""
	}
	words := " (" + a.Check
	if a.Max != nil {
		words += fmt.Sprintf(" at most %g", *a.Max)
	}
	if a.Rejects {
		return words + "; a failure rejects)"
	}
	return words + "; a failure is reported)"
}

func band(lo, hi *float64) string {
	switch {
	case hi == nil:
		return fmt.Sprintf(">= %g", *lo)
	case lo == nil:
		return fmt.Sprintf("<= %g", *hi)
	}
	return fmt.Sprintf("%g to %g", *lo, *hi)
}

func corner(size *[2]float64) string {
	if size == nil {
		return "any"
	}
	return fmt.Sprintf("%g x %g", size[0], size[1])
}

// fileRule writes what a portal accepts in a line.
func fileRule(f *spec.File) string {
	var words []string
	if len(f.Types) > 0 {
		words = append(words, strings.Join(f.Types, " or "))
	}
	if f.MinKB > 0 {
		words = append(words, fmt.Sprintf("from %g KB", f.MinKB))
	}
	if f.MaxKB > 0 {
		words = append(words, fmt.Sprintf("up to %g KB", f.MaxKB))
	}
	if f.Quality > 0 {
		words = append(words, fmt.Sprintf("JPEG quality %d", f.Quality))
	}
	if f.MaxRatio > 0 {
		words = append(words, fmt.Sprintf("compressed at most %g:1", f.MaxRatio))
	}
	if f.Bits > 0 {
		words = append(words, fmt.Sprintf("%d bits per pixel", f.Bits))
	}
	if f.SRGB {
		words = append(words, "sRGB")
	}
	return strings.Join(words, ", ")
}
