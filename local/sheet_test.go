package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idphoto/pipeline/picture"
)

func TestSheetCommand(t *testing.T) {
	folder := t.TempDir()
	photo := filepath.Join(folder, "a.jpg")
	data, err := picture.EncodeJPEG(image.NewRGBA(image.Rect(0, 0, 295, 413)), 90, 300)
	if err == nil {
		err = os.WriteFile(photo, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	local := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"sheet"}, args...), &out)
		return out.String(), err
	}
	jpg, pdf := filepath.Join(folder, "s.jpg"), filepath.Join(folder, "s.pdf")
	said, err := local(photo+":4", photo, "--paper", "5寸", "--gap", "1", "--margin", "2", "-o", jpg)
	if err != nil || !strings.Contains(said, "4 of "+photo) || !strings.Contains(said, "6 of "+photo) {
		t.Errorf("said %q, %v", said, err)
	}
	data, err = os.ReadFile(jpg)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != 1051 || c.Height != 1500 {
		t.Errorf("the sheet is %d x %d, %v", c.Width, c.Height, err)
	}
	if _, err := local(photo, "--size", "1-inch", "--paper", "A4", "-o", pdf); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(pdf); err != nil || !bytes.HasPrefix(data, []byte("%PDF-")) {
		t.Errorf("no PDF: %.20q, %v", data, err)
	}
	for want, args := range map[string][]string{
		"do not fit":     {photo + ":99", "-o", jpg},
		"out of range":   {photo, "--size", "jp-visa-45x45", "-o", jpg}, // another shape
		".jpg or .pdf":   {photo, "-o", filepath.Join(folder, "s.bmp")},
		"no such file":   {photo + "x", "-o", jpg},
		"paper is out o": {photo, "--paper", "A0", "-o", jpg},
	} {
		if _, err := local(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
