package sheet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/pipeline/picture"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// service is the function over an empty ledger and store in memory.
type service struct {
	ledger *sqlledger.Ledger
	blobs  *blobs.Store
	f      *Function
}

func start(t *testing.T) *service {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	store, err := blobs.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &service{ledger, store, New(ledger, store)}
}

// finished makes a task of this size that has a photo in this colour and a transparent cutout.
func (s *service) finished(t *testing.T, size string, w, h int, c color.Color) string {
	t.Helper()
	id := s.waiting(t, size)
	claim, err := s.ledger.Claim(t.Context(), id, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	data, err := picture.EncodeJPEG(img, 95, 300)
	if err != nil {
		t.Fatal(err)
	}
	cutout, err := picture.EncodePNG(image.NewNRGBA(img.Rect), 300, 1)
	if err != nil {
		t.Fatal(err)
	}
	prefix := queue.ResultPrefix(id, claim.Attempt)
	for part, b := range map[photo.Part][]byte{photo.Photo: data, photo.Cutout: cutout} {
		if err := s.blobs.Write(t.Context(), photo.Key(prefix, part), "", b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ledger.Finish(t.Context(), claim, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix,
		Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","cutout":"image/png","report":"application/json"}}`)}); err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *service) waiting(t *testing.T, size string) string {
	t.Helper()
	task, _, err := s.ledger.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: queue.Express, Label: size, MaxAttempts: 1,
		Options: json.RawMessage(fmt.Sprintf(`{"size":%q,"background":"#FFFFFF"}`, size))})
	if err != nil {
		t.Fatal(err)
	}
	return task.ID
}

func (s *service) post(t *testing.T, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/sheets", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	api.New(api.Options{}, s.f.Routes()...).ServeHTTP(w, r)
	return w
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code, field string) {
	t.Helper()
	var p struct{ Code, Field string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Code != code || p.Field != field {
		t.Errorf("answer %d %.300s, want %d %s %s", w.Code, w.Body, status, code, field)
	}
}

func decode(t *testing.T, w *httptest.ResponseRecorder) image.Image {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("answer %d: %s", w.Code, w.Body)
	}
	img, err := jpeg.Decode(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPhotosOfSeveralTasksShareASheet(t *testing.T) {
	s := start(t)
	red := s.finished(t, "1-inch", 295, 413, color.RGBA{200, 0, 0, 255})
	blue := s.finished(t, "2-inch", 413, 626, color.RGBA{0, 0, 200, 255})
	w := s.post(t, fmt.Sprintf(`{"items":[{"task_id":%q,"fill":true},{"task_id":%q,"count":2}],"paper":"6寸","marks":"none"}`, red, blue))
	img := decode(t, w)
	if got := img.Bounds().Size(); got != image.Pt(1205, 1795) && got != image.Pt(1795, 1205) {
		t.Errorf("the sheet has %v pixels", got)
	}
	if got := w.Header().Get("Sheet-Placed"); got != "8,2" {
		t.Errorf("placed %q", got)
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="idphoto-sheet-6-inch.jpg"` || w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("headers are %v", w.Header())
	}
	reds, blues := 0, 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			switch r, g, b, _ := img.At(x, y).RGBA(); {
			case r > 0xa000 && g < 0x4000:
				reds++
			case b > 0xa000 && g < 0x4000:
				blues++
			}
		}
	}
	if one, two := 295*413, 413*626; reds < 8*one*97/100 || reds > 8*one*103/100 || blues < 2*two*97/100 || blues > 2*two*103/100 {
		t.Errorf("%d red and %d blue pixels", reds, blues)
	}
}

func TestTheSheetCanBeAPDF(t *testing.T) {
	s := start(t)
	id := s.finished(t, "passport-35x45", 413, 531, color.White)
	w := s.post(t, fmt.Sprintf(`{"items":[{"task_id":%q},{"task_id":%q,"part":"cutout","count":1}],"paper":"A4","format":"pdf","dpi":600}`, id, id))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/pdf" || !bytes.HasPrefix(w.Body.Bytes(), []byte("%PDF-")) {
		t.Errorf("answer %d %s: %.100s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

func TestOnePhotosSheetIsAPartOfItsResult(t *testing.T) {
	s := start(t)
	id := s.finished(t, "1-inch", 295, 413, color.Black)
	ask := func(query string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/?"+query, nil)
		w := httptest.NewRecorder()
		api.Handler(func(w http.ResponseWriter, r *http.Request) error { return s.f.OfTask(w, r, id) }).ServeHTTP(w, r)
		return w
	}
	if w := ask("part=sheet&paper=5-inch&gap_mm=1&margin_mm=2&dpi=150&count=4&orientation=landscape"); w.Header().Get("Sheet-Placed") != "4" || decode(t, w).Bounds().Size() != image.Pt(750, 526) {
		t.Errorf("placed %q", w.Header().Get("Sheet-Placed"))
	}
	if w := ask("part=sheet"); w.Header().Get("Sheet-Placed") == "" {
		t.Errorf("answer %d %.200s", w.Code, w.Body)
	}
	for query, field := range map[string]string{"paper=A0": "paper", "dpi=x": "dpi", "dpi=5": "dpi", "gap_mm=-1": "gap_mm", "gap_mm=NaN": "gap_mm", "marks=x": "marks",
		"count=0": "count", "format=tiff": "format", "paper=A4&dpi=1200": "dpi", "orientation=x": "orientation"} {
		wantProblem(t, ask("part=sheet&"+query), 422, "bad_sheet", field)
	}
	wantProblem(t, ask("colour=red"), 400, "unknown_field", "colour")
}

func TestWhatCannotBeLaidIsExplained(t *testing.T) {
	s := start(t)
	done, waiting := s.finished(t, "1-inch", 295, 413, color.Black), s.waiting(t, "1-inch")
	erased := s.finished(t, "1-inch", 295, 413, color.Black)
	if _, err := s.ledger.Erase(t.Context(), erased); err != nil {
		t.Fatal(err)
	}
	item := func(rest, id string) string { return fmt.Sprintf(`{"items":[{"task_id":%q%s}]}`, id, rest) }
	for name, tc := range map[string]struct {
		body   string
		status int
		code   string
		field  string
	}{
		"no body":             {"", 400, "bad_request", ""},
		"no items":            {`{}`, 422, "bad_sheet", "items"},
		"another member":      {`{"colour":1}`, 400, "unknown_field", "colour"},
		"not a number":        {`{"dpi":"many"}`, 422, "bad_sheet", "dpi"},
		"more than one":       {`{}{}`, 400, "bad_request", ""},
		"an unknown task":     {item("", queue.NewID()), 404, "not_found", ""},
		"no id":               {item("", "1"), 404, "not_found", ""},
		"one that waits":      {item("", waiting), 409, "not_finished", ""},
		"one that is erased":  {item("", erased), 410, "gone", ""},
		"a part that is none": {item(`,"part":"report"`, done), 404, "unknown_part", ""},
		"a count and fill":    {item(`,"count":1,"fill":true`, done), 422, "bad_sheet", "count"},
		"too many":            {item(`,"count":100`, done), 422, "sheet_full", ""},
		"a paper too small":   {fmt.Sprintf(`{"items":[{"task_id":%q}],"paper":"40x40mm","margin_mm":10}`, done), 422, "nothing_fits", ""},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, s.post(t, tc.body), tc.status, tc.code, tc.field) })
	}
	if w := s.post(t, item("", waiting)); w.Header().Get("Retry-After") != "1" {
		t.Error("one that waits: no Retry-After")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := start(t)
	body := fmt.Sprintf(`{"items":[{"task_id":%q}]}`, s.finished(t, "1-inch", 295, 413, color.Black))
	if !s.f.memory.TryAcquire(defaultMemory - 1<<20) {
		t.Fatal("somebody holds memory")
	}
	w := s.post(t, body)
	wantProblem(t, w, 503, "busy", "")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.f.memory.Release(defaultMemory - 1<<20)
	decode(t, s.post(t, body))
	if !s.f.memory.TryAcquire(defaultMemory) {
		t.Error("a sheet that is done holds memory")
	}
}

func TestPapersAreListed(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/papers", nil)
	r.Header.Set("Accept-Language", "zh")
	w := httptest.NewRecorder()
	api.New(api.Options{}, start(t).f.Routes()...).ServeHTTP(w, r)
	var list struct {
		Default string
		Papers  []struct {
			ID, Name string
			WidthMM  float64 `json:"width_mm"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Papers) < 8 || list.Papers[0].Name != "6寸 / 4R（102 × 152 毫米）" || list.Default != "6-inch" || list.Papers[0].WidthMM != 102 {
		t.Errorf("papers are %+v", list)
	}
}
