package jpegdec

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// files returns the JPEGs of the folder, by name; testdata/make.py drew them.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	all := make(map[string][]byte)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = data
	}
	return all
}

// planes returns the samples of the visible part of a picture, channel by channel.
func planes(t testing.TB, img image.Image) (p [][]byte) {
	t.Helper()
	cut := func(pix []byte, stride, w, h int) {
		var seen []byte
		for y := range h {
			seen = append(seen, pix[y*stride:y*stride+w]...)
		}
		p = append(p, seen)
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	switch m := img.(type) {
	case *image.Gray:
		cut(m.Pix, m.Stride, w, h)
	case *image.YCbCr:
		cut(m.Y, m.YStride, w, h)
		cw, ch := m.COffset(w-1, 0)+1, m.COffset(0, h-1)/m.CStride+1
		cut(m.Cb, m.CStride, cw, ch)
		cut(m.Cr, m.CStride, cw, ch)
	default:
		t.Fatalf("a %T", img)
	}
	return p
}

// same compares two pictures: every sample is within a level.
func same(t testing.TB, name string, got, want image.Image) {
	t.Helper()
	if got.Bounds() != want.Bounds() || got.ColorModel() != want.ColorModel() {
		t.Fatalf("%s: a %T of %v, want a %T of %v", name, got, got.Bounds(), want, want.Bounds())
	}
	a, b := planes(t, got), planes(t, want)
	for c := range b {
		if len(a[c]) != len(b[c]) {
			t.Fatalf("%s: channel %d has %d samples, want %d", name, c, len(a[c]), len(b[c]))
		}
		for i := range b[c] {
			if d := int(a[c][i]) - int(b[c][i]); d < -1 || d > 1 {
				t.Fatalf("%s: channel %d, sample %d is %d, image/jpeg has %d", name, c, i, a[c][i], b[c][i])
			}
		}
	}
}

func TestSamplesAreThoseOfTheStandardLibrary(t *testing.T) {
	for name, data := range files(t) {
		want, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := Decode(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, name, got, want)
	}
}

// Whatever is cut off, decoding ends with an error or a whole picture, and never panics.
func TestCutAndSpoiledFilesAreErrors(t *testing.T) {
	for name, data := range files(t) {
		for n := 0; n < len(data)-2; n += 7 {
			if img, err := Decode(data[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are a picture of %v", name, n, len(data), img.Bounds())
			}
		}
		scan := bytes.LastIndex(data, []byte{0xff, markSOS})
		short := append(bytes.Clone(data[:scan+14]), 0xff, markEOI) // its scan ends where it begins
		if _, err := Decode(short); !errors.Is(err, errBroken) {
			t.Errorf("%s without its last scan: %v", name, err)
		}
	}
}

func TestGarbageBeforeARestartMarkerIsPassedBy(t *testing.T) {
	data := files(t)["422-restart.jpg"]
	at := bytes.Index(data, []byte{0xff, markRST0 + 2})
	want, err := Decode(data)
	if err != nil || at < 0 {
		t.Fatal(at, err)
	}
	got, err := Decode(bytes.Join([][]byte{data[:at], {1, 2, 3}, data[at:]}, nil))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "with garbage", got, want)
	if _, err := Decode(bytes.Replace(data, []byte{0xff, markRST0 + 2}, []byte{0xff, markRST0 + 5}, 1)); !errors.Is(err, errBroken) {
		t.Errorf("with another marker: %v", err)
	}
}

func TestOtherKindsAreUnsupported(t *testing.T) {
	data := files(t)["420.jpg"]
	frame := bytes.Index(data, []byte{0xff, markSOF0})
	for name, change := range map[string]func([]byte){
		"12 bits":                func(f []byte) { f[4] = 12 },
		"three samples across":   func(f []byte) { f[11] = 0x31 },
		"colours sampled doubly": func(f []byte) { f[14] = 0x21 },
	} {
		other := bytes.Clone(data)
		change(other[frame:])
		if _, err := Decode(other); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCosines(t *testing.T) {
	for k, c := range map[float64]float64{1: c1, 2: c2, 3: c3, 5: c5, 6: c6, 7: c7} {
		if want := math.Round(math.Sqrt2 * math.Cos(k*math.Pi/16) * (1 << cosineBits)); c != want {
			t.Errorf("c%v = %v, want %v", k, c, want)
		}
	}
}

// TestSamplesAreExact compares blocks with the transform as it is defined, in floating point.
func TestSamplesAreExact(t *testing.T) {
	for _, at := range [][]uint8{{0}, {1}, {8}, {63}, {0, 1, 8, 9}, {0, 2, 3, 16, 24}, {0, 4, 32, 60}, {0, 7, 56, 63}, {5, 12, 40, 50}} {
		for _, size := range []int32{3, -40, 200} {
			var b coefs
			var want [64]float64
			for i, k := range at {
				v := size * int32(1-2*(i%2))
				b.set(k, v)
				for y := range 8 {
					for x := range 8 {
						want[8*y+x] += float64(v) * basis(int(k&7), x) * basis(int(k>>3), y)
					}
				}
			}
			var got [64]byte
			b.samples(got[:], 8)
			for i, v := range want {
				if v = min(max(v+128, 0), 255); math.Abs(float64(got[i])-v) > .6 {
					t.Fatalf("coefficients %v of %d: sample %d is %d, want %.2f", at, size, i, got[i], v)
				}
			}
		}
	}
}

func basis(k, x int) float64 {
	c := .5
	if k == 0 {
		c = math.Sqrt(1. / 8)
	}
	return c * math.Cos(float64(2*x+1)*float64(k)*math.Pi/16)
}

// Whatever is in a file, decoding ends, with an error or a picture of the size that the header says.
func FuzzDecode(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || cfg.Width*cfg.Height > 1<<16 {
			return
		}
		got, err := Decode(data)
		if err != nil {
			return
		}
		if got.Bounds().Dx() != cfg.Width || got.Bounds().Dy() != cfg.Height {
			t.Fatalf("%v, want %d x %d", got.Bounds(), cfg.Width, cfg.Height)
		}
		planes(t, got)
	})
}

func BenchmarkDecode(b *testing.B) {
	for name, data := range files(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
