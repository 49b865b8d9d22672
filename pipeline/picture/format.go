package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"idphoto/pipeline/fault"
)

// format is one file format: how to know it, how to walk it, how to decode it.
type format struct {
	name    string
	is      func(data []byte) bool                         // by its first bytes
	inspect func(data []byte, lim Limits) (*header, error) // structure only, no pixels
	decode  func(data []byte, h *header) (image.Image, error)
}

var formats = []format{
	{"jpeg", hasPrefix("\xff\xd8"), inspectJPEG, decodeJPEG},
	{"png", hasPrefix(pngSignature), inspectPNG, decodePNG},
	{"webp", isWebP, inspectWebP, decodeWebP},
	{"gif", isGIF, inspectGIF, decodeGIF},
	{"bmp", isBMP, inspectBMP, decodeBMP},
	{"tiff", isTIFF, inspectTIFF, decodeTIFF},
	{"heic", isHEIC, inspectHEIC, decodeHEIC},
}

func hasPrefix(magic string) func([]byte) bool {
	return func(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }
}

// sniff returns the format of data, or nil. It looks at bytes only: names and types lie.
func sniff(data []byte) *format {
	for i := range formats {
		if formats[i].is(data) {
			return &formats[i]
		}
	}
	return nil
}

// pixels decodes with f's decoder and turns whatever goes wrong in it into a fault.
func (f *format) pixels(data []byte, h *header) (img image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			img, err = nil, fault.New(fault.Undecodable, fmt.Errorf("%s decoder panicked: %v", f.name, p))
		}
	}()
	img, err = f.decode(data, h)
	if err != nil {
		return nil, decoderFault(f.name, err)
	}
	return img, nil
}

// decoderFault gives a decoder's error its code. The walker has passed the file by then, so an
// early end lies within the compressed pixels.
func decoderFault(name string, err error) error {
	if fe, ok := errors.AsType[*fault.Error](err); ok {
		return fe
	}
	cause := fmt.Errorf("decoding %s: %w", name, err)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.New(fault.Truncated, cause)
	}
	if isUnsupported(err) {
		return fault.New(fault.UnsupportedType, cause)
	}
	return fault.New(fault.Undecodable, cause)
}

// isUnsupported reports whether a decoder says that the file is sound but of a variety it lacks.
func isUnsupported(err error) bool {
	if _, ok := errors.AsType[jpeg.UnsupportedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[png.UnsupportedError](err); ok {
		return true
	}
	_, ok := errors.AsType[tiff.UnsupportedError](err)
	return ok || errors.Is(err, bmp.ErrUnsupported)
}
