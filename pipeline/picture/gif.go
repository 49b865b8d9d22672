package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
)

func isGIF(data []byte) bool {
	return bytes.HasPrefix(data, []byte("GIF87a")) || bytes.HasPrefix(data, []byte("GIF89a"))
}

// inspectGIF walks the blocks to the trailer. Sizes are the logical screen's: the first frame may
// be smaller and lies somewhere on it.
func inspectGIF(data []byte, lim Limits) (*header, error) {
	if len(data) < 13 {
		return nil, cutShort("a GIF header")
	}
	width, height := int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	if err := lim.checkSide(int64(width), int64(height)); err != nil {
		return nil, err
	}
	h := &header{width: width, height: height, orientation: 1, peakBytes: int64(width) * int64(height)}
	frames := 0
	for pos := 13 + gifTable(data[10]); ; {
		if pos >= len(data) {
			return nil, cutShort("a GIF without its trailer")
		}
		kind := data[pos]
		pos++
		switch kind {
		case 0x3b: // trailer
			if frames == 0 {
				return nil, broken("GIF without a frame")
			}
			return h, nil
		case 0x21: // extension: a label, then sub-blocks
			pos++
		case 0x2c: // frame: place, size and flags, a colour table, the code size, then sub-blocks
			frames++
			if pos+9 > len(data) {
				return nil, cutShort("a GIF frame header")
			}
			pos += 9 + gifTable(data[pos+8]) + 1
		default:
			return nil, broken("GIF block %#x", kind)
		}
		if pos = skipSubBlocks(data, pos); pos < 0 {
			return nil, cutShort("a GIF block")
		}
	}
}

// gifTable is the length of the colour table that flags announce.
func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// skipSubBlocks returns the position behind a chain of sub-blocks, or -1 when the data ends in it.
func skipSubBlocks(data []byte, pos int) int {
	for pos < len(data) {
		n := int(data[pos])
		pos += 1 + n
		if n == 0 {
			return pos
		}
	}
	return -1
}

// framed is a frame on a larger screen, which is transparent around it.
type framed struct {
	*image.Paletted
	screen image.Rectangle
}

func (f framed) Bounds() image.Rectangle { return f.screen }

func decodeGIF(data []byte, h *header) (image.Image, error) {
	img, err := gif.Decode(bytes.NewReader(data)) // the first frame
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, h.width, h.height)
	if frame, ok := img.(*image.Paletted); ok && frame.Rect != screen {
		return framed{frame, screen}, nil
	}
	return img, nil
}

// framedSource is white around the frame.
type framedSource struct {
	frame source
	rect  image.Rectangle // of the frame on the screen
}

func (s *framedSource) row(dst []byte, x0, x1, y int) {
	for i := range 4 * (x1 - x0) {
		dst[i] = 255
	}
	from, to := max(x0, s.rect.Min.X), min(x1, s.rect.Max.X)
	if y >= s.rect.Min.Y && y < s.rect.Max.Y && from < to {
		s.frame.row(dst[4*(from-x0):], from-s.rect.Min.X, to-s.rect.Min.X, y-s.rect.Min.Y)
	}
}
