package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/sheet"
	"idphoto/pipeline/spec"
)

// sheetCmd lays finished photos on paper, without a server.
type sheetCmd struct {
	Photos      []string `arg:"" name:"photo[:count]" help:"Finished photos, JPEG or PNG; a count after a colon, else as many as fit."`
	Paper       string   `default:"6-inch" help:"Paper: 5-inch, 6-inch, 7-inch, 8-inch, 3R to 6R, A4, A5, A6, Letter, or a size such as 120x200mm."`
	Gap         float64  `default:"2" help:"Between photos, in mm."`
	Margin      float64  `default:"3" help:"To each edge, in mm."`
	Marks       string   `default:"corners" enum:"none,corners,lines" help:"Where to cut: none, corners or lines."`
	Orientation string   `default:"auto" enum:"auto,portrait,landscape" help:"How the paper lies: auto, portrait or landscape."`
	DPI         int      `name:"dpi" default:"300" help:"Resolution of a JPEG."`
	Size        string   `help:"Document whose size all photos have, such as passport-35x45 or 40x60mm; default: as each file's own resolution says."`
	Out         string   `short:"o" required:"" help:"File to write: .jpg or .pdf."`
	Lang        string   `default:"en" enum:"en,zh" help:"Language of sentences: en or zh."`
}

// Run writes the sheet, and says what is on it.
func (c *sheetCmd) Run(out io.Writer) error {
	plan, data, err := c.make()
	if f, ok := errors.AsType[*fault.Error](err); ok {
		body := problem.Body(f.Code, f.Detail, problem.Language(c.Lang))
		return fmt.Errorf("%v %v (%s)", body["detail"], body["advice"], f.Code)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s, %g x %g mm\n", c.Out, plan.Paper.Names[c.Lang], plan.W.MM(), plan.H.MM())
	for i, n := range plan.Placed {
		name, _ := countOf(c.Photos[i])
		if _, err := fmt.Fprintf(out, "  %d of %s\n", n, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *sheetCmd) make() (*sheet.Plan, []byte, error) {
	kind := strings.ToLower(filepath.Ext(c.Out))
	if kind != ".jpg" && kind != ".jpeg" && kind != ".pdf" {
		return nil, nil, fmt.Errorf("%s: a sheet is written as .jpg or .pdf", c.Out)
	}
	paper, err := sheet.ParsePaper(c.Paper)
	if err != nil {
		return nil, nil, err
	}
	photos, items := make([]*sheet.Photo, len(c.Photos)), make([]sheet.Item, len(c.Photos))
	for i, arg := range c.Photos {
		name, count := countOf(arg)
		if photos[i], items[i], err = c.open(name); err != nil {
			return nil, nil, err
		}
		items[i].Count = count
	}
	plan, err := sheet.Layout(paper, items, sheet.Options{GapMM: c.Gap, MarginMM: c.Margin,
		Marks: sheet.Marks(c.Marks), Orientation: sheet.Orientation(c.Orientation)})
	if err == nil {
		err = plan.Complete()
	}
	if err != nil {
		return nil, nil, err
	}
	var data []byte
	if kind == ".pdf" {
		data, err = plan.PDF(photos)
	} else {
		data, err = plan.JPEG(photos, c.DPI)
	}
	return plan, data, err
}

// open reads a photo, and how large it is.
func (c *sheetCmd) open(name string) (*sheet.Photo, sheet.Item, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, sheet.Item{}, err
	}
	p, err := sheet.OpenPhoto(data)
	if err != nil {
		return nil, sheet.Item{}, err
	}
	if c.Size != "" {
		s, err := spec.Lookup(c.Size)
		if err != nil {
			return nil, sheet.Item{}, err
		}
		return p, sheet.Item{WidthMM: s.WidthMM, HeightMM: s.HeightMM}, p.Fits(s.WidthMM, s.HeightMM)
	}
	w, h, ok := p.SizeMM()
	if !ok {
		return nil, sheet.Item{}, fmt.Errorf("%s does not say how large it is: give --size", name)
	}
	return p, sheet.Item{WidthMM: w, HeightMM: h}, nil
}

// countOf parts PHOTO:COUNT; without a count it is 0.
func countOf(arg string) (name string, count int) {
	if at := strings.LastIndexByte(arg, ':'); at > 0 {
		if n, err := strconv.Atoi(arg[at+1:]); err == nil && n > 0 {
			return arg[:at], n
		}
	}
	return arg, 0
}
