package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
)

// Limits of a JPEG sheet. A4 has 34.8 million pixels at 600 dpi, 6-inch paper 34.6 at 1200; what is finer
// than that is for PDF.
const (
	MinDPI    = 72
	MaxDPI    = 1200
	MaxPixels = 36_000_000
)

// Quality of the JPEG: the photos have been through the encoder once before.
const quality = 95

// grey is what marks are drawn in: dark enough to see, light enough not to show on a cut edge.
var grey = color.RGBA{0x99, 0x99, 0x99, 0xff}

// PixelSize returns how large the sheet is at a resolution. It is a *fault.Error where a JPEG cannot be
// that fine.
func (p *Plan) PixelSize(dpi int) (w, h int, err error) {
	if dpi < MinDPI || dpi > MaxDPI {
		return 0, 0, fault.New(fault.BadSheet, nil, "field", "dpi")
	}
	w, h = p.W.Pixels(dpi), p.H.Pixels(dpi)
	if w*h > MaxPixels {
		return 0, 0, fault.New(fault.BadSheet, nil, "field", "dpi")
	}
	return w, h, nil
}

// JPEG draws the sheet at a resolution, which its header names. photos are those of the items. A photo
// that has as many pixels as its place is copied pixel by pixel; others are resampled.
func (p *Plan) JPEG(photos []*Photo, dpi int) ([]byte, error) {
	img, err := p.draw(photos, dpi)
	if err != nil {
		return nil, err
	}
	return encode(img, dpi)
}

// encode writes a JPEG with the head of a single photo's, which names the resolution. It uses the
// library's encoder, which holds a row of blocks at a time: that of package picture holds all of them.
func encode(img *image.RGBA, dpi int) ([]byte, error) {
	var b bytes.Buffer
	b.Write(picture.JPEGHead(dpi))
	head := b.Len()
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encoding a sheet: %w", err)
	}
	// The encoder's start marker stands where ours ends: ours takes its place.
	out := b.Bytes()
	copy(out[2:], out[:head])
	return out[2:], nil
}

func (p *Plan) draw(photos []*Photo, dpi int) (*image.RGBA, error) {
	w, h, err := p.PixelSize(dpi)
	if err != nil {
		return nil, err
	}
	if len(photos) != len(p.Placed) {
		return nil, errors.New("sheet: not one photo for each item")
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for i, photo := range photos {
		if err := p.paste(img, i, photo, dpi); err != nil {
			return nil, err
		}
	}
	for _, l := range p.marks() {
		draw.Draw(img, l.pixels(dpi), image.NewUniform(grey), image.Point{}, draw.Src)
	}
	return img, nil
}

// paste puts the photo at all of the item's places.
func (p *Plan) paste(sheet *image.RGBA, item int, photo *Photo, dpi int) error {
	var upright, turned *image.RGBA
	for _, c := range p.Cells {
		if c.Item != item {
			continue
		}
		if upright == nil {
			w, h := c.W, c.H
			if c.Turned {
				w, h = h, w
			}
			var err error
			if upright, err = photo.pixels(w.Pixels(dpi), h.Pixels(dpi)); err != nil {
				return err
			}
		}
		img := upright
		if c.Turned {
			if turned == nil {
				turned = clockwise(upright)
			}
			img = turned
		}
		tile(sheet, image.Rect(c.X.Pixels(dpi), c.Y.Pixels(dpi), (c.X+c.W).Pixels(dpi), (c.Y+c.H).Pixels(dpi)), img)
	}
	return nil
}

// tile fills r with img from its corner. r can be a pixel larger or smaller than img, because its edges are
// rounded where they lie: then the last column or row stands twice or is left out, and neighbours
// neither overlap nor drift.
func tile(sheet *image.RGBA, r image.Rectangle, img *image.RGBA) {
	r = r.Intersect(sheet.Rect)
	columns := min(r.Dx(), img.Rect.Dx())
	for y := range r.Dy() {
		from := img.Pix[min(y, img.Rect.Dy()-1)*img.Stride:]
		to := sheet.Pix[sheet.PixOffset(r.Min.X, r.Min.Y+y):]
		copy(to, from[:4*columns])
		for x := columns; x < r.Dx(); x++ {
			copy(to[4*x:4*x+4], from[4*(columns-1):])
		}
	}
}

// clockwise turns a picture by 90 degrees.
func clockwise(img *image.RGBA) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			at := out.PixOffset(h-1-y, x)
			copy(out.Pix[at:at+4], img.Pix[y*img.Stride+4*x:])
		}
	}
	return out
}

// pixels is where a mark lies: at least one pixel wide.
func (l line) pixels(dpi int) image.Rectangle {
	at, from, to := l.at.Pixels(dpi), l.from.Pixels(dpi), l.to.Pixels(dpi)
	near, far := at, at+max(1, stroke.Pixels(dpi))
	if l.side < 0 {
		near, far = at-max(1, stroke.Pixels(dpi)), at
	}
	if l.upright {
		return image.Rect(near, from, far, to)
	}
	return image.Rect(from, near, to, far)
}
