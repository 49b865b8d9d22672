package picture

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
)

// photoDir is where portraits are shared beside the project, unless PHOTOS_DIR says otherwise.
func photoDir() string {
	if dir := os.Getenv("PHOTOS_DIR"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "photos")
}

// photoNames lists the pictures in a folder; none when it is absent.
func photoNames(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".png", ".webp", ".heic":
			names = append(names, e.Name())
		}
	}
	return names
}

// photos returns the paths of the portraits, or skips.
func photos(t testing.TB) (paths []string) {
	t.Helper()
	dir := photoDir()
	for _, name := range photoNames(dir) {
		paths = append(paths, filepath.Join(dir, name))
	}
	if len(paths) == 0 {
		t.Skip("no photos beside the project: PHOTOS_DIR names a folder of them")
	}
	return paths
}

func TestEveryPhotoDecodes(t *testing.T) {
	for _, path := range photos(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, nil)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		w, h := p.Bounds()
		factor := max(1, max(w, h)/480)
		small := p.Reduce(image.Rect(0, 0, w, h), factor)
		want := image.Pt((w+factor-1)/factor, (h+factor-1)/factor)
		if small.Rect.Size() != want {
			t.Errorf("%s: %v, want %v", filepath.Base(path), small.Rect, want)
		}
		if flatPicture(small) {
			t.Errorf("%s: nothing but one colour", filepath.Base(path))
		}
		t.Logf("%s: %+v", filepath.Base(path), p.Info())
	}
}

func flatPicture(m *image.RGBA) bool {
	for i, v := range m.Pix {
		if v != m.Pix[i%4] {
			return false
		}
	}
	return true
}

// PeakBytes must not promise less than the decoders take. The estimate leaves out only buffers
// that do not grow with the picture.
func TestDecodeStaysWithinPeakBytes(t *testing.T) {
	for name, data := range peakFiles(t) {
		info, err := Inspect(data, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		const fixed = 200 << 10
		if got := int64(allocated(func() { Decode(data, nil) })); got > info.PeakBytes+fixed {
			t.Errorf("%s: decoding allocates %d bytes, PeakBytes is %d", name, got, info.PeakBytes)
		}
	}
}

// peakFiles are pictures of some size in the formats that Go can write, and the photos.
func peakFiles(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	for name, img := range noisePictures(700, 500) {
		switch img.(type) {
		case *image.Gray, *image.Gray16, *image.NRGBA, *image.NRGBA64, *image.Paletted:
			files["png "+name] = asPNG(t, img)
		}
		var b bytes.Buffer
		switch m := img.(type) {
		case *image.Gray, *image.NRGBA, *image.NRGBA64:
			if err := tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate}); err != nil {
				t.Fatal(err)
			}
			files["tiff "+name] = b.Bytes()
		case *image.Paletted:
			files["gif"] = asGIF(t, m.Rect, m)
		case *image.CMYK, uniform:
			continue
		default:
			files["jpeg "+name] = asJPEG(t, m)
		}
	}
	dir := photoDir()
	for _, name := range photoNames(dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

func BenchmarkDecode(b *testing.B) {
	for _, path := range photos(b) {
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "s06") && !strings.HasPrefix(name, "s10") && !strings.HasPrefix(name, "s01") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Inspect/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Inspect(data, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
