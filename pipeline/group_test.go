package pipeline

import (
	"bytes"
	"cmp"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"idphoto/pipeline/face"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
)

// at makes a face of a size around a point.
func at(x, y, size float64) *face.Face {
	d := geometry.Point{X: size / 2, Y: size / 2}
	p := geometry.Point{X: x, Y: y}
	return &face.Face{Box: face.Box{Min: p.Sub(d), Max: p.Add(d)}}
}

func TestPeopleStandInRows(t *testing.T) {
	for name, tc := range map[string]struct {
		size  float64
		faces [][2]float64 // in the order in which they are to be named
		rows  []int
	}{
		"one":                        {80, [][2]float64{{100, 100}}, []int{1}},
		"a row of tall and short":    {80, [][2]float64{{100, 140}, {220, 100}, {330, 170}, {450, 110}, {560, 150}}, []int{5}},
		"a row that rises":           {80, [][2]float64{{0, 200}, {110, 180}, {220, 160}, {330, 140}, {440, 120}, {550, 100}}, []int{6}},
		"one behind one":             {80, [][2]float64{{100, 100}, {110, 200}}, []int{1, 1}},
		"a grown-up behind children": {80, [][2]float64{{200, 100}, {100, 230}, {210, 240}, {320, 235}}, []int{1, 3}},
		// The Solvay conference of 1927: the rows are nearer to each other than the uppermost is flat.
		"29 in three rows": {73, [][2]float64{
			{353, 41}, {509, 84}, {622, 144}, {809, 106}, {988, 132}, {1162, 93}, {1310, 99}, {1462, 93}, {1631, 91}, {1743, 30}, {1825, 94},
			{124, 235}, {323, 259}, {521, 235}, {752, 234}, {1000, 220}, {1194, 212}, {1392, 234}, {1616, 237}, {1812, 247},
			{195, 309}, {412, 315}, {630, 303}, {874, 313}, {1131, 290}, {1345, 298}, {1500, 288}, {1733, 300}, {1893, 324},
		}, []int{11, 9, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			var faces, want []*face.Face
			for _, p := range tc.faces {
				want = append(want, at(p[0], p[1], tc.size))
			}
			faces = slices.Clone(want)
			slices.SortFunc(faces, func(a, b *face.Face) int { return int(a.Max.Y*31)%17 - int(b.Max.Y*31)%17 }) // any other order
			var got []int
			var order []*face.Face
			for _, row := range rowsOf(faces) {
				got = append(got, len(row))
				order = append(order, row...)
			}
			if !slices.Equal(got, tc.rows) || !slices.Equal(order, want) {
				t.Errorf("rows of %v people, want %v; in the right order: %v", got, tc.rows, slices.Equal(order, want))
			}
		})
	}
}

// scene puts pictures onto a grey wall, each at a place and a scale.
type scene struct{ img *image.RGBA }

func newScene(w, h int) scene {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{170, 170, 165, 255}), image.Point{}, draw.Src)
	return scene{img}
}

func (s scene) put(t *testing.T, file string, x, y int, scale float64) {
	t.Helper()
	pic, err := picture.Decode(readFile(t, "testdata/"+file), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, h := pic.Bounds()
	img := resample.Sample(pic, geometry.Affine{A: 1 / scale, E: 1 / scale}, int(float64(w)*scale), int(float64(h)*scale), resample.Linear)
	draw.Draw(s.img, img.Rect.Add(image.Pt(x, y)), img, image.Point{}, draw.Src)
}

func (s scene) encode(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, s.img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEachPersonOfAGroupGetsAPhotoOfTheirOwn(t *testing.T) {
	s := newScene(1400, 1000)
	s.put(t, "s17_hopper.jpg", 720, 60, .9)
	s.put(t, "s01_astronaut.png", 20, 100, 1)
	s.put(t, "s01_astronaut.png", 600, 800, .3)
	data := s.encode(t)
	if _, err := shared.Run(t.Context(), data, request(t, "1-inch", "blue"), nil); code(err) != fault.ManyFaces {
		t.Errorf("without a person Run = %v, want %s", err, fault.ManyFaces)
	}
	g, err := shared.People(t.Context(), data, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.People) != 3 {
		t.Fatalf("%d people found, want 3", len(g.People))
	}
	for i, want := range []struct{ row, seat int }{{1, 1}, {1, 2}, {2, 1}} {
		if p := g.People[i]; p.Row != want.row || p.Seat != want.seat {
			t.Errorf("person %d stands in row %d, seat %d, want %+v", i+1, p.Row, p.Seat, want)
		}
	}
	if r := g.People[2].Refused; r == nil || r.Code != fault.FaceTooSmall || r.Detail["need"] != MinGroupEyeDistance {
		t.Errorf("the small one is refused by %v, want %s", r, fault.FaceTooSmall)
	}
	for i, p := range g.People[:2] {
		if p.Refused != nil {
			t.Fatalf("person %d is refused: %v", i+1, p.Refused)
		}
		if face := p.Face.Inset(4); !face.In(p.Crop) || !p.Crop.In(s.img.Rect) {
			t.Errorf("crop %v of person %d does not hold face %v", p.Crop, i+1, p.Face)
		}
		cut, _, err := g.Cut(i)
		if err != nil {
			t.Fatal(err)
		}
		req := request(t, "1-inch", "blue")
		req.Person = &p.At
		res, err := shared.Run(t.Context(), cut, req, nil)
		if err != nil {
			t.Fatalf("person %d: %v", i+1, err)
		}
		pic, err := picture.Decode(res.Photo, nil)
		if err != nil {
			t.Fatal(err)
		}
		if boxes, err := shared.faces.Detect(t.Context(), pic); err != nil || len(boxes) != 1 {
			t.Errorf("the photo of person %d shows %d faces, %v", i+1, len(boxes), err)
		}
	}
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

func TestNobodyIsNoGroup(t *testing.T) {
	if _, err := shared.People(t.Context(), readFile(t, "testdata/s15_noface_coffee.png"), nil); code(err) != fault.NoFace {
		t.Errorf("People = %v, want %s", err, fault.NoFace)
	}
}

func TestAHeadThatTheEdgeCutsIsNamed(t *testing.T) {
	s := newScene(900, 700)
	s.put(t, "s01_astronaut.png", 200, -75, 1) // through the forehead
	g, err := shared.People(t.Context(), s.encode(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.People[0].Refused; r == nil || r.Code != fault.HeadCutOff || r.Detail["edge"] != "top" {
		t.Errorf("refused by %v, want %s at the top", r, fault.HeadCutOff)
	}
}

// TestAPersonIsWhereTheRequestSays: a point on no face is nobody.
func TestAPersonIsWhereTheRequestSays(t *testing.T) {
	req := request(t, "1-inch", "blue")
	req.Person = &geometry.Point{X: .95, Y: .95}
	if _, err := shared.Run(t.Context(), readFile(t, "testdata/s01_astronaut.png"), req, nil); code(err) != fault.NoFace {
		t.Errorf("Run = %v, want %s", err, fault.NoFace)
	}
}

// TestNeighboursArePartedAtTheirOutline: two people whom the matte takes for one, in shirts that meet
// nearer to the left one.
func TestNeighboursArePartedAtTheirOutline(t *testing.T) {
	const w, h, seam = 200, 160, 85
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, image.Rect(0, 0, seam, h), image.NewUniform(color.RGBA{180, 40, 40, 255}), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(seam, 0, w, h), image.NewUniform(color.RGBA{40, 60, 160, 255}), image.Point{}, draw.Src)
	alpha := resample.NewPlane(w, h)
	for i := range alpha.Pix {
		alpha.Pix[i] = 1
	}
	keepOne(alpha, img, geometry.Affine{A: 1, E: 1}, at(50, 50, 30).Box, []face.Box{at(150, 50, 30).Box})
	for y := range h {
		for x := range w {
			if got := alpha.At(x, y) > .5; got != (x < seam) {
				t.Fatalf("pixel (%d, %d) is the left one's: %v; the shirts meet at %d", x, y, got, seam)
			}
		}
	}
}

// TestALargeGroup is the Solvay conference of 1927, when the picture is at hand: three rows, the two
// highest heads cut off.
func TestALargeGroup(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(cmp.Or(os.Getenv("PHOTOS_DIR"), "../../shared/photos"), "s13_solvay1927.jpg"))
	if err != nil {
		t.Skip("skipped: the picture is not here:", err)
	}
	g, err := shared.People(t.Context(), data, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, made := map[int]int{}, 0
	for i, p := range g.People {
		rows[p.Row]++
		if p.Refused != nil {
			if p.Refused.Code != fault.HeadCutOff {
				t.Errorf("person %d: %v", i+1, p.Refused)
			}
			continue
		}
		cut, _, err := g.Cut(i)
		if err != nil {
			t.Fatal(err)
		}
		req := request(t, "1-inch", "white")
		req.Person = &p.At
		if _, err := shared.Run(t.Context(), cut, req, nil); err == nil {
			made++
		} else {
			t.Logf("person %d: %v", i+1, err)
		}
	}
	if len(g.People) != 29 || rows[1] != 11 || rows[2] != 9 || rows[3] != 9 || made < 26 {
		t.Errorf("%d people in rows of %v, %d photos; want 29 in rows of 11, 9 and 9, and at least 26 photos", len(g.People), rows, made)
	}
}

func TestTilesCoverThePictureAndEachSmallFace(t *testing.T) {
	for _, size := range [][2]int{{960, 400}, {1920, 1280}, {2000, 100}, {961, 961}, {6000, 4000}} {
		w, h := size[0], size[1]
		all := tiles(w, h, tileSide, smallFace)
		for _, p := range all {
			if p.Empty() || p.Dx() > tileSide || p.Dy() > tileSide {
				t.Errorf("%v: tile %v", size, p)
			}
		}
		for y := 0; y+min(96, h) <= h; y += 13 {
			for x := 0; x+min(96, w) <= w; x += 13 {
				small := image.Rect(x, y, x+min(96, w), y+min(96, h))
				if !slices.ContainsFunc(all, func(p image.Rectangle) bool { return small.In(p) }) {
					t.Fatalf("%v: no tile holds %v", size, small)
				}
			}
		}
	}
}

// TestSmallFacesOfALargePictureAreFoundInPieces: faces too small for the first size, one of them where
// two tiles meet.
func TestSmallFacesOfALargePictureAreFoundInPieces(t *testing.T) {
	s := newScene(5400, 3200)
	for _, at := range []image.Point{{100, 100}, {2550, 200}, {2560, 2500}, {4700, 2600}} {
		s.put(t, "s01_astronaut.png", at.X, at.Y, .55)
	}
	g, err := shared.People(t.Context(), s.encode(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.People) != 4 {
		t.Errorf("%d people found, want 4", len(g.People))
	}
	for i, p := range g.People {
		if p.Refused != nil {
			t.Errorf("person %d is refused: %v", i+1, p.Refused)
		}
	}
}
