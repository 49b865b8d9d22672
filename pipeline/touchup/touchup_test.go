package touchup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"slices"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// astronaut is a portrait as a 1-inch photo, with the points of its face's mesh (NASA, in the public
// domain).
func astronaut(t testing.TB) (*image.RGBA, []geometry.Point) {
	t.Helper()
	data, err := os.ReadFile("testdata/astronaut.png")
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(m.Bounds())
	draw.Draw(img, img.Rect, m, image.Point{}, draw.Src)
	var mesh []geometry.Point
	points, err := os.ReadFile("testdata/astronaut_mesh.json")
	if err == nil {
		err = json.Unmarshal(points, &mesh)
	}
	if err != nil {
		t.Fatal(err)
	}
	return img, mesh
}

// leftHalf is a matte of the picture's left half, soft at its edge.
func leftHalf(img *image.RGBA) *resample.Plane {
	p := resample.NewPlane(img.Rect.Dx(), img.Rect.Dy())
	for i := range p.Pix {
		p.Pix[i] = clamp01(.5 - float32(i%p.W-p.W/2)/8)
	}
	return p
}

// each returns options that ask for one thing, at strength n.
func each(n int) map[string]Options {
	out := map[string]Options{}
	for _, f := range Fields {
		var o Options
		if p := o.strength(f); p != nil {
			*p = n
			out[f] = o
		}
	}
	return out
}

func all(n int) (o Options) {
	for _, f := range Fields {
		if p := o.strength(f); p != nil {
			*p = n
		}
	}
	return o
}

// disc draws a soft spot.
func disc(img *image.RGBA, at geometry.Point, radius float64, c color.RGBA) {
	for y := int(at.Y - radius - 2); y < int(at.Y+radius+3); y++ {
		for x := int(at.X - radius - 2); x < int(at.X+radius+3); x++ {
			a := min(max(radius+.5-math.Hypot(float64(x)+.5-at.X, float64(y)+.5-at.Y), 0), 1)
			was := img.RGBAAt(x, y)
			mix := func(w, n uint8) uint8 { return uint8(float64(w)*(1-a) + float64(n)*a + .5) }
			img.SetRGBA(x, y, color.RGBA{mix(was.R, c.R), mix(was.G, c.G), mix(was.B, c.B), 255})
		}
	}
}

// away is how far c is from what img has at a point: the largest of the channels.
func away(img *image.RGBA, at geometry.Point, c color.RGBA) int {
	p := img.RGBAAt(int(at.X), int(at.Y))
	d := 0
	for _, v := range [][2]uint8{{p.R, c.R}, {p.G, c.G}, {p.B, c.B}} {
		d = max(d, int(v[0])-int(v[1]), int(v[1])-int(v[0]))
	}
	return d
}

func TestNothingAskedForChangesNothing(t *testing.T) {
	img, mesh := astronaut(t)
	was := slices.Clone(img.Pix)
	if got := Apply(img, nil, mesh, Options{}); !bytes.Equal(got.Pix, was) {
		t.Error("the zero value changes pixels")
	}
	for name, o := range each(100) {
		if got := Apply(img, nil, mesh, o); bytes.Equal(got.Pix, was) && name != "spots" {
			t.Errorf("%s at 100 changes nothing", name)
		}
	}
	if !bytes.Equal(img.Pix, was) {
		t.Error("the picture itself was changed")
	}
}

func TestBackgroundStaysAsItIs(t *testing.T) {
	img, mesh := astronaut(t)
	person := leftHalf(img)
	for name, o := range each(100) {
		got := Apply(img, person, mesh, o)
		for i, a := range person.Pix {
			if a == 0 && !bytes.Equal(got.Pix[4*i:4*i+4], img.Pix[4*i:4*i+4]) {
				t.Errorf("%s changes pixel %d, where nobody is", name, i)
				break
			}
		}
	}
}

func TestWithoutAFaceOnlyTheWholeIsChanged(t *testing.T) {
	img, _ := astronaut(t)
	for name, o := range map[string]Options{"light": {Light: 100}, "skin": {Skin: 100}, "spots": {Spots: 100}, "whitening": {Whitening: 100}} {
		if got := Apply(img, nil, nil, o); !bytes.Equal(got.Pix, img.Pix) {
			t.Errorf("%s changes a picture without a mesh", name)
		}
	}
	if got := Apply(img, nil, nil, Options{Sharpening: 50}); bytes.Equal(got.Pix, img.Pix) {
		t.Error("sharpening needs a mesh")
	}
}

// A mesh may reach out of the picture, or lie wholly beyond it.
func TestFacesAtTheEdge(t *testing.T) {
	img, mesh := astronaut(t)
	for _, by := range []geometry.Point{{X: -150}, {X: 140}, {Y: -220}, {Y: 250}, {X: 1000, Y: 1000}, {X: -1000}} {
		moved := slices.Clone(mesh)
		for i := range moved {
			moved[i] = moved[i].Add(by)
		}
		if got := Apply(img, nil, moved, all(100)); got.Rect != img.Rect {
			t.Errorf("moved by %v: %v", by, got.Rect)
		}
	}
}

// Every effect grows with its strength, in steps that cannot be seen.
func TestEffectsAreContinuous(t *testing.T) {
	img, mesh := astronaut(t)
	for _, f := range []string{"light", "skin", "whitening", "brightness", "contrast", "saturation", "sharpening"} {
		last, lastMove := img, 0.
		for n := 10; n <= 100; n += 10 {
			got := Apply(img, nil, mesh, each(n)[f])
			if step := difference(got, last); step > 4 {
				t.Errorf("%s from %d to %d: %.2f levels on average", f, n-10, n, step)
			}
			move := difference(got, img)
			if move < lastMove-.05 {
				t.Errorf("%s at %d moves less (%.2f) than before (%.2f)", f, n, move, lastMove)
			}
			last, lastMove = got, move
		}
	}
}

func difference(a, b *image.RGBA) float64 {
	sum := 0.
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix)) * 4 / 3
}

func TestSkinAndSpotsLeaveTheEyes(t *testing.T) {
	img, mesh := astronaut(t)
	got := Apply(img, nil, mesh, Options{Skin: 100, Spots: 100})
	within := resample.NewPlane(img.Rect.Dx(), img.Rect.Dy())
	for _, e := range eyes {
		var outline []geometry.Point
		for _, i := range e {
			outline = append(outline, mesh[i])
		}
		fill(within, outline)
	}
	n := 0
	for i, v := range within.Pix {
		if v == 0 {
			continue
		}
		n++
		for c := range 3 {
			if d := int(got.Pix[4*i+c]) - int(img.Pix[4*i+c]); d > 1 || d < -1 {
				t.Fatalf("pixel %d of an eye changes by %d", i, d)
			}
		}
	}
	if n < 100 {
		t.Fatalf("the eyes have %d pixels", n)
	}
}

func TestSpotsVanishAndFeaturesDoNot(t *testing.T) {
	clean, mesh := astronaut(t)
	spot, mole := color.RGBA{150, 70, 60, 255}, color.RGBA{70, 45, 40, 255}
	cheek, forehead := mesh[50], mesh[280] // both cheeks, in fact: hair is over the forehead
	lid := mesh[159].Add(geometry.Point{Y: -1})

	img := &image.RGBA{Pix: slices.Clone(clean.Pix), Stride: clean.Stride, Rect: clean.Rect}
	disc(img, cheek, 2.2, spot)
	disc(img, forehead, 1.6, spot)
	disc(img, lid, 2, mole)
	got := Apply(img, nil, mesh, Options{Spots: 100})
	for _, at := range []geometry.Point{cheek, forehead} {
		if before, after := away(img, at, clean.RGBAAt(int(at.X), int(at.Y))), away(got, at, clean.RGBAAt(int(at.X), int(at.Y))); after > 14 || before < 30 {
			t.Errorf("a spot at %.0f is %d levels off its skin, before %d", at, after, before)
		}
	}
	if d := away(got, lid, img.RGBAAt(int(lid.X), int(lid.Y))); d > 1 {
		t.Errorf("what lies on a lid changes by %d", d)
	}

	large := &image.RGBA{Pix: slices.Clone(clean.Pix), Stride: clean.Stride, Rect: clean.Rect}
	disc(large, cheek, 6, mole)
	if d := away(Apply(large, nil, mesh, Options{Spots: 100}), cheek, large.RGBAAt(int(cheek.X), int(cheek.Y))); d > 1 {
		t.Errorf("a mole of 8 hundredths of the face changes by %d", d)
	}
	stroke := &image.RGBA{Pix: slices.Clone(clean.Pix), Stride: clean.Stride, Rect: clean.Rect}
	for i := range 14 { // a brow or a scar: long
		disc(stroke, cheek.Add(geometry.Point{X: float64(i) - 7, Y: float64(i) / 3}), 1, mole)
	}
	if d := away(Apply(stroke, nil, mesh, Options{Spots: 100}), cheek, stroke.RGBAAt(int(cheek.X), int(cheek.Y))); d > 1 {
		t.Errorf("a stroke changes by %d", d)
	}
}

// energy is the mean square of what a pixel differs by from its four neighbours, on skin.
func energy(img *image.RGBA, r *region) float64 {
	var sum, n float64
	at := func(x, y int) float64 { return float64(img.Pix[img.PixOffset(r.at.Min.X+x, r.at.Min.Y+y)+1]) }
	for y := 1; y < r.skin.H-1; y++ {
		for x := 1; x < r.skin.W-1; x++ {
			if r.skin.At(x, y) > .95 {
				d := at(x, y) - (at(x-1, y)+at(x+1, y)+at(x, y-1)+at(x, y+1))/4
				sum, n = sum+d*d, n+1
			}
		}
	}
	return sum / n
}

func TestSmoothingKeepsTextureAndLevelsBlotches(t *testing.T) {
	img, mesh := astronaut(t)
	r, ok := newRegion(img, mesh)
	if !ok {
		t.Fatal("no face")
	}
	got := Apply(img, nil, mesh, Options{Skin: 100})
	kept := energy(got, r) / energy(img, r)
	after, _ := newRegion(got, mesh)
	blotches := func(of *region) (sum float64) {
		soft, wide := blur(of.luma, of.px(.012)), blur(of.luma, of.px(.05))
		for i, m := range r.skin.Pix {
			if m > .95 {
				d := float64(soft.Pix[i] - wide.Pix[i])
				sum += d * d
			}
		}
		return sum
	}
	left := blotches(after) / blotches(r)
	t.Logf("texture kept %.2f, blotches left %.2f", kept, left)
	if kept < .5 || kept > 1 || left > .95 {
		t.Errorf("texture kept %.2f, want 0.5 to 1; blotches left %.2f, want at most 0.95", kept, left)
	}
}

// sides returns the mean luma of skin left and right of the face's axis, and of its hue.
func sides(t *testing.T, img *image.RGBA, mesh []geometry.Point, skin *region) (left, right, hue float64) {
	t.Helper()
	r, ok := newRegion(img, mesh)
	if !ok {
		t.Fatal("no face")
	}
	var n, sum [2]float64
	var blue, red float64
	for y := range r.luma.H {
		for x := range r.luma.W {
			i := y*r.luma.W + x
			if skin.skin.Pix[i] < .95 {
				continue
			}
			side := 0
			if mx, _ := r.mirrored(x, y); mx < x {
				side = 1
			}
			n[side]++
			sum[side] += float64(r.luma.Pix[i])
			b, d := chroma(r.rgb[0].Pix[i], r.rgb[1].Pix[i], r.rgb[2].Pix[i])
			blue, red = blue+float64(b), red+float64(d)
		}
	}
	return sum[0] / n[0], sum[1] / n[1], math.Atan2(red, blue) * 180 / math.Pi
}

func TestUnevenLightBecomesEvener(t *testing.T) {
	img, mesh := astronaut(t)
	skin, _ := newRegion(img, mesh)
	dark := &image.RGBA{Pix: slices.Clone(img.Pix), Stride: img.Stride, Rect: img.Rect}
	for i := range dark.Pix { // the left is in shadow
		if i%4 < 3 {
			x := float64(i%dark.Stride/4) / float64(dark.Rect.Dx())
			dark.Pix[i] = uint8(float64(dark.Pix[i]) * (.55 + .4/(1+math.Exp(-14*(x-.5)))))
		}
	}
	l0, r0, hue0 := sides(t, dark, mesh, skin)
	l1, r1, hue1 := sides(t, Apply(dark, nil, mesh, Options{Light: 100}), mesh, skin)
	t.Logf("left and right: %.0f and %.0f, evened %.0f and %.0f; hue %.1f and %.1f degrees", l0, r0, l1, r1, hue0, hue1)
	if before, after := math.Abs(math.Log(r0/l0)), math.Abs(math.Log(r1/l1)); after > .4*before {
		t.Errorf("the sides differ by a factor of e^%.3f, before e^%.3f; want at most 0.4 of that", after, before)
	}
	if math.Abs(hue1-hue0) > 2 {
		t.Errorf("hue turns by %.1f degrees", hue1-hue0)
	}
}

func TestSkinKeepsItsHue(t *testing.T) {
	img, mesh := astronaut(t)
	skin, _ := newRegion(img, mesh)
	_, _, was := sides(t, img, mesh, skin)
	for name, o := range each(100) {
		if _, _, hue := sides(t, Apply(img, nil, mesh, o), mesh, skin); math.Abs(hue-was) > 4 {
			t.Errorf("%s turns the skin's hue by %.1f degrees", name, hue-was)
		}
	}
}

// Nothing may burn out: even with everything at 100 hardly any skin turns white that was not.
func TestNothingClips(t *testing.T) {
	img, mesh := astronaut(t)
	r, _ := newRegion(img, mesh)
	for name, o := range each(100) {
		got := Apply(img, nil, mesh, o)
		n, clipped := 0, 0
		for y := range r.skin.H {
			for x := range r.skin.W {
				if r.skin.At(x, y) < .95 {
					continue
				}
				n++
				was, c := img.RGBAAt(r.at.Min.X+x, r.at.Min.Y+y), got.RGBAAt(r.at.Min.X+x, r.at.Min.Y+y)
				if max(c.R, c.G, c.B) == 255 && max(was.R, was.G, was.B) < 250 {
					clipped++
				}
			}
		}
		if clipped*100 > n {
			t.Errorf("%s: %d of %d pixels of skin clip", name, clipped, n)
		}
	}
}

func TestMirrorTwiceIsIdentity(t *testing.T) {
	img, _ := astronaut(t)
	was := slices.Clone(img.Pix)
	Mirror(img.Pix, img.Stride, img.Rect.Size())
	if got, want := img.RGBAAt(0, 7), (&image.RGBA{Pix: was, Stride: img.Stride, Rect: img.Rect}).RGBAAt(img.Rect.Dx()-1, 7); got != want {
		t.Errorf("the first pixel is %v, want the last, %v", got, want)
	}
	Mirror(img.Pix, img.Stride, img.Rect.Size())
	if !bytes.Equal(img.Pix, was) {
		t.Error("mirrored twice, the picture differs")
	}
}

func TestOptions(t *testing.T) {
	var o Options
	for _, f := range Fields {
		value := "35"
		if f == "mirror" {
			value = "true"
		}
		if err := o.Set(f, value); err != nil {
			t.Errorf("Set(%s): %v", f, err)
		}
	}
	want := all(35)
	want.Mirror = true
	if o != want || o.Zero() || o.Validate() != nil {
		t.Errorf("options = %+v, Validate %v", o, o.Validate())
	}
	if err := Suggested.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range [][2]string{{"light", "101"}, {"skin", "-1"}, {"spots", "much"}, {"mirror", "35"}, {"nose", "5"}} {
		err := o.Set(bad[0], bad[1])
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.BadTouch || f.Detail["field"] != bad[0] {
			t.Errorf("Set(%s, %s) = %v", bad[0], bad[1], err)
		}
	}
	if err := (Options{Whitening: 101}).Validate(); err == nil {
		t.Error("a whitening of 101 is valid")
	}
}

func BenchmarkApply(b *testing.B) {
	img, mesh := astronaut(b)
	cases := each(50)
	cases["suggested"] = Suggested
	for _, name := range append(slices.Clone(Fields[:len(Fields)-1]), "suggested") {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			for b.Loop() {
				Apply(img, nil, mesh, cases[name])
			}
		})
	}
}
