package matte

import (
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"idphoto/pipeline/resample"
)

// hair draws a body with strands two pixels wide standing up from it, w pixels wide, dark on a
// light wall, and returns picture and true alpha.
func hair(w int) (*image.RGBA, *resample.Plane) {
	rng := rand.New(rand.NewPCG(1, 2))
	truth := resample.NewPlane(w, w)
	for y := range w {
		for x := range w {
			switch {
			case y > w/2:
				truth.Pix[y*w+x] = 1
			case y > w/2-10 && x%8 < 2:
				truth.Pix[y*w+x] = .8
			}
		}
	}
	img := image.NewRGBA(image.Rect(0, 0, w, w))
	for i, a := range truth.Pix {
		noise := float32(rng.NormFloat64())
		for ch, c := range [3][2]float32{{60, 200}, {40, 210}, {30, 190}} {
			img.Pix[4*i+ch] = byte(a*c[0] + (1-a)*c[1] + noise)
		}
		img.Pix[4*i+3] = 255
	}
	return img, truth
}

// blurred is what a network makes of it: the mean over 9x9 pixels.
func blurred(p *resample.Plane) *resample.Plane {
	out := resample.NewPlane(p.W, p.H)
	for y := range p.H {
		for x := range p.W {
			var sum float32
			for dy := -4; dy <= 4; dy++ {
				for dx := -4; dx <= 4; dx++ {
					sum += p.At(x+dx, y+dy)
				}
			}
			out.Pix[y*p.W+x] = sum / 81
		}
	}
	return out
}

// off is the mean absolute difference.
func off(a, b *resample.Plane) float64 {
	var sum float64
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i] - b.Pix[i]))
	}
	return sum / float64(len(a.Pix))
}

func TestRefineFindsTheStrands(t *testing.T) {
	img, truth := hair(120)
	alpha := blurred(truth)
	before := off(alpha, truth)
	if err := Refine(t.Context(), img, alpha, 4); err != nil {
		t.Fatal(err)
	}
	if after := off(alpha, truth); after > before/3 {
		t.Errorf("mean difference %.4f, before %.4f: want a third at most", after, before)
	}
	for i, v := range alpha.Pix {
		if v < 0 || v > 1 || v != v {
			t.Fatalf("alpha %v at %d", v, i)
		}
	}
}

// TestRefineOfALargePicture: more unknown pixels than are solved at once.
func TestRefineOfALargePicture(t *testing.T) {
	const side = 1200
	img, truth := hair(side)
	alpha := blurred(truth)
	before := off(alpha, truth)
	b := newBand(alpha, 24)
	if len(b.at) <= maxSolved {
		t.Fatalf("%d unknown pixels: the picture is not large", len(b.at))
	}
	if err := Refine(t.Context(), img, alpha, 24); err != nil {
		t.Fatal(err)
	}
	if after := off(alpha, truth); after > before/1.5 {
		t.Errorf("mean difference %.4f, before %.4f", after, before)
	}
	for i, k := range b.known {
		if k != unknown && alpha.Pix[i] != float32(k) {
			t.Fatalf("a sure pixel became %v", alpha.Pix[i])
		}
	}
}

// TestRefineSeesTheWallThroughTheHair: a gap in the hair that the network closed, far from any
// pixel that is sure to be background, shows the wall's colour.
func TestRefineSeesTheWallThroughTheHair(t *testing.T) {
	img, truth := hair(120)
	alpha := blurred(truth)
	for y := 70; y < 76; y++ { // the gap, within the body
		for x := 40; x < 80; x++ {
			truth.Pix[y*120+x], alpha.Pix[y*120+x] = 0, .7
			copy(img.Pix[img.PixOffset(x, y):], []byte{200, 210, 190, 255})
		}
	}
	if err := Refine(t.Context(), img, alpha, 4); err != nil {
		t.Fatal(err)
	}
	if got := alpha.At(60, 73); got > .1 {
		t.Errorf("alpha in the gap is %.2f, want at most .1", got)
	}
	if got := alpha.At(60, 85); got != 1 {
		t.Errorf("alpha below it is %.2f, want 1", got)
	}
}

// TestRefineKeepsWhatColourCannotTell: before a wall of the person's own colour the outline stays
// the network's.
func TestRefineKeepsWhatColourCannotTell(t *testing.T) {
	_, truth := hair(120)
	img := image.NewRGBA(image.Rect(0, 0, 120, 120))
	for i := range img.Pix {
		img.Pix[i] = 90
	}
	alpha := blurred(truth)
	want := &resample.Plane{W: 120, H: 120, Pix: append([]float32(nil), alpha.Pix...)}
	if err := Refine(t.Context(), img, alpha, 4); err != nil {
		t.Fatal(err)
	}
	if d := off(alpha, want); d > .02 {
		t.Errorf("mean difference from the network's alpha %.4f", d)
	}
}

// TestRefineOfDarkHairBeforeADarkWall: a few levels apart, with the blocks and the noise of a JPEG, the
// outline stays about the network's instead of following them.
func TestRefineOfDarkHairBeforeADarkWall(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	_, truth := hair(120)
	img := image.NewRGBA(image.Rect(0, 0, 120, 120))
	var block [15 * 15]float64
	for i := range block {
		block[i] = 2 * rng.NormFloat64()
	}
	for i, a := range truth.Pix {
		v := 22 - 4*float64(a) + block[i/120/8*15+i%120/8] + .7*rng.NormFloat64()
		copy(img.Pix[4*i:], []byte{uint8(v), uint8(v), uint8(v), 255})
	}
	alpha := blurred(truth)
	want := &resample.Plane{W: 120, H: 120, Pix: append([]float32(nil), alpha.Pix...)}
	if err := Refine(t.Context(), img, alpha, 4); err != nil {
		t.Fatal(err)
	}
	if d := off(alpha, want); d > .01 {
		t.Errorf("mean difference from the network's alpha %.4f", d)
	}
}

func TestRefineOfASureMatteChangesNothing(t *testing.T) {
	img, _ := hair(60)
	alpha := resample.NewPlane(60, 60)
	if err := Refine(t.Context(), img, alpha, 4); err != nil || off(alpha, resample.NewPlane(60, 60)) != 0 {
		t.Errorf("Refine changed an empty matte: %v", err)
	}
}

func TestRefineStopsWhenAsked(t *testing.T) {
	img, truth := hair(60)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Refine(ctx, img, blurred(truth), 4); !errors.Is(err, context.Canceled) {
		t.Errorf("Refine = %v", err)
	}
}

func TestDistances(t *testing.T) {
	kind := make([]int8, 41*31)
	kind[15*41+20] = person
	for i, got := range distances(kind, 41, 31) {
		want := max(math.Hypot(float64(i%41-20), float64(i/41-15)), 1) // the person's own pixel is beside the background
		if math.Abs(float64(got)/straight-want) > .09*want {
			t.Fatalf("distance of pixel %d is %v, want %v", i, got, want)
		}
	}
}

func BenchmarkRefine(b *testing.B) {
	img, truth := hair(400)
	alpha := blurred(truth)
	for b.Loop() {
		work := &resample.Plane{W: 400, H: 400, Pix: append([]float32(nil), alpha.Pix...)}
		if err := Refine(b.Context(), img, work, 4); err != nil {
			b.Fatal(err)
		}
	}
}
