package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBatchMakesPhotosOfAFolder runs the command as an office would, twice.
func TestBatchMakesPhotosOfAFolder(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "photos")
	for from, to := range map[string]string{"s17_hopper.jpg": "张三.jpg", "s01_astronaut.png": "李四.png", "s15_noface_coffee.png": "coffee.png"} {
		data, err := os.ReadFile("../pipeline/testdata/" + from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"已制作 2 张证件照", "2 张证件照在之前运行时已完成"} {
		var said bytes.Buffer
		err := run(t.Context(), []string{"batch", dir, "-o", out, "--size", "一寸", "--background", "white", "--lang", "zh"}, &said)
		if err == nil || !strings.Contains(err.Error(), "1 张照片未能制作") {
			t.Errorf("the command ends with %v, although a picture has no photo", err)
		}
		if !strings.Contains(said.String(), want) || !strings.Contains(said.String(), "coffee.png: 照片中没有找到人脸。") {
			t.Errorf("it says %s", &said)
		}
	}
	for _, name := range []string{"张三.jpg", "李四.jpg"} {
		if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || !bytes.HasPrefix(data, []byte("\xff\xd8\xff")) {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "coffee.png")); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := run(t.Context(), []string{"batch", dir, "-o", out, "--size", "一寸", "--background", "white"}, &said); err != nil {
		t.Errorf("without failures the command ends with %v", err)
	}
	if err := run(t.Context(), []string{"batch", dir, "-o", out, "--size", "no-such"}, &said); err == nil || !strings.Contains(err.Error(), "unknown_size") {
		t.Errorf("with an unknown size it ends with %v", err)
	}
}

// TestBatchMakesPhotosAsWished: other wishes are another order, and the file has the size asked for.
func TestBatchMakesPhotosAsWished(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "photos")
	data, err := os.ReadFile(hopper)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.jpg"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		wishes []string
		said   string
		most   int
	}{
		{nil, "1 photo made", 1 << 20},
		{[]string{"--size-kb=-20", "--skin", "30"}, "1 photo made", 20 << 10},
		{[]string{"--size-kb=-20", "--skin", "30"}, "1 photo was there", 20 << 10},
	} {
		var said bytes.Buffer
		if err := run(t.Context(), append([]string{"batch", dir, "-o", out}, step.wishes...), &said); err != nil || !strings.Contains(said.String(), step.said) {
			t.Fatalf("with %v it says %s%v", step.wishes, &said, err)
		}
		if photo, err := os.ReadFile(filepath.Join(out, "a.jpg")); err != nil || len(photo) > step.most {
			t.Errorf("with %v the photo has %d bytes, %v", step.wishes, len(photo), err)
		}
	}
	if err := run(t.Context(), []string{"batch", dir, "-o", out, "--size", "us-passport", "--skin", "30"}, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "edit_forbidden") {
		t.Errorf("a touch-up that is forbidden: %v", err)
	}
}
