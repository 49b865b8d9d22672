package main

import (
	"bytes"
	"encoding/json"
	"image"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"idphoto/functions/api"
	"idphoto/functions/monitor"
	"idphoto/functions/parts"
	"idphoto/functions/photo"
	"idphoto/infra/config"
	"idphoto/infra/telemetry"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// open returns the function api with everything in memory.
func open(t *testing.T) *program {
	t.Helper()
	c, err := config.Read([]string{"LEDGER_URL=mem://", "BLOBS_URL=mem://", "TOPIC_URL=mem://" + t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{function: "api", config: c, log: slog.New(slog.DiscardHandler)}
	if p.telemetry, err = telemetry.Setup(t.Context(), telemetry.Options{Service: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.telemetry.Shutdown(t.Context()) })
	if p.parts, err = parts.Open(t.Context(), c, needs["api"], p.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.parts.Close(t.Context()) })
	return p
}

func describe(t *testing.T) *openapi3.T {
	t.Helper()
	w := httptest.NewRecorder()
	if err := api.Description(w, httptest.NewRequest("GET", "/api/v1/openapi.json", nil)); err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	p := open(t)
	var routes, described []string
	for _, r := range p.routes(nil, 0, nil) {
		routes = append(routes, r.Method+" "+r.Path)
	}
	for _, r := range monitor.New(p.parts.Ledger, p.parts.Blobs, nil).Routes() {
		if strings.HasPrefix(r.Path, api.Prefix+"/") { // the rest are pages
			routes = append(routes, r.Method+" "+r.Path)
		}
	}
	for path, item := range describe(t).Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(described)
	for _, r := range routes {
		if !slices.Contains(described, r) {
			t.Errorf("%s is not described", r)
		}
	}
	for _, d := range described {
		if !slices.Contains(routes, d) {
			t.Errorf("%s is described and not there", d)
		}
	}
}

// checker sends requests and holds each answer against the description.
type checker struct {
	handler http.Handler
	router  routers.Router
	seen    map[string]bool // operation and status
}

func (c *checker) ask(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if w.Code < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
			t.Errorf("%s %s was accepted, but is not described: %v", r.Method, r.URL, err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(), Options: input.Options}
	answer.SetBodyBytes(w.Body.Bytes())
	if err := openapi3filter.ValidateResponse(t.Context(), answer); err != nil {
		t.Errorf("answer %d of %s %s is not as described: %v\n%s", w.Code, r.Method, r.URL, err, w.Body)
	}
	c.seen[route.Operation.OperationID] = true
	return w
}

func (c *checker) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	return c.ask(t, r)
}

func submission(t *testing.T, options map[string]string) *http.Request {
	t.Helper()
	picture, err := os.ReadFile("../pipeline/testdata/s17_hopper.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return form("/api/v1/generate", options, picture)
}

// form is a request with fields and, perhaps, a picture.
func form(path string, fields map[string]string, picture []byte) *http.Request {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		form.WriteField(name, value)
	}
	if picture != nil {
		part, _ := form.CreateFormFile("image", "x.jpg")
		part.Write(picture)
	}
	form.Close()
	r := httptest.NewRequest("POST", path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

func TestRealAnswersAreAsDescribed(t *testing.T) {
	for _, kind := range []string{"image/jpeg", "image/png", "text/event-stream", "text/csv", "application/zip", "application/pdf"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	doc := describe(t)
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	p := open(t)
	c := &checker{handler: p.handler(p.parts.Checks(), -1, nil), router: router, seen: map[string]bool{}}

	var accepted struct {
		TaskID string `json:"task_id"`
	}
	if err := json.Unmarshal(c.ask(t, submission(t, map[string]string{"size": "passport", "background": "white"})).Body.Bytes(), &accepted); err != nil {
		t.Fatal(err)
	}
	task := accepted.TaskID
	c.ask(t, submission(t, map[string]string{"size": "unheard-of"}))
	c.ask(t, submission(t, map[string]string{"colour": "red"}))
	c.get(t, "/api/v1/status/"+task)
	c.get(t, "/api/v1/status/1")
	c.get(t, "/api/v1/tasks/"+task+"/events")
	c.get(t, "/api/v1/result/"+task) // 409
	p.finish(t, task)
	c.get(t, "/api/v1/status/"+task)
	for _, part := range []string{"", "?part=photo", "?part=report"} {
		c.get(t, "/api/v1/result/"+task+part)
	}
	c.trySheets(t, task)
	c.ask(t, httptest.NewRequest("POST", "/api/v1/tasks/"+task+"/cancel", nil)) // 409
	c.ask(t, form("/api/v1/tasks/"+task+"/render", map[string]string{"background": "red", "hd": "true"}, nil))
	c.ask(t, form("/api/v1/tasks/"+task+"/render", map[string]string{"skin": "101"}, nil)) // 422
	c.ask(t, httptest.NewRequest("DELETE", "/api/v1/tasks/"+task, nil))
	c.get(t, "/api/v1/result/"+task) // 410

	if err := json.Unmarshal(c.ask(t, submission(t, nil)).Body.Bytes(), &accepted); err != nil {
		t.Fatal(err)
	}
	c.ask(t, httptest.NewRequest("POST", "/api/v1/tasks/"+accepted.TaskID+"/cancel", nil))
	c.get(t, "/api/v1/status/"+accepted.TaskID) // with an error
	for _, path := range []string{"/api/v1/specs", "/api/v1/specs/1-inch", "/api/v1/specs/none", "/api/v1/problems", "/api/v1/problems/no_face",
		"/api/v1/openapi.json", "/healthz", "/readyz", "/metrics"} {
		c.get(t, path)
	}
	c.tryBatches(t, p)
	c.tryMonitor(t, p)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if !c.seen[operation.OperationID] {
				t.Errorf("%s %s was not tried", method, path)
			}
		}
	}
}

// trySheets prints the task's photo in every way, and in some that cannot be.
func (c *checker) trySheets(t *testing.T, task string) {
	t.Helper()
	c.get(t, "/api/v1/papers")
	for _, query := range []string{"", "&paper=4R&count=2&dpi=150&gap_mm=0&margin_mm=2.5&marks=lines&orientation=landscape", "&paper=A4&format=pdf", "&paper=none", "&count=500"} {
		c.get(t, "/api/v1/result/"+task+"?part=sheet"+query)
	}
	for _, body := range []string{`{"items":[{"task_id":"` + task + `","fill":true},{"task_id":"` + task + `","count":2}],"paper":"A5"}`,
		`{"items":[{"task_id":"` + task + `"}],"format":"pdf"}`, `{"items":[]}`, `{"items":[{"task_id":"1"}]}`, `{`} {
		r := httptest.NewRequest("POST", "/api/v1/sheets", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		c.ask(t, r)
	}
	c.ask(t, httptest.NewRequest("POST", "/api/v1/sheets", strings.NewReader("items=1"))) // 415
}

// tryBatches asks everything about a batch that has a photo, a rejected picture and a refused file.
func (c *checker) tryBatches(t *testing.T, p *program) {
	t.Helper()
	type batch struct {
		BatchID string `json:"batch_id"`
		Items   []struct {
			TaskID string `json:"task_id"`
		} `json:"items"`
	}
	var b batch
	read := func(w *httptest.ResponseRecorder) {
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
	}
	read(c.ask(t, batchOf(t, "name", "size", "one.jpg", "two.jpg", "three.jpg", "notes.txt")))
	path := "/api/v1/batches/" + b.BatchID
	read(c.get(t, path))
	c.get(t, "/api/v1/status/"+b.Items[0].TaskID)
	p.finish(t, b.Items[0].TaskID)
	claim, err := p.parts.Ledger.Claim(t.Context(), b.Items[1].TaskID, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.parts.Ledger.Finish(t.Context(), claim, queue.Outcome{State: queue.Rejected, Code: "no_face"}); err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"", "?limit=1", "?failed=true", "?after=1&limit=200", "?limit=many", "/results.zip", "/report.csv"} {
		c.get(t, path+rest)
	}
	for _, action := range []string{"/retry", "/cancel"} {
		c.ask(t, httptest.NewRequest("POST", path+action, nil))
	}
	c.get(t, path)
	c.ask(t, httptest.NewRequest("DELETE", path, nil))
	for _, rest := range []string{"", "/results.zip", "/report.csv"} { // 410
		c.get(t, path+rest)
	}
	c.ask(t, batchOf(t, "notes.txt"))        // 422 with items
	c.ask(t, batchOf(t, "one.jpg", "size"))  // 400
	c.get(t, "/api/v1/batches/1")            // 404
	c.get(t, "/api/v1/batches/1/report.csv") // 404
}

// batchOf is a batch of fields, which have no dot in their names, and files. Those named .jpg are pictures.
func batchOf(t *testing.T, names ...string) *http.Request {
	t.Helper()
	picture, err := os.ReadFile("../pipeline/testdata/s17_hopper.jpg")
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, name := range names {
		if !strings.Contains(name, ".") {
			form.WriteField(name, "1-inch")
			continue
		}
		part, _ := form.CreateFormFile("image", name)
		if strings.HasSuffix(name, ".jpg") {
			part.Write(picture)
		} else {
			part.Write([]byte("no picture"))
		}
	}
	form.Close()
	r := httptest.NewRequest("POST", "/api/v1/batches", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// finish gives the task a result, as a worker would.
func (p *program) finish(t *testing.T, id string) {
	t.Helper()
	claim, err := p.parts.Ledger.Claim(t.Context(), id, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	prefix := queue.ResultPrefix(id, claim.Attempt)
	picture, err := picture.EncodeJPEG(image.NewRGBA(image.Rect(0, 0, 413, 531)), 90, 300)
	if err != nil {
		t.Fatal(err)
	}
	for part, data := range map[photo.Part][]byte{photo.Photo: picture, photo.Report: []byte(`{"version":1}`)} {
		if err := p.parts.Blobs.Write(t.Context(), photo.Key(prefix, part), "", data); err != nil {
			t.Fatal(err)
		}
	}
	err = p.parts.Ledger.Finish(t.Context(), claim, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix,
		Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","report":"application/json"}}`)})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnusableCommandLinesAreExplained(t *testing.T) {
	for _, args := range [][]string{nil, {"uplaod"}, {"upload", "status"}} {
		err := run(t.Context(), args, nil, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "upload, batch, status, api, process, janitor") {
			t.Errorf("run(%v) = %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"status"}, []string{"MAX_PIXELS=many"}, io.Discard); err == nil || !strings.Contains(err.Error(), "MAX_PIXELS") {
		t.Errorf("run with a bad setting = %v", err)
	}
}
