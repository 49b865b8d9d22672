package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/queue"
)

// memory is ledger and store of a fuzz run: it only counts.
type memory struct {
	mu    sync.Mutex
	tasks map[string]queue.Task
	blobs map[string]int
}

func (m *memory) Submit(_ context.Context, t queue.Task) (queue.Task, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tasks[t.ID] = t
	return t, true, nil
}

func (m *memory) Get(_ context.Context, id string) (queue.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tasks[id]
	if !ok {
		return t, queue.ErrNotFound
	}
	return t, nil
}

func (m *memory) FindFinished(context.Context, string) (queue.Task, error) {
	return queue.Task{}, queue.ErrNotFound
}

func (m *memory) Read(context.Context, string, int64) ([]byte, error) { return nil, blobs.ErrNotExist }

func (m *memory) Write(_ context.Context, key, _ string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[key] = len(data)
	return nil
}

func (m *memory) DeletePrefix(_ context.Context, prefix string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, prefix+"original")
	return nil
}

// FuzzGenerate sends what strangers may send. Whatever it is, the answer is a 202 whose picture and
// row are there, or a problem with a code of the table that is the client's fault, and nothing kept.
func FuzzGenerate(f *testing.F) {
	for name, tc := range bad {
		if name == "144 MP PNG of one colour" || name == "picture above the limit" {
			continue // too slow to make in every worker
		}
		r := tc.request()
		if r.ContentLength > 1<<20 || r.Body == nil {
			continue
		}
		body, _ := io.ReadAll(r.Body)
		if len(body) < 1<<16 {
			f.Add(r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key"), body)
		}
	}
	good := submission(field{"size", []byte("1-inch")}, field{"image", picturePNG})
	body, _ := io.ReadAll(good.Body)
	f.Add(good.Header.Get("Content-Type"), "key", body)

	kept := &memory{tasks: map[string]queue.Task{}, blobs: map[string]int{}}
	quiet := slog.New(slog.DiscardHandler)
	function := New(kept, kept, kept, &Options{MaxImageBytes: 64 << 10, MaxPixels: 1 << 20, Log: quiet})
	h := api.New(api.Options{Log: quiet}, function.Routes()...)
	f.Fuzz(func(t *testing.T, contentType, key string, body []byte) {
		r := httptest.NewRequest("POST", "/api/v1/generate", bytes.NewReader(body))
		r.Header["Content-Type"] = []string{contentType}
		if key != "" {
			r.Header["Idempotency-Key"] = []string{key}
		}
		w := httptest.NewRecorder()
		before := len(kept.tasks)
		h.ServeHTTP(w, r)
		if len(kept.tasks) != len(kept.blobs) {
			t.Fatalf("%d rows and %d pictures", len(kept.tasks), len(kept.blobs))
		}
		if w.Code == 202 {
			if len(kept.tasks) != before+1 {
				t.Fatal("accepted, but not kept")
			}
			return
		}
		var answer struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("answer %d is no JSON: %q", w.Code, w.Body)
		}
		if _, known := problem.Lookup(answer.Code); !known || w.Code < 400 || w.Code > 499 || len(kept.tasks) != before {
			t.Fatalf("answer is %d %s", w.Code, w.Body)
		}
	})
}
