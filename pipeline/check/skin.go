package check

import (
	"image"
	"math"
	"slices"

	"idphoto/pipeline/geometry"
)

// Parts of the face where nearly everybody shows bare skin, as points of MediaPipe's mesh: left as
// seen in the picture. Lower cheeks, lips and chin are left out for beards.
var skinZones = [...]struct {
	side   int // -1 left, 1 right, 0 neither
	points []int
}{
	{-1, []int{117, 118, 119, 100, 36, 205, 187, 123}}, // cheek
	{1, []int{346, 347, 348, 329, 266, 425, 411, 352}},
	{-1, []int{151, 108, 69, 104, 105, 66, 107, 9}}, // forehead above a brow
	{1, []int{151, 337, 299, 333, 334, 296, 336, 9}},
	{0, []int{168, 122, 196, 3, 51, 45, 4, 275, 281, 248, 419, 351}}, // bridge of the nose
}

// faceOutline is the mesh's border.
var faceOutline = []int{
	10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
	152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
}

// tone is one pixel of skin.
type tone struct {
	lab
	luma float32 // 0 to 1
}

// skin is the bare skin of a face.
type skin struct {
	left, right []tone // of cheeks and forehead
	all         []tone // with the nose
	median      lab
}

// hairLess is by how much darker than the cheek (in L*) the forehead must be to be hair instead.
const hairLess = 18

// newSkin collects every second pixel of every second row of the zones of a face patch.
func newSkin(img *image.RGBA, mesh []geometry.Point) *skin {
	s := &skin{}
	var cheek [3]float32 // median lightness by side + 1
	for i, zone := range skinZones {
		tones := tonesWithin(img, polygon(mesh, zone.points))
		switch {
		case i < 2:
			cheek[zone.side+1] = medianOf(tones, func(t tone) float32 { return t.l })
		case zone.side != 0: // a fringe covers many foreheads
			tones = slices.DeleteFunc(tones, func(t tone) bool { return t.l < cheek[zone.side+1]-hairLess })
		}
		switch zone.side {
		case -1:
			s.left = append(s.left, tones...)
		case 1:
			s.right = append(s.right, tones...)
		}
		s.all = append(s.all, tones...)
	}
	s.median = medianLab(s.all)
	return s
}

func tonesWithin(img *image.RGBA, area []geometry.Point) []tone {
	var out []tone
	spans(area, img.Rect.Dx(), img.Rect.Dy(), func(y, x0, x1 int) {
		if y%2 != 0 {
			return
		}
		for x := x0; x < x1; x += 2 {
			p := img.Pix[y*img.Stride+4*x:]
			out = append(out, tone{labOf(p[0], p[1], p[2]), luma8(p[0], p[1], p[2])})
		}
	})
	return out
}

// polygon returns the points of the mesh with these numbers.
func polygon(mesh []geometry.Point, numbers []int) []geometry.Point {
	out := make([]geometry.Point, len(numbers))
	for i, n := range numbers {
		out[i] = mesh[n]
	}
	return out
}

// spans calls f for each run of pixels [x0, x1) of row y whose centres lie in the polygon, within
// a w x h patch.
func spans(polygon []geometry.Point, w, h int, f func(y, x0, x1 int)) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range polygon {
		lo, hi = min(lo, p.Y), max(hi, p.Y)
	}
	column := func(x float64) int { return int(math.Ceil(min(max(x, 0), float64(w)) - .5)) }
	var xs []float64
	for y := int(max(lo, 0)); y < h && float64(y) <= hi; y++ {
		xs = crossings(xs[:0], polygon, float64(y)+.5)
		for i := 0; i+1 < len(xs); i += 2 {
			if x0, x1 := column(xs[i]), column(xs[i+1]); x0 < x1 {
				f(y, x0, x1)
			}
		}
	}
}

// crossings appends where the polygon's sides cross the level y, from left to right.
func crossings(xs []float64, polygon []geometry.Point, y float64) []float64 {
	last := polygon[len(polygon)-1]
	for _, p := range polygon {
		if (p.Y > y) != (last.Y > y) {
			xs = append(xs, p.X+(y-p.Y)*(last.X-p.X)/(last.Y-p.Y))
		}
		last = p
	}
	slices.Sort(xs)
	return xs
}

// medianOf returns the median of a property; 0 of nothing.
func medianOf[T any](list []T, of func(T) float32) float32 { return quantileOf(list, .5, of) }

// quantileOf returns the value below which the share q of a property lies; 0 of nothing.
func quantileOf[T any](list []T, q float64, of func(T) float32) float32 {
	if len(list) == 0 {
		return 0
	}
	values := make([]float32, len(list))
	for i, v := range list {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}

func medianLab(tones []tone) lab {
	return lab{
		medianOf(tones, func(t tone) float32 { return t.l }),
		medianOf(tones, func(t tone) float32 { return t.a }),
		medianOf(tones, func(t tone) float32 { return t.b }),
	}
}
