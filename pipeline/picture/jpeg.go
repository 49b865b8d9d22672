package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	markTEM   = 0x01
	markSOF0  = 0xc0
	markSOF2  = 0xc2
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markSOF15 = 0xcf
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markDQT   = 0xdb
	markAPP0  = 0xe0
	markAPP1  = 0xe1
	markAPP2  = 0xe2
	markAPP14 = 0xee
)

// maxScans bounds the work in a progressive file: a scan of some bytes costs a pass over all
// coefficients, and a hostile file has room for a hundred thousand. Real ones have about ten.
const maxScans = 100

// jpegWalk gathers what the segments say.
type jpegWalk struct {
	lim   Limits
	h     *header
	frame jpegFrame
	icc   iccChunks

	seenDQT               bool
	seenExif, seenJFIF    bool
	adobe                 bool // an Adobe segment was there
	adobeTransform        byte
	framesSeen, scansSeen int
}

// jpegFrame is the part of a frame header that tells how much memory decoding takes.
type jpegFrame struct {
	progressive bool
	components  int
	ids         [4]byte
	samples     int64 // of all components, padded to whole blocks
}

// inspectJPEG walks the segments to the end marker. Segments are skipped by their length, so an
// end marker within an embedded thumbnail does not count, and a file that ends within a scan is
// known as cut short although its header is whole.
func inspectJPEG(data []byte, lim Limits) (*header, error) {
	w := &jpegWalk{lim: lim, h: &header{orientation: 1, ycc: jfif}}
	for pos := 2; ; {
		mark, next, ok := nextMarker(data, pos)
		if !ok {
			return nil, cutShort("a JPEG without its end marker")
		}
		pos = next
		if mark == markEOI {
			break
		}
		if mark == markTEM || mark == markSOI || markRST0 <= mark && mark <= markRST7 {
			continue
		}
		if len(data)-pos < 2 {
			return nil, cutShort("a JPEG segment")
		}
		n := int(binary.BigEndian.Uint16(data[pos:]))
		if n < 2 {
			return nil, broken("JPEG segment %#x of length %d", mark, n)
		}
		if n > len(data)-pos {
			return nil, cutShort("a JPEG segment")
		}
		if err := w.segment(mark, data[pos+2:pos+n]); err != nil {
			return nil, err
		}
		pos += n
	}
	return w.finish()
}

// nextMarker finds the next marker at or after pos and the position behind it. Stuffed zeros and
// fill bytes are no markers; other bytes between segments are skipped, as all decoders do.
func nextMarker(data []byte, pos int) (mark byte, next int, ok bool) {
	for {
		i := bytes.IndexByte(data[pos:], 0xff)
		if i < 0 || pos+i+1 >= len(data) {
			return 0, 0, false
		}
		pos += i + 1
		if m := data[pos]; m != 0 && m != 0xff {
			return m, pos + 1, true
		}
	}
}

func (w *jpegWalk) segment(mark byte, body []byte) error {
	switch {
	case mark == markSOS:
		if w.framesSeen == 0 || !w.seenDQT { // without tables Go decodes plain grey
			return broken("JPEG scan before its frame or its quantisation tables")
		}
		if w.scansSeen++; w.scansSeen > maxScans {
			return broken("JPEG with more than %d scans", maxScans)
		}
	case markSOF0 <= mark && mark <= markSOF15 && mark != markDHT && mark != markJPG && mark != markDAC:
		return w.startFrame(mark, body)
	case mark == markDQT:
		w.seenDQT = true
	case mark == markAPP0 && bytes.HasPrefix(body, []byte("JFIF\x00")):
		w.seenJFIF = true
	case mark == markAPP1 && !w.seenExif && bytes.HasPrefix(body, []byte(exifHeader)):
		w.seenExif = true
		w.h.orientation = exifOrientation(body[len(exifHeader):])
	case mark == markAPP2 && bytes.HasPrefix(body, []byte(iccHeader)):
		w.icc.add(body[len(iccHeader):])
	case mark == markAPP14 && len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")):
		w.adobe, w.adobeTransform = true, body[11]
	}
	return nil
}

// startFrame reads a frame header: precision, height, width, then three bytes for each component.
func (w *jpegWalk) startFrame(mark byte, body []byte) error {
	if mark > markSOF2 {
		return unsupported("JPEG of process %#x (lossless, hierarchical or arithmetic)", mark)
	}
	if w.framesSeen++; w.framesSeen > 1 {
		return broken("JPEG with two frames")
	}
	if len(body) < 6 {
		return broken("JPEG frame header of %d bytes", len(body))
	}
	width, height := int(binary.BigEndian.Uint16(body[3:])), int(binary.BigEndian.Uint16(body[1:]))
	if err := w.lim.checkSide(int64(width), int64(height)); err != nil {
		return err
	}
	n := int(body[5])
	if body[0] != 8 {
		return unsupported("JPEG of %d bits", body[0])
	}
	if n != 1 && n != 3 && n != 4 {
		return unsupported("JPEG of %d components", n)
	}
	if len(body) != 6+3*n {
		return broken("JPEG frame header of %d bytes for %d components", len(body), n)
	}
	w.h.width, w.h.height = width, height
	w.frame = jpegFrame{progressive: mark == markSOF2, components: n}
	return w.frame.sampling(body[6:], width, height)
}

// sampling reads the components and counts the samples, padded as decoders store them.
func (f *jpegFrame) sampling(components []byte, width, height int) error {
	var hv [4][2]int64
	hMax, vMax := int64(1), int64(1)
	for i := range f.components {
		c := components[3*i:]
		f.ids[i], hv[i] = c[0], [2]int64{int64(c[1] >> 4), int64(c[1] & 15)}
		if hv[i][0] < 1 || hv[i][0] > 4 || hv[i][1] < 1 || hv[i][1] > 4 {
			return broken("JPEG sampling factors %d x %d", hv[i][0], hv[i][1])
		}
		hMax, vMax = max(hMax, hv[i][0]), max(vMax, hv[i][1])
	}
	if f.components == 1 {
		hv[0], hMax, vMax = [2]int64{1, 1}, 1, 1
	}
	mcus := ((int64(width) + 8*hMax - 1) / (8 * hMax)) * ((int64(height) + 8*vMax - 1) / (8 * vMax))
	for i := range f.components {
		f.samples += mcus * 64 * hv[i][0] * hv[i][1]
	}
	return nil
}

func (w *jpegWalk) finish() (*header, error) {
	if w.scansSeen == 0 {
		return nil, broken("JPEG without a scan")
	}
	if w.frame.components == 4 && !w.adobe {
		return nil, unsupported("four-component JPEG that does not say how its inks are stored")
	}
	w.h.peakBytes = w.peak()
	w.h.icc = w.icc.profile(w.frame.components)
	return w.h, nil
}

// peak is what image/jpeg holds at once: the samples, for a progressive file four bytes of
// coefficients for each, and for RGB and CMYK files the interleaved copy they are turned into.
func (w *jpegWalk) peak() int64 {
	area := int64(w.h.width) * int64(w.h.height)
	peak := w.frame.samples
	if w.frame.progressive {
		peak += 4 * w.frame.samples
	}
	if w.frame.components == 4 || w.storesRGB() {
		peak += 4 * area
	}
	return peak
}

func (w *jpegWalk) storesRGB() bool {
	if w.frame.components != 3 || w.seenJFIF {
		return false
	}
	return w.adobe && w.adobeTransform == 0 || [3]byte(w.frame.ids[:3]) == [3]byte{'R', 'G', 'B'}
}

func decodeJPEG(data []byte, _ *header) (image.Image, error) {
	return jpeg.Decode(bytes.NewReader(data))
}
