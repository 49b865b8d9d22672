package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"math"

	"github.com/klauspost/compress/zlib" // twice as fast as the standard library's at the lowest level
)

// EncodeJPEG encodes img, which is opaque sRGB, at quality 1-100 with its resolution in dots per
// inch. It says so twice, since some forms read only JFIF and others only EXIF: a JFIF header,
// and an EXIF block of resolution and colour space. There is nothing else beside the pixels, and
// nothing behind the end marker.
//
// It does not use image/jpeg, which always halves colours: on a red background that shows as a dark
// rim around the head. See Chroma.
func EncodeJPEG(img *image.RGBA, quality, dpi int) ([]byte, error) {
	if quality < 1 || quality > 100 {
		return nil, fmt.Errorf("encoding JPEG: quality %d is not within 1-100", quality)
	}
	if err := jpegHolds(img, dpi); err != nil {
		return nil, err
	}
	return newSpectrum(img, FullChroma).encode(quality, dpi), nil
}

// jpegHolds refuses what the headers cannot say.
func jpegHolds(img *image.RGBA, dpi int) error {
	if dpi < 1 || dpi > math.MaxUint16 {
		return fmt.Errorf("encoding JPEG: %d dpi does not fit the header", dpi)
	}
	if w, h := img.Rect.Dx(), img.Rect.Dy(); w < 1 || h < 1 || w > math.MaxUint16 || h > math.MaxUint16 {
		return fmt.Errorf("encoding JPEG: %d x %d pixels do not fit the header", w, h)
	}
	return nil
}

// JPEGHead returns how each JPEG of ours begins: the start marker, JFIF and EXIF, which name the
// resolution in dots per inch, 1 to 65535. The colours are said to be sRGB.
func JPEGHead(dpi int) []byte {
	h := []byte{0xff, markSOI, 0xff, markAPP0, 0, 16}
	h = append(h, "JFIF\x00\x01\x02"...)
	h = append(h, 1) // densities are per inch
	h = binary.BigEndian.AppendUint16(h, uint16(dpi))
	h = binary.BigEndian.AppendUint16(h, uint16(dpi))
	h = append(h, 0, 0) // no thumbnail
	block := append([]byte(exifHeader), resolutionBlock(dpi)...)
	h = append(h, 0xff, markAPP1)
	h = binary.BigEndian.AppendUint16(h, uint16(len(block)+2))
	return append(h, block...)
}

// TIFF tags of the block that EncodeJPEG writes.
const (
	tagXResolution    = 0x011a
	tagYResolution    = 0x011b
	tagResolutionUnit = 0x0128
	tagExifDirectory  = 0x8769
	tagColourSpace    = 0xa001
)

// resolutionBlock is a TIFF structure of two directories: the first holds both resolutions, their
// unit and the place of the second, which says that the colours are sRGB.
func resolutionBlock(dpi int) []byte {
	const (
		dir0     = 8
		rational = dir0 + 2 + 4*12 + 4
		dir1     = rational + 8
		short    = 3
		long     = 4
		ratio    = 5
	)
	e := binary.BigEndian
	b := append([]byte("MM"), 0, 42)
	b = e.AppendUint32(b, dir0)
	field := func(tag, typ uint16, value uint32) {
		b = e.AppendUint16(b, tag)
		b = e.AppendUint16(b, typ)
		b = e.AppendUint32(b, 1)
		if typ == short { // stands at the left of its four bytes
			value <<= 16
		}
		b = e.AppendUint32(b, value)
	}
	b = e.AppendUint16(b, 4)
	field(tagXResolution, ratio, rational)
	field(tagYResolution, ratio, rational)
	field(tagResolutionUnit, short, 2) // inch
	field(tagExifDirectory, long, dir1)
	b = e.AppendUint32(b, 0)
	b = e.AppendUint32(b, uint32(dpi))
	b = e.AppendUint32(b, 1)
	b = e.AppendUint16(b, 1)
	field(tagColourSpace, short, 1) // sRGB
	return e.AppendUint32(b, 0)
}

// EncodePNG encodes img, which is sRGB, with its resolution and colour space; alpha is kept. level
// is one of compress/zlib's.
//
// It writes the file itself because image/png tries five filters on every row, which takes longer
// than the compression. Here each row is stored as its difference from the row above, which
// suits flat backgrounds and smooth skin (ISO/IEC 15948, clause 9).
func EncodePNG(img *image.NRGBA, dpi, level int) ([]byte, error) {
	if dpi < 1 || dpi > math.MaxUint16 {
		return nil, fmt.Errorf("encoding PNG: %d dpi is not within 1-65535", dpi)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w == 0 || h == 0 {
		return nil, fmt.Errorf("encoding PNG: %d x %d pixels", w, h)
	}
	rows, err := deflateRows(img, level)
	if err != nil {
		return nil, fmt.Errorf("encoding PNG: %w", err)
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	head = append(head, 8, 6, 0, 0, 0) // 8 bits a channel, RGB with alpha, nothing else to choose
	perMetre := binary.BigEndian.AppendUint32(nil, uint32(math.Round(float64(dpi)/0.0254)))
	phys := append(append(perMetre, perMetre...), 1) // the unit is the metre

	out := make([]byte, 0, len(rows)+128)
	out = append(out, pngSignature...)
	out = appendChunk(out, "IHDR", head)
	out = appendChunk(out, "sRGB", []byte{0})
	out = appendChunk(out, "pHYs", phys)
	out = appendChunk(out, "IDAT", rows)
	return appendChunk(out, "IEND", nil), nil
}

// deflateRows filters and compresses the pixels.
func deflateRows(img *image.NRGBA, level int) ([]byte, error) {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		return nil, err
	}
	n := 4 * img.Rect.Dx()
	above, line := make([]byte, n), make([]byte, 1+n)
	const up = 2
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride : y*img.Stride+n]
		line[0] = up // of the first row too: what is above it counts as zero
		for i, v := range row {
			line[1+i] = v - above[i]
		}
		if _, err := z.Write(line); err != nil {
			return nil, err
		}
		above = row
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func appendChunk(b []byte, kind string, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	from := len(b)
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}
