package pipeline

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/gob"
	"errors"
	"image"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"

	"idphoto/models"
	"idphoto/pipeline/check"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
)

// traced runs a request and tells which stages there were.
func traced(t testing.TB, data []byte, req Request) (res *Result, stages []string) {
	t.Helper()
	res, err := shared.Run(t.Context(), data, req, func(ctx context.Context, name string, f func(context.Context) error) error {
		stages = append(stages, name)
		return f(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	return res, stages
}

// analysed makes a photo and reads what was kept of it.
func analysed(t testing.TB, data []byte, size, background string) (*Result, *Analysis) {
	t.Helper()
	req := request(t, size, background)
	req.Keep = true
	res, _ := traced(t, data, req)
	a, err := ReadAnalysis(res.Analysis)
	if err != nil {
		t.Fatal(err)
	}
	return res, a
}

// from is a request that begins from an analysis.
func from(t testing.TB, a *Analysis, size, background string) Request {
	t.Helper()
	req := request(t, size, background)
	req.Analysis = a
	return req
}

// What was kept needs no writing again where the picture was not looked at again.
func TestAnotherPhotoKeepsTheAnalysisAsItWas(t *testing.T) {
	first, a := analysed(t, readFile(t, "testdata/s17_hopper.jpg"), "1-inch", "blue")
	req := from(t, a, "1-inch", "red")
	req.Keep = true
	if again, stages := traced(t, nil, req); slices.Contains(stages, "decode") || !bytes.Equal(again.Analysis, first.Analysis) {
		t.Errorf("after %v %d bytes are kept that differ from the %d before", stages, len(again.Analysis), len(first.Analysis))
	}
	a.written = nil
	req.Analysis = a
	again, _ := traced(t, nil, req)
	b, err := ReadAnalysis(again.Analysis)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Person.Pix, b.Person.Pix) || !slices.Equal(a.Alpha.Pix, b.Alpha.Pix) {
		t.Error("written again, the pixels are others")
	}
}

func photoOf(t testing.TB, data []byte) image.Image {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// enlargedPNG is a picture k times as large, turned by angle radians around its middle.
func enlargedPNG(t testing.TB, path string, k, angle float64) []byte {
	t.Helper()
	pic, err := picture.Decode(readFile(t, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, h := pic.Bounds()
	toSource := geometry.Affine{A: 1 / k, C: -float64(w) / 2, E: 1 / k, F: -float64(h) / 2}.
		Then(geometry.Similarity(1, -angle, geometry.Point{X: float64(w) / 2, Y: float64(h) / 2}))
	img := resample.Sample(pic, toSource, enlarged(w, k), enlarged(h, k), resample.Cubic)
	data, err := picture.EncodePNG(&image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}, 300, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var (
	fromTheAnalysis = []string{"recall", "geometry", "check", "compose", "encode"}
	decodedAgain    = []string{"recall", "decode", "geometry", "check", "compose", "encode"}
	widened         = []string{"recall", "decode", "widen", "geometry", "check", "compose", "encode"}
	mattedAgain     = []string{"recall", "decode", "matte", "geometry", "check", "compose", "encode"}
)

// What was kept is 8 bits deep: the photo that is made of it may differ by what rounding does.
func TestAnAnalysisGivesTheSamePhoto(t *testing.T) {
	for _, tc := range []struct {
		name, size, background string
		data                   []byte
		most                   float64 // levels per channel, on average
	}{
		{"s01", "1-inch", "blue", readFile(t, "testdata/s01_astronaut.png"), .3},
		{"s17", "2-inch", "white", readFile(t, "testdata/s17_hopper.jpg"), .3},
		{"s17, 12 megapixels", "1-inch", "red", enlargedPNG(t, "testdata/s17_hopper.jpg", 6.25, 0), .6}, // kept averaged down
	} {
		t.Run(tc.name, func(t *testing.T) {
			first, a := analysed(t, tc.data, tc.size, tc.background)
			again, stages := traced(t, nil, from(t, a, tc.size, tc.background))
			if !slices.Equal(stages, fromTheAnalysis) {
				t.Errorf("stages are %v, want %v", stages, fromTheAnalysis)
			}
			diff := meanDifference(t, photoOf(t, again.Photo), photoOf(t, first.Photo))
			t.Logf("differs by %.3f levels on average; %d bytes kept, %dx%d at %.2f", diff, len(first.Analysis), a.Person.W, a.Person.H, a.FromUpright.Scale())
			if diff > tc.most {
				t.Errorf("differs by %.3f levels per channel on average, want at most %v", diff, tc.most)
			}
			if d := again.Report.Eyes[0].Dist(first.Report.Eyes[0]); d > .5 {
				t.Errorf("the left eye moved by %.2f pixels", d)
			}
			if len(again.Report.Quality) != len(first.Report.Quality) {
				t.Errorf("%d findings, were %d", len(again.Report.Quality), len(first.Report.Quality))
			}
		})
	}
}

// An analysis of an analysis is as good: photos can be made of photos' tasks for ever.
func TestAnAnalysisIsKeptAgain(t *testing.T) {
	_, a := analysed(t, readFile(t, "testdata/s01_astronaut.png"), "1-inch", "blue")
	req := from(t, a, "1-inch", "red")
	req.Keep = true
	res, _ := traced(t, nil, req)
	b, err := ReadAnalysis(res.Analysis)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Alpha.Pix, b.Alpha.Pix) || !bytes.Equal(a.Person.Pix, b.Person.Pix) || a.FromUpright != b.FromUpright || a.ToWork != b.ToWork {
		t.Error("the second analysis differs from the first")
	}
}

// The report names the network that made the matte, not the one that would make another.
func TestTheReportNamesTheAnalysisNetwork(t *testing.T) {
	_, a := analysed(t, readFile(t, "testdata/s01_astronaut.png"), "1-inch", "blue")
	a.Network = models.Model{Name: "an-older.onnx", SHA256: "0123"}
	res, _ := traced(t, nil, from(t, a, "1-inch", "red"))
	if res.Report.Matte != a.Network.Name || res.Report.SHA256 != a.Network.SHA256 {
		t.Errorf("the report names %s %s", res.Report.Matte, res.Report.SHA256)
	}
	a.Overview = piece{}
	res, stages := traced(t, readFile(t, "testdata/s01_astronaut.png"), from(t, a, "51x51mm@300dpi", "white"))
	if !slices.Equal(stages, mattedAgain) {
		t.Errorf("stages are %v, want %v", stages, mattedAgain)
	}
	if res.Report.Matte == "an-older.onnx" {
		t.Error("the report names the network of a matte that was not used")
	}
}

func TestOtherPhotosNeedNoNetworks(t *testing.T) {
	_, a := analysed(t, readFile(t, "testdata/s01_astronaut.png"), "2-inch", "blue")
	data := readFile(t, "testdata/s01_astronaut.png")
	large := enlargedPNG(t, "testdata/s17_hopper.jpg", 6.25, 0)
	_, coarse := analysed(t, large, "1-inch", "blue")
	for _, tc := range []struct {
		name   string
		data   []byte
		req    Request
		stages []string
	}{
		{"another colour", nil, from(t, a, "2-inch", "red"), fromTheAnalysis},
		{"no background", nil, from(t, a, "2-inch", "transparent"), fromTheAnalysis},
		{"another size", nil, from(t, a, "1-inch", "white"), fromTheAnalysis},
		{"less detail than is kept", nil, from(t, coarse, "1-inch", "white"), fromTheAnalysis},
		{"the picture's background", data, from(t, a, "2-inch", "original"), decodedAgain},
		{"HD", data, func() Request { r := from(t, a, "2-inch", "blue"); r.HD = true; return r }(), decodedAgain},
		{"more than was matted", data, from(t, a, "51x51mm@300dpi", "white"), widened},
		{"more than was looked at", data, func() Request { b := *a; b.Overview = piece{}; return from(t, &b, "51x51mm@300dpi", "white") }(), mattedAgain},
		{"nothing but cropped", data, from(t, a, "au-passport", "original"), decodedAgain},
		{"more detail than is kept", large, from(t, coarse, "25x35mm@1200dpi", "white"), decodedAgain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, stages := traced(t, tc.data, tc.req)
			if !slices.Equal(stages, tc.stages) {
				t.Errorf("stages are %v, want %v", stages, tc.stages)
			}
			if serves := tc.req.Analysis.Serves(&tc.req); serves != (tc.data == nil) {
				t.Errorf("Serves = %v", serves)
			}
			if got := photoOf(t, res.Photo).Bounds().Size(); got != image.Pt(tc.req.Spec.WidthPx, tc.req.Spec.HeightPx) {
				t.Errorf("photo is %v", got)
			}
			for _, c := range res.Report.Rules {
				if c.Verdict == failed {
					t.Errorf("%s is %v mm", c.Measure, c.Value)
				}
			}
		})
	}
}

// packed is an analysis in the form that is kept.
func packed(t testing.TB, a any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := s2.NewWriter(&b)
	if err := errors.Join(gob.NewEncoder(z).Encode(a), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(t testing.TB, data []byte) []byte {
	t.Helper()
	z := s2.NewReader(bytes.NewReader(data))
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestWhatIsNoAnalysisIsRefused(t *testing.T) {
	res, good := analysed(t, readFile(t, "testdata/s01_astronaut.png"), "1-inch", "blue")
	changed := func(change func(*Analysis)) []byte {
		a := *good
		f := *good.Face
		a.Face = &f
		change(&a)
		return packed(t, &a)
	}
	if _, err := ReadAnalysis(changed(func(*Analysis) {})); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"a picture":              readFile(t, "testdata/s17_hopper.jpg"),
		"cut short":              res.Analysis[:len(res.Analysis)/2],
		"not packed":             unpacked(t, res.Analysis),
		"something else packed":  packed(t, map[string]int{"width": 3}),
		"another version":        changed(func(a *Analysis) { a.Format = analysisFormat - 1 }),
		"no face":                changed(func(a *Analysis) { a.Face = nil }),
		"a face without points":  changed(func(a *Analysis) { a.Face.Mesh = nil }),
		"an eye nowhere":         changed(func(a *Analysis) { a.Face.Eyes[0].X = math.NaN() }),
		"no size":                changed(func(a *Analysis) { a.Width = 0 }),
		"a matte that is short":  changed(func(a *Analysis) { a.Alpha.W++ }),
		"an empty matte":         changed(func(a *Analysis) { a.Alpha = piece{} }),
		"less than no pixels":    changed(func(a *Analysis) { a.Alpha = piece{-2, -2, make([]byte, 4)} }),
		"a size that overflows":  changed(func(a *Analysis) { a.Person = piece{1 << 62, 4, nil} }),
		"no measures":            changed(func(a *Analysis) { a.Values = nil }),
		"nobody":                 changed(func(a *Analysis) { a.Person = piece{} }),
		"a map onto a point":     changed(func(a *Analysis) { a.ToWork = geometry.Affine{} }),
		"half an overview":       changed(func(a *Analysis) { a.Overview.W++ }),
		"a map of it to a point": changed(func(a *Analysis) { a.ToOverview = geometry.Affine{} }),
		"a map onto a line":      changed(func(a *Analysis) { a.FromUpright.E = 0 }),
		"a map to far away":      changed(func(a *Analysis) { a.FromUpright.F = 1e17 }), // an index out of range, later
		"a map onto nearly none": changed(func(a *Analysis) { a.ToWork.A = 1e-9 }),
		"a doubt that is none":   changed(func(a *Analysis) { a.Disagreement = math.NaN() }), // no limit would be below it
		"a measure that is none": changed(func(a *Analysis) { a.Values = []check.Value{{Measure: "sharpness", Value: math.Inf(1)}} }),
		"eyes in one place":      changed(func(a *Analysis) { a.Face.Eyes[1] = a.Face.Eyes[0] }),
	} {
		if a, err := ReadAnalysis(data); !errors.Is(err, ErrAnalysis) || a != nil {
			t.Errorf("%s: %v, %v; want ErrAnalysis", name, a != nil, err)
		}
	}
}

// A few kilobytes that unpack to a gigabyte are refused after maxAnalysis of it.
func TestUnpackingIsBounded(t *testing.T) {
	_, good := analysed(t, readFile(t, "testdata/s01_astronaut.png"), "1-inch", "blue")
	const side = 8 << 10
	bomb := *good
	bomb.Alpha = piece{side, side, make([]byte, side*side)}
	data := packed(t, &bomb)
	var zeros bytes.Buffer
	z := s2.NewWriter(&zeros)
	for range 1024 {
		if _, err := z.Write(bomb.Alpha.Pix[:1<<20]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	bomb.Alpha.Pix = nil
	for name, data := range map[string][]byte{"an analysis of 64 MiB": data, "a GiB of zeros": zeros.Bytes()} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadAnalysis(data); !errors.Is(err, ErrAnalysis) {
			t.Errorf("%s: error = %v, want ErrAnalysis", name, err)
		}
		runtime.ReadMemStats(&after)
		took := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s in %d KiB: %d MiB allocated in all", name, len(data)>>10, took>>20)
		if took > 6*maxAnalysis {
			t.Errorf("%s: %d MiB allocated", name, took>>20)
		}
	}
}

// No more of the picture than the person and the rim is kept: neither in the pixels nor anywhere else.
func TestNoBackgroundIsKept(t *testing.T) {
	data := readFile(t, "testdata/s01_astronaut.png")
	res, a := analysed(t, data, "2-inch", "blue")
	pic, err := picture.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, h := pic.Bounds()
	source := pic.Reduce(image.Rect(0, 0, w, h), 1)
	plain := unpacked(t, res.Analysis)
	const run = 12 // pixels in a row
	kept := func(x, y int) bool {
		row := make([]byte, 0, 3*run)
		for i := range run {
			row = append(row, source.Pix[source.PixOffset(x+i, y):][:3]...)
		}
		return bytes.Contains(plain, row)
	}
	eye := a.Face.Eyes[0]
	if !kept(int(eye.X)-run/2, int(eye.Y)) {
		t.Error("the person's left eye is not kept: the search below would find nothing either")
	}
	l := a.matte()
	toAlpha := l.toSource.Inverse().Then(l.toWork)
	rim := personRim*float64(a.Alpha.W) + 3 // pixels of the matte, and what rounding does
	farFromPerson := func(x, y int) bool {
		p := toAlpha.Apply(geometry.Point{X: float64(x) + run/2, Y: float64(y) + .5})
		reach := rim + run/2*toAlpha.A
		for py := int(p.Y - reach); py <= int(p.Y+reach); py++ {
			for px := int(p.X - reach); px <= int(p.X+reach); px++ {
				if px >= 0 && py >= 0 && px < a.Alpha.W && py < a.Alpha.H && a.Alpha.Pix[py*a.Alpha.W+px] > 12 { // matte.Faint of 255
					return false
				}
			}
		}
		return true
	}
	looked := 0
	for y := 2; y < h; y += 7 {
		for x := 0; x+run < w; x += run {
			if flat(source, x, y, run) || !farFromPerson(x, y) {
				continue // a dark patch may be anywhere
			}
			if looked++; kept(x, y) {
				t.Errorf("%d pixels of the background at (%d, %d) are kept", run, x, y)
			}
		}
	}
	t.Logf("%d places of the background were looked for", looked)
	if looked < 100 {
		t.Errorf("only %d places of the background were looked for", looked)
	}
}

// flat tells whether a row of pixels shows nothing by which it could be found again.
func flat(img *image.RGBA, x, y, n int) bool {
	seen := map[[3]byte]bool{}
	for i := range n {
		seen[[3]byte(img.Pix[img.PixOffset(x+i, y):][:3])] = true
	}
	return len(seen) < n/2
}

// FuzzReadAnalysis: whatever comes, it is an error or an analysis that can be worked with.
func FuzzReadAnalysis(f *testing.F) {
	_, a := analysed(f, readFile(f, "testdata/s01_astronaut.png"), "1-inch", "blue")
	small := *a // seeds must be small to be varied
	small.Alpha, small.Overview, small.Person = piece{4, 4, make([]byte, 16)}, piece{4, 4, make([]byte, 16)}, piece{4, 4, make([]byte, 48)}
	var plain bytes.Buffer
	if err := gob.NewEncoder(&plain).Encode(&small); err != nil {
		f.Fatal(err)
	}
	f.Add(plain.Bytes())
	f.Add([]byte{})
	req := request(f, "1-inch", "blue")
	f.Fuzz(func(t *testing.T, plain []byte) {
		if _, err := ReadAnalysis(plain); err != nil && !errors.Is(err, ErrAnalysis) {
			t.Fatalf("as it is: %v", err)
		}
		var packed bytes.Buffer
		z := s2.NewWriter(&packed)
		if _, err := z.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		a, err := ReadAnalysis(packed.Bytes())
		if err != nil {
			if !errors.Is(err, ErrAnalysis) {
				t.Fatal(err)
			}
			return
		}
		a.Serves(&req)
		a.widens(req.Spec)
		l, px := a.matte(), a.person()
		if w, h := px.Bounds(); w != a.Person.W || h != a.Person.H || len(l.alpha.Pix) != a.Alpha.W*a.Alpha.H {
			t.Fatalf("restored %dx%d and %d of the matte", w, h, len(l.alpha.Pix))
		}
	})
}

// A cut that the second opinion doubts is made all the same, and held until somebody has looked at
// it. The doubt is kept with the analysis; where the background stays nothing is cut.
func TestADoubtfulCutIsHeld(t *testing.T) {
	data := readFile(t, "testdata/s17_hopper.jpg")
	sure, a := analysed(t, data, "1-inch", "blue")
	if sure.Held != nil || sure.Report.Doubt != a.Disagreement {
		t.Errorf("held: %v; the report says %v, the analysis %v", sure.Held, sure.Report.Doubt, a.Disagreement)
	}
	a.Disagreement, a.written = 2*matte.MaxDisagreement, nil // as if it had been read so
	for name, tc := range map[string]struct {
		req  Request
		held bool
	}{
		"another colour": {from(t, a, "1-inch", "red"), true},
		"no background":  {from(t, a, "1-inch", "transparent"), true},
		"its own":        {from(t, a, "1-inch", "original"), false},
		"approved":       {func() Request { r := from(t, a, "1-inch", "red"); r.Approved = true; return r }(), false},
	} {
		tc.req.Keep = true
		res, _ := traced(t, data, tc.req)
		if (res.Held != nil) != tc.held || tc.held && res.Held.Code != fault.MatteUncertain || len(res.Photo) == 0 {
			t.Errorf("%s: held: %v, photo of %d bytes", name, res.Held, len(res.Photo))
		}
		if b, err := ReadAnalysis(res.Analysis); err != nil || b.Disagreement != a.Disagreement {
			t.Errorf("%s: kept again, the doubt is %v, %v", name, b.Disagreement, err)
		}
	}
}
