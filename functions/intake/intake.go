// Package intake reads what a client hands in, the same way wherever it comes in: a picture out of
// a stream, an option of a form, an idempotency key.
//
// A picture is refused as early as its bytes allow: above the limit without reading on, what is no
// picture by its first bytes, the rest by its header before any pixel is decoded.
package intake

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
)

// MaxOption bounds an option's value in bytes: names and colours are short.
const MaxOption = 200

const (
	firstLook = 64 << 10 // bytes that tell a picture's format, and mostly its size
	pieceSize = 1 << 20  // how much a picture of unknown length grows at a time
)

// Read reads a picture and checks it without decoding. expected is about how long it is, -1 when
// nobody knows: with it one buffer is enough; without, pieces are put together at the end, so that
// one that is refused costs no more than was read of it.
//
// What is wrong with the picture is a *fault.Error; any other error is the reader's own.
func Read(r io.Reader, expected int64, limits picture.Limits) ([]byte, picture.Info, error) {
	data, err := readAll(r, expected, limits)
	if err != nil {
		return nil, picture.Info{}, err
	}
	info, err := picture.Inspect(data, &limits)
	return data, info, err
}

func readAll(r io.Reader, expected int64, limits picture.Limits) ([]byte, error) {
	room := int64(firstLook)
	if expected > 0 {
		room = min(expected, limits.MaxBytes+1)
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
		if size += int64(n); size > limits.MaxBytes {
			return nil, fault.New(fault.TooLarge, nil, "limit", limits.MaxBytes)
		}
		if errors.Is(err, io.EOF) {
			return join(pieces, data), nil
		}
		if err != nil {
			return nil, err
		}
		if !looked && len(data) >= firstLook {
			looked = true
			if err := hopeless(data, limits); err != nil {
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

// hopeless returns what is wrong with a picture's beginning that no more bytes can mend.
func hopeless(data []byte, limits picture.Limits) error {
	_, err := picture.Inspect(data, &limits)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		switch e.Code {
		case fault.UnsupportedType, fault.TooManyPixels, fault.TooSmall:
			return err
		}
	}
	return nil
}

// Option reads the value of a form's field.
func Option(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxOption+1))
	if err != nil {
		return "", err
	}
	if len(data) > MaxOption {
		return "", fault.New(problem.BadRequest, fmt.Errorf("an option of more than %d bytes", MaxOption))
	}
	return string(data), nil
}

// Parts reads the form of r, whose body is body, part by part. io.EOF is the end of a whole form only:
// a form that ends before its last boundary would silently lack fields. What is wrong by r's head
// alone is told before anything is read.
func Parts(r *http.Request, body io.ReadCloser) (*multipart.Reader, error) {
	if err := isForm(r); err != nil {
		return nil, err
	}
	// Line end: the last boundary may come without its own.
	whole := io.MultiReader(body, strings.NewReader("\r\n"), early{})
	r.Body = struct {
		io.Reader
		io.Closer
	}{whole, body}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.New(problem.BadRequest, err)
	}
	return parts, nil
}

// early is read by whoever reads past a body's end.
type early struct{}

func (early) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// isForm says what is wrong with a request that should carry a form, by its head alone.
func isForm(r *http.Request) error {
	if r.ContentLength == 0 {
		return fault.New(fault.Empty, nil)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return fault.New(problem.UnsupportedMedia, err)
	}
	return nil
}

// UnknownField names the field to its sender, shortened: it may be anything.
func UnknownField(name string) error {
	if len(name) > 40 {
		name = name[:40]
	}
	return fault.New(problem.UnknownField, nil, "field", name)
}
