package batch

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"runtime"
	"testing"
)

// weighing measures the living heap whenever a picture is stored, and keeps none.
type weighing struct {
	peak  uint64
	count int
}

func (w *weighing) Write(_ context.Context, key, _ string, _ []byte) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.peak = max(w.peak, m.HeapAlloc)
	w.count++
	return nil
}

func (w *weighing) Read(context.Context, string, int64) ([]byte, error) { panic("nothing is read") }
func (w *weighing) DeletePrefix(context.Context, string) error          { return nil }

// TestABatchHoldsOnePictureAtATime sends 30 pictures of 4 MB, by themselves and packed.
func TestABatchHoldsOnePictureAtATime(t *testing.T) {
	const count = 30
	big := noise(1000, 1000)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, fill := range map[string]func(*multipart.Writer){
		"by themselves": func(form *multipart.Writer) {
			for range count {
				part, _ := form.CreateFormFile("image", "a.png")
				part.Write(big)
			}
		},
		"packed": func(form *multipart.Writer) {
			part, _ := form.CreateFormFile("archive", "a.zip")
			archive := zip.NewWriter(part)
			for range count {
				file, _ := archive.CreateHeader(&zip.FileHeader{Name: "a.png", Method: zip.Store})
				file.Write(big)
			}
			archive.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := start(t, nil), &weighing{}
			s.function.blobs = store
			body, write := io.Pipe()
			form := multipart.NewWriter(write)
			go func() {
				fill(form)
				write.CloseWithError(form.Close())
			}()
			r := httptest.NewRequest("POST", "/api/v1/batches", body)
			r.Header.Set("Content-Type", form.FormDataContentType())
			if a := s.send(t, r); a.status != 202 || store.count != count+1 || !bytes.Contains(a.raw, []byte(`"total":30`)) {
				t.Fatalf("answer is %d %s after %d blobs", a.status, a.raw, store.count)
			}
			if grown := int64(store.peak) - int64(before.HeapAlloc); grown > 24<<20 {
				t.Errorf("the heap grew by %d MB for pictures of %d MB", grown>>20, len(big)>>20)
			}
		})
	}
}
