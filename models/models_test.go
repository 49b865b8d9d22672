package models

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestManifestNamesEveryFile(t *testing.T) {
	ms, err := Manifest()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(ms) {
		t.Errorf("%d .onnx files, %d entries in the manifest", len(files), len(ms))
	}
	for _, m := range ms {
		data, err := read(".", m.Name)
		if err != nil {
			t.Error(err)
		}
		if int64(len(data)) != m.Bytes {
			t.Errorf("%s: %d bytes, the manifest says %d", m.Name, len(data), m.Bytes)
		}
		if m.Licence == "" || m.Source.Member == "" || m.MadeBy == "" || m.Input == "" || m.Output == "" {
			t.Errorf("%s: the manifest leaves something out: %+v", m.Name, m)
		}
	}
}

func TestWrongOrMissingFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, IrisLandmark)
	if _, err := read(dir, IrisLandmark); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: error %v does not name %s", err, path)
	}
	data, err := os.ReadFile(IrisLandmark)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(dir, IrisLandmark); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("one changed bit: error %v does not name %s", err, path)
	}
}

func TestEverySessionOpensAndRuns(t *testing.T) {
	r := open(t, &Options{Provider: CPU})
	for name, shape := range map[string][]int64{
		MODNet:             {1, 3, 64, 64},
		MODNetInt8:         {1, 3, 64, 64},
		CenterFace:         {1, 3, 64, 64},
		FaceLandmark:       {1, 192, 192, 3},
		IrisLandmark:       {1, 64, 64, 3},
		SelfieSegmentation: {1, 256, 256, 3},
	} {
		s, err := r.Session(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := s.Run(Float32(shape...)); err != nil {
			t.Error(err)
		}
	}
}

// The library that comes with the project has no CUDA: asking for it must stop the start, and
// auto must say that it took the CPU and why.
func TestProviderIsNeverSilentlyAnother(t *testing.T) {
	r, err := Open(&Options{Provider: CUDA})
	if err == nil {
		r.Close()
		t.Skip("CUDA works here")
	}
	if !strings.Contains(err.Error(), "cuda") {
		t.Errorf("error %v does not name cuda", err)
	}
	auto := open(t, &Options{Provider: Auto})
	if p, why := auto.Provider(); p != CPU || !strings.Contains(why, "CUDA") {
		t.Errorf("auto took %s because %q, want cpu because CUDA cannot be used", p, why)
	}
	if _, err := Open(&Options{Provider: "tpu"}); err == nil {
		t.Error("an unknown provider was accepted")
	}
}

func open(t *testing.T, o *Options) *Runtime {
	t.Helper()
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
