package picture

import (
	"bytes"
	"image"

	"golang.org/x/image/tiff"
)

// TIFF 6.0 tags.
const (
	tagImageWidth      = 256
	tagImageLength     = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagColourMap       = 320
	tagTileWidth       = 322
	tagTileLength      = 323
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagICCProfile      = 34675
)

// tiffTags are the fields that inspectTIFF keeps: the others may be as many as they like.
var tiffTags = map[uint16]bool{
	tagImageWidth: true, tagImageLength: true, tagBitsPerSample: true, tagCompression: true, tagPhotometric: true,
	tagStripOffsets: true, tagOrientation: true, tagSamplesPerPixel: true, tagRowsPerStrip: true,
	tagStripByteCounts: true, tagColourMap: true, tagTileWidth: true, tagTileLength: true,
	tagTileOffsets: true, tagTileByteCounts: true, tagICCProfile: true,
}

// photometricGrey is the largest value of tagPhotometric that means grey (0 has white as zero).
const photometricGrey, photometricRGB, photometricPalette = 1, 2, 3

func isTIFF(data []byte) bool {
	return len(data) >= 4 && (string(data[:3]) == "II*" || string(data[:3]) == "II+" || string(data[:4]) == "MM\x00*" || string(data[:4]) == "MM\x00+")
}

// inspectTIFF reads the first directory: size, kind of pixels, and whether every strip or tile
// lies within the file.
func inspectTIFF(data []byte, lim Limits) (*header, error) {
	dir, err := openTIFF(data)
	if err != nil {
		return nil, err
	}
	fields := map[uint16]tiffEntry{}
	for e := range dir.entries() {
		if tiffTags[e.tag] {
			fields[e.tag] = e
		}
	}
	value := func(tag uint16, or int64) int64 {
		if v := fields[tag].first(); v >= 0 {
			return v
		}
		return or
	}
	width, height := value(tagImageWidth, 0), value(tagImageLength, 0)
	if err := lim.checkSide(width, height); err != nil {
		return nil, err
	}
	h := &header{width: int(width), height: int(height), orientation: 1}
	if e, ok := fields[tagOrientation]; ok {
		h.orientation = validOrientation(e.first())
	}
	for _, e := range fields {
		if e.beyond {
			return nil, cutShort("a TIFF field")
		}
	}
	offsets, counts := fields[tagStripOffsets], fields[tagStripByteCounts]
	block := min(value(tagRowsPerStrip, height), height) * width
	if e, ok := fields[tagTileOffsets]; ok {
		offsets, counts = e, fields[tagTileByteCounts]
		block = min(value(tagTileWidth, 0), width+1024) * min(value(tagTileLength, 0), height+1024)
	}
	if err := checkBlocks(offsets, counts, int64(len(data))); err != nil {
		return nil, err
	}
	photometric := value(tagPhotometric, -1)
	samples, depth := min(value(tagSamplesPerPixel, 1), 4), min(value(tagBitsPerSample, 1), 16)
	unpacked := block * samples * max(depth, 8) / 8
	if value(tagCompression, 1) != 1 {
		unpacked *= 4 // it grows in steps
	}
	h.peakBytes = width*height*tiffPixelBytes(photometric, depth) + unpacked
	if e, ok := fields[tagICCProfile]; ok {
		h.icc = newEmbedded(e.value, photometric != photometricRGB && photometric != photometricPalette)
	}
	return h, nil
}

// checkBlocks checks that every strip or tile lies within the file.
func checkBlocks(offsets, counts tiffEntry, size int64) error {
	if offsets.count == 0 || offsets.count != counts.count {
		return broken("TIFF with %d offsets and %d lengths of its pixels", offsets.count, counts.count)
	}
	for i := range offsets.count {
		at, n := offsets.at(i), counts.at(i)
		if at < 0 || n < 0 {
			return broken("TIFF with offsets of type %d and lengths of type %d", offsets.typ, counts.typ)
		}
		if at+n > size {
			return cutShort("TIFF pixels")
		}
	}
	return nil
}

// tiffPixelBytes is what the decoder keeps for each pixel.
func tiffPixelBytes(photometric, depth int64) int64 {
	deep := int64(1)
	if depth == 16 {
		deep = 2
	}
	if photometric <= photometricGrey || photometric == photometricPalette {
		return deep
	}
	return 4 * deep
}

func decodeTIFF(data []byte, _ *header) (image.Image, error) {
	return tiff.Decode(bytes.NewReader(data))
}
