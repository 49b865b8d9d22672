package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

// groupCmd makes a photo of each person in one picture without a server.
type groupCmd struct {
	In         string `arg:"" type:"existingfile" help:"Group picture: JPEG, PNG, WebP, GIF, BMP, TIFF or HEIC."`
	Out        string `short:"o" required:"" type:"path" help:"Folder for the photos; made when missing."`
	Size       string `default:"1-inch" help:"Document: an id or alias, such as 1-inch, 一寸, passport-35x45."`
	Background string `default:"" help:"Colour by name or #RRGGBB, original, or transparent (PNG); default: the document's own."`
	Lang       string `default:"en" enum:"en,zh" help:"Language of sentences: en or zh."`

	Engine engineFlags `embed:""`
}

// Run makes the photos: person-01, person-02, ... row by row from the top, each row from the left. The
// error is not nil when there is nobody; who gets no photo is told with the reason.
func (c *groupCmd) Run(ctx context.Context, out io.Writer) error {
	err := c.make(ctx, out)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return errors.New(c.explain(f))
	}
	return err
}

func (c *groupCmd) explain(f *fault.Error) string {
	text := problem.Explain(f.Code, f.Detail, problem.Language(c.Lang))
	return fmt.Sprintf("%s %s (%s)", text.Sentence, text.Advice, f.Code)
}

func (c *groupCmd) make(ctx context.Context, out io.Writer) error {
	req, err := c.request()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(c.In)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	p, err := pipeline.Open(c.Engine.options())
	if err != nil {
		return err
	}
	defer p.Close()
	group, err := p.People(ctx, data, nil)
	if err != nil {
		return err
	}
	made := 0
	for i, person := range group.People {
		said, err := c.one(ctx, p, group, i, req)
		f, refused := errors.AsType[*fault.Error](err)
		switch {
		case refused:
			said = c.explain(f)
		case err != nil:
			return err
		default:
			made++
		}
		if _, err := fmt.Fprintf(out, "%s (%d/%d): %s\n", photo.PersonName(i+1), person.Row, person.Seat, said); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%d/%d: %s\n", made, len(group.People), c.Out)
	return err
}

// request is what every person's photo has in common.
func (c *groupCmd) request() (req pipeline.Request, err error) {
	if req.Spec, err = spec.Lookup(c.Size); err != nil {
		return req, err
	}
	background := c.Background
	if background == "" {
		background = req.Spec.Background
	}
	if req.Background, err = spec.ParseBackground(background); err != nil {
		return req, err
	}
	return req, req.Spec.Permit(req.Background)
}

// one makes the photo of person i and returns the file's name, with why it should be looked at, if it
// should.
func (c *groupCmd) one(ctx context.Context, p *pipeline.Pipeline, group *pipeline.Group, i int, req pipeline.Request) (string, error) {
	person := group.People[i]
	if person.Refused != nil {
		return "", person.Refused
	}
	data, _, err := group.Cut(i)
	if err != nil {
		return "", err
	}
	req.Person = &person.At
	res, err := p.Run(ctx, data, req, nil)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Out, photo.PersonName(i+1)+photo.Extension(res.PhotoType))
	said := path
	if h := res.Held; h != nil {
		said += " — " + c.explain(h)
	}
	return said, os.WriteFile(path, res.Photo, 0o644)
}
