package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
)

// serve starts what `go run ./local` starts, on a free port.
func serve(t *testing.T, c Config) *Server {
	t.Helper()
	c.Addr, c.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return s
}

// submit uploads a picture of the pipeline's test data and returns the task's id.
func (s *Server) submit(t *testing.T, picture string, options map[string]string) string {
	t.Helper()
	data, err := os.ReadFile("../pipeline/testdata/" + picture)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range options {
		form.WriteField(name, value)
	}
	part, _ := form.CreateFormFile("image", picture)
	part.Write(data)
	form.Close()
	resp, err := http.Post(s.URL+"/api/v1/generate", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var accepted struct {
		TaskID string `json:"task_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&accepted); err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("answer is %d, %v", resp.StatusCode, err)
	}
	return accepted.TaskID
}

// view is what the tests read of a task.
type view struct {
	Status, State, Stage string
	DownloadURL          string `json:"download_url"`
	Error                struct{ Code string }
}

// await follows the task's events to its end and returns the stages seen on the way.
func (s *Server) await(t *testing.T, id string) (end view, stages string) {
	t.Helper()
	resp := s.get(t, "/api/v1/tasks/"+id+"/events")
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			end = view{}
			if err := json.Unmarshal([]byte(data), &end); err != nil {
				t.Fatal(err)
			}
			stages += " " + end.Stage
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return end, stages
}

func (s *Server) get(t *testing.T, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (s *Server) read(t *testing.T, path string) []byte {
	t.Helper()
	resp := s.get(t, path)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d, %v: %s", path, resp.StatusCode, err, data)
	}
	return data
}

// TestAPortraitComesBackAsAPhoto takes a portrait the whole way: over HTTP in, over HTTP out.
func TestAPortraitComesBackAsAPhoto(t *testing.T) {
	s := serve(t, Config{Memory: true})
	id := s.submit(t, "s01_astronaut.png", map[string]string{"size": "1-inch", "background": "#E01020"})
	end, stages := s.await(t, id)
	if end.Status != "SUCCESS" || end.DownloadURL == "" {
		t.Fatalf("the task ended as %+v", end)
	}
	if !strings.Contains(stages, "matte") {
		t.Errorf("the stages seen were%s, without the longest", stages)
	}
	data := s.read(t, end.DownloadURL)
	photo, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if size := photo.Bounds().Size(); size.X != 295 || size.Y != 413 {
		t.Errorf("the photo is %v, want 295x413", size)
	}
	if unit, x, y := density(data); unit != 1 || x != 300 || y != 300 {
		t.Errorf("density is %dx%d in unit %d, want 300x300 per inch", x, y, unit)
	}
	for name, at := range map[string]image.Point{"left": {2, 2}, "right": {292, 2}} {
		if d := distance(photo.At(at.X, at.Y), color.RGBA{0xe0, 0x10, 0x20, 255}); d > 6 {
			t.Errorf("the top %s corner is %v, which is %d from the asked colour", name, photo.At(at.X, at.Y), d)
		}
	}
	// The person is not the colour: otherwise an empty sheet would pass.
	if d := distance(photo.At(147, 180), color.RGBA{0xe0, 0x10, 0x20, 255}); d < 30 {
		t.Errorf("the middle of the photo is %v: where is the person?", photo.At(147, 180))
	}
	var report struct {
		Spec  string
		Rules []struct{ Verdict string }
	}
	if err := json.Unmarshal(s.read(t, end.DownloadURL+"?part=report"), &report); err != nil || report.Spec != "1-inch" || len(report.Rules) == 0 {
		t.Errorf("the report is %+v, %v", report, err)
	}
	if !bytes.HasPrefix(s.read(t, end.DownloadURL+"?part=cutout"), []byte("\x89PNG")) {
		t.Error("the cutout is no PNG")
	}
	if !bytes.Contains(s.read(t, "/"), []byte("<!doctype html>")) {
		t.Error("there is no page on /")
	}
	metrics := s.read(t, "/metrics")
	for _, want := range []string{
		`idphoto_task_attempts_total{kind="photo",outcome="succeeded",queue="express"} 1`,
		`idphoto_engine_info{execution_provider="cpu",`,
	} {
		if !bytes.Contains(metrics, []byte(want)) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestAPictureWithoutAFaceIsRejectedWithItsReason(t *testing.T) {
	s := serve(t, Config{Memory: true})
	end, _ := s.await(t, s.submit(t, "s15_noface_coffee.png", nil))
	if end.State != "rejected" || end.Status != "FAILURE" || end.Error.Code != "no_face" {
		t.Errorf("the task ended as %+v", end)
	}
}

// TestNothingIsLostWhenTheServerStops: what was accepted before a stop is there, and done, after
// the next start; in memory is only the queue.
func TestNothingIsLostWhenTheServerStops(t *testing.T) {
	data := t.TempDir()
	first := serve(t, Config{Data: data, Workers: 1})
	var ids []string
	for range 3 {
		ids = append(ids, first.submit(t, "s17_hopper.jpg", nil))
	}
	http.DefaultClient.CloseIdleConnections()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := serve(t, Config{Data: data})
	for _, id := range ids {
		end, _ := second.await(t, id)
		if end.Status != "SUCCESS" {
			t.Errorf("task %s ended as %+v", id, end)
			continue
		}
		second.read(t, end.DownloadURL)
	}
}

func TestTwoServersInOneProcessDoNotMeet(t *testing.T) {
	a, b := serve(t, Config{Memory: true}), serve(t, Config{Memory: true})
	for _, s := range []*Server{a, b} {
		if end, _ := s.await(t, s.submit(t, "s17_hopper.jpg", nil)); end.Status != "SUCCESS" {
			t.Errorf("the task ended as %+v", end)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for raw, want := range map[string]string{
		"postgres://user:hunter2@db/app?password=hunter2": "postgres://user:xxxxx@db/app",
		"sqlite:/var/lib/ledger.db":                       "/var/lib/ledger.db",
		"file:///var/lib/blobs":                           "/var/lib/blobs",
		"mem://":                                          "in memory",
		"s3://bucket?region=x":                            "s3://bucket",
		"://":                                             "(not shown)",
	} {
		if got := shown(raw); got != want {
			t.Errorf("shown(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestEachLaneHasAQueueUnlessOneIsGivenForBoth(t *testing.T) {
	for name, tc := range map[string]struct {
		c     Config
		bulk  string // prefix of the bulk lane's URL; empty: it shares the express queue
		shown string
	}{
		"in memory":       {Config{}, "mem://", "in memory"},
		"one given":       {Config{Queue: "rabbit://tasks"}, "", "rabbit://tasks"},
		"both given":      {Config{Queue: "rabbit://tasks", QueueBulk: "rabbit://bulk"}, "rabbit://bulk", "rabbit://tasks, for batches rabbit://bulk"},
		"only bulk given": {Config{QueueBulk: "rabbit://bulk"}, "rabbit://bulk", "in memory, for batches rabbit://bulk"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := tc.c.settings()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(s.BulkTopicURL, tc.bulk) || (s.BulkTopicURL == "") != (tc.bulk == "") || s.BulkTopicURL == s.TopicURL {
				t.Errorf("the lanes' topics are %q and %q", s.TopicURL, s.BulkTopicURL)
			}
			if s.SubscriptionURL != s.TopicURL || s.BulkSubscriptionURL != s.BulkTopicURL {
				t.Errorf("subscriptions %q and %q are not of the topics", s.SubscriptionURL, s.BulkSubscriptionURL)
			}
			if got := where(s).Queue; got != tc.shown {
				t.Errorf("shown as %q, want %q", got, tc.shown)
			}
		})
	}
}

func TestABadStartSaysWhyAndLeavesNothingBehind(t *testing.T) {
	for name, c := range map[string]Config{
		"ledger":  {Memory: true, Ledger: "oracle://x"},
		"blobs":   {Memory: true, Blobs: "ftp://x"},
		"queue":   {Memory: true, Queue: "pigeon://x"},
		"bulk":    {Memory: true, QueueBulk: "pigeon://x"},
		"setting": {Memory: true, Environ: []string{"LEASE=never"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Addr = "127.0.0.1:0"
			if s, err := Start(t.Context(), c); err == nil {
				s.Close()
				t.Error("started all the same")
			}
		})
	}
}

// density returns what a JPEG's JFIF header says.
func density(data []byte) (unit byte, x, y uint16) {
	i := bytes.Index(data, []byte("JFIF\x00"))
	if i < 0 || len(data) < i+12 {
		return 0, 0, 0
	}
	return data[i+7], binary.BigEndian.Uint16(data[i+8:]), binary.BigEndian.Uint16(data[i+10:])
}

// distance is the largest difference of a channel, of 255.
func distance(a, b color.Color) int {
	ra, ga, ba, _ := a.RGBA()
	rb, gb, bb, _ := b.RGBA()
	most := 0
	for _, d := range []int{int(ra>>8) - int(rb>>8), int(ga>>8) - int(gb>>8), int(ba>>8) - int(bb>>8)} {
		most = max(most, d, -d)
	}
	return most
}
