package upload

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"

	"idphoto/functions/intake"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
)

// form is what a client sent.
type form struct {
	image []byte
	info  picture.Info // of image
	seen  []string     // names of the fields, in their order

	order  photo.Order // each field known to be valid by itself
	dedupe bool        // the photo that the same picture gave before is as good
	kind   string      // empty: photo.Kind
	test   photo.TestOptions
}

// task returns kind, label and options as the task keeps them.
func (g *form) task() (kind, label string, options json.RawMessage, err error) {
	if g.kind != "" {
		options, err = json.Marshal(g.test)
		return g.kind, g.kind, options, err
	}
	chosen, err := photo.Choose(g.order)
	if err != nil {
		return "", "", nil, err
	}
	options, err = json.Marshal(chosen)
	return photo.Kind, chosen.Size, options, err
}

// receive reads the form of r as a stream.
func (f *Function) receive(w http.ResponseWriter, r *http.Request) (*form, error) {
	parts, err := intake.Parts(r, http.MaxBytesReader(w, r.Body, f.maxBody()))
	if err != nil {
		return nil, err
	}
	var got form
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, f.broken(err)
		}
		name := part.FormName()
		if slices.Contains(got.seen, name) {
			return nil, intake.UnknownField(name)
		}
		got.seen = append(got.seen, name)
		if err := f.field(&got, name, part, r.ContentLength); err != nil {
			return nil, f.broken(err)
		}
	}
	switch {
	case len(got.seen) == 0:
		return nil, fault.New(fault.Empty, nil)
	case got.kind == "" && !slices.Contains(got.seen, "image"):
		return nil, fault.New(problem.MissingField, nil, "field", "image")
	}
	return &got, nil
}

// field reads one part and refuses what is wrong with it by itself.
func (f *Function) field(into *form, name string, part *multipart.Part, bodyLength int64) (err error) {
	if name == "image" {
		into.image, into.info, err = intake.Read(part, bodyLength, f.limits())
		return err
	}
	if !f.knows(name) {
		return intake.UnknownField(name)
	}
	value, err := intake.Option(part)
	if err != nil {
		return err
	}
	switch name {
	case "dedupe":
		into.dedupe = value == "content"
		if !into.dedupe && value != "none" {
			err = fault.New(problem.BadOption, nil, "field", name)
		}
	case "kind":
		into.kind = value
		if value != photo.Noop && value != photo.Crash {
			err = fault.New(problem.BadOption, nil, "field", name)
		}
	case "sleep_ms", "stages", "how", "times":
		err = into.test.Set(name, value)
	default:
		err = into.order.Set(name, value)
	}
	return err
}

// knows reports whether a form may have this field beside the picture.
func (f *Function) knows(name string) bool {
	switch name {
	case "dedupe":
		return true
	case "kind", "sleep_ms", "stages", "how", "times":
		return f.opts.TestKinds
	}
	return slices.Contains(photo.Fields, name)
}

func (f *Function) limits() picture.Limits {
	return picture.Limits{MaxBytes: f.opts.MaxImageBytes, MaxPixels: f.opts.MaxPixels}
}

// broken is the answer to a body that ends early, is no multipart form, or is too long. What is
// wrong with the form or its picture stays what it is.
func (f *Function) broken(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, err, "limit", f.opts.MaxImageBytes)
	}
	return fault.New(problem.BadRequest, err)
}
