package main

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"testing"
)

func TestContactSheets(t *testing.T) {
	dir, sheets := t.TempDir(), t.TempDir()
	for _, name := range []string{"s15_noface_coffee.png", "s17_hopper.jpg"} {
		data, err := os.ReadFile(filepath.Join("../pipeline/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(data))
	}
	writeFile(t, filepath.Join(dir, "broken.jpg"), "no picture")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"contact", dir, "-o", sheets, "--rows", "2"}, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	second := openSheet(t, filepath.Join(sheets, "contact-02.jpg")) // s17_hopper alone
	if want := newContactSheet(1).img.Rect; second.Bounds() != want {
		t.Errorf("the second sheet is %v, want one row: %v", second.Bounds(), want)
	}
	// The photos' upper corners show the colours that they were laid on.
	for k, want := range contactColours {
		p := newContactSheet(1).cell(0, 1+k).Min
		r, g, b, _ := second.At(p.X+4, p.Y+4).RGBA()
		for i, v := range [3]int{int(r >> 8), int(g >> 8), int(b >> 8)} {
			if c := int([3]uint8{want.R, want.G, want.B}[i]); v < c-24 || v > c+24 {
				t.Errorf("photo %d has corner %d,%d,%d, want %v", k, r>>8, g>>8, b>>8, want)
				break
			}
		}
	}
}

func openSheet(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
