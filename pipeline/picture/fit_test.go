package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"idphoto/pipeline/fault"
)

// allSizes encodes m in every way that FitJPEG may.
func allSizes(m *image.RGBA) (sizes [2][101]int) {
	for _, c := range []Chroma{FullChroma, HalfChroma} {
		s := newSpectrum(m, c)
		for q := MinQuality; q <= 100; q++ {
			sizes[c][q] = len(s.encode(q, 300))
		}
	}
	return sizes
}

// bruteForce returns whether any file lies from lo to hi bytes, and by how much the nearest misses.
func bruteForce(sizes *[2][101]int, maxQuality, lo, hi int) (ok bool, miss int) {
	miss = math.MaxInt
	for _, of := range sizes {
		for _, n := range of[MinQuality : maxQuality+1] {
			miss = min(miss, max(lo-n, n-hi, 0))
		}
	}
	return miss == 0, miss
}

// drawn are pictures as unlike as they come: FitJPEG's search counts on sizes that grow with quality.
func drawn(r *rand.Rand) map[string]*image.RGBA {
	noisy := image.NewRGBA(image.Rect(0, 0, 90, 126))
	for i := range noisy.Pix {
		noisy.Pix[i] = byte(r.Uint32())
	}
	stripes, soft := scene(131, 99), scene(120, 150)
	for y := range 99 {
		for x := range 131 {
			if (x/3+y/7)%2 == 0 {
				stripes.SetRGBA(x, y, color.RGBA{200, 30, 30, 255})
			}
		}
	}
	for i := range soft.Pix {
		soft.Pix[i] = byte(min(255, int(soft.Pix[i])+r.IntN(20)))
	}
	return map[string]*image.RGBA{
		"noise": noisy, "stripes": stripes, "soft": soft, "smooth": scene(150, 210),
	}
}

// portraits returns a few of the pictures beside the project, small.
func portraits(t testing.TB) map[string]*image.RGBA {
	t.Helper()
	out := map[string]*image.RGBA{}
	for _, path := range photos(t)[:4] {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, h := p.Bounds()
		out[filepath.Base(path)] = p.Reduce(image.Rect(0, 0, w, h), (h+199)/200)
	}
	return out
}

func TestSizeIsWithinTheRangeOrTrulyRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 7))
	checkFits(t, r, drawn(r))
}

func TestSizeOfPortraitsIsWithinTheRangeOrTrulyRefused(t *testing.T) {
	checkFits(t, rand.New(rand.NewPCG(7, 8)), portraits(t))
}

// checkFits holds FitJPEG against brute force: for ranges wide and narrow, near the files' sizes.
func checkFits(t *testing.T, r *rand.Rand, pictures map[string]*image.RGBA) {
	for name, m := range pictures {
		sizes := allSizes(m)
		low, high := float64(sizes[HalfChroma][MinQuality])/1024, float64(sizes[FullChroma][100])/1024
		met, refused, binary := 0, 0, 0
		for range 40 {
			want := SizeRange{MinKB: low * math.Pow(high/low, r.Float64()*1.4-.2)}
			if r.IntN(4) > 0 {
				want.MaxKB = want.MinKB * (1 + .4*r.Float64()*r.Float64())
			}
			if r.IntN(4) == 0 {
				want.MinKB = 0
			}
			maxQuality := 100
			if r.IntN(3) == 0 {
				maxQuality = MinQuality + r.IntN(71)
			}
			what := fmt.Sprintf("%s, %.2f-%.2f KB, quality up to %d", name, want.MinKB, want.MaxKB, maxQuality)
			lo, hi1000, hi1024 := int(math.Ceil(want.MinKB*1024)), math.MaxInt, math.MaxInt
			if want.MaxKB > 0 {
				hi1000, hi1024 = int(want.MaxKB*1000), int(want.MaxKB*1024)
			}
			both, _ := bruteForce(&sizes, maxQuality, lo, hi1000)
			either, miss := bruteForce(&sizes, maxQuality, lo, hi1024)

			data, fit, err := FitJPEG(m, 300, want, 0, maxQuality)
			switch f, _ := errors.AsType[*fault.Error](err); {
			case either && err != nil:
				t.Errorf("%s: %v, although a file fits", what, err)
			case !either && (f == nil || f.Code != fault.SizeUnreachable):
				t.Errorf("%s: error %v, want %s", what, err, fault.SizeUnreachable)
			case !either:
				refused++
				if got := max(lo-fit.Bytes, fit.Bytes-hi1024); got != miss {
					t.Errorf("%s: nearest %d bytes, %d off; one of %d off exists", what, fit.Bytes, got, miss)
				}
				if kb := f.Detail["nearest_kb"].(float64); math.Abs(kb*1024-float64(fit.Bytes)) > 6 {
					t.Errorf("%s: nearest_kb %v of %d bytes", what, kb, fit.Bytes)
				}
			default:
				met++
				if fit.Binary {
					binary++
				}
				hi := hi1000
				if fit.Binary {
					hi = hi1024
				}
				if len(data) < lo || len(data) > hi || len(data) != fit.Bytes || fit.Quality > maxQuality {
					t.Errorf("%s: %d bytes, %+v", what, len(data), fit)
				}
				if fit.Binary == both {
					t.Errorf("%s: Binary = %v, but a file for both readings exists: %v", what, fit.Binary, both)
				}
				checkBest(t, what, &sizes, fit, maxQuality, hi)
			}
		}
		t.Logf("%s: %.1f to %.1f KB; %d ranges met, %d of them only with KB of 1024, %d refused", name, low, high, met, binary, refused)
	}
}

// checkBest looks for a better file: more quality at the same chroma, or full chroma that suits.
func checkBest(t *testing.T, what string, sizes *[2][101]int, fit Fitted, maxQuality, hi int) {
	t.Helper()
	for q := fit.Quality + 1; q <= maxQuality; q++ {
		if sizes[fit.Chroma][q] <= hi && sizes[fit.Chroma][q] > fit.Bytes && (fit.Chroma == HalfChroma || q < fullChromaFrom) {
			t.Errorf("%s: quality %d, although %d gives %d bytes", what, fit.Quality, q, sizes[fit.Chroma][q])
		}
	}
	if fit.Chroma == FullChroma && fit.Quality >= fullChromaFrom {
		return
	}
	for q := fullChromaFrom; q <= maxQuality; q++ {
		if n := sizes[FullChroma][q]; n <= hi && n >= fit.Bytes {
			t.Errorf("%s: %v at quality %d, although full chroma at %d gives %d bytes", what, fit.Chroma, fit.Quality, q, n)
		}
	}
}

func TestNothingStandsBehindAFittedFile(t *testing.T) {
	m := scene(295, 413)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(min(255, int(m.Pix[i])+r.IntN(8))) | byte(i%4/3*255)
	}
	data, fit, err := FitJPEG(m, 300, SizeRange{MinKB: 15, MaxKB: 20}, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) < 15*1024 || len(data) > 20*1000 || fit.Binary {
		t.Errorf("%d bytes, %+v", len(data), fit)
	}
	marks, _, behind := jpegSegments(t, data)
	if want := []byte{0xe0, 0xe1, 0xdb, 0xc0, 0xc4, 0xc4, 0xc4, 0xc4, 0xda}; len(behind) != 0 || !bytes.Equal(marks, want) {
		t.Errorf("%d bytes behind the end marker, segments %x, want %x", len(behind), marks, want)
	}
	if got := decode(t, data).Info(); got.Width != 295 || got.Height != 413 {
		t.Errorf("reads as %+v", got)
	}
}

// TestAnAskedQualityIsKeptWithLessChroma: where full chroma would need less than the quality that
// somebody asks for, half the chroma at that quality is better.
func TestAnAskedQualityIsKeptWithLessChroma(t *testing.T) {
	m := scene(358, 441)
	limit := 0
	for q := 100; q >= 62; q-- {
		data, err := EncodeJPEG(m, q, 350)
		if err != nil {
			t.Fatal(err)
		}
		if limit = len(data); q == 65 {
			break
		}
	}
	want := SizeRange{MaxKB: float64(limit) / 1000}
	_, free, err := FitJPEG(m, 350, want, 0, 95)
	if err != nil || free.Chroma != FullChroma || free.Quality > 66 {
		t.Fatalf("nothing asked: %+v, %v; want full chroma at 65", free, err)
	}
	if _, asked, err := FitJPEG(m, 350, want, 70, 95); err != nil || asked.Chroma != HalfChroma || asked.Quality < 70 {
		t.Errorf("asked for 70: %+v, %v", asked, err)
	}
}

func TestSizeRangesThatMeanNothing(t *testing.T) {
	for _, r := range []SizeRange{{-1, 10}, {20, 10}, {math.NaN(), 10}, {1, math.NaN()}, {math.Inf(1), 0}, {5, -1}} {
		if r.Validate() == nil {
			t.Errorf("%v is valid", r)
		}
		if _, _, err := FitJPEG(scene(8, 8), 300, r, 0, 100); err == nil {
			t.Errorf("FitJPEG to %v succeeds", r)
		}
	}
	for _, r := range []SizeRange{{}, {0, 20}, {20, 20}, {20, 0}, {20, math.Inf(1)}} {
		if err := r.Validate(); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
	if _, _, err := FitJPEG(scene(8, 8), 300, SizeRange{}, 0, MinQuality-1); err == nil {
		t.Error("a quality below the least succeeds")
	}
}

// The US consular portal: 600 x 600 pixels of 3 bytes, at most 20 times smaller.
func TestAtMostCompressed(t *testing.T) {
	r := SizeRange{MaxKB: 240}.AtMostCompressed(600, 600, 20)
	if b := r.bytes(1024, 1000); b != (byteRange{54000, 240000}) {
		t.Errorf("from %d to %d bytes, want 54000 to 240000", b.min, b.max)
	}
	if r := (SizeRange{MinKB: 100}).AtMostCompressed(600, 600, 20); r.MinKB != 100 {
		t.Errorf("MinKB = %v, want 100", r.MinKB)
	}
}

// A head's edge on red: with halved chroma the red beside it is darker than it should be.
func TestFullChromaKeepsTheEdgeOfRed(t *testing.T) {
	red, hair := color.RGBA{255, 0, 0, 255}, color.RGBA{30, 25, 20, 255}
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			m.SetRGBA(x, y, red)
			if x+y/3 > 41 {
				m.SetRGBA(x, y, hair)
			}
		}
	}
	worst := func(c Chroma) (off int) {
		got, err := jpeg.Decode(bytes.NewReader(newSpectrum(m, c).encode(95, 300)))
		if err != nil {
			t.Fatal(err)
		}
		for y := range 64 {
			for x := range 64 {
				want := m.RGBAAt(x, y)
				c := color.RGBAModel.Convert(got.At(x, y)).(color.RGBA)
				off = max(off, absInt(int(c.R)-int(want.R)), absInt(int(c.G)-int(want.G)))
			}
		}
		return off
	}
	full, half := worst(FullChroma), worst(HalfChroma)
	t.Logf("worst pixel: full chroma %d levels off, halved %d", full, half)
	if full > 25 || half < 2*full {
		t.Errorf("full chroma is %d levels off at worst, want at most 25 and half of halved chroma's %d", full, half)
	}
}

func absInt(v int) int { return max(v, -v) }

func BenchmarkFitJPEG(b *testing.B) {
	m := portraitOr(b)
	for _, want := range []SizeRange{{20, 30}, {10, 14}, {0, 20}, {900, 1000}} {
		b.Run(fmt.Sprintf("%vto%vKB", want.MinKB, want.MaxKB), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := FitJPEG(m, 300, want, 0, 100); err != nil && want.MinKB < 900 {
					b.Fatal(err)
				}
			}
		})
	}
}

// portraitOr returns a portrait of 295 x 413 pixels, or skips.
func portraitOr(b *testing.B) *image.RGBA {
	data, err := os.ReadFile(filepath.Join(photoDir(), "s01_astronaut.png"))
	if err != nil {
		b.Skip("no photos beside the project: PHOTOS_DIR names a folder of them")
	}
	p, err := Decode(data, nil)
	if err != nil {
		b.Fatal(err)
	}
	return p.Reduce(image.Rect(80, 0, 375, 413), 1)
}
