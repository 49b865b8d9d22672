package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestEveryPageFitsItsWindow opens every page, as the whole program shows it, at the width of a desk
// and of a phone. It writes them into the folder that CONSOLE_SCREENSHOTS names, where it is set, in
// both themes: look at each after a change.
func TestEveryPageFitsItsWindow(t *testing.T) {
	folder := os.Getenv("CONSOLE_SCREENSHOTS")
	s := console(t)
	dead := s.fail(t, "3")
	retried := s.fail(t, "1")
	done := s.submit(t, "s17_hopper.jpg", map[string]string{"size": "1-inch"})
	rejected := s.submit(t, "s15_noface_coffee.png", nil)
	for range 30 {
		s.submit(t, "s17_hopper.jpg", map[string]string{"kind": "noop"})
	}
	for _, id := range []string{dead, retried, done, rejected} {
		s.await(t, id)
	}
	batch := s.batch(t)
	b := openTab(t, s)
	b.open("/monitor/login")
	shots := []struct{ name, path string }{{"login", "/monitor/login"}}
	take := func(theme string, width int64) {
		for _, shot := range shots {
			b.do(chromedp.EmulateViewport(width, 900))
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}); err != nil {
				t.Fatal(err)
			}
			b.open(shot.path)
			b.wait(`document.readyState === "complete"`)
			if b.read(`String(document.documentElement.scrollWidth > innerWidth)`) == "true" {
				t.Errorf("%s at %d is %s pixels wide", shot.path, width, b.read(`String(document.documentElement.scrollWidth)`))
			}
			if folder == "" {
				continue
			}
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s-%d.png", shot.name, theme, width)), png, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	take("light", 1280)
	take("dark", 390)
	b.signIn("admin", s.FirstPassword)
	shots = []struct{ name, path string }{
		{"overview", "/monitor/"}, {"tasks", "/monitor/tasks"}, {"dead", "/monitor/tasks/" + dead}, {"retried", "/monitor/tasks/" + retried},
		{"done", "/monitor/tasks/" + done + "?pictures=show"}, {"rejected", "/monitor/tasks/" + rejected}, {"bulk", "/monitor/tasks/bulk?action=erase&state=dead"},
		{"batches", "/monitor/batches"}, {"batch", "/monitor/batches/" + batch}, {"lanes", "/monitor/lanes"}, {"workers", "/monitor/workers"},
		{"rejections", "/monitor/rejections"}, {"audit", "/monitor/audit"}, {"people", "/monitor/people"}, {"account", "/monitor/account"},
	}
	themes := []string{"light", "dark"}
	if folder == "" {
		themes = themes[:1]
	}
	for _, theme := range themes {
		for _, width := range []int64{1280, 390} {
			take(theme, width)
		}
	}
}

// batch hands in a batch of two portraits and a file that is none, and waits for its end.
func (s *Server) batch(t *testing.T) (id string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("size", "1-inch")
	for _, name := range []string{"s17_hopper.jpg", "s15_noface_coffee.png"} {
		data, err := os.ReadFile("../pipeline/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		part, _ := form.CreateFormFile("image", name)
		part.Write(data)
	}
	form.Close()
	resp, err := http.Post(s.URL+"/api/v1/batches", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct {
		BatchID string `json:"batch_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("answer is %d, %v", resp.StatusCode, err)
	}
	var b struct {
		Items []struct {
			TaskID string `json:"task_id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(s.read(t, "/api/v1/batches/"+made.BatchID), &b); err != nil {
		t.Fatal(err)
	}
	for _, i := range b.Items {
		s.await(t, i.TaskID)
	}
	return made.BatchID
}
