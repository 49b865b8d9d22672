package check

import (
	"image"
	"math"
	"os"
	"testing"

	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
)

// What follows turns a portrait into one that must be refused. The networks then look at the made
// picture as at any other.

// measured finds the face in a picture.
func measured(t testing.TB, img *image.RGBA) *Subject {
	t.Helper()
	nets, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	src := still{img}
	boxes, err := nets.faces.Detect(t.Context(), src)
	if err != nil || len(boxes) == 0 {
		t.Fatalf("%d faces: %v", len(boxes), err)
	}
	f, ok, err := nets.faces.Measure(t.Context(), src, boxes[0])
	if err != nil || !ok {
		t.Fatalf("no face measured: %v", err)
	}
	return &Subject{Source: src, Face: f, Others: len(boxes) - 1}
}

// near returns the face's surroundings at 100 px between the eyes, upright, and the face on it.
func near(s *Subject) (*image.RGBA, *face.Face) {
	const eyes, side = 100, 600
	toPiece := geometry.Square(side, s.Face.EyeMid(), side*s.Face.EyeDistance()/eyes, 0)
	img := resample.Sample(s.Source, toPiece, side, side, resample.Cubic)
	inv := toPiece.Inverse()
	move := func(points []geometry.Point) []geometry.Point {
		out := make([]geometry.Point, len(points))
		for i, p := range points {
			out[i] = inv.Apply(p)
		}
		return out
	}
	f := *s.Face
	f.Mesh = move(f.Mesh)
	copy(f.Eyes[:], move(f.Eyes[:]))
	for i := range f.EyeContour {
		f.EyeContour[i] = move(f.EyeContour[i])
	}
	return img, &f
}

// stretch rewrites column x of out so that its pixel y shows img at height from(y).
func stretch(out, img *image.RGBA, x int, y0, y1 float64, from func(y float64) float64) {
	h := img.Rect.Dy()
	for y := max(int(math.Ceil(y0)), 0); float64(y) < y1 && y < h; y++ {
		at := min(max(from(float64(y)), 0), float64(h-2))
		k, t := int(at), at-math.Floor(at)
		for c := range 3 {
			a, b := img.Pix[k*img.Stride+4*x+c], img.Pix[(k+1)*img.Stride+4*x+c]
			out.Pix[y*out.Stride+4*x+c] = uint8(float64(a)*(1-t) + float64(b)*t + .5)
		}
	}
}

func copyOf(img *image.RGBA) *image.RGBA {
	out := *img
	out.Pix = append([]uint8(nil), img.Pix...)
	return &out
}

// paint lays a colour over a pixel; alpha 1 hides it.
func paint(img *image.RGBA, x, y int, colour [3]float64, alpha float64) {
	if !(image.Point{X: x, Y: y}).In(img.Rect) {
		return
	}
	p := img.Pix[y*img.Stride+4*x:]
	for c, v := range colour {
		p[c] = uint8(float64(p[c])*(1-alpha) + v*alpha + .5)
	}
}

// closeEyes draws the skin above the eyes down over them, by share of their opening, with the
// upper lashes at its end.
func closeEyes(img *image.RGBA, f *face.Face, share float64) *image.RGBA {
	out := copyOf(img)
	d := f.EyeDistance()
	for _, contour := range f.EyeContour {
		var e eyeShape
		copy(e.lids[:], contour)
		left, right := e.corners()
		for x := int(math.Ceil(left.X)); float64(x) <= right.X; x++ {
			upper := append(append([]geometry.Point{e.lids[0]}, e.lids[9:]...), e.lids[8])
			lid, lower := heightAt(upper, float64(x)), heightAt(e.lids[:9], float64(x))
			end := lid + share*(lower-lid)
			skin := lid - .015*d
			brow := skin - .16*d
			stretch(out, img, x, brow, end, func(y float64) float64 { return brow + (y-brow)*(skin-brow)/max(end-brow, 1) })
			for y := int(end) - 4; y <= int(end)+4; y++ {
				a := (float64(y) - end) / (.012 * d)
				paint(out, x, y, [3]float64{40, 28, 25}, .75*math.Exp(-a*a))
			}
		}
	}
	return out
}

// openMouth moves the lower lip and the chin down by a share of the eyes' distance.
func openMouth(img *image.RGBA, f *face.Face, share float64) *image.RGBA {
	out := copyOf(img)
	d := f.EyeDistance()
	left, right := f.Mesh[78], f.Mesh[308]
	upper, lower := polygon(f.Mesh, innerUpperLip), polygon(f.Mesh, innerLowerLip)
	for x := int(math.Ceil(left.X)); float64(x) <= right.X; x++ {
		a := (float64(x) - left.Mid(right).X) / ((right.X - left.X) / 2)
		gap := share * d * max(0, 1-a*a)
		line := (heightAt(upper, float64(x)) + heightAt(lower, float64(x))) / 2
		reach := 1.6 * d
		stretch(out, img, x, line+gap, line+reach, func(y float64) float64 { return line + (y-line-gap)*reach/(reach-gap) })
		for y := int(math.Ceil(line)); float64(y) < line+gap; y++ {
			paint(out, x, y, [3]float64{45, 18, 18}, 1)
		}
	}
	return out
}

// lenses paints an oval over each of the eyes named.
func lenses(img *image.RGBA, f *face.Face, width, height float64, colour [3]float64, alpha float64, eyes ...int) *image.RGBA {
	out := copyOf(img)
	d := f.EyeDistance()
	for _, i := range eyes {
		c := f.Eyes[i]
		for y := int(c.Y - height*d); float64(y) <= c.Y+height*d; y++ {
			for x := int(c.X - width*d); float64(x) <= c.X+width*d; x++ {
				if math.Hypot((float64(x)-c.X)/(width*d), (float64(y)-c.Y)/(height*d)) <= 1 {
					paint(out, x, y, colour, alpha)
				}
			}
		}
	}
	return out
}

// spectacles draws the bridge of a pair of black glasses over the nose, and on demand the frames
// around both eyes.
func spectacles(img *image.RGBA, f *face.Face, frames bool) *image.RGBA {
	out := copyOf(img)
	d, black := f.EyeDistance(), [3]float64{20, 18, 18}
	line := func(at func(t float64) geometry.Point) {
		for t := 0.; t <= 1; t += .25 / d {
			c := at(t)
			for y := int(c.Y - .03*d); float64(y) <= c.Y+.03*d; y++ {
				for x := int(c.X - .03*d); float64(x) <= c.X+.03*d; x++ {
					paint(out, x, y, black, 1)
				}
			}
		}
	}
	line(func(t float64) geometry.Point {
		mid := f.EyeMid()
		return geometry.Point{X: mid.X + (t-.5)*.34*d, Y: mid.Y}
	})
	for _, c := range f.Eyes {
		if frames {
			line(func(t float64) geometry.Point {
				sin, cos := math.Sincos(2 * math.Pi * t)
				return geometry.Point{X: c.X + .34*d*cos, Y: c.Y + .06*d + .32*d*sin}
			})
		}
	}
	return out
}

func mirrored(img *image.RGBA) *image.RGBA {
	out := copyOf(img)
	w := img.Rect.Dx()
	for y := range img.Rect.Dy() {
		for x := range w {
			copy(out.Pix[y*out.Stride+4*x:][:4], img.Pix[y*img.Stride+4*(w-1-x):][:4])
		}
	}
	return out
}

// tilted turns a picture clockwise around its middle.
func tilted(img *image.RGBA, degrees float64) *image.RGBA {
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	m := geometry.Square(w, geometry.Point{X: w / 2, Y: h / 2}, w, -degrees*math.Pi/180)
	return resample.Sample(still{img}, m, int(w), int(h), resample.Cubic)
}

// everyFace measures all faces of a picture.
func everyFace(t testing.TB, path string) []*Subject {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pic, err := picture.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	nets, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := nets.faces.Detect(t.Context(), pic)
	if err != nil {
		t.Fatal(err)
	}
	var out []*Subject
	for _, b := range boxes {
		f, ok, err := nets.faces.Measure(t.Context(), pic, b)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			out = append(out, &Subject{Source: pic, Face: f, Others: len(boxes) - 1})
		}
	}
	return out
}
