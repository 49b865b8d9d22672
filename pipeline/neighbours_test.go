package pipeline

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Two people stand side by side: each is a head and a body of one colour. What the opinion finds of the
// neighbour is none of the person's, what it finds of the person is.
func TestOnlyThePersonsOwnPartIsDoubted(t *testing.T) {
	const w, h = 200, 150
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	body := func(p *resample.Plane, x int, value float32) {
		for _, part := range []image.Rectangle{image.Rect(x-16, 20, x+16, 70), image.Rect(x-36, 70, x+36, h)} {
			for y := part.Min.Y; y < part.Max.Y; y++ {
				for x := part.Min.X; x < part.Max.X; x++ {
					p.Pix[y*w+x] = value
				}
			}
		}
	}
	box := func(x float64) face.Box {
		return face.Box{Min: geometry.Point{X: x - 18, Y: 25}, Max: geometry.Point{X: x + 18, Y: 70}}
	}
	for x, c := range map[int]color.RGBA{60: {200, 40, 40, 255}, 140: {40, 40, 200, 255}} {
		draw.Draw(img, image.Rect(x-16, 20, x+16, 70), image.NewUniform(c), image.Point{}, draw.Src)
		draw.Draw(img, image.Rect(x-36, 70, x+36, h), image.NewUniform(c), image.Point{}, draw.Src)
	}
	both := resample.NewPlane(w, h)
	body(both, 60, 1)
	body(both, 140, 1)
	alone := resample.NewPlane(w, h)
	body(alone, 60, 1)
	half := resample.NewPlane(w, h)
	body(half, 60, 1)
	for y := 70; y < h; y++ {
		for x := range 60 {
			half.Pix[y*w+x] = 0
		}
	}
	nobody := resample.NewPlane(w, h)
	for name, tc := range map[string]struct {
		alpha, opinion *resample.Plane
		held           bool
	}{
		"the neighbour is seen": {alone, both, false},
		"a shoulder is lost":    {half, both, true},
		"a shoulder too much":   {alone, half, true},
		"all is lost":           {nobody, both, true},
	} {
		d := ownDisagreement(tc.alpha, tc.opinion, img, geometry.Affine{A: 1, E: 1}, box(60), []face.Box{box(140)})
		if (d > maxOwnDisagreement) != tc.held || !tc.held && d > .01 {
			t.Errorf("%s: disagreement %.3f, held: want %v", name, d, tc.held)
		}
	}
}

// Who is held of real groups, by the numbers that group prints: whose body is half hidden by who stands
// before, and who has other people's arms. Nobody whose photo is good; of the others it depends on the
// mattes, which get better.
func TestWhoOfAGroupIsHeld(t *testing.T) {
	for name, want := range map[string]struct{ bad, good []int }{
		"s12_two_faces.jpg":      {nil, []int{1, 2}},
		"s13_solvay1927.jpg":     {[]int{5}, []int{2, 3, 4, 6, 13, 14, 16, 19, 20, 24, 25, 26, 27, 29}},
		"s14_children_group.jpg": {[]int{2}, []int{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(cmp.Or(os.Getenv("PHOTOS_DIR"), "../../shared/photos"), name)
			if _, err := os.Stat(path); err != nil {
				t.Skip("not here: ", err)
			}
			group, err := shared.People(t.Context(), readFile(t, path), nil)
			if err != nil {
				t.Fatal(err)
			}
			var held []int
			for i, p := range group.People {
				if p.Refused != nil {
					continue
				}
				data, _, err := group.Cut(i)
				if err != nil {
					t.Fatal(err)
				}
				req := request(t, "1-inch", "blue")
				req.Person = &p.At
				res, err := shared.Run(t.Context(), data, req, nil)
				if err != nil {
					t.Logf("person %d: %v", i+1, err)
					continue
				}
				t.Logf("person %d: disagreement %.3f, held: %v", i+1, res.Report.Doubt, res.Held)
				if res.Held != nil {
					held = append(held, i+1)
				}
			}
			for _, n := range want.bad {
				if !slices.Contains(held, n) {
					t.Errorf("person %d is not held", n)
				}
			}
			for _, n := range want.good {
				if slices.Contains(held, n) {
					t.Errorf("person %d is held", n)
				}
			}
		})
	}
}
