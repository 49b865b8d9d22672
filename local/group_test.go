package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAGroupPictureBecomesFilesByPlace(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"group", "../pipeline/testdata/s01_astronaut.png", "-o", filepath.Join(dir, "photos"), "--background", "transparent"}, &out); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "photos", "person-01.png")); err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
		t.Errorf("person-01.png: %v", err)
	}
	if !strings.Contains(out.String(), "person-01 (1/1)") || !strings.Contains(out.String(), "1/1: ") {
		t.Errorf("it said %q", out.String())
	}
}

func TestAPictureOfNobodyIsNoGroup(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"group", "../pipeline/testdata/s15_noface_coffee.png", "-o", t.TempDir()}, &out)
	if err == nil || !strings.Contains(err.Error(), "(no_face)") {
		t.Errorf("group = %v, want no_face", err)
	}
}
