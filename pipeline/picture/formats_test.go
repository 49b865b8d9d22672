package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// fixture reads a file that testdata/make.py made.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// halfClear is the scene over white, its opacity growing from left to right.
func halfClear(w, h int) *image.RGBA {
	m := scene(w, h)
	for y := range h {
		for x := range w {
			a := 255 * x / (w - 1)
			for i := range 3 {
				p := &m.Pix[m.PixOffset(x, y)+i]
				*p = byte((int(*p)*a + 255*(255-a) + 127) / 255)
			}
		}
	}
	return m
}

// grey is the scene without its colours (ITU-R BT.601 luma, as Pillow takes it).
func grey(m *image.RGBA) *image.RGBA {
	out := image.NewRGBA(m.Rect)
	for i := 0; i < len(m.Pix); i += 4 {
		l := byte((19595*int(m.Pix[i]) + 38470*int(m.Pix[i+1]) + 7471*int(m.Pix[i+2]) + 1<<15) >> 16)
		out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = l, l, l, 255
	}
	return out
}

// meanDiff is the mean difference of each channel.
func meanDiff(a, b *image.RGBA) float64 {
	if a.Rect != b.Rect {
		return 256
	}
	sum := 0
	for i := range a.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a.Pix)*3/4)
}

func TestFilesOfOtherWriters(t *testing.T) {
	whole, large := scene(96, 80), scene(160, 130)
	for name, tc := range map[string]struct {
		want    *image.RGBA
		within  float64 // mean difference of a channel
		format  string
		profile string
	}{
		"progressive.jpg":      {whole, 1.5, "jpeg", "none"},
		"lossy.webp":           {whole, 1.5, "webp", "none"},
		"lossless.webp":        {whole, 0, "webp", "none"},
		"lossy-alpha.webp":     {halfClear(96, 80), 2, "webp", "none"},
		"lossless-alpha.webp":  {halfClear(96, 80), 0.01, "webp", "none"},
		"turned.webp":          {whole, 1.5, "webp", "none"},
		"plain.heic":           {large, 1.5, "heic", "srgb"},
		"video-range-709.heic": {large, 1.5, "heic", "srgb"},
		"turned.heic":          {large, 1.5, "heic", "srgb"},
		"display-p3.heic":      {inDisplayP3(large), 1.5, "heic", "display-p3"},
		"grey.heic":            {grey(large), 1, "heic", "srgb"},
	} {
		t.Run(name, func(t *testing.T) {
			data := fixture(t, name)
			info, err := Inspect(data, nil)
			if err != nil {
				t.Fatal(err)
			}
			p := decode(t, data)
			if info != p.Info() {
				t.Errorf("Inspect says %+v, Decode says %+v", info, p.Info())
			}
			if info.Format != tc.format || info.Profile != tc.profile || info.Width != tc.want.Rect.Dx() || info.Height != tc.want.Rect.Dy() {
				t.Errorf("info = %+v, want %s of %v, profile %s", info, tc.format, tc.want.Rect.Max, tc.profile)
			}
			if d := meanDiff(upright(p), tc.want); d > tc.within {
				t.Errorf("off by %.2f on average, want %v at most", d, tc.within)
			}
		})
	}
}

func TestCMYKUsesTheDeviceFormula(t *testing.T) {
	data := fixture(t, "cmyk.jpg")
	// 255 * (1 - ink/255) * (1 - 30/255) for inks of 40, 90 and 140.
	wantPixels(t, decode(t, data), color.RGBA{190, 146, 101, 255}, 2)

	// The same samples as YCCK: the Adobe segment's transform says so.
	ycck := bytes.Clone(data)
	i := bytes.Index(ycck, []byte("Adobe"))
	ycck[i+11] = 2
	// Samples 215, 165, 115 taken as Y, Cb, Cr are inks of C = 215+1.402*(115-128) = 197,
	// M = 215-0.344*(165-128)-0.714*(115-128) = 212 and Y = 215+1.772*(165-128) > 255; K is 30.
	wantPixels(t, decode(t, ycck), color.RGBA{51, 38, 0, 255}, 3)
}

// wantPixels checks that all pixels have one colour.
func wantPixels(t *testing.T, p *Picture, want color.RGBA, within int) {
	t.Helper()
	got := upright(p)
	flat := image.NewRGBA(got.Rect)
	for i := 0; i < len(flat.Pix); i += 4 {
		flat.Pix[i], flat.Pix[i+1], flat.Pix[i+2], flat.Pix[i+3] = want.R, want.G, want.B, want.A
	}
	if d := maxDiff(got, flat); d > within {
		t.Errorf("off by %d from %v; first pixel %v", d, want, got.RGBAAt(0, 0))
	}
}

func asGIF(t testing.TB, screen image.Rectangle, frames ...*image.Paletted) []byte {
	t.Helper()
	g := &gif.GIF{Config: image.Config{Width: screen.Dx(), Height: screen.Dy()}}
	for _, f := range frames {
		g.Image, g.Delay = append(g.Image, f), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGIFShowsItsFirstFrameOnItsScreen(t *testing.T) {
	screen := image.Rect(0, 0, 100, 70)
	red := color.NRGBA{200, 10, 20, 255}
	first := image.NewPaletted(image.Rect(30, 20, 60, 65), color.Palette{red, color.NRGBA{}})
	first.SetColorIndex(31, 21, 1) // transparent
	second := image.NewPaletted(screen, color.Palette{color.Black})
	want := image.NewRGBA(screen)
	for y := range 70 {
		for x := range 100 {
			want.Set(x, y, color.White)
			if image.Pt(x, y).In(first.Rect) && (x != 31 || y != 21) {
				want.Set(x, y, red)
			}
		}
	}
	p := decode(t, asGIF(t, screen, first, second))
	if d := maxDiff(upright(p), want); d != 0 {
		t.Errorf("off by %d", d)
	}
	if got, want := p.Reduce(image.Rect(20, 10, 90, 70), 7), slowReduce(want, 1, image.Rect(20, 10, 90, 70), 7); maxDiff(got, want) > 1 {
		t.Errorf("reduced: off by %d", maxDiff(got, want))
	}
}

func TestBMP(t *testing.T) {
	for name, img := range noisePictures(67, 65) {
		switch m := img.(type) {
		case *image.Gray:
		case *image.RGBA: // the encoder writes opacity where readers of its header find none
			for i := 3; i < len(m.Pix); i += 4 {
				m.Pix[i] = 255
			}
		case *image.Paletted: // a palette has no opacity here
			for i := range m.Palette {
				m.Palette[i] = color.Gray{uint8(60 * i)}
			}
		default:
			continue
		}
		var b bytes.Buffer
		if err := bmp.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		p := decode(t, b.Bytes())
		if d := maxDiff(upright(p), slowReduce(img, 1, image.Rect(0, 0, 100, 100), 1)); d > 1 {
			t.Errorf("%s: off by %d", name, d)
		}
	}
}

func TestTIFF(t *testing.T) {
	for name, img := range noisePictures(67, 65) {
		switch img.(type) {
		case *image.Gray, *image.Gray16, *image.RGBA, *image.NRGBA, *image.NRGBA64:
		default:
			continue
		}
		for _, c := range []tiff.CompressionType{tiff.Uncompressed, tiff.Deflate} {
			var b bytes.Buffer
			if err := tiff.Encode(&b, img, &tiff.Options{Compression: c}); err != nil {
				t.Fatal(err)
			}
			p := decode(t, b.Bytes())
			if d := maxDiff(upright(p), slowReduce(img, 1, image.Rect(0, 0, 100, 100), 1)); d > 1 {
				t.Errorf("%s, compression %d: off by %d", name, c, d)
			}
		}
	}
}

// asTIFF writes an uncompressed RGB TIFF of one strip with an orientation and, unless nil, a profile.
func asTIFF(m *image.RGBA, order binary.AppendByteOrder, orientation int, profile []byte) []byte {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	mark := "II"
	if order.String() == binary.BigEndian.String() {
		mark = "MM"
	}
	type field struct {
		tag, typ     uint16
		count, value int
	}
	const bitsAt = 8
	pixelsAt := bitsAt + 6
	profileAt := pixelsAt + 3*w*h
	fields := []field{
		{tagImageWidth, 4, 1, w}, {tagImageLength, 4, 1, h}, {tagBitsPerSample, 3, 3, bitsAt}, {tagCompression, 4, 1, 1},
		{tagPhotometric, 4, 1, 2}, {tagStripOffsets, 4, 1, pixelsAt}, {tagOrientation, 4, 1, orientation},
		{tagSamplesPerPixel, 4, 1, 3}, {tagRowsPerStrip, 4, 1, h}, {tagStripByteCounts, 4, 1, 3 * w * h},
	}
	if profile != nil {
		fields = append(fields, field{tagICCProfile, 7, len(profile), profileAt})
	}
	b := order.AppendUint16([]byte(mark), 42)
	b = order.AppendUint32(b, uint32(profileAt+len(profile)))
	for range 3 {
		b = order.AppendUint16(b, 8)
	}
	for i, v := range m.Pix {
		if i%4 != 3 {
			b = append(b, v)
		}
	}
	b = append(b, profile...)
	b = order.AppendUint16(b, uint16(len(fields)))
	for _, f := range fields {
		b = order.AppendUint16(b, f.tag)
		b = order.AppendUint16(b, f.typ)
		b = order.AppendUint32(b, uint32(f.count))
		b = order.AppendUint32(b, uint32(f.value))
	}
	return order.AppendUint32(b, 0)
}

func TestOrientationInTIFFAndPNG(t *testing.T) {
	want := scene(96, 80)
	for orientation := 1; orientation <= 8; orientation++ {
		stored := turned(want, orientation)
		for name, data := range map[string][]byte{
			"TIFF, little-endian": asTIFF(stored, binary.LittleEndian, orientation, nil),
			"TIFF, big-endian":    asTIFF(stored, binary.BigEndian, orientation, nil),
			"PNG":                 withChunk(asPNG(t, stored), "eXIf", exifBlock(binary.BigEndian, orientation)),
		} {
			if d := maxDiff(upright(decode(t, data)), want); d != 0 {
				t.Errorf("%s, orientation %d: off by %d", name, orientation, d)
			}
		}
	}
}

// withChunk puts a chunk behind a PNG's header.
func withChunk(data []byte, kind string, body []byte) []byte {
	at := len(pngSignature) + 25
	return append(append(bytes.Clone(data[:at]), appendChunk(nil, kind, body)...), data[at:]...)
}

func TestABadEXIFBlockIsOrientation1(t *testing.T) {
	good := exifBlock(binary.LittleEndian, 6)
	for name, block := range map[string][]byte{
		"empty":              {},
		"no byte order":      append([]byte("XX"), good[2:]...),
		"cut in the entry":   good[:16],
		"directory beyond":   append(append([]byte{}, good[:4]...), 0xff, 0xff, 0xff, 0xff),
		"out of range":       exifBlock(binary.LittleEndian, 9),
		"zero":               exifBlock(binary.LittleEndian, 0),
		"orientation absent": append(append([]byte{}, good[:10]...), append([]byte{0x13, 0x01}, good[12:]...)...),
	} {
		p := decode(t, withSegment(asJPEG(t, scene(96, 80)), markAPP1, append([]byte(exifHeader), block...)))
		if got := p.Info(); got.Orientation != 1 || got.Width != 96 {
			t.Errorf("%s: %+v, want orientation 1", name, got)
		}
	}
}

// iccpBody packs a profile as PNG keeps it.
func iccpBody(t testing.TB, profile []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("profile\x00\x00")
	z := zlib.NewWriter(&b)
	if _, err := z.Write(profile); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// losslessWebP is a picture of 64 x 64 pixels of one colour, written bit by bit: a signature, the
// size, no transform, no cache, one prefix code of a single symbol for each channel, no pixels.
func losslessWebP(t testing.TB, c color.RGBA) []byte {
	t.Helper()
	var b []byte
	var n int
	put := func(v uint32, bits int) {
		for i := range bits {
			if n%8 == 0 {
				b = append(b, 0)
			}
			b[n/8] |= byte(v>>i&1) << (n % 8)
			n++
		}
	}
	put(0x2f, 8)
	put(63, 14)
	put(63, 14)
	put(0, 4) // opacity is not used, version 0
	put(0, 3) // no transform, no colour cache, one group of codes
	for _, v := range []uint8{c.G, c.R, c.B, 255} {
		put(1, 1) // a simple code
		put(0, 1) // of one symbol
		put(1, 1) // of 8 bits
		put(uint32(v), 8)
	}
	put(1, 1) // distances: one symbol of 1 bit, 0
	put(0, 3)
	vp8x := []byte{1 << 5, 0, 0, 0, 63, 0, 0, 63, 0, 0}
	body := append([]byte("WEBP"), riffChunk("VP8X", vp8x)...)
	body = append(body, riffChunk("VP8L", b)...)
	return riffChunk("RIFF", body)
}

func riffChunk(kind string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)&1)...)
}

// withRIFFChunk puts a chunk behind a WebP's first.
func withRIFFChunk(data []byte, kind string, body []byte) []byte {
	const at = 12 + 8 + 10
	out := append(append(bytes.Clone(data[:at]), riffChunk(kind, body)...), data[at:]...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}
