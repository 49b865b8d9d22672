package upload

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"idphoto/functions/photo"
	"image"
	"image/png"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/pubsub"

	"idphoto/functions/api"
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
	s := &service{ledger: ledger, dir: t.TempDir(), topic: &topic{}}
	if s.store, err = blobs.Open(t.Context(), "file://"+s.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	quiet := slog.New(slog.DiscardHandler)
	publisher := queue.NewPublisher(ledger, map[string]queue.Topic{queue.Express: s.topic}, &queue.PublisherOptions{Logger: quiet})
	if opts == nil {
		opts = &Options{}
	}
	opts.Log = quiet
	s.function = New(publisher, ledger, s.store, opts)
	s.Handler = api.New(api.Options{Log: quiet}, s.function.Routes()...)
	return s
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) code() string { return fmt.Sprint(a.body["code"]) }
func (a answer) task() string { return fmt.Sprint(a.body["task_id"]) }

func (s *service) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
		t.Fatalf("answer %d is no JSON: %q", w.Code, w.Body)
	}
	return a
}

// field is one part of a form; one named image is sent as a file.
type field struct {
	name string
	data []byte
}

func submission(fields ...field) *http.Request {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		var part io.Writer
		if f.name == "image" {
			part, _ = form.CreateFormFile(f.name, "Zhang San.jpg")
		} else {
			part, _ = form.CreateFormField(f.name)
		}
		part.Write(f.data)
	}
	form.Close()
	r := httptest.NewRequest("POST", "/api/v1/generate", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// noise is a valid PNG of w x h pixels that does not compress.
func noise(w, h int) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	var out bytes.Buffer
	png.Encode(&out, m)
	return out.Bytes()
}

// flat is a valid PNG of one colour with one bit per pixel: few bytes, many pixels.
func flat(w, h int) []byte {
	var rows, out bytes.Buffer
	z := zlib.NewWriter(&rows)
	z.Write(make([]byte, h*(1+(w+7)/8)))
	z.Close()
	chunk := func(kind string, data []byte) {
		binary.Write(&out, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		out.Write(body)
		binary.Write(&out, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	out.WriteString("\x89PNG\r\n\x1a\n")
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	chunk("IHDR", append(size, 1, 0, 0, 0, 0))
	chunk("IDAT", rows.Bytes())
	chunk("IEND", nil)
	return out.Bytes()
}

var picturePNG = noise(100, 120)

// rows returns how many tasks the ledger has.
func (s *service) rows(t *testing.T) (n int64) {
	t.Helper()
	counts, err := s.ledger.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		n += c
	}
	return n
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
	if n := s.rows(t); n != 0 {
		t.Errorf("%d rows were kept", n)
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("%v was kept", files)
	}
	if len(s.topic.sent) != 0 {
		t.Errorf("messages were sent: %v", s.topic.sent)
	}
}

func TestAnAcceptedPictureIsStoredWithItsRowAndMessage(t *testing.T) {
	s := start(t, nil)
	r := submission(field{"size", []byte("一寸")}, field{"background", []byte("Red")}, field{"image", picturePNG})
	r.Header.Set("Accept-Language", "zh")
	a := s.send(t, r)
	if a.status != 202 || a.body["status"] != "submitted" || a.body["status_url"] != "/api/v1/status/"+a.task() {
		t.Fatalf("answer is %d %v", a.status, a.body)
	}
	if a.header.Get("Location") != a.body["status_url"] || a.header.Get("Retry-After") != "1" || !strings.Contains(fmt.Sprint(a.body["message"]), "照片") {
		t.Errorf("answer is %v %v", a.header, a.body)
	}
	task, err := s.ledger.Get(t.Context(), a.task())
	if err != nil {
		t.Fatal(err)
	}
	if task.Kind != "photo" || task.Lane != queue.Express || task.Label != "1-inch" || task.State != queue.Queued || string(photo.Unversioned(task.Options)) != `{"background":"#FF0000","size":"1-inch"}` {
		t.Errorf("row is %+v", task)
	}
	stored, err := s.store.Read(t.Context(), task.InputKey, 1<<20)
	if err != nil || !bytes.Equal(stored, picturePNG) {
		t.Errorf("stored are %d bytes, %v", len(stored), err)
	}
	if len(s.topic.sent) != 1 || !strings.Contains(s.topic.sent[0], task.ID) {
		t.Errorf("messages are %v", s.topic.sent)
	}
	row, _ := json.Marshal(task)
	for _, place := range []string{string(row), s.topic.sent[0], strings.Join(s.files(t), " ")} {
		if strings.Contains(place, "Zhang") {
			t.Errorf("the client's file name is kept: %s", place)
		}
	}
}

func TestOptionsHaveDefaults(t *testing.T) {
	s := start(t, nil)
	for size, want := range map[string]string{
		"":         `{"background":"#438EDB","size":"1-inch"}`,
		"passport": `{"background":"#FFFFFF","size":"passport-35x45"}`, // the document's own background
	} {
		fields := []field{{"image", picturePNG}}
		if size != "" {
			fields = append(fields, field{"size", []byte(size)})
		}
		a := s.send(t, submission(fields...))
		task, err := s.ledger.Get(t.Context(), a.task())
		if err != nil || string(photo.Unversioned(task.Options)) != want {
			t.Errorf("size %q gives %s, %v; want %s", size, task.Options, err, want)
		}
	}
}

// bad gives each thing that a client can do wrong. Values are functions because requests are read once.
var bad = map[string]struct {
	request func() *http.Request
	status  int
	code    string
}{
	"empty body": {func() *http.Request {
		r := httptest.NewRequest("POST", "/api/v1/generate", nil)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		return r
	}, 400, "empty"},
	"empty body without a type": {func() *http.Request { return httptest.NewRequest("POST", "/api/v1/generate", nil) }, 400, "empty"},
	"form without parts":        {func() *http.Request { return submission() }, 400, "empty"},
	"empty picture":             {func() *http.Request { return submission(field{"image", nil}) }, 400, "empty"},
	"JSON": {func() *http.Request {
		r := httptest.NewRequest("POST", "/api/v1/generate", strings.NewReader(`{"image":"..."}`))
		r.Header.Set("Content-Type", "application/json")
		return r
	}, 415, "unsupported_media_type"},
	"form without boundary": {func() *http.Request {
		r := httptest.NewRequest("POST", "/api/v1/generate", strings.NewReader("x"))
		r.Header.Set("Content-Type", "multipart/form-data")
		return r
	}, 400, "bad_request"},
	"form cut short": {func() *http.Request {
		r := submission(field{"image", picturePNG})
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body[:len(body)/2]))
		return r
	}, 400, "bad_request"},
	"form cut short behind a field": {func() *http.Request {
		r := submission(field{"image", picturePNG}, field{"background", []byte("red")})
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body[:bytes.LastIndex(body, []byte("Disposition"))]))
		return r
	}, 400, "bad_request"},
	"text named .jpg":          {func() *http.Request { return submission(field{"image", []byte("this is no picture")}) }, 415, "unsupported_type"},
	"PDF":                      {func() *http.Request { return submission(field{"image", []byte("%PDF-1.7 ...")}) }, 415, "unsupported_type"},
	"truncated JPEG":           {func() *http.Request { return submission(field{"image", hopper()[:20000]}) }, 422, "truncated"},
	"header of 65000 x 65000":  {func() *http.Request { return submission(field{"image", claim(65000, 65000)}) }, 422, "too_many_pixels"},
	"144 MP PNG of one colour": {func() *http.Request { return submission(field{"image", flat(12000, 12000)}) }, 422, "too_many_pixels"},
	"8 x 8 pixels":             {func() *http.Request { return submission(field{"image", noise(8, 8)}) }, 422, "too_small"},
	"picture above the limit": {func() *http.Request {
		return submission(field{"image", bytes.Repeat([]byte("\xff\xd8\xff\xe0"), 5<<20+1)})
	}, 413, "too_large"},
	"declared length above limit": {func() *http.Request {
		r := submission(field{"image", picturePNG})
		r.ContentLength = 200 << 20
		return r
	}, 413, "too_large"},
	"unknown size": {func() *http.Request { return submission(field{"size", []byte("3-inch")}, field{"image", picturePNG}) }, 422, "unknown_size"},
	"unknown background": {func() *http.Request {
		return submission(field{"background", []byte("plaid")}, field{"image", picturePNG})
	}, 422, "unknown_background"},
	"option of a megabyte": {func() *http.Request {
		return submission(field{"size", bytes.Repeat([]byte("x"), 1<<20)}, field{"image", picturePNG})
	}, 400, "bad_request"},
	"missing image": {func() *http.Request { return submission(field{"size", []byte("1-inch")}) }, 400, "missing_field"},
	"unknown kind of deduplication": {func() *http.Request {
		return submission(field{"dedupe", []byte("face")}, field{"image", picturePNG})
	}, 422, "bad_option"},
	"unknown field": {func() *http.Request { return submission(field{"colour", []byte("red")}, field{"image", picturePNG}) }, 400, "unknown_field"},
	"two pictures":  {func() *http.Request { return submission(field{"image", picturePNG}, field{"image", picturePNG}) }, 400, "unknown_field"},
	"wrong method":  {func() *http.Request { return httptest.NewRequest("PUT", "/api/v1/generate", nil) }, 405, "method_not_allowed"},
	"unknown path":  {func() *http.Request { return httptest.NewRequest("POST", "/api/v1/generat", nil) }, 404, "not_found"},
	"idempotency key of two lines": {func() *http.Request {
		r := submission(field{"image", picturePNG})
		r.Header.Set("Idempotency-Key", "a\nb")
		return r
	}, 400, "bad_idempotency_key"},
	"idempotency key that is too long": {func() *http.Request {
		r := submission(field{"image", picturePNG})
		r.Header.Set("Idempotency-Key", strings.Repeat("k", 256))
		return r
	}, 400, "bad_idempotency_key"},
}

func TestBadInputGetsAClearAnswerAndNothingIsKept(t *testing.T) {
	s := start(t, nil)
	for name, tc := range bad {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, tc.request())
			if a.status != tc.status || a.code() != tc.code {
				t.Errorf("answer is %d %s, want %d %s", a.status, a.code(), tc.status, tc.code)
			}
			if a.header.Get("Content-Type") != "application/problem+json" || a.body["advice"] == "" || strings.Contains(fmt.Sprint(a.body["detail"]), "?") {
				t.Errorf("problem is %v", a.body)
			}
		})
	}
	s.keptNothing(t)
}

// hopper is a JPEG of a portrait.
func hopper() []byte {
	data, err := os.ReadFile("../../pipeline/testdata/s17_hopper.jpg")
	if err != nil {
		panic(err)
	}
	return data
}

// claim is a PNG header that claims a size, and nothing behind it.
func claim(w, h uint32) []byte {
	data := flat(64, 64)
	for i := range 4 {
		data[16+i], data[20+i] = byte(w>>(24-8*i)), byte(h>>(24-8*i))
	}
	return data
}

func TestABadOptionIsToldBeforeThePictureIsRead(t *testing.T) {
	s := start(t, nil)
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	form.WriteField("size", "3-inch")
	form.CreateFormFile("image", "x")
	picture := &endless{}
	r := httptest.NewRequest("POST", "/api/v1/generate", io.MultiReader(&head, picture))
	r.Header.Set("Content-Type", form.FormDataContentType())
	if a := s.send(t, r); a.code() != "unknown_size" {
		t.Errorf("answer is %d %s", a.status, a.code())
	}
	if picture.given > 64<<10 {
		t.Errorf("%d bytes of the picture were read", picture.given)
	}
}

// endless gives zeros for ever and counts them.
type endless struct{ given int64 }

func (e *endless) Read(b []byte) (int, error) {
	clear(b)
	e.given += int64(len(b))
	return len(b), nil
}

func TestTheSameKeyAndPictureGiveTheSameTask(t *testing.T) {
	s := start(t, nil)
	keyed := func(fields ...field) *http.Request {
		r := submission(fields...)
		r.Header.Set("Idempotency-Key", "order 17, Zhang San")
		return r
	}
	first := s.send(t, keyed(field{"image", picturePNG}))
	again := s.send(t, keyed(field{"size", []byte("1寸")}, field{"image", picturePNG})) // the same options, said otherwise
	if first.status != 202 || again.status != 202 || first.task() != again.task() || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("answers are %d %s and %d %s", first.status, first.task(), again.status, again.task())
	}
	for name, r := range map[string]*http.Request{
		"other picture": keyed(field{"image", noise(90, 90)}),
		"other options": keyed(field{"background", []byte("red")}, field{"image", picturePNG}),
	} {
		if a := s.send(t, r); a.status != 409 || a.code() != "conflict" {
			t.Errorf("%s: answer is %d %s, want 409 conflict", name, a.status, a.code())
		}
	}
	if other := s.send(t, submission(field{"image", picturePNG})); other.task() == first.task() {
		t.Error("without a key the picture was taken for the earlier one")
	}
	if n, files := s.rows(t), s.files(t); n != 2 || len(files) != 2 {
		t.Errorf("%d rows and %v are kept, want 2 of each", n, files)
	}
	task, _ := s.ledger.Get(t.Context(), first.task())
	if strings.Contains(task.IdempotencyKey, "Zhang") {
		t.Errorf("the client's key is kept as it is: %q", task.IdempotencyKey)
	}
}

func TestConcurrentDoublesGiveOneTask(t *testing.T) {
	s := start(t, nil)
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			r := submission(field{"image", picturePNG})
			r.Header.Set("Idempotency-Key", "k")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			var body struct {
				TaskID string `json:"task_id"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 202 {
				t.Errorf("answer is %d %s", w.Code, w.Body)
			}
			ids[i] = body.TaskID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("tasks are %v", ids)
		}
	}
	if n, files := s.rows(t), s.files(t); n != 1 || len(files) != 1 || len(s.topic.sent) != 1 {
		t.Errorf("%d rows, files %v and %d messages, want one of each", n, files, len(s.topic.sent))
	}
}

func TestAStoreThatCannotWriteIsToldBeforeAcceptance(t *testing.T) {
	s := start(t, nil)
	// A file where the folder of tasks must be: as on a full disk, opening worked and writing does not.
	if err := os.WriteFile(filepath.Join(s.dir, "tasks"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := s.send(t, submission(field{"image", picturePNG}))
	if a.status != 503 || a.code() != "unavailable" || a.body["part"] != "blobs" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer is %d %v", a.status, a.body)
	}
	if n := s.rows(t); n != 0 || len(s.topic.sent) != 0 {
		t.Errorf("%d rows and %d messages were kept", n, len(s.topic.sent))
	}
	if strings.Contains(fmt.Sprint(a.body), s.dir) {
		t.Errorf("the answer names a path: %v", a.body)
	}
}

func TestAMissingBucketIsToldBeforeAcceptance(t *testing.T) {
	s := start(t, nil)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if a := s.send(t, submission(field{"image", picturePNG})); a.status != 503 || a.code() != "unavailable" {
		t.Errorf("answer is %d %v", a.status, a.body)
	}
	s.keptNothing(t)
}

func TestALedgerThatIsAwayLeavesNoPicture(t *testing.T) {
	s := start(t, nil)
	if err := s.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.send(t, submission(field{"image", picturePNG}))
	if a.status != 503 || a.code() != "unavailable" || a.body["part"] != "ledger" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer is %d %v", a.status, a.body)
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("%v is left behind", files)
	}
}

func TestABrokerThatIsAwayKeepsNothing(t *testing.T) {
	s := start(t, nil)
	s.topic.err = errors.New("broker is away")
	a := s.send(t, submission(field{"image", picturePNG}))
	if a.status != 503 || a.code() != "unavailable" || a.body["part"] != "queue" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer is %d %v", a.status, a.body)
	}
	s.keptNothing(t)
	s.topic.err = nil
	if a := s.send(t, submission(field{"image", picturePNG})); a.status != 202 {
		t.Errorf("with the broker back the answer is %d %v", a.status, a.body)
	}
}

// finish gives a task a photo, as a worker would.
func (s *service) finish(t *testing.T, id string) {
	t.Helper()
	claim, err := s.ledger.Claim(t.Context(), id, "worker", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	err = s.ledger.Finish(t.Context(), claim, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(id, 1), Result: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnEqualPictureGivesTheFinishedTaskWhenThatIsWanted(t *testing.T) {
	s := start(t, nil)
	again := field{"dedupe", []byte("content")}
	first := s.send(t, submission(field{"size", []byte("1-inch")}, field{"image", picturePNG}))
	if a := s.send(t, submission(again, field{"image", picturePNG})); a.task() == first.task() || a.body["deduplicated"] != nil {
		t.Errorf("an unfinished task was given for another: %v", a.body)
	}
	s.finish(t, first.task())
	a := s.send(t, submission(again, field{"image", picturePNG}))
	if a.status != 202 || a.task() != first.task() || a.body["deduplicated"] != true || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("answer is %d %v", a.status, a.body)
	}
	for name, r := range map[string]*http.Request{
		"not wanted":    submission(field{"image", picturePNG}),
		"wanted not":    submission(field{"dedupe", []byte("none")}, field{"image", picturePNG}),
		"other options": submission(again, field{"background", []byte("red")}, field{"image", picturePNG}),
		"other picture": submission(again, field{"image", noise(90, 90)}),
	} {
		if a := s.send(t, r); a.status != 202 || a.task() == first.task() || a.body["deduplicated"] != nil {
			t.Errorf("%s: answer is %d %v", name, a.status, a.body)
		}
	}
	if rows, files := s.rows(t), s.files(t); rows != 6 || len(files) != 6 {
		t.Errorf("%d rows and %d files, want 6 of each", rows, len(files))
	}
}

func TestTestKindsNeedTheirSwitch(t *testing.T) {
	noop := func() *http.Request {
		return submission(field{"kind", []byte("noop")}, field{"sleep_ms", []byte("20")}, field{"stages", []byte("3")})
	}
	closed := start(t, nil)
	if a := closed.send(t, noop()); a.status != 400 || a.code() != "unknown_field" {
		t.Errorf("without the switch the answer is %d %v", a.status, a.body)
	}
	closed.keptNothing(t)

	s := start(t, &Options{TestKinds: true})
	task, err := s.ledger.Get(t.Context(), s.send(t, noop()).task())
	if err != nil || task.Kind != "noop" || task.InputKey != "" || string(task.Options) != `{"sleep_ns":20000000,"stages":3}` {
		t.Errorf("row is %+v, %v", task, err)
	}
	with := s.send(t, submission(field{"kind", []byte("crash")}, field{"how", []byte("panic")}, field{"image", picturePNG}))
	task, err = s.ledger.Get(t.Context(), with.task())
	if err != nil || task.Kind != "crash" || task.InputKey == "" || len(s.files(t)) != 1 {
		t.Errorf("row is %+v, %v; files %v", task, err, s.files(t))
	}
	if a := s.send(t, submission(field{"image", picturePNG})); a.status != 202 {
		t.Errorf("a photo gets %d %v", a.status, a.body)
	}
	for _, f := range []field{{"kind", []byte("photo")}, {"sleep_ms", []byte("-1")}, {"stages", []byte("many")}, {"how", []byte("softly")}, {"times", []byte("0")}} {
		if a := s.send(t, submission(f)); a.status != 422 || a.code() != "bad_option" || a.body["field"] != f.name {
			t.Errorf("%s=%s: answer is %d %v", f.name, f.data, a.status, a.body)
		}
	}
}

// forgetful stores the row and loses the answer.
type forgetful struct{ Submitter }

func (f forgetful) Submit(ctx context.Context, t queue.Task) (queue.Task, bool, error) {
	if _, _, err := f.Submitter.Submit(ctx, t); err != nil {
		return queue.Task{}, false, err
	}
	return queue.Task{}, false, errors.New("connection lost")
}

func TestARowWhoseAnswerWasLostIsAccepted(t *testing.T) {
	s := start(t, nil)
	s.function.tasks = forgetful{s.function.tasks}
	a := s.send(t, submission(field{"image", picturePNG}))
	if a.status != 202 || len(s.files(t)) != 1 {
		t.Errorf("answer is %d %v, files %v", a.status, a.body, s.files(t))
	}
}
