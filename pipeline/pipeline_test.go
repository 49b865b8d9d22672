package pipeline

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"idphoto/models"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

var update = flag.Bool("update", false, "rewrite testdata/golden")

// shared is one Pipeline for all tests: the networks take a while to open.
var shared *Pipeline

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if shared, err = Open(nil); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

func request(t testing.TB, size, background string) Request {
	t.Helper()
	s, err := spec.Lookup(size)
	if err != nil {
		t.Fatal(err)
	}
	bg, err := spec.ParseBackground(background)
	if err != nil {
		t.Fatal(err)
	}
	return Request{Spec: s, Background: bg}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// makePhoto makes a photo with p and decodes it.
func makePhoto(t testing.TB, p *Pipeline, data []byte, size, background string) (*Result, image.Image) {
	t.Helper()
	res, err := p.Run(t.Context(), data, request(t, size, background), nil)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(res.Photo))
	if err != nil {
		t.Fatal(err)
	}
	return res, img
}

// The golden photos are made with the float network: it gives the same numbers on every processor
// to a thousandth, where 8-bit convolutions saturate differently on older ones.
func TestGolden(t *testing.T) {
	float, err := Open(&Options{Matte: models.MODNet})
	if err != nil {
		t.Fatal(err)
	}
	defer float.Close()
	for _, tc := range []struct{ file, size, background string }{
		{"s01_astronaut.png", "1-inch", "blue"},
		{"s01_astronaut.png", "us-51x51", "white"},
		{"s17_hopper.jpg", "passport-35x45", "red"},
		{"s17_hopper.jpg", "1-inch", "transparent"},
		{"s17_hopper.jpg", "small-1-inch", "original"},
	} {
		name := tc.file[:3] + "_" + tc.size + "_" + tc.background + ".png"
		t.Run(name, func(t *testing.T) {
			_, got := makePhoto(t, float, readFile(t, "testdata/"+tc.file), tc.size, tc.background)
			path := filepath.Join("testdata", "golden", name)
			if *update {
				savePNG(t, path, got)
			}
			want, err := png.Decode(bytes.NewReader(readFile(t, path)))
			if err != nil {
				t.Fatal(err)
			}
			// A rim may move by a level or two, a crop that moved by a pixel may not pass.
			if diff := meanDifference(t, got, want); diff > 1.2 {
				out := filepath.Join(os.TempDir(), "got_"+name)
				savePNG(t, out, got)
				t.Errorf("differs from %s by %.2f levels per channel on average, want at most 1.2; got saved as %s", path, diff, out)
			}
		})
	}
}

func savePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// meanDifference is the mean absolute difference over all channels, in levels of 255.
func meanDifference(t *testing.T, a, b image.Image) float64 {
	t.Helper()
	if a.Bounds() != b.Bounds() {
		t.Fatalf("size %v, want %v", a.Bounds(), b.Bounds())
	}
	x, y := toNRGBA(a), toNRGBA(b)
	sum := 0
	for i := range x.Pix {
		d := int(x.Pix[i]) - int(y.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(x.Pix))
}

func toNRGBA(img image.Image) *image.NRGBA {
	out := image.NewNRGBA(img.Bounds())
	draw.Draw(out, out.Bounds(), img, img.Bounds().Min, draw.Src)
	return out
}

func TestPhotoIsWhatWasAskedFor(t *testing.T) {
	data := readFile(t, "testdata/s01_astronaut.png")
	for _, s := range spec.All() {
		if !s.Available || s.Editing.Policy == spec.CropOnly {
			continue // its background stays
		}
		res, img := makePhoto(t, shared, data, s.ID, "red")
		if got := img.Bounds().Size(); got != image.Pt(s.WidthPx, s.HeightPx) {
			t.Errorf("%s is %v, want %dx%d", s.ID, got, s.WidthPx, s.HeightPx)
		}
		for _, x := range []int{0, s.WidthPx - 1} {
			if r, g, b, _ := img.At(x, 0).RGBA(); r>>8 < 250 || g>>8 > 5 || b>>8 > 5 {
				t.Errorf("%s: upper corner %d is %v, want red", s.ID, x, img.At(x, 0))
			}
		}
		for i, c := range res.Report.Rules {
			if c.Verdict != "pass" && !(c.Verdict == "warn" && s.Rules[i].Yields) {
				t.Errorf("%s: %s is %v mm: %s", s.ID, c.Measure, c.Value, c.Verdict)
			}
			if c.Verdict == "warn" {
				t.Logf("%s: %s is %v mm, gives way", s.ID, c.Measure, c.Value)
			}
		}
		if res.PhotoType != "image/jpeg" || len(res.Cutout) == 0 {
			t.Errorf("%s: type %s, cut-out of %d bytes", s.ID, res.PhotoType, len(res.Cutout))
		}
	}
}

// The report's transform must take the source's eyes to where the report says they are.
func TestTransformMapsSourceToPhoto(t *testing.T) {
	res, _ := makePhoto(t, shared, readFile(t, "testdata/s01_astronaut.png"), "1-inch", "blue")
	m := res.Report.Transform
	// Eyes of the picture as marked by hand: (203.8, 101.3) and (246, 103), +-1 px.
	for i, eye := range [][2]float64{{203.8, 101.3}, {246, 103}} {
		x := m[0][0]*eye[0] + m[0][1]*eye[1] + m[0][2]
		y := m[1][0]*eye[0] + m[1][1]*eye[1] + m[1][2]
		got := res.Report.Eyes[i]
		if dx, dy := got.X-x, got.Y-y; dx*dx+dy*dy > 9 {
			t.Errorf("eye %d at %v, the marks land on (%.1f, %.1f)", i, got, x, y)
		}
	}
	if y0, y1 := res.Report.Eyes[0].Y, res.Report.Eyes[1].Y; y0-y1 > .5 || y1-y0 > .5 {
		t.Errorf("eyes at heights %.2f and %.2f: not level", y0, y1)
	}
}

func TestTransparentAndOriginal(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	res, img := makePhoto(t, shared, data, "1-inch", "transparent")
	if res.PhotoType != "image/png" {
		t.Errorf("type = %s, want image/png", res.PhotoType)
	}
	if _, _, _, a := img.At(0, 0).RGBA(); a != 0 {
		t.Errorf("corner has alpha %d, want 0", a)
	}
	if _, _, _, a := img.At(147, 200).RGBA(); a != 0xffff {
		t.Errorf("face has alpha %d, want opaque", a)
	}
	res, _ = makePhoto(t, shared, data, "small-1-inch", "original")
	if res.PhotoType != "image/jpeg" || res.Cutout != nil {
		t.Errorf("original: type %s, cut-out of %d bytes, want a JPEG and none", res.PhotoType, len(res.Cutout))
	}
}

func TestRejections(t *testing.T) {
	portrait := decodePicture(t, "testdata/s01_astronaut.png")
	for name, tc := range map[string]struct {
		img  image.Image
		code string
	}{
		"no face":                   {decodePicture(t, "testdata/s15_noface_coffee.png"), fault.NoFace},
		"two faces":                 {twice(portrait), fault.ManyFaces},
		"face cut by the left edge": {crop(portrait, image.Rect(215, 0, 512, 512)), fault.HeadCutOff},
		"hair cut by the top edge":  {crop(portrait, image.Rect(0, 45, 512, 512)), fault.HeadCutOff},
		"small in the distance":     {shrunk(portrait, 2), fault.FaceTooSmall},
		"nothing below the chin":    {crop(portrait, image.Rect(0, 0, 512, 186)), fault.GeometryImpossible},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, tc.img, &jpeg.Options{Quality: 95}); err != nil {
				t.Fatal(err)
			}
			_, err := shared.Run(t.Context(), b.Bytes(), request(t, "1-inch", "blue"), nil)
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != tc.code {
				t.Errorf("error = %v, want %s", err, tc.code)
			}
		})
	}
}

func decodePicture(t *testing.T, path string) image.Image {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func crop(img image.Image, r image.Rectangle) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	draw.Draw(out, out.Bounds(), img, r.Min, draw.Src)
	return out
}

// twice lays the picture beside itself.
func twice(img image.Image) image.Image {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, 2*w, h))
	draw.Draw(out, image.Rect(0, 0, w, h), img, image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(w, 0, 2*w, h), img, image.Point{}, draw.Src)
	return out
}

// shrunk averages the picture down by a factor and puts it on a grey ground of its old size.
func shrunk(img image.Image, factor int) image.Image {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.Gray{200}), image.Point{}, draw.Src)
	for y := range h / factor {
		for x := range w / factor {
			var sum [3]uint32
			for j := range factor {
				for i := range factor {
					r, g, b, _ := img.At(x*factor+i, y*factor+j).RGBA()
					sum[0], sum[1], sum[2] = sum[0]+r>>8, sum[1]+g>>8, sum[2]+b>>8
				}
			}
			n := uint32(factor * factor)
			out.SetRGBA(w/2+x, h/2+y, color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 255})
		}
	}
	return out
}

func TestStagesRunInOrderAndStopWhenRefused(t *testing.T) {
	data := readFile(t, "testdata/s01_astronaut.png")
	want := []string{"decode", "detect", "landmarks", "matte", "geometry", "check", "compose", "encode"}
	stop := errors.New("lease lost")
	for i := range want {
		var seen []string
		_, err := shared.Run(t.Context(), data, request(t, "1-inch", "blue"), func(ctx context.Context, name string, f func(context.Context) error) error {
			seen = append(seen, name)
			if len(seen) == i+1 {
				return stop
			}
			return f(ctx)
		})
		if !errors.Is(err, stop) || !slices.Equal(seen, want[:i+1]) {
			t.Errorf("refused at stage %d: stages %v, error %v", i, seen, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := shared.Run(ctx, data, request(t, "1-inch", "blue"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before the start: %v", err)
	}
}

// Every portrait of the shared photos gives a photo whose rules hold, or a rejection with a code
// that is known for it.
func TestSharedPhotos(t *testing.T) {
	dir := os.Getenv("PHOTOS_DIR")
	if dir == "" {
		dir = "../../shared/photos"
	}
	files, err := filepath.Glob(filepath.Join(dir, "s*.*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no pictures in %s", dir)
	}
	rejected := map[string]string{
		"s12_two_faces.jpg": fault.ManyFaces, "s13_solvay1927.jpg": fault.ManyFaces,
		"s14_children_group.jpg": fault.ManyFaces, "s15_noface_coffee.png": fault.NoFace,
	}
	for _, path := range files {
		name := filepath.Base(path)
		res, err := shared.Run(t.Context(), readFile(t, path), request(t, "1-inch", "blue"), nil)
		if code := rejected[name]; code != "" {
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != code {
				t.Errorf("%s: %v, want %s", name, err, code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, c := range res.Report.Rules {
			if c.Verdict != "pass" {
				t.Errorf("%s: %s is %v mm: %s", name, c.Measure, c.Value, c.Verdict)
			}
		}
		// Each of them shows both shoulders, which a matte may lose: the bust fills the lower edge.
		if share := lowerEdge(t, readFile(t, path), "2-inch"); share < .95 {
			t.Errorf("%s: the person fills %.2f of the photo's lower edge, want at least 0.95", name, share)
		}
	}
}

// lowerEdge is the share of a transparent photo's last row that is person.
func lowerEdge(t *testing.T, data []byte, size string) float64 {
	t.Helper()
	_, img := makePhoto(t, shared, data, size, "transparent")
	b := img.Bounds()
	opaque := 0
	for x := b.Min.X; x < b.Max.X; x++ {
		if _, _, _, a := img.At(x, b.Max.Y-1).RGBA(); a > 0x8000 {
			opaque++
		}
	}
	return float64(opaque) / float64(b.Dx())
}

func BenchmarkRun(b *testing.B) {
	data := readFile(b, "testdata/s17_hopper.jpg")
	req := request(b, "1-inch", "blue")
	for b.Loop() {
		if _, err := shared.Run(b.Context(), data, req, nil); err != nil {
			b.Fatal(err)
		}
	}
}
