package sheet

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"idphoto/pipeline/picture"
)

// testPhoto is a portrait-like pattern that shows which way is up, as a PNG or JPEG with a resolution.
func testPhoto(t testing.TB, w, h, dpi int, kind string, c color.NRGBA) *Photo {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := c
			if dx, dy := x-w/2, y-h*2/5; dx*dx+dy*dy < w*w/12 {
				at = color.NRGBA{0xd9, 0xb3, 0x96, 255}
			} else if y > h*4/5 {
				at = color.NRGBA{0x30, 0x30, uint8(255 * x / w), 255}
			}
			img.SetNRGBA(x, y, at)
		}
	}
	var data []byte
	var err error
	if kind == "png" {
		data, err = picture.EncodePNG(img, dpi, zlib.BestSpeed)
	} else {
		data, err = encode(&image.RGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}, dpi)
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenPhoto(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var blue = color.NRGBA{0x43, 0x8e, 0xdb, 255}

func layout(t testing.TB, paper string, o Options, items ...Item) *Plan {
	t.Helper()
	sheetOf, err := ParsePaper(paper)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Layout(sheetOf, items, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPhotosOfTheSheetsResolutionAreCopiedPixelByPixel(t *testing.T) {
	for _, dpi := range []int{254, 300, 600} {
		photo := testPhoto(t, FromMM(25).Pixels(dpi), FromMM(35).Pixels(dpi), dpi, "png", blue)
		own, err := photo.pixels(photo.info.Width, photo.info.Height)
		if err != nil {
			t.Fatal(err)
		}
		for _, gap := range []float64{0, 2} {
			p := layout(t, "7-inch", Options{gap, 3, NoMarks, Auto}, Item{25, 35, 0})
			img, err := p.draw([]*Photo{photo}, dpi)
			if err != nil {
				t.Fatal(err)
			}
			if img.Rect.Dx() != p.W.Pixels(dpi) || img.Rect.Dy() != p.H.Pixels(dpi) {
				t.Errorf("%d dpi: %v", dpi, img.Rect)
			}
			turned := 0
			for _, c := range p.Cells {
				want := own
				if c.Turned {
					want = clockwise(own)
					turned++
				}
				x, y := c.X.Pixels(dpi), c.Y.Pixels(dpi)
				r := want.Rect.Intersect(image.Rect(0, 0, (c.X+c.W).Pixels(dpi)-x, (c.Y+c.H).Pixels(dpi)-y))
				if r.Dx() < want.Rect.Dx()-1 || r.Dy() < want.Rect.Dy()-1 {
					t.Errorf("%d dpi: a cell has room for %v only", dpi, r)
				}
				for v := range r.Dy() {
					if got := img.Pix[img.PixOffset(x, y+v):][:4*r.Dx()]; !bytes.Equal(got, want.Pix[v*want.Stride:][:4*r.Dx()]) {
						t.Fatalf("%d dpi, gap %g: row %d of %+v is not the photo's", dpi, gap, v, c)
					}
				}
			}
			if turned == 0 || turned == len(p.Cells) {
				t.Errorf("%d of %d are turned: the test wants both", turned, len(p.Cells))
			}
		}
	}
}

// exifDensity reads the resolution of a JPEG's EXIF segment, which must be the same both ways and per inch.
func exifDensity(t *testing.T, data []byte) uint32 {
	t.Helper()
	start := bytes.Index(data[:200], []byte("Exif\x00\x00MM\x00*"))
	if start < 4 || data[start-4] != 0xff || data[start-3] != 0xe1 {
		t.Fatal("there is no EXIF segment")
	}
	size := int(binary.BigEndian.Uint16(data[start-2:]))
	tiff := data[start+6 : start-2+size]
	if next := data[start-2+size:]; next[0] != 0xff {
		t.Fatal("the segment ends elsewhere than it says")
	}
	at := binary.BigEndian.Uint32(tiff[4:])
	fields := make(map[uint16]uint32)
	for i := range uint32(binary.BigEndian.Uint16(tiff[at:])) {
		e := tiff[at+2+12*i:]
		tag, kind, value := binary.BigEndian.Uint16(e), binary.BigEndian.Uint16(e[2:]), binary.BigEndian.Uint32(e[8:])
		switch kind {
		case 3:
			value >>= 16
		case 5:
			if binary.BigEndian.Uint32(tiff[value+4:]) != 1 {
				t.Fatal("a fraction of dots")
			}
			value = binary.BigEndian.Uint32(tiff[value:])
		}
		fields[tag] = value
	}
	if fields[0x11a] != fields[0x11b] || fields[0x128] != 2 {
		t.Errorf("EXIF says %v", fields)
	}
	return fields[0x11a]
}

func TestOtherResolutionsGiveTheSameSizeOnPaper(t *testing.T) {
	photo := testPhoto(t, 295, 413, 300, "jpeg", blue)
	for _, dpi := range []int{72, 254, 600} {
		p := layout(t, "5-inch", Options{2, 3, NoMarks, Auto}, Item{25, 35, 0})
		data, err := p.JPEG([]*Photo{photo}, dpi)
		if err != nil {
			t.Fatal(err)
		}
		if got := density(data); got != float64(dpi) {
			t.Errorf("the file says %g dpi, want %d", got, dpi)
		}
		if got := exifDensity(t, data); got != uint32(dpi) {
			t.Errorf("EXIF says %d dpi, want %d", got, dpi)
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if w, h := img.Bounds().Dx(), img.Bounds().Dy(); w != p.W.Pixels(dpi) || h != p.H.Pixels(dpi) {
			t.Errorf("%d dpi: %d x %d", dpi, w, h)
		}
		blues := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if r, _, _, _ := img.At(x, y).RGBA(); r>>8 < 0xf0 {
					blues++
				}
			}
		}
		want := float64(len(p.Cells)) * 25 * 35 / 25.4 / 25.4 * float64(dpi*dpi)
		if math.Abs(float64(blues)/want-1) > 0.03 {
			t.Errorf("%d dpi: photos cover %d pixels, want %.0f", dpi, blues, want)
		}
	}
}

func TestTransparentPhotosLieOnWhite(t *testing.T) {
	photo := testPhoto(t, 295, 413, 300, "png", color.NRGBA{0, 0, 0, 0})
	p := layout(t, "5-inch", Options{2, 3, NoMarks, Auto}, Item{25, 35, 0})
	img, err := p.draw([]*Photo{photo}, 300)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Cells[0]
	if got := img.RGBAAt(c.X.Pixels(300)+2, c.Y.Pixels(300)+2); got != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("the photo's corner is %v", got)
	}
}

func TestMarksLieBesideThePhotos(t *testing.T) {
	photo := testPhoto(t, 295, 413, 300, "png", blue)
	for _, marks := range []Marks{Corners, Lines} {
		for _, gap := range []float64{1, 2.5} {
			plain := layout(t, "6-inch", Options{gap, 3, NoMarks, Auto}, Item{25, 35, 0})
			marked := layout(t, "6-inch", Options{gap, 3, marks, Auto}, Item{25, 35, 0})
			a, err := plain.draw([]*Photo{photo}, 300)
			if err != nil {
				t.Fatal(err)
			}
			b, err := marked.draw([]*Photo{photo}, 300)
			if err != nil {
				t.Fatal(err)
			}
			drawn := 0
			for i := 0; i < len(a.Pix); i += 4 {
				if bytes.Equal(a.Pix[i:i+4], b.Pix[i:i+4]) {
					continue
				}
				drawn++
				if a.Pix[i] != 255 || a.Pix[i+1] != 255 || a.Pix[i+2] != 255 {
					t.Fatalf("%s, gap %g: a mark lies on a photo", marks, gap)
				}
			}
			if drawn < 500 {
				t.Errorf("%s, gap %g: %d pixels of marks", marks, gap, drawn)
			}
		}
	}
	p := layout(t, "6-inch", Options{0, 3, Lines, Auto}, Item{25, 35, 0})
	if len(p.marks()) < 10 {
		t.Errorf("without gaps there are %d lines", len(p.marks()))
	}
}

func TestLargeJPEGsAreRefused(t *testing.T) {
	p := layout(t, "A4", DefaultOptions(), Item{25, 35, 0})
	for _, dpi := range []int{0, 71, 700, 1201} {
		if _, err := p.JPEG([]*Photo{nil}, dpi); err == nil {
			t.Errorf("%d dpi of A4 is drawn", dpi)
		}
	}
}

// pdfFile is what a test reads of a PDF.
type pdfFile struct {
	box    [2]float64 // points
	images [][]byte   // streams of image objects
	places [][6]float64
	text   string
}

func readPDF(t *testing.T, data []byte) pdfFile {
	t.Helper()
	var f pdfFile
	m := regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]`).FindSubmatch(data)
	if m == nil {
		t.Fatal("the PDF has no MediaBox")
	}
	f.box = [2]float64{float(string(m[1])), float(string(m[2]))}
	stream := regexp.MustCompile(`/Length (\d+)>>\s*stream\n`)
	for _, at := range stream.FindAllSubmatchIndex(data, -1) {
		head := string(data[bytes.LastIndex(data[:at[0]], []byte(" obj")):at[0]])
		body := data[at[1] : at[1]+int(float(string(data[at[2]:at[3]])))]
		if strings.Contains(head, "/Subtype /Image") {
			f.images = append(f.images, body)
			continue
		}
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(z)
		f.text += string(text)
	}
	f.walk()
	return f
}

// walk runs the page's operators as far as places of images go.
func (f *pdfFile) walk() {
	now, saved := [6]float64{1, 0, 0, 1, 0, 0}, [][6]float64{}
	var words []string
	for word := range strings.FieldsSeq(f.text) {
		switch word {
		case "q":
			saved = append(saved, now)
		case "Q":
			now, saved = saved[len(saved)-1], saved[:len(saved)-1]
		case "cm":
			var m [6]float64
			for i, w := range words[len(words)-6:] {
				m[i] = float(w)
			}
			now = times(m, now)
		case "Do":
			f.places = append(f.places, now)
		}
		words = append(words, word)
	}
}

func times(m, n [6]float64) [6]float64 {
	return [6]float64{m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3], m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5]}
}

func float(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64)
	return v
}

func TestPDFHasTheTrueSizeAndEachPhotoOnce(t *testing.T) {
	one, two := testPhoto(t, 295, 413, 300, "jpeg", blue), testPhoto(t, 413, 626, 300, "png", color.NRGBA{0, 0, 0, 0})
	p := layout(t, "A4", DefaultOptions(), Item{25, 35, 0}, Item{35, 53, 2})
	data, err := p.PDF([]*Photo{one, two})
	if err != nil {
		t.Fatal(err)
	}
	f := readPDF(t, data)
	point := 72 / 25.4
	for i, want := range []float64{p.W.MM() * point, p.H.MM() * point} {
		if math.Abs(f.box[i]-want) > 0.01 {
			t.Errorf("the page is %v points, want %.2f", f.box, want)
		}
	}
	if len(f.images) != 2 || !bytes.Equal(f.images[0], one.data) && !bytes.Equal(f.images[1], one.data) {
		t.Errorf("%d images, want two, one of them the JPEG as it is", len(f.images))
	}
	if len(f.places) != len(p.Cells) {
		t.Fatalf("%d places for %d cells", len(f.places), len(p.Cells))
	}
	turned := 0
	for i, c := range p.Cells {
		// The photo's unit square: its lower left corner, then along its width and its height.
		at := f.places[i]
		want := [6]float64{c.W.MM(), 0, 0, c.H.MM(), c.X.MM(), p.H.MM() - (c.Y + c.H).MM()}
		if c.Turned { // clockwise: its width goes down the page, its height to the right
			want = [6]float64{0, -c.H.MM(), c.W.MM(), 0, c.X.MM(), p.H.MM() - c.Y.MM()}
			turned++
		}
		for k := range want {
			if math.Abs(at[k]/point-want[k]) > 0.01 {
				t.Errorf("cell %d (turned %v) lies at %v points, want %v mm", i, c.Turned, at, want)
				break
			}
		}
	}
	if turned == 0 || turned == len(p.Cells) {
		t.Errorf("%d of %d are turned: the test wants both", turned, len(p.Cells))
	}
	if len(data) > len(one.data)+len(f.images[0])+len(f.images[1])+20_000 {
		t.Errorf("the PDF has %d bytes", len(data))
	}
}

func TestDensityIsRead(t *testing.T) {
	for _, kind := range []string{"jpeg", "png"} {
		for _, dpi := range []int{72, 300, 350, 600} {
			p := testPhoto(t, 100, 140, dpi, kind, blue)
			w, h, ok := p.SizeMM()
			if want := math.Round(254000/float64(dpi)) / 100; !ok || math.Abs(w-want) > 0.01 || h < w {
				t.Errorf("%s at %d dpi: %g x %g mm, %v", kind, dpi, w, h, ok)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 100))); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPhoto(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := p.SizeMM(); ok {
		t.Error("a file without a resolution has a size")
	}
	if p.Fits(25, 35) == nil || p.Fits(30, 30) != nil {
		t.Error("a square photo fits 25x35, or not 30x30")
	}
}

// TestLook writes sheets into the folder that SHEET_LOOK names, for a look by eye.
func TestLook(t *testing.T) {
	folder := os.Getenv("SHEET_LOOK")
	if folder == "" {
		t.Skip("SHEET_LOOK is not set")
	}
	one, two := testPhoto(t, 295, 413, 300, "jpeg", blue), testPhoto(t, 413, 626, 300, "png", color.NRGBA{0xc0, 0x30, 0x30, 255})
	three := testPhoto(t, 413, 591, 300, "jpeg", color.NRGBA{255, 255, 255, 255})
	for name, tc := range map[string]struct {
		plan   *Plan
		photos []*Photo
	}{
		"corners":   {layout(t, "6-inch", DefaultOptions(), Item{25, 35, 0}), []*Photo{one}},
		"lines":     {layout(t, "5-inch", Options{1, 3, Lines, Auto}, Item{25, 35, 0}), []*Photo{one}},
		"no-gap":    {layout(t, "A4", Options{0, 3, Lines, Auto}, Item{25, 35, 0}), []*Photo{one}},
		"mixed":     {layout(t, "A5", DefaultOptions(), Item{25, 35, 0}, Item{35, 53, 4}), []*Photo{one, two}},
		"windmill":  {layout(t, "6-inch", Options{2, 5, Corners, Auto}, Item{35, 50, 0}), []*Photo{three}},
		"few":       {layout(t, "6-inch", DefaultOptions(), Item{25, 35, 8}), []*Photo{one}},
		"mixed-few": {layout(t, "6-inch", DefaultOptions(), Item{25, 35, 4}, Item{35, 53, 2}, Item{35, 50, 1}), []*Photo{one, two, three}},
	} {
		for _, dpi := range []int{150} {
			data, err := tc.plan.JPEG(tc.photos, dpi)
			if err == nil {
				err = os.WriteFile(fmt.Sprintf("%s/%s.jpg", folder, name), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		data, err := tc.plan.PDF(tc.photos)
		if err == nil {
			err = os.WriteFile(fmt.Sprintf("%s/%s.pdf", folder, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkJPEGOfA4(b *testing.B) {
	photo := testPhoto(b, 295, 413, 300, "jpeg", blue)
	p := layout(b, "A4", DefaultOptions(), Item{25, 35, 0})
	for b.Loop() {
		if _, err := p.JPEG([]*Photo{photo}, 300); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPDFOfA4(b *testing.B) {
	photo := testPhoto(b, 295, 413, 300, "jpeg", blue)
	p := layout(b, "A4", DefaultOptions(), Item{25, 35, 0})
	for b.Loop() {
		if _, err := p.PDF([]*Photo{photo}); err != nil {
			b.Fatal(err)
		}
	}
}
