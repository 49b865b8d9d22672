package picture

import (
	"fmt"
	"image"

	"idphoto/pipeline/fault"
)

// Defaults of Limits.
const (
	DefaultMaxBytes  = 20 << 20
	DefaultMaxPixels = 50_000_000
	DefaultMinSide   = 64
)

// Limits bounds what Inspect and Decode accept. The zero value, and nil, are the defaults.
type Limits struct {
	MaxBytes  int64 // of the file; default 20 MiB
	MaxPixels int64 // width*height as the header claims them; default 50 million
	MinSide   int   // the shorter side in pixels; default 64
}

func (l *Limits) withDefaults() Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	if out.MaxBytes <= 0 {
		out.MaxBytes = DefaultMaxBytes
	}
	if out.MaxPixels <= 0 {
		out.MaxPixels = DefaultMaxPixels
	}
	if out.MinSide <= 0 {
		out.MinSide = DefaultMinSide
	}
	return out
}

// checkSide refuses a picture of w x h pixels that breaks the limits. Walkers call it as soon as
// they know the size, so that a claim of 65000 x 65000 is named as such even in a file cut short.
func (l Limits) checkSide(w, h int64) error {
	switch {
	case w <= 0 || h <= 0:
		return broken("size %d x %d", w, h)
	case w > l.MaxPixels/h: // w*h > MaxPixels, without overflow
		return fault.New(fault.TooManyPixels, nil, "width", w, "height", h, "limit", l.MaxPixels)
	case min(w, h) < int64(l.MinSide):
		return fault.New(fault.TooSmall, nil, "width", w, "height", h, "need", l.MinSide)
	}
	return nil
}

// Info is what a file says about its picture.
type Info struct {
	Format        string // "jpeg", "png", "webp", "gif", "bmp", "tiff" or "heic"
	Width, Height int    // upright, in pixels
	Orientation   int    // EXIF 1-8: how the stored pixels are turned to stand upright; 1 for HEIC, whose decoder turns them

	// Profile names the colour space the pixels are converted from: "none" (nothing embedded),
	// "srgb", "display-p3", "adobe-rgb", "matrix" (another matrix profile), or "unknown" (a
	// profile we cannot use: grey, CMYK, table-based or broken). All but "display-p3",
	// "adobe-rgb" and "matrix" are taken as sRGB.
	Profile string

	// PeakBytes estimates the memory that Decode needs at its worst moment, without the file
	// itself. Callers that decode side by side budget with it: a progressive JPEG needs up to
	// five times as much as a baseline one of the same size.
	PeakBytes int64
}

// header is what a walker learns about a file: everything that decoding needs beside the pixels.
type header struct {
	format        string
	width, height int // as stored
	orientation   int // 1-8
	icc           embedded
	ycc           ycc   // how the file's YCbCr is meant; only for formats that store it
	peakBytes     int64 // see Info.PeakBytes
}

func (h *header) info() Info {
	o := orientations[h.orientation]
	w, ht := h.width, h.height
	if o.swap {
		w, ht = ht, w
	}
	return Info{Format: h.format, Width: w, Height: ht, Orientation: h.orientation, Profile: h.icc.name(), PeakBytes: h.peakBytes}
}

// Inspect reads the header and walks the structure of a picture file: it decodes no pixel,
// allocates next to nothing and takes a few milliseconds even for 20 MB. The error is a
// *fault.Error with one of the codes empty, too_large, unsupported_type, undecodable, truncated,
// too_many_pixels and too_small.
func Inspect(data []byte, lim *Limits) (Info, error) {
	h, _, err := inspect(data, lim)
	if err != nil {
		return Info{}, err
	}
	return h.info(), nil
}

func inspect(data []byte, lim *Limits) (*header, *format, error) {
	l := lim.withDefaults()
	if len(data) == 0 {
		return nil, nil, fault.New(fault.Empty, nil)
	}
	if int64(len(data)) > l.MaxBytes {
		return nil, nil, fault.New(fault.TooLarge, nil, "limit", l.MaxBytes)
	}
	f := sniff(data)
	if f == nil {
		return nil, nil, fault.New(fault.UnsupportedType, nil)
	}
	h, err := f.inspect(data, l)
	if err != nil {
		return nil, nil, err
	}
	h.format = f.name
	return h, f, nil
}

// Picture is a decoded picture in its native pixels, with what is needed to turn it upright and
// into sRGB. It never changes, so any number of goroutines may use it.
type Picture struct {
	info   Info
	stored image.Point // size of the stored pixels
	orient orientation
	pixels source
	colour *conversion // nil when the pixels are sRGB already
}

// Decode inspects data and decodes its pixels. It keeps no reference to data. Errors are as
// Inspect's; pixels that cannot be decoded are undecodable, or truncated when they end early. A
// panic in a decoder is an undecodable picture, never a crash.
func Decode(data []byte, lim *Limits) (*Picture, error) {
	h, f, err := inspect(data, lim)
	if err != nil {
		return nil, err
	}
	img, err := f.pixels(data, h)
	if err != nil {
		return nil, err
	}
	src, err := newSource(img, h)
	if err != nil {
		return nil, err
	}
	return &Picture{
		info:   h.info(),
		stored: image.Pt(h.width, h.height),
		orient: orientations[h.orientation],
		pixels: src,
		colour: h.icc.conversion(),
	}, nil
}

// FromRGBA returns img, which is upright and opaque sRGB with its origin at (0, 0), as a picture.
func FromRGBA(img *image.RGBA) *Picture {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	return &Picture{info: Info{Format: "raw", Width: w, Height: h, Orientation: 1, Profile: "srgb"}, stored: image.Pt(w, h), pixels: (*rgbaSource)(img)}
}

// Bounds returns the size of the upright picture in pixels.
func (p *Picture) Bounds() (w, h int) { return p.info.Width, p.info.Height }

// Info returns what the file said about the picture.
func (p *Picture) Info() Info { return p.info }

// broken is an undecodable fault: the right format, but not a file that can be read.
func broken(format string, args ...any) error {
	return fault.New(fault.Undecodable, fmt.Errorf(format, args...))
}

// cutShort is a truncated fault.
func cutShort(what string) error {
	return fault.New(fault.Truncated, fmt.Errorf("file ends in %s", what))
}

// unsupported is for a variety of a known format that no decoder here reads.
func unsupported(format string, args ...any) error {
	return fault.New(fault.UnsupportedType, fmt.Errorf(format, args...))
}
