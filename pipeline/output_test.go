package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

// within tells whether a file lies in a range that counts KB of 1024 bytes.
func within(bytes int, r picture.SizeRange) bool {
	kb := float64(bytes) / 1024
	return kb >= r.MinKB && (r.MaxKB == 0 || kb <= r.MaxKB)
}

// checkFile compares what the report says of the photo's file with the file.
func checkFile(t *testing.T, name string, res *Result, s *spec.Spec) {
	t.Helper()
	f := res.Report.File
	if f.Bytes != len(res.Photo) || f.Type != res.PhotoType {
		t.Errorf("%s: the report says %d bytes of %s, the file has %d of %s", name, f.Bytes, f.Type, len(res.Photo), res.PhotoType)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(res.Photo))
	if err != nil {
		t.Fatal(err)
	}
	if c.Width != res.Report.Width || c.Height != res.Report.Height {
		t.Errorf("%s: the report says %dx%d pixels, the file has %dx%d", name, res.Report.Width, res.Report.Height, c.Width, c.Height)
	}
	if got := jpegDPI(res.Photo); got != s.DPI || res.Report.DPI != s.DPI {
		t.Errorf("%s: %d dpi in the file, %d in the report, want %d", name, got, res.Report.DPI, s.DPI)
	}
}

// jpegDPI reads the density of a JFIF header (units 1: per inch); 0: there is none.
func jpegDPI(data []byte) int {
	i := bytes.Index(data, []byte("JFIF\x00"))
	if i < 0 || data[i+7] != 1 {
		return 0
	}
	return int(binary.BigEndian.Uint16(data[i+8:]))
}

// Every document that says how large the file must be gets one, of the dimensions it accepts.
func TestFilesAreAsLargeAsDocumentsAsk(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	_, a := analysed(t, data, "51x51mm@300dpi", "white")
	made := 0
	for _, s := range spec.All() {
		if !s.Available || s.File == nil || s.File.MinKB == 0 && s.File.MaxKB == 0 || s.Editing.Policy == spec.CropOnly {
			continue
		}
		own := Request{Spec: s, Analysis: a}
		var err error
		if own.Background, err = spec.ParseBackground(s.Background); err != nil {
			t.Fatal(err)
		}
		res, err := shared.Run(t.Context(), data, own, nil)
		if f, ok := errors.AsType[*fault.Error](err); ok {
			t.Logf("%s: %v", s.ID, f)
			if f.Code == fault.SizeUnreachable {
				t.Errorf("%s: %v", s.ID, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		made++
		want := picture.SizeRange{MinKB: s.File.MinKB, MaxKB: s.File.MaxKB}
		f := res.Report.File
		t.Logf("%s: %.1f KB of %v to %v, %dx%d, quality %d, %s", s.ID, float64(f.Bytes)/1024, want.MinKB, want.MaxKB, res.Report.Width, res.Report.Height, f.Quality, f.Chroma)
		if !within(len(res.Photo), want) || f.MinKB < want.MinKB || f.MaxKB != want.MaxKB {
			t.Errorf("%s: %d bytes (%+v), want %+v KB", s.ID, len(res.Photo), f, want)
		}
		if s.File.MaxRatio > 0 && 3*res.Report.Width*res.Report.Height > int(s.File.MaxRatio*float64(len(res.Photo))) {
			t.Errorf("%s: compressed more than %v times", s.ID, s.File.MaxRatio)
		}
		checkFile(t, s.ID, res, s)
		checkDimensions(t, s, res.Report)
	}
	if made < 8 {
		t.Errorf("only %d documents were tried", made)
	}
}

// checkDimensions sees to it that a photo has the document's dimensions, or others that it accepts.
func checkDimensions(t *testing.T, s *spec.Spec, r *Report) {
	t.Helper()
	if r.Width == s.WidthPx && r.Height == s.HeightPx {
		return
	}
	z := s.Sizes
	if z == nil || z.Unit != spec.UnitPx || z.Min != nil && (float64(r.Width) < z.Min[0] || float64(r.Height) < z.Min[1]) ||
		z.Max != nil && (float64(r.Width) > z.Max[0] || float64(r.Height) > z.Max[1]) {
		t.Errorf("%s: %dx%d pixels, which the document does not accept", s.ID, r.Width, r.Height)
	}
}

func TestAFileIsAsLargeAsAskedFor(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	_, a := analysed(t, data, "51x51mm@300dpi", "white")
	for _, tc := range []struct {
		size string
		want picture.SizeRange
	}{
		{"1-inch", picture.SizeRange{MinKB: 10, MaxKB: 12}},
		{"1-inch", picture.SizeRange{MaxKB: 20}},
		{"2-inch", picture.SizeRange{MinKB: 50, MaxKB: 60}},
		{"cn-id-card", picture.SizeRange{MinKB: 15, MaxKB: 16}}, // narrower than the document's
	} {
		req := from(t, a, tc.size, "white")
		req.File = tc.want
		res, err := shared.Run(t.Context(), data, req, nil)
		if err != nil {
			t.Errorf("%s, %+v: %v", tc.size, tc.want, err)
			continue
		}
		f := res.Report.File
		if !within(len(res.Photo), tc.want) || f.MinKB != tc.want.MinKB || f.MaxKB != tc.want.MaxKB {
			t.Errorf("%s: %d bytes (%+v), want %+v KB", tc.size, len(res.Photo), f, tc.want)
		}
		checkFile(t, tc.size, res, req.Spec)
		checkDimensions(t, req.Spec, res.Report)
	}
}

// No bytes are added to reach a size, and no photo is made coarser than a face bears.
func TestASizeThatCannotBeReachedIsTold(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	_, a := analysed(t, data, "1-inch", "white")
	for _, want := range []picture.SizeRange{{MinKB: 900}, {MaxKB: 1}} {
		req := from(t, a, "1-inch", "white")
		req.File = want
		_, err := shared.Run(t.Context(), data, req, nil)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != fault.SizeUnreachable {
			t.Errorf("%+v: %v, want size_unreachable", want, err)
			continue
		}
		nearest, _ := f.Detail["nearest_kb"].(float64)
		if want.MinKB > 0 && (nearest < 30 || nearest >= want.MinKB) || want.MaxKB > 0 && (nearest <= want.MaxKB || nearest > 20) {
			t.Errorf("%+v: the nearest is %v KB", want, nearest)
		}
	}
}

// A file that is too small grows by pixels, as far as the document accepts them, and the report is
// that of the photo that was made.
func TestDimensionsGrowWithinWhatIsAccepted(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	_, a := analysed(t, data, "51x51mm@300dpi", "white")
	plain := from(t, a, "us-ds-160", "white")
	before, err := shared.Run(t.Context(), data, plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	larger := plain
	// More than the finest file of 600 x 600 pixels has.
	finest, err := picture.EncodeJPEG(composed(t, data, plain).photo, 100, 300)
	if err != nil {
		t.Fatal(err)
	}
	larger.File = picture.SizeRange{MinKB: float64(len(finest)) / 1024 * 1.1}
	after, err := shared.Run(t.Context(), data, larger, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of %dx%d pixels, then %d of %dx%d", len(before.Photo), before.Report.Width, before.Report.Height, len(after.Photo), after.Report.Width, after.Report.Height)
	if after.Report.Width <= before.Report.Width || after.Report.Width > 1200 || after.Report.Height > 1200 || !within(len(after.Photo), larger.File) {
		t.Errorf("the photo has %d bytes and %dx%d pixels", len(after.Photo), after.Report.Width, after.Report.Height)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(after.Photo))
	if err != nil || c.Width != after.Report.Width || c.Height != after.Report.Height {
		t.Errorf("the file has %dx%d pixels, %v", c.Width, c.Height, err)
	}
	k := float64(after.Report.Width) / float64(before.Report.Width)
	for i, eye := range after.Report.Eyes {
		was := before.Report.Eyes[i]
		if d := eye.Dist(geometry.Point{X: k * was.X, Y: k * was.Y}); d > .01 {
			t.Errorf("eye %d at %v, was at %v of a photo %.2f times smaller", i, eye, was, k)
		}
	}
	if _, err := shared.Run(t.Context(), data, func() Request { r := larger; r.File.MinKB = 4000; return r }(), nil); err == nil {
		t.Error("4 MB were reached with 1200 x 1200 pixels")
	}
}

func rgba(img image.Image) *image.RGBA {
	out := image.NewRGBA(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			out.Set(x, y, color.RGBAModel.Convert(img.At(x, y)))
		}
	}
	return out
}

// An HD photo is the same one with the picture's own pixels: never more of them than the picture has,
// and never more than memory is for.
func TestHDIsTheSamePhotoLarger(t *testing.T) {
	large := enlargedPNG(t, "testdata/s17_hopper.jpg", 6.25, 0)
	for _, tc := range []struct {
		name, size, background, kind string
		data                         []byte
	}{
		{"JPEG", "1-inch", "blue", "jpeg", enlargedPNG(t, "testdata/s17_hopper.jpg", 3, 0)},
		{"no background", "1-inch", "transparent", "png", enlargedPNG(t, "testdata/s17_hopper.jpg", 3, 0)},
		{"the picture's background", "small-1-inch", "original", "jpeg", enlargedPNG(t, "testdata/s17_hopper.jpg", 3, 0)},
		{"12 megapixels", "2-inch", "white", "jpeg", large},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := request(t, tc.size, tc.background)
			req.HD = true
			res, _ := traced(t, tc.data, req)
			if res.HD == nil {
				t.Fatal("there is none")
			}
			hd, format, err := image.Decode(bytes.NewReader(res.HD))
			if err != nil || format != tc.kind {
				t.Fatalf("HD is a %s, %v; want %s", format, err, tc.kind)
			}
			b := hd.Bounds()
			k := float64(b.Dx()) / float64(res.Report.Width)
			t.Logf("%v of %dx%d: %.2f times, %.2f photo pixels per source pixel", b.Size(), res.Report.Width, res.Report.Height, k, k*res.Report.Upscale)
			if k < 1.05 || k*res.Report.Upscale > 1.005 || b.Dx()*b.Dy() > hdPixels*101/100 {
				t.Errorf("HD has %v pixels, %.2f times the photo, %.3f times the picture's scale", b.Size(), k, k*res.Report.Upscale)
			}
			if ratio := float64(b.Dy()) / float64(res.Report.Height); math.Abs(ratio-k) > .005 {
				t.Errorf("HD is %.3f times as wide and %.3f times as high", k, ratio)
			}
			// The same frame: averaged down it is the photo, and an eye's dark pupil is where the report says.
			small := averaged(hd, res.Report.Width, res.Report.Height)
			if diff := meanDifference(t, small, rgba(photoOf(t, res.Photo))); diff > 4 {
				t.Errorf("averaged down it differs from the photo by %.2f levels on average", diff)
			} else {
				t.Logf("averaged down it differs from the photo by %.2f levels on average", diff)
			}
			if tc.kind == "jpeg" {
				if got, want := jpegDPI(res.HD), float64(req.Spec.DPI)*k; math.Abs(float64(got)-want) > 1.5 {
					t.Errorf("%d dpi, want %.0f", got, want)
				}
			}
		})
	}
	req := request(t, "1-inch", "blue")
	req.HD = true
	if res, _ := traced(t, readFile(t, "testdata/s01_astronaut.png"), req); res.HD != nil {
		t.Errorf("a picture that had to be enlarged (%.2f times) has an HD photo", res.Report.Upscale)
	}
}

// averaged is img as w x h pixels, each the mean of those it covers.
func averaged(img image.Image, w, h int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	b := img.Bounds()
	for y := range h {
		for x := range w {
			x0, x1 := x*b.Dx()/w, max((x+1)*b.Dx()/w, x*b.Dx()/w+1)
			y0, y1 := y*b.Dy()/h, max((y+1)*b.Dy()/h, y*b.Dy()/h+1)
			var sum [4]int
			for j := y0; j < y1; j++ {
				for i := x0; i < x1; i++ {
					r, g, b, a := img.At(i, j).RGBA()
					sum[0], sum[1], sum[2], sum[3] = sum[0]+int(r>>8), sum[1]+int(g>>8), sum[2]+int(b>>8), sum[3]+int(a>>8)
				}
			}
			n := (x1 - x0) * (y1 - y0)
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), uint8(sum[3] / n)})
		}
	}
	return out
}

// composed runs a request up to the pixels, which encoding changes.
func composed(t *testing.T, data []byte, req Request) *run {
	t.Helper()
	r := &run{Pipeline: shared, req: req, data: data, matting: shared.matting, network: shared.network}
	for _, s := range r.stages() {
		if s.name == "encode" {
			break
		}
		if err := s.do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestAMirroredPhotoHasAMirroredReport(t *testing.T) {
	data := readFile(t, "testdata/s01_astronaut.png")
	_, a := analysed(t, data, "2-inch", "blue")
	for background, skin := range map[string]int{"blue": 0, "original": 0, "transparent": 0, "red": 60} {
		plain := from(t, a, "2-inch", background)
		plain.Touch.Skin = skin
		mirrored := plain
		mirrored.Touch.Mirror = true
		p, m := composed(t, data, plain), composed(t, data, mirrored)
		w, h := p.photo.Rect.Dx(), p.photo.Rect.Dy()
		for y := 0; y < h; y += 3 {
			for x := range w {
				if got, want := m.photo.RGBAAt(x, y), p.photo.RGBAAt(w-1-x, y); got != want {
					t.Fatalf("%s: pixel (%d, %d) is %v, want %v", background, x, y, got, want)
				}
				if p.cutout != nil && m.cutout.NRGBAAt(x, y) != p.cutout.NRGBAAt(w-1-x, y) {
					t.Fatalf("%s: the cut-out is not mirrored at (%d, %d)", background, x, y)
				}
			}
		}
		was, is := p.result.Report, m.result.Report
		flip := func(q geometry.Point) geometry.Point { return geometry.Point{X: float64(w) - q.X, Y: q.Y} }
		if is.Eyes[0].Dist(flip(was.Eyes[1])) > 1e-9 || is.Eyes[1].Dist(flip(was.Eyes[0])) > 1e-9 || is.Chin.Dist(flip(was.Chin)) > 1e-9 {
			t.Errorf("%s: eyes %v, chin %v; were %v, %v", background, is.Eyes, is.Chin, was.Eyes, was.Chin)
		}
		// The transform takes the picture's left eye to the photo's right one.
		tr := is.Transform
		toPhoto := geometry.Affine{A: tr[0][0], B: tr[0][1], C: tr[0][2], D: tr[1][0], E: tr[1][1], F: tr[1][2]}
		if d := toPhoto.Apply(a.Face.Eyes[0]).Dist(is.Eyes[1]); d > 1e-6 {
			t.Errorf("%s: the transform takes the left eye %.3f pixels beside the report's right one", background, d)
		}
	}
}

// What is put behind the person is exactly the colour that was asked for, whatever is done to the
// person.
func TestTouchUpLeavesTheNewBackground(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	_, a := analysed(t, data, "2-inch", "blue")
	plain := from(t, a, "2-inch", "#438EDB")
	touched := plain
	touched.Touch = touchup.Options{Light: 60, Skin: 80, Spots: 80, Whitening: 60, Brightness: 40, Contrast: 40, Saturation: 40, Sharpening: 60}
	before, after := composed(t, data, plain), composed(t, data, touched)
	want := color.RGBA{0x43, 0x8e, 0xdb, 255}
	clear, opaque, changed := 0, 0, 0
	for y := range after.photo.Rect.Dy() {
		for x := range after.photo.Rect.Dx() {
			if got, was := after.cutout.NRGBAAt(x, y).A, before.cutout.NRGBAAt(x, y).A; got != was {
				t.Fatalf("the matte at (%d, %d) is %d, was %d", x, y, got, was)
			}
			switch after.cutout.NRGBAAt(x, y).A {
			case 0:
				clear++
				if got := after.photo.RGBAAt(x, y); got != want {
					t.Fatalf("background at (%d, %d) is %v, want %v", x, y, got, want)
				}
			case 255:
				opaque++
				if after.photo.RGBAAt(x, y) != before.photo.RGBAAt(x, y) {
					changed++
				}
			}
		}
	}
	t.Logf("%d pixels of background, %d of %d of the person changed", clear, changed, opaque)
	if clear < 10_000 || changed < opaque/2 {
		t.Errorf("%d pixels of background, %d of %d of the person changed", clear, changed, opaque)
	}
}

// Where the picture's background stays, a touch-up leaves it as it was.
func TestTouchUpLeavesThePicturesBackground(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	plain := request(t, "1-inch", "original")
	touched := plain
	touched.Touch = touchup.Options{Skin: 80, Brightness: 50}
	before, after := composed(t, data, plain), composed(t, data, touched)
	corner, changed := 0, 0
	for y := range after.photo.Rect.Dy() {
		for x := range after.photo.Rect.Dx() {
			same := after.photo.RGBAAt(x, y) == before.photo.RGBAAt(x, y)
			switch {
			case y < 40 && (x < 40 || x >= after.photo.Rect.Dx()-40): // beside the head
				if corner++; !same {
					t.Fatalf("background at (%d, %d) is %v, was %v", x, y, after.photo.RGBAAt(x, y), before.photo.RGBAAt(x, y))
				}
			case !same:
				changed++
			}
		}
	}
	if corner == 0 || changed < 10_000 {
		t.Errorf("%d pixels of the background were looked at, %d of the photo changed", corner, changed)
	}
}
