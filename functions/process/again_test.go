package process

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	_ "image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"idphoto/functions/again"
	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/status"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// engine is the real pipeline, for what others only imitate.
func engine(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// portrait makes a task of a real portrait and does it.
func (s *service) portrait(t *testing.T) queue.Task {
	t.Helper()
	id, message := s.submit(t)
	data, err := os.ReadFile("../../pipeline/testdata/s17_hopper.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Write(t.Context(), photo.OriginalKey(id), "image/jpeg", data); err != nil {
		t.Fatal(err)
	}
	s.process(t, message)
	task := s.task(t, id)
	if task.State != queue.Succeeded {
		t.Fatalf("task is %s %s %s", task.State, task.Code, task.Detail)
	}
	return task
}

// another makes a task of another photo of t's picture, as upload does.
func (s *service) another(t *testing.T, of queue.Task, change func(*photo.Order)) (id string, message []byte) {
	t.Helper()
	order, err := again.Order(of)
	if err != nil {
		t.Fatal(err)
	}
	change(&order)
	chosen, err := photo.Choose(order)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := again.Prepare(t.Context(), s.store, of, chosen)
	if err != nil {
		t.Fatal(err)
	}
	fresh.MaxAttempts = 2
	if fresh, _, err = s.ledger.Create(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	return fresh.ID, queue.MessageOf(fresh).Encode()
}

// stages of the task's last attempt.
func (s *service) stages(t *testing.T, id string) string {
	t.Helper()
	attempts, err := s.ledger.Attempts(t.Context(), id)
	if err != nil || len(attempts) == 0 {
		t.Fatalf("attempts are %v, %v", attempts, err)
	}
	var names []string
	for _, stage := range attempts[len(attempts)-1].Stages {
		names = append(names, stage.Name)
	}
	return strings.Join(names, " ")
}

func (s *service) delete(t *testing.T, key string) {
	t.Helper()
	if _, err := s.store.Read(t.Context(), key, 64<<20); err != nil {
		t.Fatalf("%s is not there: %v", key, err)
	}
	if err := s.store.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}

// corner is the photo's upper left pixel.
func (s *service) corner(t *testing.T, task queue.Task) [3]uint32 {
	t.Helper()
	data, err := s.store.Read(t.Context(), photo.Key(task.ResultPrefix, photo.Photo), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, _ := img.At(2, 2).RGBA()
	return [3]uint32{r >> 8, g >> 8, b >> 8}
}

// TestAnotherPhotoIsMadeWithoutTheOriginal of what the first task found, and a third one of what the
// second one kept.
func TestAnotherPhotoIsMadeWithoutTheOriginal(t *testing.T) {
	s := startWith(t, engine(t))
	task := s.portrait(t)
	if got := s.stages(t, task.ID); got != "fetch decode detect landmarks matte geometry check compose encode store" {
		t.Errorf("stages of the first photo are %q", got)
	}
	s.delete(t, task.InputKey)
	for _, color := range []string{"red", "blue"} {
		id, message := s.another(t, task, func(o *photo.Order) { o.Background = color })
		s.process(t, message)
		task = s.task(t, id)
		if task.State != queue.Succeeded {
			t.Fatalf("%s: task is %s %s", color, task.State, task.Code)
		}
		if got := s.stages(t, id); got != "fetch recall geometry check compose encode store" {
			t.Errorf("%s: stages are %q", color, got)
		}
		if c := s.corner(t, task); color == "red" && (c[0] < 250 || c[2] > 5) || color == "blue" && (c[2] < 210 || c[0] > 75) {
			t.Errorf("%s: the corner is %v", color, c)
		}
	}
}

func TestWhatAnAnalysisDoesNotServeNeedsTheOriginal(t *testing.T) {
	s := startWith(t, engine(t))
	first := s.portrait(t)
	original := func(o *photo.Order) { o.Background = "original" }
	id, message := s.another(t, first, original)
	s.process(t, message)
	if task := s.task(t, id); task.State != queue.Succeeded || s.stages(t, id) != "fetch recall decode geometry check compose encode store" {
		t.Errorf("task is %s %s with stages %q", task.State, task.Code, s.stages(t, id))
	}
	id, message = s.another(t, first, original)
	s.delete(t, photo.OriginalKey(id))
	s.process(t, message)
	if task := s.task(t, id); task.State != queue.Dead || task.Code != "original_gone" {
		t.Errorf("without the original the task is %s %s, want dead original_gone", task.State, task.Code)
	}
}

// An analysis that another version wrote, or that is damaged, is as none.
func TestAnUnreadableAnalysisIsAsNone(t *testing.T) {
	s := startWith(t, engine(t))
	first := s.portrait(t)
	red := func(o *photo.Order) { o.Background = "red" }
	for _, gone := range []bool{false, true} {
		id, message := s.another(t, first, red)
		if err := s.store.Write(t.Context(), photo.AnalysisKey(queue.TaskPrefix(id)), "", []byte("another version's")); err != nil {
			t.Fatal(err)
		}
		if gone {
			s.delete(t, photo.OriginalKey(id))
		}
		s.process(t, message)
		task := s.task(t, id)
		if !gone && (task.State != queue.Succeeded || !strings.HasPrefix(s.stages(t, id), "fetch decode detect")) {
			t.Errorf("task is %s %s with stages %q", task.State, task.Code, s.stages(t, id))
		}
		if gone && (task.State != queue.Dead || task.Code != "original_gone") {
			t.Errorf("without the original the task is %s %s, want dead original_gone", task.State, task.Code)
		}
	}
}

// A doubtful cut is kept until somebody has looked at it: the task is rejected, its parts stay, and
// once it is accepted the customer gets them.
func TestAHeldPhotoIsAcceptedLater(t *testing.T) {
	s := start(t, func(context.Context, []byte, pipeline.Request) (*pipeline.Result, error) {
		return &pipeline.Result{Photo: []byte("photo"), PhotoType: "image/jpeg", Cutout: []byte("cutout"), Analysis: []byte("analysis"),
			Report: &pipeline.Report{}, Held: fault.New(fault.MatteUncertain, nil, "disagreement", .2)}, nil
	})
	id, message := s.submit(t)
	s.process(t, message)
	task := s.task(t, id)
	if task.State != queue.Rejected || task.Code != fault.MatteUncertain || string(task.Detail) != `{"disagreement":0.2}` || task.Attempts != 1 {
		t.Fatalf("task is %s %s %s after %d attempts", task.State, task.Code, task.Detail, task.Attempts)
	}
	if task.ResultPrefix == "" || len(photo.ResultOf(task).Parts) != 3 {
		t.Fatalf("the task keeps %s under %q", task.Result, task.ResultPrefix)
	}
	for _, part := range []photo.Part{photo.Photo, photo.Cutout, photo.Report} {
		if _, err := s.store.Read(t.Context(), photo.Key(task.ResultPrefix, part), 1<<20); err != nil {
			t.Errorf("%s: %v", part, err)
		}
	}
	customer := api.New(api.Options{Log: slog.New(slog.DiscardHandler)}, status.New(s.ledger, s.store, nil).Routes()...)
	if w := ask(customer, "/result/"+id); w.Code == http.StatusOK {
		t.Errorf("before somebody has looked the result is %d %s", w.Code, w.Body)
	}
	if v := view(t, customer, id); v["status"] != "FAILURE" || v["result_available"] != false {
		t.Errorf("before somebody has looked the status is %v", v)
	}
	if _, err := s.ledger.Accept(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := view(t, customer, id); v["status"] != "SUCCESS" || v["result_available"] != true || v["error"] != nil {
		t.Errorf("accepted, the status is %v", v)
	}
	if w := ask(customer, "/result/"+id); w.Code != http.StatusOK || w.Body.String() != "photo" {
		t.Errorf("accepted, the result is %d %s", w.Code, w.Body)
	}
	if w := ask(customer, "/result/"+id+"?part=analysis"); w.Code != http.StatusNotFound {
		t.Errorf("the analysis is handed out: %d", w.Code)
	}
}

func ask(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1"+path, nil))
	return w
}

func view(t *testing.T, h http.Handler, id string) (v map[string]any) {
	t.Helper()
	w := ask(h, "/status/"+id)
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("status is %d %s", w.Code, w.Body)
	}
	return v
}

// Nobody keeps an analysis of the canary's picture, nor one of a person of a group: it knows nothing
// of the neighbours.
func TestWhoseAnalysisIsKept(t *testing.T) {
	var kept []bool
	s := start(t, func(ctx context.Context, data []byte, req pipeline.Request) (*pipeline.Result, error) {
		kept = append(kept, req.Keep)
		return photos(ctx, data, req)
	})
	for _, tc := range []struct{ label, options string }{
		{"us-51x51", `{"size":"us-51x51","background":"#FFFFFF"}`},
		{photo.CanaryLabel, `{"size":"us-51x51","background":"#FFFFFF"}`},
		{"us-51x51", `{"size":"us-51x51","background":"#FFFFFF","person":{"number":2,"row":1,"seat":2,"at":{"x":0.5,"y":0.5}}}`},
	} {
		id := queue.NewID()
		task := queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Express, Label: tc.label, MaxAttempts: 2, InputKey: photo.OriginalKey(id), Options: json.RawMessage(tc.options)}
		if err := s.store.Write(t.Context(), task.InputKey, "image/png", original()); err != nil {
			t.Fatal(err)
		}
		task, _, err := s.ledger.Create(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		s.process(t, queue.MessageOf(task).Encode())
	}
	if len(kept) != 3 || !kept[0] || kept[1] || kept[2] {
		t.Errorf("kept: %v, want only the first", kept)
	}
}
