package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"idphoto/functions/photo"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
	"idphoto/queue"
)

// rendering is an order for another photo of a task's picture.
func rendering(id string, fields ...field) *http.Request {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		part, _ := form.CreateFormField(f.name)
		part.Write(f.data)
	}
	form.Close()
	r := httptest.NewRequest("POST", "/api/v1/tasks/"+id+"/render", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// finished is a task with a photo and an analysis.
func (s *service) finished(t *testing.T, fields ...field) queue.Task {
	t.Helper()
	a := s.send(t, submission(append(fields, field{"image", picturePNG})...))
	if a.status != http.StatusAccepted {
		t.Fatalf("answer is %d %v", a.status, a.body)
	}
	if err := s.store.Write(t.Context(), photo.AnalysisKey(queue.ResultPrefix(a.task(), 1)), "", []byte("analysis")); err != nil {
		t.Fatal(err)
	}
	s.finish(t, a.task())
	return s.task(t, a.task())
}

func (s *service) task(t *testing.T, id string) queue.Task {
	t.Helper()
	task, err := s.ledger.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// chosen are the options of the task that an answer names.
func (s *service) chosen(t *testing.T, a answer) photo.Options {
	t.Helper()
	if a.status != http.StatusAccepted {
		t.Fatalf("answer is %d %v", a.status, a.body)
	}
	o, _, _, err := photo.Read(s.task(t, a.task()).Options)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func text(name, value string) field { return field{name, []byte(value)} }

func TestAnotherPhotoIsOrderedByWhatChanges(t *testing.T) {
	s := start(t, nil)
	first := s.finished(t, text("size", "2-inch"), text("background", "red"), text("skin", "30"), text("size_kb", "20-60"))
	was, _, _, err := photo.Read(first.Options)
	if err != nil {
		t.Fatal(err)
	}
	if was.Analysed {
		t.Error("the first photo claims an analysis")
	}
	was.Analysed, was.Approved = true, true // nobody doubted its cut
	none := picture.SizeRange{}
	for name, tc := range map[string]struct {
		fields []field
		want   func(*photo.Options)
	}{
		"nothing":         {nil, func(*photo.Options) {}},
		"a colour":        {[]field{text("background", "white")}, func(o *photo.Options) { o.Background = "#FFFFFF" }},
		"a document":      {[]field{text("size", "1-inch")}, func(o *photo.Options) { o.Size, o.Background, o.File = "1-inch", "#438EDB", none }}, // its own background and file size
		"all three":       {[]field{text("size", "1-inch"), text("background", "white"), text("size_kb", "20-60")}, func(o *photo.Options) { o.Size, o.Background = "1-inch", "#FFFFFF" }},
		"either, in turn": {[]field{text("background", "white"), text("size", "1-inch")}, func(o *photo.Options) { o.Size, o.Background, o.File = "1-inch", "#FFFFFF", none }},
		"HD, less skin":   {[]field{text("hd", "true"), text("skin", "0")}, func(o *photo.Options) { o.HD, o.Touch.Skin = true, 0 }},
		"mirrored":        {[]field{text("mirror", "true")}, func(o *photo.Options) { o.Touch.Mirror = true }},
		"another range":   {[]field{text("size_kb", "10-15")}, func(o *photo.Options) { o.File.MinKB, o.File.MaxKB = 10, 15 }},
		"its own range":   {[]field{text("size_kb", "")}, func(o *photo.Options) { o.File = none }},
		"a stricter one": {[]field{text("size", "au-passport")}, func(o *photo.Options) { // touch-ups of before are left out where they are forbidden
			o.Size, o.Background, o.File, o.Touch = "au-passport", "original", none, touchup.Options{}
		}},
		"words": {[]field{text("background", "透明")}, func(o *photo.Options) { o.Background = "transparent" }},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, rendering(first.ID, tc.fields...))
			want := was
			tc.want(&want)
			if got := s.chosen(t, a); got != want {
				t.Errorf("options are %+v, want %+v", got, want)
			}
			task := s.task(t, a.task())
			if task.ID == first.ID || task.Kind != photo.Kind || task.Lane != queue.Express || task.State != queue.Queued || task.Label != want.Size || task.Digest == "" {
				t.Errorf("row is %+v", task)
			}
			if a.body["status_url"] != "/api/v1/status/"+task.ID || a.header.Get("Location") != a.body["status_url"] {
				t.Errorf("answer is %v %v", a.header, a.body)
			}
			if sent := s.topic.sent[len(s.topic.sent)-1]; !strings.Contains(sent, task.ID) {
				t.Errorf("last message is %s", sent)
			}
		})
	}
	if got := s.task(t, first.ID); got.State != queue.Succeeded || string(got.Options) != string(first.Options) {
		t.Errorf("the first task became %s %s", got.State, got.Options)
	}
}

// TestCopiesAreIndependent: erasing either leaves the other's picture and analysis.
func TestCopiesAreIndependent(t *testing.T) {
	s := start(t, nil)
	first := s.finished(t)
	ids := []string{first.ID, "", ""}
	for i := range 2 {
		a := s.send(t, rendering(first.ID, text("background", "red")))
		s.chosen(t, a)
		ids[i+1] = a.task()
	}
	for _, erased := range []int{0, 1} {
		if err := s.store.DeletePrefix(t.Context(), queue.TaskPrefix(ids[erased])); err != nil {
			t.Fatal(err)
		}
	}
	data, err := s.store.Read(t.Context(), photo.OriginalKey(ids[2]), 1<<20)
	if err != nil || !bytes.Equal(data, picturePNG) {
		t.Errorf("the original has %d bytes, %v", len(data), err)
	}
	if data, err := s.store.Read(t.Context(), photo.AnalysisKey(queue.TaskPrefix(ids[2])), 1<<20); err != nil || string(data) != "analysis" {
		t.Errorf("the analysis is %q, %v", data, err)
	}
	if task := s.task(t, ids[2]); task.InputKey != photo.OriginalKey(ids[2]) {
		t.Errorf("the input is %s", task.InputKey)
	}
}

func TestEitherOriginalOrAnalysisIsEnough(t *testing.T) {
	for name, gone := range map[string][]bool{"no analysis": {false, true}, "no original": {true, false}, "neither": {true, true}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			first := s.finished(t)
			for i, key := range []string{first.InputKey, photo.AnalysisKey(first.ResultPrefix)} {
				if gone[i] {
					if err := s.store.Delete(t.Context(), key); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := s.files(t)
			a := s.send(t, rendering(first.ID, text("background", "red")))
			if gone[0] && gone[1] {
				if a.status != http.StatusGone || a.code() != "original_gone" {
					t.Errorf("answer is %d %v", a.status, a.body)
				}
				if files := s.files(t); len(files) != len(before) || s.rows(t) != 1 {
					t.Errorf("%v and %d rows are kept, were %v", files, s.rows(t), before)
				}
				return
			}
			if got := s.chosen(t, a); got.Analysed == gone[1] {
				t.Errorf("options are %+v", got)
			}
			if files := s.files(t); len(files) != len(before)+1 {
				t.Errorf("files are %v, were %v", files, before)
			}
		})
	}
}

// A task whose photo is being made can already be asked for another one: by its original.
func TestAnUnfinishedTasksPictureServesToo(t *testing.T) {
	s := start(t, nil)
	a := s.send(t, submission(field{"image", picturePNG}))
	if got := s.chosen(t, s.send(t, rendering(a.task(), text("background", "red")))); got.Analysed || got.Background != "#FF0000" {
		t.Errorf("options are %+v", got)
	}
}

func TestBadOrdersForAnotherPhotoAreRefused(t *testing.T) {
	s := start(t, &Options{TestKinds: true})
	first := s.finished(t)
	erased := s.finished(t)
	if _, err := s.ledger.Erase(t.Context(), erased.ID); err != nil {
		t.Fatal(err)
	}
	noop := s.send(t, submission(text("kind", "noop")))
	rows, files, sent := s.rows(t), len(s.files(t)), len(s.topic.sent)
	for name, tc := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"erased":               {rendering(erased.ID, text("background", "red")), 410, "gone"},
		"unknown":              {rendering(queue.NewID(), text("background", "red")), 404, "not_found"},
		"no id":                {rendering("17", text("background", "red")), 404, "not_found"},
		"no photo":             {rendering(noop.task(), text("background", "red")), 404, "not_found"},
		"unknown size":         {rendering(first.ID, text("size", "3-inch")), 422, "unknown_size"},
		"unknown background":   {rendering(first.ID, text("background", "plaid")), 422, "unknown_background"},
		"too much skin":        {rendering(first.ID, text("skin", "101")), 422, "bad_touch_up"},
		"no range":             {rendering(first.ID, text("size_kb", "50-20")), 422, "bad_option"},
		"no switch":            {rendering(first.ID, text("hd", "maybe")), 422, "bad_option"},
		"forbidden background": {rendering(first.ID, text("size", "au-passport"), text("background", "white")), 422, "background_forbidden"},
		"forbidden touch-up":   {rendering(first.ID, text("size", "au-passport"), text("skin", "10")), 422, "edit_forbidden"},
		"a picture":            {rendering(first.ID, field{"image", picturePNG}), 400, "unknown_field"},
		"unknown field":        {rendering(first.ID, text("colour", "red")), 400, "unknown_field"},
		"twice":                {rendering(first.ID, text("background", "red"), text("background", "blue")), 400, "unknown_field"},
		"too long":             {rendering(first.ID, field{"size", bytes.Repeat([]byte("x"), 1<<20)}), 400, "bad_request"},
		"cut short": {func() *http.Request {
			r := rendering(first.ID, text("background", "red"))
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body[:len(body)/2]))
			return r
		}(), 400, "bad_request"},
		"JSON": {func() *http.Request {
			r := httptest.NewRequest("POST", "/api/v1/tasks/"+first.ID+"/render", strings.NewReader(`{"background":"red"}`))
			r.Header.Set("Content-Type", "application/json")
			return r
		}(), 415, "unsupported_media_type"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, tc.request)
			if a.status != tc.status || a.code() != tc.code {
				t.Errorf("answer is %d %v, want %d %s", a.status, a.body, tc.status, tc.code)
			}
		})
	}
	if s.rows(t) != rows || len(s.files(t)) != files || len(s.topic.sent) != sent {
		t.Errorf("%d rows, files %v and %d messages are kept; were %d, %d and %d", s.rows(t), s.files(t), len(s.topic.sent), rows, files, sent)
	}
}

func TestABrokerThatIsAwayKeepsNoCopy(t *testing.T) {
	s := start(t, nil)
	first := s.finished(t)
	files := len(s.files(t))
	s.topic.err = errors.New("broker is away")
	a := s.send(t, rendering(first.ID, text("background", "red")))
	if a.status != 503 || a.code() != "unavailable" {
		t.Errorf("answer is %d %v", a.status, a.body)
	}
	if got := s.files(t); len(got) != files || s.rows(t) != 1 {
		t.Errorf("%v and %d rows are kept", got, s.rows(t))
	}
}

// The person of a group's picture stays the one that the photo is of.
func TestAnotherPhotoOfAPersonOfAGroupIsOfThatPerson(t *testing.T) {
	s := start(t, nil)
	id := queue.NewID()
	options, err := photo.OfPerson(json.RawMessage(`{"size":"1-inch","background":"#FF0000"}`), photo.Person{Number: 2, Row: 1, Seat: 2})
	if err != nil {
		t.Fatal(err)
	}
	task := queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Bulk, InputKey: photo.OriginalKey(id), Options: options, MaxAttempts: 2}
	if err := s.store.Write(context.Background(), task.InputKey, "image/png", picturePNG); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ledger.Create(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	a := s.send(t, rendering(id, text("background", "white")))
	got := s.chosen(t, a)
	if got.Person == nil || got.Person.Number != 2 || got.Background != "#FFFFFF" || got.Catalogue != spec.Version() {
		t.Errorf("options are %+v", got)
	}
	if row := s.task(t, a.task()); row.BatchID != "" || row.Lane != queue.Express {
		t.Errorf("row is %+v", row)
	}
}
