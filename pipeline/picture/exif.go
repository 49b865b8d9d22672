package picture

import "encoding/binary"

// exifHeader opens an EXIF block in a JPEG segment, and in WebP files of some writers.
const exifHeader = "Exif\x00\x00"

const tagOrientation = 0x0112

// exifOrientation returns the orientation 1-8 that a TIFF structure gives in its first directory.
// A block that cannot be read, or a value out of range, is 1: a bad note in a good picture must
// not cost the picture.
func exifOrientation(block []byte) int {
	dir, err := openTIFF(block)
	if err != nil {
		return 1
	}
	for e := range dir.entries() {
		if e.tag == tagOrientation {
			return validOrientation(e.first())
		}
	}
	return 1
}

func validOrientation(v int64) int {
	if v < 1 || v > 8 {
		return 1
	}
	return int(v)
}

// tiffDir is a directory of a TIFF structure: what EXIF blocks and TIFF files have in common.
type tiffDir struct {
	data  []byte
	order binary.ByteOrder
	start int // of the first entry
	count int
}

// openTIFF finds the first directory. Nothing beyond data is ever read.
func openTIFF(data []byte) (*tiffDir, error) {
	if len(data) < 8 {
		return nil, cutShort("a TIFF header")
	}
	d := &tiffDir{data: data}
	switch string(data[:2]) {
	case "II":
		d.order = binary.LittleEndian
	case "MM":
		d.order = binary.BigEndian
	default:
		return nil, broken("TIFF without a byte order")
	}
	if v := d.order.Uint16(data[2:]); v != 42 {
		return nil, unsupported("TIFF version %d", v)
	}
	at := int64(d.order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return nil, cutShort("a TIFF before its directory")
	}
	d.start, d.count = int(at)+2, int(d.order.Uint16(data[at:]))
	if d.start+d.count*12 > len(data) {
		return nil, cutShort("a TIFF directory")
	}
	return d, nil
}

// tiffEntry is one field: count values of a type, found at value.
type tiffEntry struct {
	tag, typ uint16
	count    int64
	value    []byte // nil when the file ends before it, or the type is unknown
	order    binary.ByteOrder
	beyond   bool // the value lies beyond the end of the file
}

// tiffSizes has the bytes of one value of each type.
var tiffSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}

func (d *tiffDir) entries() func(yield func(tiffEntry) bool) {
	return func(yield func(tiffEntry) bool) {
		for i := range d.count {
			if !yield(d.entry(d.data[d.start+12*i:][:12])) {
				return
			}
		}
	}
}

func (d *tiffDir) entry(p []byte) tiffEntry {
	e := tiffEntry{tag: d.order.Uint16(p), typ: d.order.Uint16(p[2:]), count: int64(d.order.Uint32(p[4:])), order: d.order}
	if int(e.typ) >= len(tiffSizes) || tiffSizes[e.typ] == 0 {
		return e
	}
	size := e.count * tiffSizes[e.typ]
	if size <= 4 {
		e.value = p[8 : 8+size]
		return e
	}
	at := int64(d.order.Uint32(p[8:]))
	if at+size > int64(len(d.data)) {
		e.beyond = true
		return e
	}
	e.value = d.data[at : at+size]
	return e
}

// at returns value i of an integer field, or -1 when there is none.
func (e tiffEntry) at(i int64) int64 {
	if i < 0 || i >= e.count || e.value == nil {
		return -1
	}
	switch e.typ {
	case 1:
		return int64(e.value[i])
	case 3:
		return int64(e.order.Uint16(e.value[2*i:]))
	case 4:
		return int64(e.order.Uint32(e.value[4*i:]))
	}
	return -1
}

func (e tiffEntry) first() int64 { return e.at(0) }
