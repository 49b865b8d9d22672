package pipeline

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"testing"
)

// A camera may store the picture in any of eight orientations: the photo must be the same one.
func TestEveryOrientationGivesTheSamePhoto(t *testing.T) {
	upright := toNRGBA(decodePicture(t, "testdata/s01_astronaut.png"))
	_, want := makePhoto(t, shared, orientedPNG(t, upright, 1), "1-inch", "blue")
	for o := 2; o <= 8; o++ {
		_, got := makePhoto(t, shared, orientedPNG(t, upright, o), "1-inch", "blue")
		if diff := meanDifference(t, got, want); diff > .1 {
			t.Errorf("orientation %d differs by %.2f levels on average", o, diff)
		}
	}
}

// orientedPNG stores the picture so that EXIF orientation o makes it upright again.
func orientedPNG(t *testing.T, upright *image.NRGBA, o int) []byte {
	t.Helper()
	w, h := upright.Rect.Dx(), upright.Rect.Dy()
	stored := image.NewNRGBA(image.Rect(0, 0, w, h))
	if o >= 5 {
		stored = image.NewNRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			// Where upright pixel (x, y) is stored, by the EXIF 2.3 table of orientations.
			var sx, sy int
			switch o {
			case 1:
				sx, sy = x, y
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, w-1-x
			case 7:
				sx, sy = h-1-y, w-1-x
			case 8:
				sx, sy = h-1-y, x
			}
			stored.SetNRGBA(sx, sy, upright.NRGBAAt(x, y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, stored); err != nil {
		t.Fatal(err)
	}
	const afterHeader = 8 + 25 // signature and IHDR
	out := append([]byte(nil), b.Bytes()[:afterHeader]...)
	out = append(out, exifChunk(o)...)
	return append(out, b.Bytes()[afterHeader:]...)
}

// exifChunk is a PNG eXIf chunk that holds only the orientation.
func exifChunk(o int) []byte {
	tiff := []byte{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(o), 0, 0, 0, 0, 0, 0}
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(tiff)))
	body := append([]byte("eXIf"), tiff...)
	chunk = append(chunk, body...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(body))
}
