package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"idphoto/pipeline/fault"
)

// scene is an asymmetrical picture whose corners differ, smooth enough for JPEG.
func scene(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			i := m.PixOffset(x, y)
			m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = byte(40+150*x/w), byte(60+120*y/h), byte(80+60*(x*y)/(w*h)), 255
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exifBlock is a TIFF structure with an orientation and nothing else.
func exifBlock(order binary.AppendByteOrder, orientation int) []byte {
	b := []byte("II")
	if order.String() == binary.BigEndian.String() {
		b = []byte("MM")
	}
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, tagOrientation)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, uint16(orientation))
	b = order.AppendUint16(b, 0)
	return order.AppendUint32(b, 0)
}

// withSegment puts a segment behind a JPEG's start marker.
func withSegment(jpg []byte, mark byte, body []byte) []byte {
	out := []byte{0xff, 0xd8, 0xff, mark}
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), jpg[2:]...)
}

// decode fails the test when data is no picture.
func decode(t testing.TB, data []byte) *Picture {
	t.Helper()
	p, err := Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// upright returns all pixels of a picture.
func upright(p *Picture) *image.RGBA {
	w, h := p.Bounds()
	return p.Reduce(image.Rect(0, 0, w, h), 1)
}

// turned returns the stored picture that orientation turns into m.
func turned(m *image.RGBA, orientation int) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			sx, sy := turn(orientation, x, y, w, h)
			out.SetRGBA(sx, sy, m.RGBAAt(x, y))
		}
	}
	return out
}

func TestEveryOrientationStandsUpright(t *testing.T) {
	want := scene(96, 80)
	for orientation := 1; orientation <= 8; orientation++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			block := append([]byte(exifHeader), exifBlock(order, orientation)...)
			p := decode(t, withSegment(asJPEG(t, turned(want, orientation)), markAPP1, block))
			if p.Info().Orientation != orientation {
				t.Errorf("orientation = %d, want %d", p.Info().Orientation, orientation)
			}
			if d := maxDiff(upright(p), want); d > 12 {
				t.Errorf("orientation %d, %v: off by %d", orientation, order, d)
			}
		}
	}
}

func TestPNGOfEveryKind(t *testing.T) {
	for name, img := range noisePictures(71, 66) {
		switch img.(type) {
		case *image.Gray, *image.Gray16, *image.RGBA, *image.NRGBA, *image.NRGBA64, *image.RGBA64, *image.Paletted:
		default:
			continue
		}
		p := decode(t, asPNG(t, img))
		if d := maxDiff(upright(p), slowReduce(img, 1, image.Rect(0, 0, 100, 100), 1)); d > 1 {
			t.Errorf("%s: off by %d", name, d)
		}
	}
}

// code returns the code of err, or "" when it has none.
func code(err error) string {
	if fe, ok := err.(*fault.Error); ok {
		return fe.Code
	}
	return ""
}

func TestATruncatedJPEGIsKnownByItsEnd(t *testing.T) {
	whole := asJPEG(t, scene(96, 80))
	thumbnail := append(append([]byte(exifHeader), exifBlock(binary.LittleEndian, 1)...), whole...)
	whole = withSegment(whole, markAPP1, thumbnail)
	if _, err := Inspect(whole, nil); err != nil {
		t.Fatal(err)
	}
	for n := 3; n < len(whole); n++ {
		if _, err := Inspect(whole[:n], nil); code(err) != fault.Truncated {
			t.Fatalf("first %d of %d bytes: %v, want truncated", n, len(whole), err)
		}
	}
}
