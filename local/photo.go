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
	HD         string `name:"hd" placeholder:"FILE" help:"Also write the photo with as many pixels as the portrait has for it."`
	Cutout     string `placeholder:"FILE" help:"Also write the person alone, as PNG."`
	Report     string `placeholder:"FILE" help:"Write the report (JSON)."`
	Analysis   string `placeholder:"FILE" help:"Keep what the networks find in this file, and use it the next time: another photo of the same portrait needs none. It holds the person's picture."`
	Lang       string `default:"en" enum:"en,zh" help:"Language of sentences: en or zh."`

	Wishes wishFlags   `embed:""`
	Engine engineFlags `embed:""`
}

// Run makes the photo. A picture that cannot give it is told in the customer's words; so is, on
// standard error, what the checks found on one that can.
func (c *photoCmd) Run(ctx context.Context, out io.Writer) error {
	lang := problem.Language(c.Lang)
	chosen, err := c.choose()
	if err != nil {
		return inWords(err, lang)
	}
	kept, err := openKept(c.Analysis, c.In)
	if err != nil {
		return err
	}
	res, err := c.make(ctx, kept, chosen)
	if err != nil {
		return inWords(err, lang)
	}
	if err := c.write(res, kept); err != nil {
		return err
	}
	r := res.Report
	_, err = fmt.Fprintf(out, "%s: %s, %d x %d px at %d dpi, background %s, %.1f KB%s\n",
		c.Out, r.Spec, r.Width, r.Height, r.DPI, r.Background, float64(r.File.Bytes)/1024, kept.how())
	return errors.Join(err, tellChecks(os.Stderr, res, lang))
}

// inWords says what is wrong with a picture or an order as a clerk would.
func inWords(err error, lang problem.Language) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	text := problem.Explain(f.Code, f.Detail, lang)
	return fmt.Errorf("%s %s (%s)", text.Sentence, text.Advice, f.Code)
}

func (c *photoCmd) choose() (photo.Options, error) {
	order, err := c.Wishes.order(c.Size, c.Background)
	if err != nil {
		return photo.Options{}, err
	}
	order.HD = c.HD != ""
	return photo.Choose(order)
}

func (c *photoCmd) make(ctx context.Context, kept *keptAnalysis, chosen photo.Options) (*pipeline.Result, error) {
	s, background, err := chosen.Resolve()
	if err != nil {
		return nil, err
	}
	p, err := pipeline.Open(c.Engine.options())
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Run(ctx, kept.picture, pipeline.Request{
		Spec: s, Background: background, Touch: chosen.Touch, File: chosen.File, HD: chosen.HD,
		Analysis: kept.analysis, Keep: kept.path != "",
	}, nil)
}

// write writes the files that were asked for. There is no HD photo where the portrait has no more
// pixels than the photo, and no cut-out where its background stays.
func (c *photoCmd) write(res *pipeline.Result, kept *keptAnalysis) error {
	report, err := json.MarshalIndent(res.Report, "", "  ")
	if err != nil {
		return err
	}
	for _, file := range []struct {
		path string
		data []byte
	}{{c.Out, res.Photo}, {c.HD, res.HD}, {c.Cutout, res.Cutout}, {c.Report, append(report, '\n')}} {
		if file.path == "" {
			continue
		}
		if file.data == nil {
			fmt.Fprintf(os.Stderr, "%s is not written: this photo has none\n", file.path)
			continue
		}
		if err := os.WriteFile(file.path, file.data, 0o644); err != nil {
			return err
		}
	}
	return kept.write(res.Analysis)
}
