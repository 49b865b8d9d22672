package batch

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/pubsub"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is the function over a real ledger and a real store.
type service struct {
	http.Handler
	function *Function
	ledger   *sqlledger.Ledger
	store    *blobs.Store
	dir      string // of the store
	topic    *topic
	log      *bytes.Buffer
}

// topic counts messages, or refuses them.
type topic struct {
	mu   sync.Mutex
	sent []string
	err  error
}

func (t *topic) Send(_ context.Context, m *pubsub.Message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.sent = append(t.sent, string(m.Body))
	}
	return t.err
}

func start(t *testing.T, opts *Options) *service {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	s := &service{ledger: ledger, dir: t.TempDir(), topic: &topic{}, log: &bytes.Buffer{}}
	if s.store, err = blobs.Open(t.Context(), "file://"+s.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	log := slog.New(slog.NewTextHandler(s.log, nil))
	publisher := queue.NewPublisher(ledger, map[string]queue.Topic{queue.Express: s.topic}, &queue.PublisherOptions{Logger: log})
	if opts == nil {
		opts = &Options{}
	}
	opts.Log = log
	s.function = New(publisher, ledger, s.store, opts)
	s.Handler = api.New(api.Options{Log: log}, s.function.Routes()...)
	return s
}

// file is one part of a form. Without a file name it is a field.
type file struct {
	field, name string
	data        []byte
}

func portrait(name string) file { return file{"image", name, noise(90, 100)} }

func batchOf(parts ...file) *http.Request {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		var w io.Writer
		if p.name != "" {
			w, _ = form.CreateFormFile(p.field, p.name)
		} else {
			w, _ = form.CreateFormField(p.field)
		}
		w.Write(p.data)
	}
	form.Close()
	r := httptest.NewRequest("POST", "/api/v1/batches", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) code() string { return fmt.Sprint(a.body["code"]) }
func (a answer) id() string   { return fmt.Sprint(a.body["batch_id"]) }

func (s *service) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.Bytes()}
	if strings.Contains(a.header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			t.Fatalf("answer %d is no JSON: %q", w.Code, a.raw)
		}
	}
	return a
}

func (s *service) ask(t *testing.T, method, path string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, "/api/v1/batches/"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.send(t, r)
}

// show returns a batch as clients see it.
func (s *service) show(t *testing.T, path string, headers ...string) View {
	t.Helper()
	a := s.ask(t, "GET", path, headers...)
	var v View
	if err := json.Unmarshal(a.raw, &v); err != nil || a.status != 200 {
		t.Fatalf("answer is %d %s", a.status, a.raw)
	}
	return v
}

// noise is a valid PNG that does not compress.
func noise(w, h int) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	var out bytes.Buffer
	png.Encode(&out, m)
	return out.Bytes()
}

// files returns the files in the store.
func (s *service) files(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, s.dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (s *service) keptNothing(t *testing.T) {
	t.Helper()
	counts, err := s.ledger.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for state, n := range counts {
		if n != 0 {
			t.Errorf("%d tasks are %s", n, state)
		}
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("%v was kept", files)
	}
	if len(s.topic.sent) != 0 {
		t.Errorf("messages were sent: %v", s.topic.sent)
	}
}

// end ends a task as a worker would; a success gets the photo.
func (s *service) end(t *testing.T, id string, o queue.Outcome, photoData string) {
	t.Helper()
	claim, err := s.ledger.Claim(t.Context(), id, "worker", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if o.State == queue.Succeeded {
		o.ResultPrefix = queue.ResultPrefix(id, claim.Attempt)
		o.Result = json.RawMessage(`{"parts":{"photo":"image/jpeg"}}`)
		if err := s.store.Write(t.Context(), photo.Key(o.ResultPrefix, photo.Photo), "image/jpeg", []byte(photoData)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ledger.Finish(t.Context(), claim, o); err != nil {
		t.Fatal(err)
	}
}

const jpeg = "\xff\xd8\xff\xe0 "

var done = queue.Outcome{State: queue.Succeeded}

// class is a batch of four good pictures, two of the same name, and two files that are none.
func (s *service) class(t *testing.T) answer {
	t.Helper()
	a := s.send(t, batchOf(file{"name", "", []byte("Class 3")}, file{"size", "", []byte("一寸")}, file{"background", "", []byte("white")},
		portrait("张三.jpg"), file{"image", "notes.txt", []byte("not a picture")}, portrait("Lí Sì.png"), portrait("张三.PNG"),
		file{"image", "=cmd.jpg", noise(8, 8)}, portrait("-1+1.jpg")))
	if a.status != 202 {
		t.Fatalf("answer is %d %s", a.status, a.raw)
	}
	return a
}

func TestABatchIsOneRowATaskPerPictureAndAManifest(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	if a.body["status"] != "submitted" || a.body["total"] != 4.0 || a.body["refused"] != 2.0 || a.body["status_url"] != "/api/v1/batches/"+a.id() ||
		a.header.Get("Location") != a.body["status_url"] {
		t.Errorf("answer is %v %v", a.header, a.body)
	}
	v := s.show(t, a.id())
	if v.Name != "Class 3" || v.Total != 4 || v.Refused != 2 || v.Done != 0 || v.Finished || v.LeftSeconds != nil || v.States[queue.Queued] != 4 || len(v.Items) != 6 {
		t.Fatalf("batch is %+v", v)
	}
	for i, want := range []struct {
		name, code string
		state      queue.State
	}{
		{"张三.jpg", "", queue.Queued}, {"notes.txt", "unsupported_type", Refused}, {"Lí Sì.png", "", queue.Queued}, {"张三.PNG", "", queue.Queued},
		{"=cmd.jpg", "too_small", Refused}, {"-1+1.jpg", "", queue.Queued},
	} {
		if got := v.Items[i]; got.Index != i || got.Name != want.name || got.Code != want.code || got.State != want.state || (got.TaskID == "") != (want.code != "") {
			t.Errorf("item %d is %+v, want %+v", i, got, want)
		}
	}
	task, err := s.ledger.Get(t.Context(), v.Items[0].TaskID)
	if err != nil || task.Lane != queue.Bulk || task.BatchID != a.id() || task.Label != "1-inch" || task.Digest == "" ||
		string(photo.Unversioned(task.Options)) != `{"background":"#FFFFFF","size":"1-inch"}` {
		t.Errorf("task is %+v, %v", task, err)
	}
	if stored, err := s.store.Read(t.Context(), task.InputKey, 1<<20); err != nil || !bytes.Equal(stored, noise(90, 100)) {
		t.Errorf("stored are %d bytes, %v", len(stored), err)
	}
	if len(s.files(t)) != 5 || len(s.topic.sent) != 4 {
		t.Errorf("files are %v, messages %v", s.files(t), s.topic.sent)
	}
}

func TestNamesAreInTheManifestOnly(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	b, err := s.ledger.GetBatch(t.Context(), a.id())
	if err != nil {
		t.Fatal(err)
	}
	row, _ := json.Marshal(b)
	for _, place := range []string{string(row), strings.Join(s.topic.sent, ""), strings.Join(s.files(t), ""), s.log.String()} {
		if strings.Contains(place, "张三") || strings.Contains(place, "notes") {
			t.Errorf("a file's name is in %s", place)
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	items := s.show(t, a.id()).Items
	s.end(t, items[0].TaskID, done, jpeg)
	s.end(t, items[2].TaskID, queue.Outcome{State: queue.Rejected, Code: "many_faces", Detail: json.RawMessage(`{"count":2}`)}, "")
	v := s.show(t, a.id(), "Accept-Language", "zh")
	if v.Done != 2 || v.Progress != 0.5 || v.Finished || v.LeftSeconds == nil {
		t.Errorf("batch is %+v", v)
	}
	if got := v.Items[0]; got.State != queue.Succeeded || got.DownloadURL != "/api/v1/result/"+got.TaskID || got.Seconds == nil {
		t.Errorf("a photo is %+v", got)
	}
	if got := v.Items[2]; got.Code != "many_faces" || !strings.Contains(got.Message, "2 张人脸") {
		t.Errorf("a rejected picture is %+v", got)
	}
	s.end(t, items[3].TaskID, done, jpeg)
	s.end(t, items[5].TaskID, queue.Outcome{State: queue.Dead, Code: "internal"}, "")
	v = s.show(t, a.id())
	if v.Done != 4 || v.Progress != 1 || !v.Finished || v.FinishedAt == nil || v.LeftSeconds == nil || *v.LeftSeconds != 0 {
		t.Errorf("batch is %+v", v)
	}
}

func TestItemsComeInPages(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	var names []string
	path := a.id() + "?limit=2"
	for range 3 {
		v := s.show(t, path)
		for _, item := range v.Items {
			names = append(names, item.Name)
		}
		path = strings.TrimPrefix(v.Next, "/api/v1/batches/") + "&limit=2"
		if (v.Next == "") != (len(names) == 6) {
			t.Errorf("after %v the next page is %q", names, v.Next)
		}
	}
	if got := strings.Join(names, " "); got != "张三.jpg notes.txt Lí Sì.png 张三.PNG =cmd.jpg -1+1.jpg" {
		t.Errorf("pages hold %s", got)
	}
	failed := s.show(t, a.id()+"?failed=true&after=1")
	if len(failed.Items) != 1 || failed.Items[0].Name != "=cmd.jpg" {
		t.Errorf("failures after the second file are %+v", failed.Items)
	}
	if v := s.show(t, a.id()+"?limit=0"); len(v.Items) != 0 || v.Total != 4 {
		t.Errorf("without items: %+v", v)
	}
	for _, bad := range []string{"?limit=201", "?limit=x", "?after=-1"} {
		if got := s.ask(t, "GET", a.id()+bad); got.status != 422 || got.code() != "bad_option" {
			t.Errorf("%s: answer is %d %s", bad, got.status, got.raw)
		}
	}
}

func TestBadBatchesGetAClearAnswerAndNothingIsKept(t *testing.T) {
	s := start(t, &Options{MaxFiles: 3, MaxBytes: 200 << 10, MaxImageBytes: 100 << 10})
	large := file{"image", "large.jpg", append([]byte(jpeg), make([]byte, 120<<10)...)}
	for name, tc := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"nothing":            {httptest.NewRequest("POST", "/api/v1/batches", nil), 400, "empty"},
		"JSON":               {httptest.NewRequest("POST", "/api/v1/batches", strings.NewReader("{}")), 415, "unsupported_media_type"},
		"no file":            {batchOf(file{"size", "", []byte("1-inch")}), 400, "missing_field"},
		"unknown field":      {batchOf(file{"sise", "", []byte("1-inch")}, portrait("a.jpg")), 400, "unknown_field"},
		"field twice":        {batchOf(file{"size", "", []byte("1-inch")}, file{"size", "", []byte("2-inch")}, portrait("a.jpg")), 400, "unknown_field"},
		"field too late":     {batchOf(portrait("a.jpg"), file{"size", "", []byte("1-inch")}), 400, "late_field"},
		"unknown size":       {batchOf(file{"size", "", []byte("no-such")}, portrait("a.jpg")), 422, "unknown_size"},
		"unknown background": {batchOf(file{"background", "", []byte("plaid")}, portrait("a.jpg")), 422, "unknown_background"},
		"too many files":     {batchOf(portrait("a"), portrait("b"), portrait("c"), portrait("d")), 413, "too_many_files"},
		"too many bytes":     {batchOf(portrait("a"), large, large), 413, "batch_too_large"},
		"no picture at all":  {batchOf(file{"image", "张三.doc", []byte("x")}, large), 422, "no_pictures"},
		"broken archive":     {batchOf(portrait("a"), file{"archive", "a.zip", []byte("PK\x03\x04 nonsense")}), 422, "archive_unreadable"},
		"cut short":          {cutShort(batchOf(portrait("a"), portrait("b"))), 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, tc.request)
			if a.status != tc.status || a.code() != tc.code || strings.Contains(fmt.Sprint(a.body["detail"]), "?") {
				t.Errorf("answer is %d %s, want %d %s", a.status, a.raw, tc.status, tc.code)
			}
			if items, _ := a.body["items"].([]any); tc.code == "no_pictures" {
				if len(items) != 2 || items[0].(map[string]any)["code"] != "unsupported_type" || items[1].(map[string]any)["code"] != "too_large" {
					t.Errorf("items are %v", a.body["items"])
				}
			}
		})
	}
	s.keptNothing(t)
	if strings.Contains(s.log.String(), "张三") {
		t.Errorf("the log names a file: %s", s.log)
	}
}

func cutShort(r *http.Request) *http.Request {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body[:len(body)*3/4]))
	return r
}

func TestTheSameKeyAndFilesGiveTheSameBatch(t *testing.T) {
	s := start(t, nil)
	keyed := func(parts ...file) *http.Request {
		r := batchOf(parts...)
		r.Header.Set("Idempotency-Key", "class 3")
		return r
	}
	first := s.send(t, keyed(portrait("a.jpg"), portrait("b.jpg")))
	again := s.send(t, keyed(portrait("a.jpg"), portrait("b.jpg")))
	if first.status != 202 || again.status != 202 || first.id() != again.id() || again.header.Get("Idempotency-Replayed") != "true" || again.body["total"] != 2.0 {
		t.Errorf("answers are %s and %s", first.raw, again.raw)
	}
	for name, r := range map[string]*http.Request{
		"fewer files":   keyed(portrait("a.jpg")),
		"other name":    keyed(portrait("a.jpg"), portrait("c.jpg")),
		"other options": keyed(file{"background", "", []byte("red")}, portrait("a.jpg"), portrait("b.jpg")),
	} {
		if a := s.send(t, r); a.status != 409 || a.code() != "conflict" {
			t.Errorf("%s: answer is %d %s", name, a.status, a.raw)
		}
	}
	if files := s.files(t); len(files) != 3 {
		t.Errorf("%v is kept", files)
	}
}

func TestPartsThatAreAwayLeaveNothing(t *testing.T) {
	t.Run("ledger", func(t *testing.T) {
		s := start(t, nil)
		s.ledger.Close()
		a := s.send(t, batchOf(portrait("a.jpg"), portrait("b.jpg")))
		if a.status != 503 || a.body["part"] != "ledger" || a.header.Get("Retry-After") == "" {
			t.Errorf("answer is %d %s", a.status, a.raw)
		}
		if files := s.files(t); len(files) != 0 {
			t.Errorf("%v is left", files)
		}
		if a := s.ask(t, "GET", queue.NewID()); a.status != 503 || a.code() != "ledger_unavailable" {
			t.Errorf("asked for a batch: %d %s", a.status, a.raw)
		}
	})
	t.Run("store", func(t *testing.T) {
		s := start(t, nil)
		s.store.Close()
		if a := s.send(t, batchOf(portrait("a.jpg"))); a.status != 503 || a.body["part"] != "blobs" {
			t.Errorf("answer is %d %s", a.status, a.raw)
		}
		s.keptNothing(t)
	})
	t.Run("broker: the batch is kept", func(t *testing.T) {
		s := start(t, nil)
		s.topic.err = errors.New("away")
		if a := s.send(t, batchOf(portrait("a.jpg"))); a.status != 202 || len(s.files(t)) != 2 {
			t.Errorf("answer is %d %s, files %v", a.status, a.raw, s.files(t))
		}
	})
	t.Run("memory", func(t *testing.T) {
		s := start(t, nil)
		if !s.function.opts.Memory.TryAcquire(250 << 20) {
			t.Fatal("no room")
		}
		if a := s.send(t, batchOf(portrait("a.jpg"))); a.status != 503 || a.code() != "busy" {
			t.Errorf("answer is %d %s", a.status, a.raw)
		}
		s.keptNothing(t)
	})
}

func TestUnknownBatchesAreNotFound(t *testing.T) {
	s := start(t, nil)
	for _, id := range []string{queue.NewID(), "1", "Zhang-San"} {
		for _, ask := range []string{"GET ", "GET /results.zip", "GET /report.csv", "POST /cancel", "POST /retry", "DELETE "} {
			method, rest, _ := strings.Cut(ask, " ")
			if a := s.ask(t, method, id+rest); a.status != 404 || a.code() != "not_found" {
				t.Errorf("%s of %s: answer is %d %s", ask, id, a.status, a.raw)
			}
		}
	}
}

// unzip returns an archive's files by name.
func unzip(t *testing.T, data []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(content)
	}
	return files
}

func TestResultsAreNamedAfterTheirSources(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	if files := unzip(t, s.ask(t, "GET", a.id()+"/results.zip").raw); len(files) != 1 || files["failures.csv"] == "" {
		t.Errorf("before the first photo there is %v", files)
	}
	items := s.show(t, a.id()).Items
	s.end(t, items[0].TaskID, done, jpeg+"1")
	s.end(t, items[2].TaskID, queue.Outcome{State: queue.Rejected, Code: "no_face"}, "")
	s.end(t, items[3].TaskID, done, jpeg+"2")
	s.end(t, items[5].TaskID, done, jpeg+"3")
	got := s.ask(t, "GET", a.id()+"/results.zip")
	if got.header.Get("Content-Type") != "application/zip" || got.header.Get("Content-Disposition") != `attachment; filename="Class 3.zip"` {
		t.Errorf("header is %v", got.header)
	}
	files := unzip(t, got.raw)
	if len(files) != 4 || files["张三.jpg"] != jpeg+"1" || files["张三 (2).jpg"] != jpeg+"2" || files["-1+1.jpg"] != jpeg+"3" {
		t.Errorf("files are %q", files)
	}
	failures := strings.Split(strings.TrimSpace(files["failures.csv"]), "\r\n")
	if len(failures) != 4 || !strings.HasPrefix(failures[0], "\ufeffname,status,code,message,task_id,seconds") ||
		!strings.HasPrefix(failures[1], `notes.txt,not accepted,unsupported_type,"The file is not a picture`) ||
		!strings.HasPrefix(failures[2], "Lí Sì.png,not possible,no_face,") || !strings.HasPrefix(failures[3], "'=cmd.jpg,not accepted,too_small") {
		t.Errorf("failures are %q", failures)
	}
	report := s.ask(t, "GET", a.id()+"/report.csv", "Accept-Language", "zh")
	lines := strings.Split(strings.TrimSpace(string(report.raw)), "\r\n")
	if len(lines) != 7 || !strings.HasPrefix(lines[1], "张三.jpg,完成,,,"+items[0].TaskID+",") || !strings.HasPrefix(lines[6], "'-1+1.jpg,完成") {
		t.Errorf("report is %q", lines)
	}
}

func TestAStoreThatFailsCutsTheArchive(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	items := s.show(t, a.id()).Items
	s.end(t, items[0].TaskID, done, jpeg)
	s.end(t, items[2].TaskID, done, jpeg)
	s.function.blobs = &failing{Blobs: s.store, after: 2} // manifest, first photo
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want ErrAbortHandler", v)
		}
	}()
	s.ask(t, "GET", a.id()+"/results.zip")
	t.Error("half an archive was given for a whole")
}

// failing reads a few blobs, then no more.
type failing struct {
	Blobs
	after int
}

func (f *failing) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	if f.after--; f.after < 0 {
		return nil, errors.New("store is away")
	}
	return f.Blobs.Read(ctx, key, limit)
}

func TestCancelAndRetry(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	items := s.show(t, a.id()).Items
	s.end(t, items[0].TaskID, done, jpeg)
	s.end(t, items[2].TaskID, queue.Outcome{State: queue.Dead, Code: "internal"}, "")
	if got := s.ask(t, "POST", a.id()+"/retry"); got.status != 200 || got.body["changed"] != 1.0 {
		t.Errorf("retry: %d %s", got.status, got.raw)
	}
	if task, _ := s.ledger.Get(t.Context(), items[2].TaskID); task.State != queue.Queued || task.MaxAttempts <= task.Attempts {
		t.Errorf("the dead task is %+v", task)
	}
	if got := s.ask(t, "POST", a.id()+"/cancel"); got.status != 200 || got.body["changed"] != 3.0 {
		t.Errorf("cancel: %d %s", got.status, got.raw)
	}
	v := s.show(t, a.id())
	if v.States[queue.Cancelled] != 3 || v.States[queue.Succeeded] != 1 || !v.Finished || v.Items[2].Code != "cancelled" {
		t.Errorf("batch is %+v", v)
	}
	if got := s.ask(t, "POST", a.id()+"/retry"); got.body["changed"] != 0.0 {
		t.Errorf("what was cancelled ran again: %s", got.raw)
	}
}

func TestErasingTakesNamesAndPictures(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	items := s.show(t, a.id()).Items
	s.end(t, items[0].TaskID, done, jpeg)
	for range 2 { // twice is no error
		if got := s.ask(t, "DELETE", a.id()); got.status != 204 {
			t.Fatalf("answer is %d %s", got.status, got.raw)
		}
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("%v is left", files)
	}
	if v := s.show(t, a.id()); !v.Erased || len(v.Items) != 0 || v.ResultsURL != "" {
		t.Errorf("batch is %+v", v)
	}
	for _, path := range []string{"/results.zip", "/report.csv"} {
		if got := s.ask(t, "GET", a.id()+path); got.status != 410 || got.code() != "gone" {
			t.Errorf("%s: answer is %d %s", path, got.status, got.raw)
		}
	}
}

func TestATaskErasedByItselfLosesItsName(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	items := s.show(t, a.id()).Items
	s.end(t, items[0].TaskID, done, jpeg)
	if _, err := s.ledger.Erase(t.Context(), items[0].TaskID); err != nil {
		t.Fatal(err)
	}
	if got := s.show(t, a.id()).Items[0]; got.Name != "" || got.Code != "gone" || got.DownloadURL != "" {
		t.Errorf("item is %+v", got)
	}
}

func TestExpiredBatchesSaySo(t *testing.T) {
	s := start(t, nil)
	a := s.send(t, batchOf(portrait("a.jpg")))
	id := s.show(t, a.id()).Items[0].TaskID
	s.end(t, id, done, jpeg)
	for _, step := range []int{queue.PurgeOriginal, queue.PurgeResult} {
		if err := s.ledger.Purged(t.Context(), step, []string{id}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.show(t, a.id()).Items[0]; got.Code != "expired" || got.DownloadURL != "" {
		t.Errorf("item is %+v", got)
	}
	if err := s.ledger.PurgedBatches(t.Context(), queue.PurgeResult, []string{a.id()}); err != nil {
		t.Fatal(err)
	}
	if v := s.show(t, a.id()); !v.Expired || v.ResultsURL != "" {
		t.Errorf("batch is %+v", v)
	}
	if got := s.ask(t, "GET", a.id()+"/report.csv"); got.status != 410 || got.code() != "expired" {
		t.Errorf("report: %d %s", got.status, got.raw)
	}
}
