package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"math"
)

// EncodeJPEG encodes img, which is opaque sRGB, at quality 1-100 with its resolution in dots per
// inch. It says so twice, since some forms read only JFIF and others only EXIF: a JFIF header,
// and an EXIF block of resolution and colour space. There is nothing else beside the pixels, and
// nothing behind the end marker.
func EncodeJPEG(img *image.RGBA, quality, dpi int) ([]byte, error) {
	if quality < 1 || quality > 100 {
		return nil, fmt.Errorf("encoding JPEG: quality %d is not within 1-100", quality)
	}
	if dpi < 1 || dpi > math.MaxUint16 {
		return nil, fmt.Errorf("encoding JPEG: %d dpi does not fit the header", dpi)
	}
	var b bytes.Buffer
	b.Write(jpegHead(dpi))
	head := b.Len()
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encoding JPEG: %w", err)
	}
	// The encoder's start marker stands where ours ends: ours takes its place.
	out := b.Bytes()
	copy(out[2:], out[:head])
	return out[2:], nil
}

// jpegHead is the start marker, JFIF and EXIF.
func jpegHead(dpi int) []byte {
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

// EncodePNG encodes img, which is sRGB, with its resolution and colour space; alpha is kept.
func EncodePNG(img *image.NRGBA, dpi int, level png.CompressionLevel) ([]byte, error) {
	if dpi < 1 || dpi > math.MaxUint16 {
		return nil, fmt.Errorf("encoding PNG: %d dpi is not within 1-65535", dpi)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level}).Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encoding PNG: %w", err)
	}
	const headEnd = len(pngSignature) + 12 + 13 // IHDR comes first; what follows must precede IDAT
	perMetre := binary.BigEndian.AppendUint32(nil, uint32(math.Round(float64(dpi)/0.0254)))
	phys := append(append(perMetre, perMetre...), 1) // the unit is the metre
	extra := appendChunk(appendChunk(nil, "sRGB", []byte{0}), "pHYs", phys)

	plain := b.Bytes()
	out := make([]byte, 0, len(plain)+len(extra))
	out = append(append(out, plain[:headEnd]...), extra...)
	return append(out, plain[headEnd:]...), nil
}

func appendChunk(b []byte, kind string, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	from := len(b)
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}
