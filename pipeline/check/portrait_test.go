package check

import (
	"bytes"
	"image"
	"image/draw"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"idphoto/models"
	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
)

// networks are opened once for all tests and closed by the end of the process.
var networks = sync.OnceValues(func() (*struct {
	faces   *face.Finder
	matting *matte.Network
}, error) {
	rt, err := models.Open(nil)
	if err != nil {
		return nil, err
	}
	faces, err := face.Open(rt)
	if err != nil {
		return nil, err
	}
	matting, err := matte.Open(rt, models.MODNetInt8)
	return &struct {
		faces   *face.Finder
		matting *matte.Network
	}{faces, matting}, err
})

// The two portraits that are part of the repository.
const (
	astronaut = "../testdata/s01_astronaut.png"
	hopper    = "../testdata/s17_hopper.jpg"
)

// sharedPortraits are the ordinary portraits of the shared photos; it skips the test when they are
// not there.
func sharedPortraits(t testing.TB) []string {
	t.Helper()
	dir := os.Getenv("PHOTOS_DIR")
	if dir == "" {
		dir = "../../../shared/photos"
	}
	files, err := filepath.Glob(filepath.Join(dir, "s*.*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no pictures in %s", dir)
	}
	return slices.DeleteFunc(files, func(f string) bool {
		switch filepath.Base(f) {
		case "s12_two_faces.jpg", "s13_solvay1927.jpg", "s14_children_group.jpg", "s15_noface_coffee.png":
			return true
		}
		return false
	})
}

// portrait reads a picture and measures its only face and the matte around it, about as the
// pipeline does.
func portrait(t testing.TB, path string) *Subject {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return portraitOf(t, data)
}

func portraitOf(t testing.TB, data []byte) *Subject {
	t.Helper()
	pic, err := picture.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &Subject{Source: pic, File: data}
	nets, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := nets.faces.Detect(t.Context(), s.Source)
	if err != nil || len(boxes) == 0 {
		t.Fatalf("%d faces: %v", len(boxes), err)
	}
	var ok bool
	if s.Face, ok, err = nets.faces.Measure(t.Context(), s.Source, boxes[0]); err != nil || !ok {
		t.Fatalf("no face measured: %v", err)
	}
	s.Others = len(boxes) - 1
	s.Upscale = 75 / s.Face.EyeDistance() // a 1-inch photo, about
	w, h := s.Source.Bounds()
	mid, reach := s.Face.EyeMid(), s.Face.EyeMid().Dist(s.Face.Chin)
	area := image.Rect(int(mid.X-2.2*reach), int(mid.Y-1.75*reach), int(mid.X+2.2*reach), int(mid.Y+2.4*reach)).
		Intersect(image.Rect(0, 0, w, h))
	aim := math.Sqrt(120 << 10 / float64(area.Dx()*area.Dy()))
	fit := func(side int) int {
		return max(1, int(math.Round(float64(side)*aim/matte.Stride))) * matte.Stride
	}
	aw, ah := fit(area.Dx()), fit(area.Dy())
	sx, sy := float64(aw)/float64(area.Dx()), float64(ah)/float64(area.Dy())
	s.ToAlpha = geometry.Affine{A: sx, C: -sx * float64(area.Min.X), E: sy, F: -sy * float64(area.Min.Y)}
	img := resample.Sample(s.Source, s.ToAlpha.Inverse(), aw, ah, resample.Linear)
	if s.Alpha, err = nets.matting.Alpha(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	return s
}

// still is a picture in memory.
type still struct{ *image.RGBA }

func (s still) Bounds() (int, int) { return s.Rect.Dx(), s.Rect.Dy() }

func (s still) Reduce(r image.Rectangle, factor int) *image.RGBA {
	w, h := (r.Dx()+factor-1)/factor, (r.Dy()+factor-1)/factor
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			cell := image.Rect(x, y, x+1, y+1)
			cell = image.Rect(cell.Min.X*factor, cell.Min.Y*factor, cell.Max.X*factor, cell.Max.Y*factor).Add(r.Min).Intersect(r)
			var sum [4]int
			for yy := cell.Min.Y; yy < cell.Max.Y; yy++ {
				for xx := cell.Min.X; xx < cell.Max.X; xx++ {
					for c := range sum {
						sum[c] += int(s.Pix[yy*s.Stride+4*xx+c])
					}
				}
			}
			n := cell.Dx() * cell.Dy()
			for c, v := range sum {
				out.Pix[y*out.Stride+4*x+c] = uint8((v + n/2) / n)
			}
		}
	}
	return out
}

// pixels returns a copy of the subject's picture to be changed.
func pixels(s *Subject) *image.RGBA {
	w, h := s.Source.Bounds()
	return s.Source.Reduce(image.Rect(0, 0, w, h), 1)
}

// with returns the subject with other pixels of the same size: landmarks and matte stay.
func with(s *Subject, img *image.RGBA) *Subject {
	out := *s
	out.Source = still{img}
	return &out
}

// value takes one measure of s.
func value(t testing.TB, s *Subject, name string) float64 {
	t.Helper()
	for _, m := range measures() {
		if m.name == name {
			v, ok := m.take(newWork(s))
			if !ok {
				t.Fatalf("%s cannot be taken", name)
			}
			return v
		}
	}
	t.Fatalf("no measure %s", name)
	return 0
}

// decoded reads an encoded picture as pixels.
func decoded(t testing.TB, data []byte) *image.RGBA {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}
