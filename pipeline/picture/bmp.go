package picture

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/bmp"
)

// isBMP wants the length of a known header too: plain text may begin with the two letters.
func isBMP(data []byte) bool {
	if len(data) < 18 || string(data[:2]) != "BM" {
		return false
	}
	switch binary.LittleEndian.Uint32(data[14:]) {
	case 12, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// inspectBMP reads the two headers and checks that all rows are there.
func inspectBMP(data []byte, lim Limits) (*header, error) {
	e := binary.LittleEndian
	headerSize := int64(e.Uint32(data[14:]))
	if headerSize != 40 && headerSize != 108 && headerSize != 124 {
		return nil, unsupported("BMP with a header of %d bytes", headerSize)
	}
	if int64(len(data)) < 14+headerSize {
		return nil, cutShort("a BMP header")
	}
	width, height := int64(int32(e.Uint32(data[18:]))), int64(int32(e.Uint32(data[22:])))
	if height < 0 { // the first row is the top one
		height = -height
	}
	if err := lim.checkSide(width, height); err != nil {
		return nil, err
	}
	depth := int64(e.Uint16(data[28:]))
	h := &header{width: int(width), height: int(height), orientation: 1}
	switch depth {
	case 1, 2, 4, 8:
		h.peakBytes = width * height
	case 24, 32:
		h.peakBytes = 4 * width * height
	default:
		return nil, unsupported("BMP of %d bits", depth)
	}
	switch compression := e.Uint32(data[30:]); compression {
	case 0, 3: // 3 has masks, which the decoder compares with the usual ones
	default:
		return nil, unsupported("BMP of compression %d", compression)
	}
	rowBytes := (width*depth + 31) / 32 * 4
	if int64(e.Uint32(data[10:]))+rowBytes*height > int64(len(data)) {
		return nil, cutShort("BMP rows")
	}
	return h, nil
}

func decodeBMP(data []byte, _ *header) (image.Image, error) {
	return bmp.Decode(bytes.NewReader(data))
}
