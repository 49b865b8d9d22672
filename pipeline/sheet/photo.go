package sheet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"

	"github.com/disintegration/imaging"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
)

// MaxPhotoPixels is the largest photo that is taken: what a document's photo can have.
const MaxPhotoPixels = 24_000_000

// Photo is one finished photo, as its file.
type Photo struct {
	data []byte
	info picture.Info
	dpi  float64 // as the file says; 0: it does not
}

// OpenPhoto reads a photo's header. It keeps data. The error is a *fault.Error.
func OpenPhoto(data []byte) (*Photo, error) {
	info, err := picture.Inspect(data, &picture.Limits{MaxPixels: MaxPhotoPixels, MinSide: 16})
	if err != nil {
		return nil, err
	}
	return &Photo{data: data, info: info, dpi: density(data)}, nil
}

// SizeMM is how large the photo is by its own resolution; false when it names none.
func (p *Photo) SizeMM() (width, height float64, ok bool) {
	if p.dpi <= 0 {
		return 0, 0, false
	}
	hundredths := func(px int) float64 { return math.Round(float64(px)/p.dpi*2540) / 100 }
	return hundredths(p.info.Width), hundredths(p.info.Height), true
}

// Fits returns an error unless the photo has the proportions of the size, within what comes of
// rounding to whole pixels: a photo is never stretched.
func (p *Photo) Fits(widthMM, heightMM float64) error {
	const tolerance = 0.01
	have, want := float64(p.info.Width)/float64(p.info.Height), widthMM/heightMM
	if math.Abs(have/want-1) > tolerance {
		return fault.New(fault.BadSheet, fmt.Errorf("photo of %d x %d pixels, cell of %g x %g mm", p.info.Width, p.info.Height, widthMM, heightMM), "field", "size")
	}
	return nil
}

// Pixels is how many the photo has.
func (p *Photo) Pixels() int { return p.info.Width * p.info.Height }

// pixels decodes the photo, over white where it is transparent, at exactly w x h.
func (p *Photo) pixels(w, h int) (*image.RGBA, error) {
	pic, err := picture.Decode(p.data, &picture.Limits{MaxPixels: MaxPhotoPixels, MinSide: 16})
	if err != nil {
		return nil, err
	}
	img := pic.Reduce(image.Rect(0, 0, p.info.Width, p.info.Height), 1)
	if img.Rect.Dx() == w && img.Rect.Dy() == h {
		return img, nil
	}
	resized := imaging.Resize(img, w, h, imaging.Lanczos)
	return &image.RGBA{Pix: resized.Pix, Stride: resized.Stride, Rect: resized.Rect}, nil // opaque: both mean the same
}

// asIs tells whether every reader of PDF shows the file as we do: nothing about it has to be turned,
// converted or laid on white.
func (p *Photo) asIs() bool {
	if p.info.Format != "jpeg" || p.info.Orientation != 1 || p.info.Profile != "none" && p.info.Profile != "srgb" {
		return false
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(p.data))
	return err == nil && (c.ColorModel == color.YCbCrModel || c.ColorModel == color.GrayModel)
}

// forPDF returns a file that a PDF can hold: the photo's own, or its pixels without loss.
func (p *Photo) forPDF() (kind string, data []byte, err error) {
	if p.asIs() {
		return "JPG", p.data, nil
	}
	img, err := p.pixels(p.info.Width, p.info.Height)
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", nil, fmt.Errorf("encoding a photo for a PDF: %w", err)
	}
	return "PNG", b.Bytes(), nil
}

// density returns the resolution that a JFIF header or a PNG's pHYs chunk names, in dots per inch. What
// EXIF says is not looked at: cameras write 72 there and mean nothing by it.
func density(data []byte) float64 {
	switch {
	case len(data) > 18 && data[0] == 0xff && data[1] == 0xd8 && string(data[6:11]) == "JFIF\x00":
		v := float64(binary.BigEndian.Uint16(data[14:]))
		switch data[13] {
		case 1:
			return v
		case 2: // per centimetre
			return v * 2.54
		}
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return pngDensity(data[8:])
	}
	return 0
}

func pngDensity(chunks []byte) float64 {
	for len(chunks) >= 12 {
		n, kind := binary.BigEndian.Uint32(chunks), string(chunks[4:8])
		if uint64(n)+12 > uint64(len(chunks)) || kind == "IDAT" {
			return 0
		}
		if kind == "pHYs" && n == 9 && chunks[16] == 1 { // per metre
			return math.Round(float64(binary.BigEndian.Uint32(chunks[8:])) * 0.0254)
		}
		chunks = chunks[12+n:]
	}
	return 0
}
