package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/check"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/sheet"
	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// fakeService is the HTTP interface with the work left out: tasks go through the steps a test set,
// one for each token a test sends. It lets a browser see states that the real service is too fast
// for, and answers that it gives seldom.
type fakeService struct {
	*httptest.Server

	mu       sync.Mutex
	tasks    map[string]*fakeTask
	erased   []string
	refuse   error            // what generate answers instead of 202
	outcome  *fault.Error     // why tasks are rejected; nil: they succeed
	held     bool             // the photos of new tasks wait for somebody's look
	bare     bool             // nothing is left to make another photo of
	noEvents bool             // the event stream is not there
	uploads  []map[string]any // what generate was sent
	renders  []map[string]any // what render was sent

	grouped url.Values // the fields of the last group picture
	asked   int        // how often its batch was asked for

	step chan struct{} // each token lets a task go one step on; closed: no waiting
}

// set changes what the service does; handlers may be running.
func (f *fakeService) set(change func(*fakeService)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// sent returns what generate was sent so far.
func (f *fakeService) sent() []map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.uploads)
}

// rendered returns what render was sent so far.
func (f *fakeService) rendered() []map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.renders)
}

// fakeTask is one accepted picture.
type fakeTask struct {
	id         string
	spec       *spec.Spec
	background spec.Background
	hd, held   bool
	position   int
	outcome    *fault.Error
}

// Two refusals, one before and one after a task is accepted.
var (
	fakeRefusal   = fault.New(fault.UnsupportedType, nil)
	fakeRejection = fault.New(fault.ManyFaces, nil, "count", 2)
)

// fakeChecks are the measures of every photo: one inside, one open above, one outside its range.
var fakeChecks = []map[string]any{
	{"measure": "head_height", "value_mm": 33.214, "min_mm": 32, "max_mm": 36, "verdict": "pass", "grade": "A"},
	{"measure": "chin_gap", "value_mm": 8.1, "min_mm": 7, "verdict": "pass", "grade": "house"},
	{"measure": "crown_gap", "value_mm": 1.9, "min_mm": 3, "max_mm": 5, "verdict": "fail", "grade": "B"},
	{"measure": "eye_line", "value_mm": 18, "min_mm": 19, "max_mm": 22, "verdict": "warn", "grade": "B"},
}

// fakeQuality is one finding of each verdict.
var fakeQuality = []check.Finding{
	{Measure: "eyes_open", Verdict: check.Pass, Asked: true},
	{Measure: "sharpness", Verdict: check.Pass},
	{Measure: "glasses", Verdict: check.Note},
	{Measure: "expression_neutrality", Verdict: check.Warn, Asked: true},
	{Measure: "illumination_uniformity", Verdict: check.Fail},
}

// fakeSteps are the states and stages every task passes before its end.
var fakeSteps = []map[string]any{
	{"status": "PENDING", "state": "queued"},
	{"status": "STARTED", "state": "running", "stage": "decode"},
	{"status": "STARTED", "state": "running", "stage": "matte"},
	{"status": "STARTED", "state": "running", "stage": "encode"},
}

// newFakeService starts the page and the fake behind one address. Tasks run without waiting unless
// the test replaces step.
func newFakeService(t testing.TB) *fakeService {
	f := &fakeService{tasks: make(map[string]*fakeTask), step: make(chan struct{})}
	close(f.step)
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	mux.HandleFunc("GET /api/v1/specs", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"specs": spec.All()})
	})
	mux.HandleFunc("POST /api/v1/generate", f.generate)
	mux.HandleFunc("POST /api/v1/tasks/{id}/render", f.render)
	mux.HandleFunc("GET /api/v1/status/{id}", f.status)
	mux.HandleFunc("GET /api/v1/tasks/{id}/events", f.events)
	mux.HandleFunc("GET /api/v1/result/{id}", f.result)
	mux.HandleFunc("POST /api/v1/batches", f.group)
	mux.HandleFunc("GET /api/v1/batches/group-1", f.batch)
	mux.HandleFunc("DELETE /api/v1/batches/group-1", func(w http.ResponseWriter, _ *http.Request) {
		f.set(func(f *fakeService) { f.erased = append(f.erased, "group-1") })
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /api/v1/papers", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"default": sheet.DefaultPaper, "papers": sheet.Papers()})
	})
	mux.HandleFunc("POST /api/v1/tasks/{id}/cancel", f.cancel)
	mux.HandleFunc("DELETE /api/v1/tasks/{id}", f.erase)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func (f *fakeService) generate(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("image")
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	n, _ := io.Copy(io.Discard, file)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploads = append(f.uploads, map[string]any{
		"bytes": n, "filename": header.Filename, "size": r.FormValue("size"), "background": r.FormValue("background"),
		"key": r.Header.Get("Idempotency-Key"),
	})
	if f.refuse != nil {
		problem.Write(w, r, f.refuse)
		return
	}
	f.accept(w, r)
}

// render answers as the service does: what it can read it refuses for the service's own reasons.
func (f *fakeService) render(w http.ResponseWriter, r *http.Request) {
	task := f.find(w, r)
	if task == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bare {
		problem.Write(w, r, fault.New(problem.OriginalGone, nil))
		return
	}
	f.renders = append(f.renders, map[string]any{
		"of": task.id, "size": r.FormValue("size"), "background": r.FormValue("background"), "skin": r.FormValue("skin"), "mirror": r.FormValue("mirror"),
		"size_kb": r.FormValue("size_kb"), "hd": r.FormValue("hd"),
	})
	f.accept(w, r)
}

// group takes a picture of three people, one of whom gets no photo.
func (f *fakeService) group(w http.ResponseWriter, r *http.Request) {
	if _, header, err := r.FormFile("image"); err != nil || header.Filename != "picture" {
		problem.Write(w, r, fault.New(problem.MissingField, err, "field", "image"))
		return
	}
	f.set(func(f *fakeService) { f.grouped, f.asked = r.MultipartForm.Value, 0 })
	writeJSON(w, http.StatusAccepted, map[string]any{"batch_id": "group-1", "total": 1})
}

// batch is further with each question.
func (f *fakeService) batch(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	body := map[string]any{"total": 1, "done": 0, "states": map[string]int{"running": 1}, "items": []any{}}
	if f.asked > 1 {
		body["total"], body["done"], body["states"] = 3, 2, map[string]int{"running": 1, "succeeded": 2}
	}
	if f.asked > 2 {
		text := problem.Explain(fault.EyesClosed, nil, problem.LanguageOf(r))
		body["done"], body["finished"], body["states"] = 3, true, map[string]int{"succeeded": 3}
		body["items"] = []any{map[string]any{"name": "picture"}, map[string]any{"row": 1, "seat": 2, "message": text.Sentence, "advice": text.Advice}}
		if f.held {
			text = problem.Explain(problem.Held, nil, problem.LanguageOf(r))
			body["states"] = map[string]int{"succeeded": 2, "held": 1}
			body["items"] = []any{map[string]any{"name": "picture"}, map[string]any{"row": 1, "seat": 2, "state": "held", "message": text.Sentence}}
		}
	}
	writeJSON(w, http.StatusOK, body)
}

// accept makes a task of the form's fields; f.mu is held.
func (f *fakeService) accept(w http.ResponseWriter, r *http.Request) {
	var order photo.Order
	for _, field := range photo.Fields {
		if value, ok := r.MultipartForm.Value[field]; ok {
			if err := order.Set(field, value[0]); err != nil {
				problem.Write(w, r, err)
				return
			}
		}
	}
	chosen, err := photo.Choose(order)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	s, background, err := chosen.Resolve()
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	task := &fakeTask{
		id: fmt.Sprintf("task-%d", len(f.tasks)+1), spec: s, background: background, hd: chosen.HD, held: f.held, outcome: f.outcome,
	}
	f.tasks[task.id] = task
	writeJSON(w, http.StatusAccepted, map[string]any{
		"task_id": task.id, "status": "submitted", "message": "ok", "status_url": "/api/v1/status/" + task.id,
	})
}

// view is the status of a task as the interface shows it.
func (f *fakeService) view(task *fakeTask, lang problem.Language) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	body := map[string]any{"task_id": task.id, "result_available": false}
	switch {
	case task.position < len(fakeSteps):
		maps.Copy(body, fakeSteps[task.position])
	case task.held:
		body["status"], body["state"], body["held"] = "FAILURE", "rejected", true
		body["error"] = problem.Body(fault.MatteUncertain, nil, lang)
	case task.outcome != nil:
		body["status"], body["state"] = "FAILURE", "rejected"
		if task.outcome.Code == queue.CodeCancelled {
			body["status"], body["state"] = "REVOKED", "cancelled"
		}
		body["error"] = problem.Body(task.outcome.Code, task.outcome.Detail, lang)
	default:
		body["status"], body["state"], body["result_available"] = "SUCCESS", "succeeded", true
		body["download_url"] = "/api/v1/result/" + task.id
		body["parts"] = []string{"photo", "cutout", "report"}
		if task.hd {
			body["parts"] = []string{"photo", "hd", "cutout", "report"}
		}
	}
	return body
}

func (f *fakeService) find(w http.ResponseWriter, r *http.Request) *fakeTask {
	f.mu.Lock()
	defer f.mu.Unlock()
	task := f.tasks[r.PathValue("id")]
	if task == nil {
		problem.Write(w, r, fault.New(problem.NotFound, nil))
	}
	return task
}

// advance waits for leave to go on; false when the client went away.
func (f *fakeService) advance(r *http.Request, task *fakeTask) bool {
	f.mu.Lock()
	step := f.step
	f.mu.Unlock()
	select {
	case <-step:
	case <-r.Context().Done():
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	task.position++
	return true
}

func (f *fakeService) streamless() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.noEvents
}

func (f *fakeService) over(task *fakeTask) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return task.position >= len(fakeSteps)
}

func (f *fakeService) status(w http.ResponseWriter, r *http.Request) {
	if task := f.find(w, r); task != nil {
		if f.streamless() && !f.over(task) {
			f.advance(r, task)
		}
		writeJSON(w, http.StatusOK, f.view(task, problem.LanguageOf(r)))
	}
}

func (f *fakeService) events(w http.ResponseWriter, r *http.Request) {
	task := f.find(w, r)
	if task == nil {
		return
	}
	if f.streamless() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		data, _ := json.Marshal(f.view(task, problem.English))
		fmt.Fprintf(w, "event: state\ndata: %s\n\n", data)
		http.NewResponseController(w).Flush()
		if f.over(task) || !f.advance(r, task) {
			return
		}
	}
}

func (f *fakeService) result(w http.ResponseWriter, r *http.Request) {
	task := f.find(w, r)
	if task == nil {
		return
	}
	if r.URL.Query().Get("part") == "report" {
		writeJSON(w, http.StatusOK, map[string]any{
			"rules": fakeChecks, "quality": fakeQuality, "not_checked": []string{"recent", "background_shade"},
			"tilt": map[string]any{"value_deg": 0.4, "max_deg": 8, "verdict": "pass", "grade": "B"}, "height_px": task.spec.HeightPx, "upscale": 1.5, "crown_y_px": 40.5,
			"chin_px": map[string]any{"x": 200, "y": 380.0}, "eyes_px": []map[string]any{{"x": 150, "y": 200}, {"x": 250, "y": 210}},
		})
		return
	}
	if r.URL.Query().Get("part") == "sheet" {
		fakeSheet(w, r, task)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Disposition", `attachment; filename="idphoto.jpg"`)
	w.Write(fakePhoto(task))
}

func (f *fakeService) cancel(w http.ResponseWriter, r *http.Request) {
	task := f.find(w, r)
	if task == nil {
		return
	}
	f.set(func(*fakeService) { task.outcome = fault.New(queue.CodeCancelled, nil) })
	writeJSON(w, http.StatusOK, f.view(task, problem.LanguageOf(r)))
}

func (f *fakeService) erase(w http.ResponseWriter, r *http.Request) {
	if task := f.find(w, r); task != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.erased = append(f.erased, task.id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// fakeSheet lays the task's photo out as the service does, for what the page can ask.
func fakeSheet(w http.ResponseWriter, r *http.Request, task *fakeTask) {
	q, o := r.URL.Query(), sheet.DefaultOptions()
	o.Marks = sheet.Marks(q.Get("marks"))
	count, _ := strconv.Atoi(q.Get("count"))
	dpi, _ := strconv.Atoi(q.Get("dpi"))
	paper, err := sheet.ParsePaper(q.Get("paper"))
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	plan, err := sheet.Layout(paper, []sheet.Item{{WidthMM: task.spec.WidthMM, HeightMM: task.spec.HeightMM, Count: count}}, o)
	if err == nil {
		err = plan.Complete()
	}
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	photo, err := sheet.OpenPhoto(fakePhoto(task))
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	data, err := plan.JPEG([]*sheet.Photo{photo}, dpi)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Sheet-Placed", strconv.Itoa(plan.Placed[0]))
	w.Write(data)
}

// fakePhoto is a disc on the asked background, at the document's exact size.
func fakePhoto(task *fakeTask) []byte {
	w, h := task.spec.WidthPx, task.spec.HeightPx
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(task.background.Color), image.Point{}, draw.Src)
	for y := range h {
		for x := range w {
			if dx, dy := x-w/2, y-h*2/5; dx*dx+dy*dy < w*w/12 {
				img.SetRGBA(x, y, color.RGBA{0xd9, 0xb3, 0x96, 255})
			}
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		panic(err) // to memory
	}
	return out.Bytes()
}
