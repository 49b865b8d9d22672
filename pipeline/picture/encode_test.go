package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"
)

// jpegSegments lists the segments of a JPEG up to its scan, and what stands behind its end marker.
// It shares nothing with the walker of the package.
func jpegSegments(t *testing.T, data []byte) (marks []byte, bodies [][]byte, behind []byte) {
	t.Helper()
	if data[0] != 0xff || data[1] != 0xd8 {
		t.Fatal("no start marker")
	}
	data = data[2:]
	for {
		if data[0] != 0xff {
			t.Fatalf("%#x where a marker should be", data[0])
		}
		n := int(data[2])<<8 | int(data[3])
		marks, bodies = append(marks, data[1]), append(bodies, data[4:2+n])
		scan := data[1] == 0xda
		data = data[2+n:]
		if scan {
			break
		}
	}
	end := bytes.Index(data, []byte{0xff, 0xd9}) // cannot occur within a scan
	if end < 0 {
		t.Fatal("no end marker")
	}
	return marks, bodies, data[end+2:]
}

func TestEncodeJPEGWritesResolutionAndNothingElse(t *testing.T) {
	want := scene(100, 80)
	data, err := EncodeJPEG(want, 95, 300)
	if err != nil {
		t.Fatal(err)
	}
	marks, bodies, behind := jpegSegments(t, data)
	if len(behind) != 0 {
		t.Errorf("%d bytes behind the end marker", len(behind))
	}
	if !bytes.Equal(marks[:2], []byte{0xe0, 0xe1}) {
		t.Fatalf("segments %x, want JFIF and EXIF first", marks)
	}
	for _, m := range marks[2:] {
		if m >= 0xe0 && m <= 0xef || m == 0xfe {
			t.Errorf("a further segment %#x", m)
		}
	}
	if want := []byte("JFIF\x00\x01\x02\x01\x01\x2c\x01\x2c\x00\x00"); !bytes.Equal(bodies[0], want) {
		t.Errorf("JFIF = %x, want %x", bodies[0], want)
	}
	got := exifFields(t, bodies[1])
	if len(got) != 5 || got[0x011a] != 300 || got[0x011b] != 300 || got[0x0128] != 2 || got[0xa001] != 1 {
		t.Errorf("EXIF fields = %v, want two resolutions of 300, their unit 2, a directory, colour space 1", got)
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if d := meanDiff(slowReduce(m, 1, m.Bounds(), 1), want); d > 1 {
		t.Errorf("pixels off by %.2f on average", d)
	}
	if info := decode(t, data).Info(); info.Width != 100 || info.Height != 80 || info.Orientation != 1 {
		t.Errorf("read back as %+v", info)
	}
}

// exifFields reads both directories of a big-endian block into numbers.
func exifFields(t *testing.T, body []byte) map[uint16]uint32 {
	t.Helper()
	block, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00MM\x00*"))
	if !ok {
		t.Fatalf("EXIF begins with %x", body[:10])
	}
	e := binary.BigEndian
	fields := map[uint16]uint32{}
	var read func(at uint32)
	read = func(at uint32) {
		dir := block[at-4:]
		last := uint16(0)
		for i := range int(e.Uint16(dir)) {
			f := dir[2+12*i:][:12]
			tag, v := e.Uint16(f), e.Uint32(f[8:])
			if tag <= last {
				t.Errorf("tag %#x is out of order", tag)
			}
			last = tag
			switch e.Uint16(f[2:]) {
			case 3:
				v = uint32(e.Uint16(f[8:]))
			case 5:
				v = e.Uint32(block[v-4:]) / e.Uint32(block[v:])
			}
			fields[tag] = v
			if tag == 0x8769 {
				read(v)
			}
		}
		if next := e.Uint32(dir[2+12*int(e.Uint16(dir)):]); next != 0 {
			t.Errorf("a further directory at %d", next)
		}
	}
	read(e.Uint32(block))
	return fields
}

func TestEncodePNGWritesResolutionAndColourSpace(t *testing.T) {
	want := image.NewNRGBA(image.Rect(0, 0, 90, 70))
	noise(6, want.Pix)
	data, err := EncodePNG(want, 300, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for at := 8; at < len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		kind, body := string(data[at+4:at+8]), data[at+8:at+8+n]
		kinds = append(kinds, kind)
		// 300 / 0.0254 = 11811.02 pixels per metre.
		if kind == "pHYs" && !bytes.Equal(body, []byte{0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1}) {
			t.Errorf("pHYs = %x", body)
		}
		if kind == "sRGB" && !bytes.Equal(body, []byte{0}) {
			t.Errorf("sRGB = %x", body)
		}
		at += 12 + n
	}
	if kinds = slices.Compact(kinds); !slices.Equal(kinds, []string{"IHDR", "sRGB", "pHYs", "IDAT", "IEND"}) {
		t.Errorf("chunks = %v", kinds)
	}
	m, err := png.Decode(bytes.NewReader(data)) // checks the checksums as well
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := m.(*image.NRGBA); !ok || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("pixels changed, %T", m)
	}
}

func TestEncodersRefuseWhatTheHeadersCannotSay(t *testing.T) {
	m := flat(color.RGBA{})
	for _, c := range []struct{ quality, dpi int }{{0, 300}, {101, 300}, {90, 0}, {90, -1}, {90, 65536}} {
		if _, err := EncodeJPEG(m, c.quality, c.dpi); err == nil {
			t.Errorf("EncodeJPEG at quality %d, %d dpi succeeds", c.quality, c.dpi)
		}
	}
	for _, dpi := range []int{0, -1, 65536} {
		if _, err := EncodePNG(image.NewNRGBA(m.Rect), dpi, zlib.DefaultCompression); err == nil {
			t.Errorf("EncodePNG at %d dpi succeeds", dpi)
		}
	}
}

func BenchmarkEncodeJPEG(b *testing.B) {
	m := scene(413, 531)
	for b.Loop() {
		if _, err := EncodeJPEG(m, 95, 300); err != nil {
			b.Fatal(err)
		}
	}
}
