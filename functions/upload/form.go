package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
)

// maxOption bounds an option's value: names and colours are short.
const maxOption = 200

// maxParts bounds the form: the known fields and none else.
const maxParts = 3

// form is what a client sent.
type form struct {
	image   []byte
	options options
}

// options as the customer wrote them, each known to be valid by itself.
type options struct{ size, background string }

// stored returns the options as the task keeps them.
func (o options) stored() (json.RawMessage, error) {
	chosen, err := photo.Choose(o.size, o.background)
	if err != nil {
		return nil, err
	}
	return json.Marshal(chosen)
}

// receive reads the form of r as a stream.
func (f *Function) receive(w http.ResponseWriter, r *http.Request) (*form, error) {
	if r.ContentLength == 0 {
		return nil, fault.New(fault.Empty, nil)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return nil, fault.New(problem.UnsupportedMedia, err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, f.maxBody())
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.New(problem.BadRequest, err)
	}
	var got form
	var seen []string
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, f.broken(err)
		}
		name := part.FormName()
		if slices.Contains(seen, name) || len(seen) == maxParts {
			return nil, unknownField(name)
		}
		seen = append(seen, name)
		if err := f.field(&got, name, part, r.ContentLength); err != nil {
			return nil, err
		}
	}
	if len(seen) == 0 {
		return nil, fault.New(fault.Empty, nil)
	}
	if !slices.Contains(seen, "image") {
		return nil, fault.New(problem.MissingField, nil, "field", "image")
	}
	return &got, nil
}

// field reads one part and refuses what is wrong with it by itself.
func (f *Function) field(into *form, name string, part *multipart.Part, bodyLength int64) (err error) {
	switch name {
	case "image":
		into.image, err = f.image(part, bodyLength)
		return err
	case "size":
		if into.options.size, err = f.option(part); err != nil {
			return err
		}
		_, err = spec.Lookup(into.options.size)
		return err
	case "background":
		if into.options.background, err = f.option(part); err != nil {
			return err
		}
		_, err = spec.ParseBackground(into.options.background)
		return err
	}
	return unknownField(name)
}

// image reads a picture of at most the limit. bodyLength is the request's declared length, -1 when
// it declares none: with it one buffer is enough; without, pieces are put together at the end, so
// that a body that is refused costs no more than was read of it. What the first bytes rule out is
// refused without reading on.
func (f *Function) image(r io.Reader, bodyLength int64) ([]byte, error) {
	limit := f.opts.MaxImageBytes
	room := int64(firstLook)
	if bodyLength > 0 {
		room = min(bodyLength, limit+1)
	}
	var pieces [][]byte // full ones, before data
	var size int64
	looked := false
	data := make([]byte, 0, room)
	for {
		if len(data) == cap(data) {
			pieces = append(pieces, data)
			data = make([]byte, 0, pieceSize)
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if size += int64(n); size > limit {
			return nil, fault.New(fault.TooLarge, nil, "limit", limit)
		}
		if errors.Is(err, io.EOF) {
			return join(pieces, data), nil
		}
		if err != nil {
			return nil, f.broken(err)
		}
		if !looked && len(data) >= firstLook {
			looked = true
			if err := f.hopeless(data); err != nil {
				return nil, err
			}
		}
	}
}

func join(pieces [][]byte, last []byte) []byte {
	if len(pieces) == 0 {
		return last
	}
	return slices.Concat(append(pieces, last)...)
}

// pieceSize is how much a picture of unknown length grows at a time.
const pieceSize = 1 << 20

// firstLook is enough to tell a picture's format, and mostly its size.
const firstLook = 64 << 10

// hopeless returns what is wrong with a picture's beginning that no more bytes can mend.
func (f *Function) hopeless(data []byte) error {
	_, err := picture.Inspect(data, f.limits())
	if e, ok := errors.AsType[*fault.Error](err); ok {
		switch e.Code {
		case fault.UnsupportedType, fault.TooManyPixels, fault.TooSmall:
			return err
		}
	}
	return nil
}

func (f *Function) limits() *picture.Limits {
	return &picture.Limits{MaxBytes: f.opts.MaxImageBytes, MaxPixels: f.opts.MaxPixels}
}

func (f *Function) option(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxOption+1))
	if err != nil {
		return "", f.broken(err)
	}
	if len(data) > maxOption {
		return "", fault.New(problem.BadRequest, fmt.Errorf("an option of more than %d bytes", maxOption))
	}
	return string(data), nil
}

// broken is the answer to a body that ends early, is no multipart form, or is too long.
func (f *Function) broken(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, err, "limit", f.opts.MaxImageBytes)
	}
	return fault.New(problem.BadRequest, err)
}

// unknownField names the field to its sender, shortened: it may be anything.
func unknownField(name string) error {
	if len(name) > 40 {
		name = name[:40]
	}
	return fault.New(problem.UnknownField, nil, "field", name)
}
