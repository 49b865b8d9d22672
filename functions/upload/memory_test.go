package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

// stream is a body that a client sends on and on.
type stream struct {
	io.Reader
	given atomic.Int64 // the client may still be reading when its answer is there
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	s.given.Add(int64(n))
	return n, err
}

// TestALargeBodyIsRefusedWhileItStreams sends 200 MB through a real server. Whether the client
// declares that or not, no more than the limit is read, give or take what is on its way, and not much more allocated.
func TestALargeBodyIsRefusedWhileItStreams(t *testing.T) {
	const size = 200 << 20
	s := start(t, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	client := server.Client()
	client.Timeout = time.Minute
	for name, tc := range map[string]struct {
		declared        int64
		read, allocated uint64
	}{
		"length declared":     {size, 8 << 20, 16 << 20},
		"length not declared": {-1, 40 << 20, 32 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			var head bytes.Buffer
			form := multipart.NewWriter(&head)
			form.CreateFormFile("image", "x.jpg")
			body := &stream{Reader: io.LimitReader(io.MultiReader(bytes.NewReader(head.Bytes()), jpegs{}), size)}
			r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/api/v1/generate", body)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = tc.declared
			r.Header.Set("Content-Type", form.FormDataContentType())

			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var problem struct{ Code string }
			if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if resp.StatusCode != 413 || problem.Code != "too_large" {
				t.Errorf("answer is %d %s, want 413 too_large", resp.StatusCode, problem.Code)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > tc.allocated {
				t.Errorf("%d MB were allocated, want at most %d", allocated>>20, tc.allocated>>20)
			}
			if uint64(body.given.Load()) > tc.read {
				t.Errorf("%d MB were taken, want at most %d", body.given.Load()>>20, tc.read>>20)
			}
			t.Logf("%.1f MB taken, %.1f MB allocated", float64(body.given.Load())/(1<<20), float64(after.TotalAlloc-before.TotalAlloc)/(1<<20))
		})
	}
	s.keptNothing(t)
}

func TestWhatIsNoPictureIsRefusedByItsFirstBytes(t *testing.T) {
	s := start(t, nil)
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	form.CreateFormFile("image", "x.jpg")
	text := &endless{}
	r := httptest.NewRequest("POST", "/api/v1/generate", io.MultiReader(&head, text))
	r.Header.Set("Content-Type", form.FormDataContentType())
	if a := s.send(t, r); a.code() != "unsupported_type" || text.given > 256<<10 {
		t.Errorf("answer is %d %s after %d bytes, want unsupported_type at once", a.status, a.code(), text.given)
	}
	s.keptNothing(t)
}

// jpegs looks like a picture at its beginning, so that nothing but its size can be objected to.
type jpegs struct{}

func (jpegs) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = "\xff\xd8\xff\xe0"[i%4]
	}
	return len(b), nil
}

// TestPicturesTogetherAreBounded: while two slow uploads hold all the memory there is, a third is
// turned away without being read; when one leaves, there is room again.
func TestPicturesTogetherAreBounded(t *testing.T) {
	s := start(t, &Options{MaxImageBytes: 1 << 20, Memory: semaphore.NewWeighted(2 << 20)})
	release := make(chan struct{})
	finished := make(chan int, 2)
	begun := make(chan struct{}, 2)
	for range 2 {
		go func() {
			r := submission(field{"image", picturePNG})
			r.ContentLength = -1
			r.Body = io.NopCloser(&gated{Reader: r.Body, begun: begun, release: release})
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			finished <- w.Code
		}()
	}
	<-begun
	<-begun
	unread := &endless{}
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "/api/v1/generate", unread)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	a := s.send(t, r)
	if a.status != 503 || a.code() != "busy" || a.header.Get("Retry-After") == "" || unread.given != 0 {
		t.Errorf("answer is %d %v after %d bytes, want 503 busy after none", a.status, a.body, unread.given)
	}
	close(release)
	for range 2 {
		if code := <-finished; code != 202 {
			t.Errorf("a slow upload got %d", code)
		}
	}
	if a := s.send(t, submission(field{"image", picturePNG})); a.status != 202 {
		t.Errorf("with room again the answer is %d %v", a.status, a.body)
	}
}

// gated is a body whose client pauses before the first byte.
type gated struct {
	io.Reader
	begun, release chan struct{}
	open           bool
}

func (g *gated) Read(b []byte) (int, error) {
	if !g.open {
		g.open = true
		g.begun <- struct{}{}
		<-g.release
	}
	return g.Reader.Read(b)
}
