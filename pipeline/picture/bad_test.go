package picture

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/image/bmp"

	"idphoto/pipeline/fault"
)

var update = flag.Bool("update", false, "write the small bad files again")

// patched returns data with bytes replaced at a position.
func patched(data []byte, at int, with ...byte) []byte {
	return slices.Concat(data[:at], with, data[at+len(with):])
}

// pngSize gives a PNG another size in its header, with the checksum that belongs to it.
func pngSize(data []byte, w, h uint32) []byte {
	out := bytes.Clone(data)
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

// smallBadFiles are the files in testdata/bad, by code and name.
func smallBadFiles(t *testing.T) map[string]map[string][]byte {
	jpg, pngFile, tiny := asJPEG(t, scene(96, 80)), asPNG(t, flat(color.RGBA{9, 9, 9, 255})), scene(8, 8)
	sof := bytes.Index(jpg, []byte{0xff, 0xc0})
	sos := bytes.Index(jpg, []byte{0xff, 0xda})
	gifFile := asGIF(t, image.Rect(0, 0, 70, 70), image.NewPaletted(image.Rect(0, 0, 70, 70), color.Palette{color.White, color.Black}))
	var b bytes.Buffer
	if err := bmp.Encode(&b, image.NewPaletted(image.Rect(0, 0, 70, 70), color.Palette{color.White, color.Black})); err != nil {
		t.Fatal(err)
	}
	bmpFile := b.Bytes()
	tiffFile := asTIFF(flat(color.RGBA{1, 2, 3, 255}), binary.LittleEndian, 1, nil)
	webpFile, lossy, heicFile := losslessWebP(t, color.RGBA{1, 2, 3, 255}), fixture(t, "lossy.webp"), fixture(t, "plain.heic")
	thumbnail := withSegment(jpg, markAPP1, slices.Concat([]byte(exifHeader), exifBlock(binary.LittleEndian, 1), jpg))
	idat := bytes.Index(pngFile, []byte("IDAT"))
	return map[string]map[string][]byte{
		fault.Empty: {"nothing.jpg": {}},
		fault.UnsupportedType: {
			"text.jpg":            []byte("This is a letter, not a picture.\n"),
			"text-like-bmp.bmp":   []byte("BMW is a maker of cars; this is a letter about them.\n"),
			"document.pdf":        []byte("%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"),
			"drawing.svg":         []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>`),
			"video.mp4":           mkBox("ftyp", []byte("isom"), be32(0), []byte("isommp42")),
			"av1.avif":            mkHEIC("avif", testItem{kind: "av01", w: 200, h: 160}),
			"lossless.jpg":        patched(jpg, sof+1, 0xc3),
			"arithmetic.jpg":      patched(jpg, sof+1, 0xc9),
			"12-bit.jpg":          patched(jpg, sof+4, 12),
			"cmyk-unmarked.jpg":   bytes.Replace(fixture(t, "cmyk.jpg"), []byte("Adobe"), []byte("Other"), 1),
			"animated.webp":       fixture(t, "animated.webp"),
			"big.tif":             append([]byte("II+\x00\x08\x00\x00\x00"), make([]byte, 16)...),
			"run-length.bmp":      patched(bmpFile, 30, 1),
			"16-bit.bmp":          patched(bmpFile, 28, 16),
			"compressed-jpeg.tif": tiffWith(tiffFile, tagCompression, 7),
		},
		fault.Undecodable: {
			"no-scan.jpg":           slices.Concat(jpg[:sos], []byte{0xff, 0xd9}),
			"no-frame.jpg":          slices.Concat(jpg[:sof], jpg[sos:]),
			"two-frames.jpg":        slices.Concat(jpg[:sos], jpg[sof:]),
			"many-scans.jpg":        slices.Concat(jpg[:sos], bytes.Repeat([]byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0}, maxScans+1), jpg[sos:]),
			"short-segment.jpg":     slices.Concat(jpg[:2], []byte{0xff, 0xe0, 0, 1}, jpg[2:]),
			"zero-height.jpg":       patched(jpg, sof+5, 0, 0),
			"no-tables.jpg":         slices.Concat(jpg[:2], jpg[sof:]),
			"scan-of-noise.jpg":     noisyScan(jpg, sos),
			"bad-checksum.png":      patched(pngFile, idat+4, 0x55),
			"bad-depth.png":         patched(pngFile, 24, 3),
			"no-pixels.png":         slices.Concat(pngFile[:idat-4], appendChunk(nil, "IEND", nil)),
			"header-missing.png":    slices.Concat(pngFile[:8], pngFile[33:]),
			"two-headers.png":       slices.Concat(pngFile[:33], pngFile[8:]),
			"no-frame.gif":          slices.Concat(gifFile[:13+gifTable(gifFile[10])], []byte{0x3b}),
			"frame-off-screen.gif":  patched(gifFile, bytes.IndexByte(gifFile, 0x2c)+1, 60, 0),
			"unknown-block.gif":     slices.Concat(gifFile[:13+gifTable(gifFile[10])], []byte{0x77}, gifFile[13:]),
			"canvas-disagrees.webp": patched(webpFile, 24, 99),
			"no-pixels.webp":        riffChunk("RIFF", append([]byte("WEBP"), riffChunk("VP8X", webpFile[20:30])...)),
			"no-key-frame.webp":     patched(lossy, 20, lossy[20]|1),
			"counts-disagree.tif":   tiffWith(tiffFile, tagStripByteCounts, -1),
			"no-item.heic":          slices.Concat(mkBox("ftyp", []byte("heic"), be32(0)), mkBox("meta", be32(0))),
			"slice-of-noise.heic":   mkHEIC("heic", testItem{kind: "hvc1", w: 200, h: 160, config: spsOf(200, 160, 0), data: unit([]byte{0x26, 1, 0xff, 0xff})}),
			"cut-pixels.png":        cutIDAT(pngFile, idat),
			"zero-wide.png":         pngSize(pngFile, 0, 64),
		},
		fault.Truncated: {
			"half.jpg":            jpg[:len(jpg)/2],
			"no-end.jpg":          jpg[:len(jpg)-2],
			"end-in-exif.jpg":     thumbnail[:len(thumbnail)-len(jpg)/2],
			"start-only.jpg":      jpg[:2],
			"half.png":            pngFile[:len(pngFile)-20],
			"no-end.png":          pngFile[:len(pngFile)-12],
			"signature-only.png":  pngFile[:8],
			"half.webp":           lossy[:len(lossy)/2],
			"header-only.webp":    lossy[:24],
			"half.gif":            gifFile[:len(gifFile)/2],
			"no-trailer.gif":      gifFile[:len(gifFile)-1],
			"half.bmp":            bmpFile[:len(bmpFile)/2],
			"half.tif":            tiffFile[:len(tiffFile)/2],
			"directory-only.tif":  tiffFile[:6:6],
			"strip-beyond.tif":    tiffWith(tiffFile, tagStripByteCounts, 1<<30),
			"half.heic":           heicFile[:len(heicFile)/2],
			"extent-beyond.heic":  mkHEIC("heic", testItem{kind: "hvc1", w: 200, h: 160, config: spsOf(200, 160, 0), data: unit([]byte{0x26, 1}), beyond: 1 << 20}),
			"size-then-cut.webp":  webpFile[:len(webpFile)-4],
			"progressive-cut.jpg": fixture(t, "progressive.jpg")[:700],
		},
		fault.TooManyPixels: {
			"65000.jpg":            patched(jpg, sof+5, 0xfd, 0xe8, 0xfd, 0xe8),
			"65000-header-cut.jpg": patched(jpg, sof+5, 0xfd, 0xe8, 0xfd, 0xe8)[:sof+30],
			"65000.png":            pngSize(pngFile, 65000, 65000),
			"2-billion.png":        pngSize(pngFile, 1<<31-1, 1<<31-1),
			"16-million.webp":      patched(webpFile, 24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
			"65535.gif":            patched(gifFile, 6, 0xff, 0xff, 0xff, 0xff),
			"2-billion.bmp":        patched(bmpFile, 18, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f),
			"minus-2-billion.bmp":  patched(bmpFile, 18, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80),
			"4-billion.tif":        tiffWith(tiffWith(tiffFile, tagImageWidth, 1<<32-1), tagImageLength, 1<<32-1),
			"65000.heic":           mkHEIC("heic", testItem{kind: "hvc1", w: 65000, h: 65000, config: spsOf(200, 160, 0), data: unit([]byte{0x26, 1})}),
			"coded-30000.heic":     mkHEIC("heic", testItem{kind: "hvc1", w: 200, h: 160, config: spsOf(30000, 30000, 0), data: unit([]byte{0x26, 1})}),
		},
		fault.TooSmall: {
			"8x8.jpg":     asJPEG(t, tiny),
			"8x8.png":     asPNG(t, tiny),
			"narrow.heic": fixture(t, "narrow.heic"),
			"flat.gif":    asGIF(t, image.Rect(0, 0, 400, 3), image.NewPaletted(image.Rect(0, 0, 4, 3), color.Palette{color.White, color.Black})),
		},
	}
}

// tiffWith gives a field of a little-endian TIFF another value; -1 gives it two values instead.
func tiffWith(data []byte, tag uint16, value int64) []byte {
	out := bytes.Clone(data)
	dir := int(binary.LittleEndian.Uint32(out[4:]))
	for at := dir + 2; at+12 <= len(out); at += 12 {
		if binary.LittleEndian.Uint16(out[at:]) == tag {
			if value < 0 {
				binary.LittleEndian.PutUint32(out[at+4:], 2)
				binary.LittleEndian.PutUint32(out[at+8:], 8)
			} else {
				binary.LittleEndian.PutUint32(out[at+8:], uint32(value))
			}
		}
	}
	return out
}

// noisyScan overwrites a scan with bytes that are no codes.
func noisyScan(jpg []byte, sos int) []byte {
	out := bytes.Clone(jpg)
	for i := sos + 14; i < len(out)-2; i++ {
		out[i] = 0xfe
	}
	return out
}

// cutIDAT ends the compressed pixels early, in a chunk that is whole.
func cutIDAT(data []byte, idat int) []byte {
	n := int(binary.BigEndian.Uint32(data[idat-4:]))
	return slices.Concat(data[:idat-4], appendChunk(nil, "IDAT", data[idat+4:idat+4+n/2]), appendChunk(nil, "IEND", nil))
}

// A file in testdata/bad must be refused with the code that its folder is named after. A file that
// once caused trouble is put there; those of smallBadFiles are written by -update.
func TestBadFilesHaveTheirCode(t *testing.T) {
	if *update {
		for code, files := range smallBadFiles(t) {
			dir := filepath.Join("testdata", "bad", code)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for name, data := range files {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	paths, err := filepath.Glob("testdata/bad/*/*")
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d bad files, %v", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Base(filepath.Dir(path))
		if _, err := Decode(data, nil); code(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
		if got := allocated(func() { Inspect(data, nil) }); got > 64<<10 {
			t.Errorf("%s: Inspect allocates %d bytes", path, got)
		}
	}
}

// allocated is how many bytes f allocates; the least of some tries, as others allocate too.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// plainPNG is a file of one colour, which packs to almost nothing: 144 million pixels to 140 kB.
func plainPNG(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, plain(side)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plain is a picture without pixels in memory: it is encoded row by row.
type plain int

func (p plain) ColorModel() color.Model { return color.GrayModel }
func (p plain) Bounds() image.Rectangle { return image.Rect(0, 0, int(p), int(p)) }
func (p plain) At(x, y int) color.Color { return color.Gray{200} }
func (p plain) Opaque() bool            { return true }

func TestLargeFilesCostLittleToInspect(t *testing.T) {
	jpg, pngFile := asJPEG(t, scene(96, 80)), asPNG(t, scene(96, 80))
	comment := make([]byte, 60000)
	tail := slices.Clone(jpg[2:])
	big := jpg[:2:2]
	for len(big) < 19<<20 {
		big = append(big, 0xff, 0xfe)
		big = binary.BigEndian.AppendUint16(big, uint16(len(comment)+2))
		big = append(big, comment...)
	}
	chunks := pngFile[:33:33]
	for len(chunks) < 19<<20 {
		chunks = appendChunk(chunks, "tEXt", nil)
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"144 million pixels of one colour": {plainPNG(t, 12000), fault.TooManyPixels},
		"19 MB of comments":                {append(big, tail...), ""},
		"a million chunks":                 {append(chunks, pngFile[33:]...), ""},
		"20 MB and a byte":                 {make([]byte, DefaultMaxBytes+1), fault.TooLarge},
		"20 MB of zeros":                   {make([]byte, DefaultMaxBytes), fault.UnsupportedType},
	} {
		var err error
		if got := allocated(func() { _, err = Inspect(tc.data, nil) }); got > 64<<10 {
			t.Errorf("%s: Inspect allocates %d bytes", name, got)
		}
		if code(err) != tc.want {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// A profile that unpacks to far more than any profile is read only in part.
func TestAProfileThatUnpacksToMuchCostsLittle(t *testing.T) {
	data := withChunk(asPNG(t, scene(96, 80)), "iCCP", iccpBody(t, make([]byte, 100<<20)))
	var info Info
	if got := allocated(func() { info, _ = Inspect(data, nil) }); got > 2<<20 {
		t.Errorf("Inspect allocates %d bytes", got)
	}
	if info.Profile != "unknown" {
		t.Errorf("profile = %q, want unknown", info.Profile)
	}
}

func TestLimits(t *testing.T) {
	data := asPNG(t, scene(100, 80))
	for name, tc := range map[string]struct {
		lim  *Limits
		want string
	}{
		"defaults":      {nil, ""},
		"zero":          {&Limits{}, ""},
		"just enough":   {&Limits{MaxBytes: int64(len(data)), MaxPixels: 8000, MinSide: 80}, ""},
		"a byte less":   {&Limits{MaxBytes: int64(len(data)) - 1}, fault.TooLarge},
		"a pixel less":  {&Limits{MaxPixels: 7999}, fault.TooManyPixels},
		"a larger side": {&Limits{MinSide: 81}, fault.TooSmall},
	} {
		_, err := Decode(data, tc.lim)
		if code(err) != tc.want {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestErrorsSayWhatTheSentenceNeeds(t *testing.T) {
	_, err := Inspect(asPNG(t, scene(100, 80)), &Limits{MaxPixels: 7999})
	d := err.(*fault.Error).Detail
	if d["width"] != int64(100) || d["height"] != int64(80) || d["limit"] != int64(7999) {
		t.Errorf("detail = %v", d)
	}
}

// A decoder that panics is a file that cannot be decoded.
func TestAPanicInADecoderIsUndecodable(t *testing.T) {
	f := &format{name: "test", decode: func(data []byte, _ *header) (image.Image, error) {
		return nil, fmt.Errorf("byte %d", data[7])
	}}
	if _, err := f.pixels(nil, nil); code(err) != fault.Undecodable {
		t.Errorf("%v, want undecodable", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*/*", "testdata/*.*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			if data, err := os.ReadFile(path); err == nil && filepath.Ext(path) != ".py" {
				f.Add(data)
			}
		}
	}
	lim := &Limits{MaxBytes: 1 << 20, MaxPixels: 200_000, MinSide: 1}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data, lim)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		w, h := p.Bounds()
		if int64(w)*int64(h) > lim.MaxPixels || w < 1 || h < 1 {
			t.Fatalf("a picture of %d x %d", w, h)
		}
		if got := p.Reduce(image.Rect(0, 0, w, h), 7).Rect; got.Dx() != (w+6)/7 || got.Dy() != (h+6)/7 {
			t.Fatalf("reduced to %v from %d x %d", got, w, h)
		}
		p.Reduce(image.Rect(w/3, h/3, w, h), 1)
	})
}
