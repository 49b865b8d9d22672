package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/png"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// PNG colour types.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

// pngWalk gathers what the chunks say.
type pngWalk struct {
	lim           Limits
	h             *header
	depth, colour byte
	interlaced    bool
	seenIDAT      bool
	seenTRNS      bool
	iccp, cicp    []byte
}

// inspectPNG walks the chunks from IHDR to IEND. Checksums are the decoder's matter.
func inspectPNG(data []byte, lim Limits) (*header, error) {
	w := &pngWalk{lim: lim, h: &header{orientation: 1}}
	for pos := len(pngSignature); ; {
		if len(data)-pos < 12 {
			return nil, cutShort("a PNG without its end chunk")
		}
		n, kind := int64(binary.BigEndian.Uint32(data[pos:])), string(data[pos+4:pos+8])
		if kind != "IHDR" && w.depth == 0 {
			return nil, broken("PNG that does not begin with IHDR")
		}
		if n > int64(len(data)-pos-12) {
			return nil, cutShort("a PNG chunk")
		}
		if kind == "IEND" {
			return w.finish()
		}
		if err := w.chunk(kind, data[pos+8:pos+8+int(n)]); err != nil {
			return nil, err
		}
		pos += 12 + int(n)
	}
}

func (w *pngWalk) chunk(kind string, body []byte) error {
	switch kind {
	case "IHDR":
		return w.header(body)
	case "IDAT":
		w.seenIDAT = true
	case "tRNS":
		w.seenTRNS = true
	case "eXIf":
		w.h.orientation = exifOrientation(body)
	case "iCCP":
		w.iccp = body
	case "cICP":
		w.cicp = body
	}
	return nil
}

// header reads IHDR: width, height, depth, colour type, compression, filter, interlacing.
func (w *pngWalk) header(body []byte) error {
	if w.depth != 0 || len(body) != 13 {
		return broken("PNG header of %d bytes, or a second one", len(body))
	}
	width, height := int64(binary.BigEndian.Uint32(body)), int64(binary.BigEndian.Uint32(body[4:]))
	if err := w.lim.checkSide(width, height); err != nil {
		return err
	}
	w.h.width, w.h.height = int(width), int(height)
	w.depth, w.colour, w.interlaced = body[8], body[9], body[12] == 1
	if w.depth == 0 || pngPixelBytes(w.depth, w.colour, false) == 0 {
		return broken("PNG of %d bits and colour type %d", w.depth, w.colour)
	}
	return nil
}

// pngPixelBytes is what image/png keeps for each pixel; 0 for a depth that the colour type lacks.
func pngPixelBytes(depth, colour byte, trns bool) int64 {
	deep := int64(1)
	if depth == 16 {
		deep = 2
	}
	small := depth == 1 || depth == 2 || depth == 4
	switch {
	case colour == pngGrey && (small || depth == 8 || depth == 16):
		if trns {
			return 4 * deep
		}
		return deep
	case colour == pngPalette && (small || depth == 8):
		return 1
	case (colour == pngRGB || colour == pngGreyAlpha || colour == pngRGBA) && (depth == 8 || depth == 16):
		return 4 * deep
	}
	return 0
}

func (w *pngWalk) finish() (*header, error) {
	if !w.seenIDAT {
		return nil, broken("PNG without pixels")
	}
	w.h.peakBytes = int64(w.h.width) * int64(w.h.height) * pngPixelBytes(w.depth, w.colour, w.seenTRNS)
	if w.interlaced { // the last pass alone is half a picture more
		w.h.peakBytes += w.h.peakBytes / 2
	}
	switch {
	case len(w.cicp) == 4:
		w.h.icc = codedColour(int(w.cicp[0]), int(w.cicp[1]))
	case w.iccp != nil:
		w.h.icc = newEmbedded(inflateICCP(w.iccp), w.colour == pngGrey || w.colour == pngGreyAlpha)
	}
	return w.h, nil
}

// inflateICCP unpacks a profile (a name, a zero, the method, a zlib stream) up to maxProfile
// bytes; it returns what can be read, which is then judged as a profile.
func inflateICCP(body []byte) []byte {
	i := bytes.IndexByte(body, 0)
	if i < 0 || i+2 > len(body) {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(body[i+2:]))
	if err != nil {
		return nil
	}
	defer z.Close()
	profile, err := io.ReadAll(io.LimitReader(z, maxProfile))
	if err != nil {
		return nil
	}
	return profile
}

func decodePNG(data []byte, _ *header) (image.Image, error) {
	return png.Decode(bytes.NewReader(data))
}
