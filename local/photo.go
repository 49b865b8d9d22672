package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
)

// photoCmd makes one photo without a server.
type photoCmd struct {
	In         string `arg:"" type:"existingfile" help:"Portrait: JPEG, PNG, WebP, GIF, BMP, TIFF or HEIC."`
	Size       string `default:"1-inch" help:"Document: an id or alias, such as 1-inch, 一寸, passport-35x45."`
	Background string `default:"" help:"Colour by name or #RRGGBB, original, or transparent (PNG); default: the document's own."`
	Out        string `short:"o" required:"" help:"File to write."`
	Report     string `help:"Write the report (JSON) to this file."`
	Lang       string `default:"en" enum:"en,zh" help:"Language of sentences: en or zh."`

	Engine engineFlags `embed:""`
}

// Run makes the photo. A picture that cannot give it is told in the customer's words.
func (c *photoCmd) Run(ctx context.Context, out io.Writer) error {
	res, err := c.make(ctx)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		body := problem.Body(f.Code, f.Detail, problem.Language(c.Lang))
		return fmt.Errorf("%v %v (%s)", body["detail"], body["advice"], f.Code)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, res.Photo, 0o644); err != nil {
		return err
	}
	if c.Report != "" {
		data, err := json.MarshalIndent(res.Report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Report, append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%s: %s, %d x %d px at %d dpi, background %s\n",
		c.Out, res.Report.Spec, res.Report.Width, res.Report.Height, res.Report.DPI, res.Report.Background)
	return err
}

func (c *photoCmd) make(ctx context.Context) (*pipeline.Result, error) {
	chosen, err := photo.Choose(photo.Order{Size: c.Size, Background: c.Background})
	if err != nil {
		return nil, err
	}
	s, background, err := chosen.Resolve()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(c.In)
	if err != nil {
		return nil, err
	}
	p, err := pipeline.Open(c.Engine.options())
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Run(ctx, data, pipeline.Request{Spec: s, Background: background}, nil)
}
