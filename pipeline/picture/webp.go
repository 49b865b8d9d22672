package picture

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"
)

// Bits of the flags in a WebP file's VP8X chunk.
const (
	webpAnimated = 1 << 1
	webpAlpha    = 1 << 4
)

// webpWalk gathers what the chunks say.
type webpWalk struct {
	lim      Limits
	h        *header
	flags    byte // of VP8X
	lossless bool
	seenData bool
	iccp     []byte
}

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// inspectWebP walks the chunks within the length that the RIFF header gives.
func inspectWebP(data []byte, lim Limits) (*header, error) {
	w := &webpWalk{lim: lim, h: &header{orientation: 1, ycc: bt601}}
	end := 8 + int64(binary.LittleEndian.Uint32(data[4:]))
	for pos := int64(12); pos < end; {
		if pos+8 > int64(len(data)) {
			return nil, cutShort("a WebP chunk header")
		}
		kind, n := string(data[pos:pos+4]), int64(binary.LittleEndian.Uint32(data[pos+4:]))
		body := data[pos+8:]
		whole := n <= int64(len(body))
		if whole {
			body = body[:n]
		}
		if err := w.chunk(kind, body); err != nil { // may already say that the size is wrong
			return nil, err
		}
		if !whole {
			return nil, cutShort("a WebP chunk")
		}
		pos += 8 + n + n&1
	}
	if !w.seenData {
		return nil, broken("WebP without pixels")
	}
	return w.finish(), nil
}

func (w *webpWalk) chunk(kind string, body []byte) error {
	switch kind {
	case "VP8X":
		return w.canvas(body)
	case "VP8 ":
		return w.lossy(body)
	case "VP8L":
		return w.losslessHeader(body)
	case "ANIM", "ANMF":
		return unsupported("animated WebP")
	case "EXIF":
		w.h.orientation = exifOrientation(bytes.TrimPrefix(body, []byte(exifHeader)))
	case "ICCP":
		w.iccp = body
	}
	return nil
}

// canvas reads VP8X: flags, three bytes reserved, then width-1 and height-1 of 24 bits each.
func (w *webpWalk) canvas(body []byte) error {
	if len(body) < 10 {
		return cutShort("a WebP header")
	}
	if w.flags = body[0]; w.flags&webpAnimated != 0 {
		return unsupported("animated WebP")
	}
	side := func(b []byte) int64 { return 1 + int64(b[0]) + int64(b[1])<<8 + int64(b[2])<<16 }
	return w.size(side(body[4:]), side(body[7:]))
}

// lossy reads the header of a key frame: three bytes of tag, a start code, 14 bits for each side.
func (w *webpWalk) lossy(body []byte) error {
	if len(body) < 10 {
		return cutShort("a WebP frame header")
	}
	if body[0]&1 != 0 || string(body[3:6]) != "\x9d\x01\x2a" {
		return broken("WebP without a key frame")
	}
	w.seenData = true
	return w.size(int64(binary.LittleEndian.Uint16(body[6:])&0x3fff), int64(binary.LittleEndian.Uint16(body[8:])&0x3fff))
}

// losslessHeader reads a signature byte and 14 bits for each side less one.
func (w *webpWalk) losslessHeader(body []byte) error {
	if len(body) < 5 {
		return cutShort("a WebP frame header")
	}
	if body[0] != 0x2f {
		return broken("WebP with a wrong lossless signature")
	}
	w.seenData, w.lossless = true, true
	bits := binary.LittleEndian.Uint32(body[1:])
	return w.size(int64(bits&0x3fff)+1, int64(bits>>14&0x3fff)+1)
}

// size checks a size against the limits, and against one seen before.
func (w *webpWalk) size(width, height int64) error {
	if err := w.lim.checkSide(width, height); err != nil {
		return err
	}
	if w.h.width != 0 && (int64(w.h.width) != width || int64(w.h.height) != height) {
		return broken("WebP frame of %d x %d on a canvas of %d x %d", width, height, w.h.width, w.h.height)
	}
	w.h.width, w.h.height = int(width), int(height)
	return nil
}

// finish estimates memory: four bytes for a lossless pixel, one and a half for a lossy one, and
// the opacity of a lossy picture, which is unpacked through four bytes.
func (w *webpWalk) finish() *header {
	area := int64(w.h.width) * int64(w.h.height)
	switch {
	case w.lossless:
		w.h.peakBytes = 5 * area
	case w.flags&webpAlpha != 0:
		w.h.peakBytes = 13 * area / 2
	default:
		w.h.peakBytes = 3 * area / 2
	}
	if w.iccp != nil {
		w.h.icc = newEmbedded(w.iccp, false)
	}
	return w.h
}

func decodeWebP(data []byte, _ *header) (image.Image, error) {
	return webp.Decode(bytes.NewReader(data))
}
