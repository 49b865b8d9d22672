package status

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type service struct {
	http.Handler
	ledger *sqlledger.Ledger
	store  *blobs.Store
}

func start(t *testing.T, opts *Options) *service {
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
	h := api.New(api.Options{Log: slog.New(slog.DiscardHandler)}, New(ledger, store, opts).Routes()...)
	return &service{h, ledger, store}
}

// submit makes a task as upload does.
func (s *service) submit(t *testing.T) string {
	t.Helper()
	id := queue.NewID()
	task := queue.Task{
		ID: id, Kind: photo.Kind, Lane: queue.Express, MaxAttempts: 4, Digest: "d", InputKey: photo.OriginalKey(id),
		Options: json.RawMessage(`{"size":"1-inch","background":"#FF0000"}`),
	}
	if err := s.store.Write(t.Context(), task.InputKey, "image/jpeg", []byte("original")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ledger.Create(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *service) claim(t *testing.T, id string) *queue.Claim {
	t.Helper()
	c, err := s.ledger.Claim(t.Context(), id, "worker", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *service) finish(t *testing.T, c *queue.Claim, o queue.Outcome) {
	t.Helper()
	if err := s.ledger.Finish(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
}

// done makes a task with a photo and returns its id.
func (s *service) done(t *testing.T) string {
	t.Helper()
	id := s.submit(t)
	c := s.claim(t, id)
	prefix := queue.ResultPrefix(id, c.Attempt)
	for part, data := range map[photo.Part]string{photo.Photo: "jpeg", photo.Report: `{"version":1}`} {
		if err := s.store.Write(t.Context(), photo.Key(prefix, part), "", []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	s.finish(t, c, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix,
		Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","report":"application/json"}}`)})
	return id
}

// ask sends a request with headers given as name, value pairs.
func (s *service) ask(t *testing.T, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func object(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("answer %d is no JSON: %q", w.Code, w.Body)
	}
	return body
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	if body := object(t, w); w.Code != status || body["code"] != code || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer is %d %v, want %d %s", w.Code, body, status, code)
	}
}

func TestEveryStateHasItsWords(t *testing.T) {
	s := start(t, nil)
	for name, tc := range map[string]struct {
		reach         func(t *testing.T, id string)
		status, state string
		code          string
	}{
		"waiting": {func(*testing.T, string) {}, "PENDING", "queued", ""},
		"running": {func(t *testing.T, id string) { s.claim(t, id) }, "STARTED", "running", ""},
		"failed once": {func(t *testing.T, id string) {
			s.finish(t, s.claim(t, id), queue.Outcome{State: queue.Retrying, Code: "unavailable", RetryAfter: time.Hour})
		}, "RETRY", "retrying", ""},
		"rejected": {func(t *testing.T, id string) {
			s.finish(t, s.claim(t, id), queue.Outcome{State: queue.Rejected, Code: "many_faces", Detail: json.RawMessage(`{"count":2}`)})
		}, "FAILURE", "rejected", "many_faces"},
		"dead": {func(t *testing.T, id string) {
			s.finish(t, s.claim(t, id), queue.Outcome{State: queue.Dead, Code: "panic", Error: "index out of range"})
		}, "FAILURE", "dead", "panic"},
		"cancelled": {func(t *testing.T, id string) {
			if _, err := s.ledger.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}, "REVOKED", "cancelled", "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			id := s.submit(t)
			tc.reach(t, id)
			w := s.ask(t, "GET", "/status/"+id)
			body := object(t, w)
			if w.Code != 200 || body["task_id"] != id || body["status"] != tc.status || body["state"] != tc.state || body["result_available"] != false {
				t.Errorf("answer is %d %v", w.Code, body)
			}
			failure, _ := body["error"].(map[string]any)
			if tc.code == "" && failure != nil || tc.code != "" && failure["code"] != tc.code {
				t.Errorf("error is %v, want code %q", failure, tc.code)
			}
			if strings.Contains(w.Body.String(), "index out of range") {
				t.Error("the private cause is shown")
			}
			if body["download_url"] != nil {
				t.Errorf("download_url is %v without a result", body["download_url"])
			}
		})
	}
}

func TestARejectionIsToldInTheClerksLanguage(t *testing.T) {
	s := start(t, nil)
	id := s.submit(t)
	s.finish(t, s.claim(t, id), queue.Outcome{State: queue.Rejected, Code: "many_faces", Detail: json.RawMessage(`{"count":2}`)})
	for lang, want := range map[string]string{"en": "2 faces were found", "zh-CN": "找到 2 张人脸"} {
		failure := object(t, s.ask(t, "GET", "/status/"+id, "Accept-Language", lang))["error"].(map[string]any)
		if !strings.Contains(fmt.Sprint(failure["detail"]), want) || failure["advice"] == "" || failure["count"] != 2.0 {
			t.Errorf("%s: error is %v", lang, failure)
		}
	}
}

func TestUnknownTasksAreNotFound(t *testing.T) {
	s := start(t, nil)
	for _, id := range []string{queue.NewID(), "1", "../../etc/passwd", "%00"} {
		path := strings.ReplaceAll(id, "/", "%2F")
		for _, call := range [][2]string{
			{"GET", "/status/" + path}, {"GET", "/result/" + path}, {"GET", "/tasks/" + path + "/events"},
			{"POST", "/tasks/" + path + "/cancel"}, {"DELETE", "/tasks/" + path},
		} {
			wantProblem(t, s.ask(t, call[0], call[1]), 404, "not_found")
		}
	}
}

func TestTheResultIsThePhotoUnderASensibleName(t *testing.T) {
	s := start(t, nil)
	id := s.done(t)
	status := object(t, s.ask(t, "GET", "/status/"+id))
	if status["result_available"] != true || status["download_url"] != "/api/v1/result/"+id || fmt.Sprint(status["parts"]) != "[photo report]" {
		t.Errorf("status is %v", status)
	}
	w := s.ask(t, "GET", "/result/"+id)
	want := fmt.Sprintf("attachment; filename=%q", "idphoto-1-inch-"+id[len(id)-8:]+".jpg")
	if w.Code != 200 || w.Body.String() != "jpeg" || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Content-Disposition") != want {
		t.Errorf("answer is %d %q %v", w.Code, w.Body, w.Header())
	}
	if w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("a picture may be cached: %v", w.Header())
	}
	report := s.ask(t, "GET", "/result/"+id+"?part=report")
	if object(t, report)["version"] != 1.0 || !strings.Contains(report.Header().Get("Content-Disposition"), "-report-") {
		t.Errorf("report is %q %v", report.Body, report.Header())
	}
	wantProblem(t, s.ask(t, "GET", "/result/"+id+"?part=cutout"), 404, "unknown_part")
	wantProblem(t, s.ask(t, "GET", "/result/"+id+"?part=../original"), 404, "unknown_part")
	if head := s.ask(t, "HEAD", "/result/"+id); head.Code != 200 || head.Header().Get("Content-Length") != "4" {
		t.Errorf("HEAD is answered by %d %v", head.Code, head.Header())
	}
}

func TestTheETagSparesTheDownload(t *testing.T) {
	s := start(t, nil)
	id := s.done(t)
	tag := s.ask(t, "GET", "/result/"+id).Header().Get("ETag")
	for sent, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, tag[:len(tag)-2] + `"`: 200,
	} {
		if w := s.ask(t, "GET", "/result/"+id, "If-None-Match", sent); w.Code != want || want == 304 && w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d with %d bytes, want %d", sent, w.Code, w.Body.Len(), want)
		}
	}
	if other := s.ask(t, "GET", "/result/"+id+"?part=report").Header().Get("ETag"); other == tag || tag == "" {
		t.Errorf("photo and report have tags %s and %s", tag, other)
	}
}

func TestWithoutAPhotoTheResultSaysWhy(t *testing.T) {
	s := start(t, nil)
	waiting := s.submit(t)
	w := s.ask(t, "GET", "/result/"+waiting)
	wantProblem(t, w, 409, "not_finished")
	if w.Header().Get("Retry-After") == "" {
		t.Error("not_finished has no Retry-After")
	}
	rejected := s.submit(t)
	s.finish(t, s.claim(t, rejected), queue.Outcome{State: queue.Rejected, Code: "no_face"})
	wantProblem(t, s.ask(t, "GET", "/result/"+rejected), 409, "no_result")
	lost := s.done(t)
	if err := s.store.DeletePrefix(t.Context(), queue.TaskPrefix(lost)); err != nil { // by the store's own rule
		t.Fatal(err)
	}
	wantProblem(t, s.ask(t, "GET", "/result/"+lost), 410, "gone")
}

func TestErasingTakesEveryPictureAtOnce(t *testing.T) {
	s := start(t, nil)
	id, other := s.done(t), s.done(t)
	for range 2 { // again is no error
		if w := s.ask(t, "DELETE", "/tasks/"+id); w.Code != 204 || w.Body.Len() != 0 {
			t.Fatalf("answer is %d %q", w.Code, w.Body)
		}
	}
	for _, key := range []string{photo.OriginalKey(id), photo.Key(queue.ResultPrefix(id, 1), photo.Photo)} {
		if _, err := s.store.Read(t.Context(), key, 100); !errors.Is(err, blobs.ErrNotExist) {
			t.Errorf("%s: %v, want ErrNotExist", key, err)
		}
	}
	wantProblem(t, s.ask(t, "GET", "/result/"+id), 410, "gone")
	status := object(t, s.ask(t, "GET", "/status/"+id))
	if status["erased"] != true || status["result_available"] != false || status["download_url"] != nil {
		t.Errorf("status is %v", status)
	}
	task, err := s.ledger.Get(t.Context(), id)
	if err != nil || task.InputKey != "" || task.Digest != "" || task.ResultPrefix != "" {
		t.Errorf("the row still knows %+v, %v", task, err)
	}
	if w := s.ask(t, "GET", "/result/"+other); w.Code != 200 {
		t.Errorf("the neighbour's photo: %d", w.Code)
	}
}

func TestErasingAWaitingTaskStopsIt(t *testing.T) {
	s := start(t, nil)
	id := s.submit(t)
	if w := s.ask(t, "DELETE", "/tasks/"+id); w.Code != 204 {
		t.Fatalf("answer is %d", w.Code)
	}
	if _, err := s.ledger.Claim(t.Context(), id, "w", time.Minute); !errors.Is(err, queue.ErrNotClaimable) {
		t.Errorf("Claim = %v, want ErrNotClaimable", err)
	}
}

// stuck is a store that deletes nothing.
type stuck struct{ *blobs.Store }

func (stuck) DeletePrefix(context.Context, string) error { return errors.New("store is away") }

func TestAnEraseThatFailedIsToldAndCanBeRepeated(t *testing.T) {
	s := start(t, nil)
	id := s.done(t)
	broken := &service{api.New(api.Options{Log: slog.New(slog.DiscardHandler)}, New(s.ledger, stuck{s.store}, nil).Routes()...), s.ledger, s.store}
	wantProblem(t, broken.ask(t, "DELETE", "/tasks/"+id), 503, "unavailable")
	wantProblem(t, broken.ask(t, "GET", "/result/"+id), 410, "gone") // nobody gets it meanwhile
	if w := s.ask(t, "DELETE", "/tasks/"+id); w.Code != 204 {
		t.Errorf("the second time: %d", w.Code)
	}
}

func TestCancel(t *testing.T) {
	s := start(t, nil)
	waiting, running, finished := s.submit(t), s.submit(t), s.done(t)
	c := s.claim(t, running)
	if body := object(t, s.ask(t, "POST", "/tasks/"+waiting+"/cancel")); body["state"] != "cancelled" {
		t.Errorf("a waiting task: %v", body)
	}
	if body := object(t, s.ask(t, "POST", "/tasks/"+running+"/cancel")); body["state"] != "running" || body["cancel_requested"] != true {
		t.Errorf("a running task: %v", body)
	}
	if err := s.ledger.Renew(t.Context(), c, "matte", time.Minute); !errors.Is(err, queue.ErrCancelled) {
		t.Errorf("Renew = %v, want ErrCancelled", err)
	}
	wantProblem(t, s.ask(t, "POST", "/tasks/"+finished+"/cancel"), 409, "already_final")
}

func TestALedgerThatIsAwayIsToldPlainly(t *testing.T) {
	s := start(t, nil)
	id := s.submit(t)
	s.ledger.Close()
	for _, call := range [][2]string{
		{"GET", "/status/" + id}, {"GET", "/result/" + id}, {"GET", "/tasks/" + id + "/events"}, {"POST", "/tasks/" + id + "/cancel"}, {"DELETE", "/tasks/" + id},
	} {
		w := s.ask(t, call[0], call[1])
		wantProblem(t, w, 503, "ledger_unavailable")
		if w.Header().Get("Retry-After") == "" {
			t.Errorf("%v has no Retry-After", call)
		}
	}
}

func TestTheCatalogue(t *testing.T) {
	s := start(t, nil)
	var all struct {
		Specs []struct {
			ID    string            `json:"id"`
			Names map[string]string `json:"names"`
		} `json:"specs"`
	}
	if err := json.Unmarshal(s.ask(t, "GET", "/specs").Body.Bytes(), &all); err != nil || len(all.Specs) < 6 {
		t.Fatalf("%d specifications, %v", len(all.Specs), err)
	}
	for _, spec := range all.Specs {
		if one := object(t, s.ask(t, "GET", "/specs/"+spec.ID)); one["name"] != spec.Names["en"] || spec.Names["zh"] == "" {
			t.Errorf("%s: %v", spec.ID, one)
		}
	}
	if one := object(t, s.ask(t, "GET", "/specs/%E4%B8%80%E5%AF%B8")); one["id"] != "1-inch" {
		t.Errorf("一寸 is %v", one["id"])
	}
	wantProblem(t, s.ask(t, "GET", "/specs/3-inch"), 404, "not_found")
}

func TestAProblemsTypeLeadsToItsRow(t *testing.T) {
	s := start(t, nil)
	problem := object(t, s.ask(t, "GET", "/status/x"))
	path, ok := strings.CutPrefix(fmt.Sprint(problem["type"]), "/api/v1")
	if row := object(t, s.ask(t, "GET", path)); !ok || row["code"] != "not_found" || row["status"] != 404.0 {
		t.Errorf("%s leads to %v", problem["type"], row)
	}
	wantProblem(t, s.ask(t, "GET", "/problems/never_heard_of"), 404, "not_found")
	if all := object(t, s.ask(t, "GET", "/problems"))["problems"].([]any); len(all) < 30 {
		t.Errorf("%d problems", len(all))
	}
}

// follow opens a task's events on a real connection and returns its lines.
func follow(t *testing.T, url, id string) (lines *bufio.Scanner, response *http.Response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/api/v1/tasks/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return bufio.NewScanner(resp.Body), resp
}

// next returns the view of the next event; nil at the end of the stream.
func next(t *testing.T, lines *bufio.Scanner) map[string]any {
	t.Helper()
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var view map[string]any
			if err := json.Unmarshal([]byte(data), &view); err != nil {
				t.Fatal(err)
			}
			return view
		}
	}
	return nil
}

func TestEventsTellStatesAndStagesUntilTheEnd(t *testing.T) {
	s := start(t, &Options{Poll: time.Millisecond})
	server := httptest.NewServer(s)
	defer server.Close()
	id := s.submit(t)
	lines, resp := follow(t, server.URL, id)
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("answer is %d %v", resp.StatusCode, resp.Header)
	}
	if v := next(t, lines); v["state"] != "queued" {
		t.Fatalf("first event is %v", v)
	}
	c := s.claim(t, id)
	if v := next(t, lines); v["state"] != "running" {
		t.Fatalf("event after the claim is %v", v)
	}
	if err := s.ledger.Renew(t.Context(), c, "matte", time.Minute); err != nil {
		t.Fatal(err)
	}
	if v := next(t, lines); v["stage"] != "matte" {
		t.Fatalf("event after the stage is %v", v)
	}
	s.finish(t, c, queue.Outcome{State: queue.Rejected, Code: "no_face"})
	if v := next(t, lines); v["state"] != "rejected" || v["error"] == nil {
		t.Fatalf("last event is %v", v)
	}
	if v := next(t, lines); v != nil || lines.Err() != nil {
		t.Errorf("after the end came %v, %v", v, lines.Err())
	}
}

// A server's timeouts are for ordinary requests: a stream outlives them.
func TestEventsOutliveTheServersTimeouts(t *testing.T) {
	s := start(t, &Options{Poll: time.Millisecond})
	server := httptest.NewUnstartedServer(s)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	id := s.submit(t)
	lines, _ := follow(t, server.URL, id)
	next(t, lines)
	<-time.After(200 * time.Millisecond) // nothing else tells that the timeouts have passed
	c := s.claim(t, id)
	if v := next(t, lines); v["state"] != "running" {
		t.Fatalf("after the timeouts came %v", v)
	}
	s.finish(t, c, queue.Outcome{State: queue.Rejected, Code: "no_face"})
	if v := next(t, lines); v["state"] != "rejected" {
		t.Fatalf("after the timeouts came %v", v)
	}
	if w := s.ask(t, "HEAD", "/tasks/"+s.submit(t)+"/events"); w.Code != 200 {
		t.Errorf("HEAD is answered by %d", w.Code)
	}
}

func TestEventStreamsAreBoundedAndStopWithTheServer(t *testing.T) {
	stop := make(chan struct{})
	s := start(t, &Options{Streams: 1, Stop: stop})
	server := httptest.NewServer(s)
	defer server.Close()
	id := s.submit(t)
	lines, _ := follow(t, server.URL, id)
	if v := next(t, lines); v["state"] != "queued" {
		t.Fatalf("first event is %v", v)
	}
	wantProblem(t, s.ask(t, "GET", "/tasks/"+id+"/events"), 503, "busy")
	close(stop)
	if v := next(t, lines); v != nil {
		t.Errorf("after the stop came %v", v)
	}
}

func TestWhereStreamingIsImpossibleOneEventIsSent(t *testing.T) {
	s := start(t, &Options{StreamFor: -1})
	w := s.ask(t, "GET", "/tasks/"+s.submit(t)+"/events")
	if w.Code != 200 || strings.Count(w.Body.String(), "event: state") != 1 || !strings.Contains(w.Body.String(), "retry: ") {
		t.Errorf("answer is %d %q", w.Code, w.Body)
	}
}

func TestAnExpiredPhotoSaysSo(t *testing.T) {
	s := start(t, nil)
	id := s.done(t)
	for _, step := range []int{queue.PurgeOriginal, queue.PurgeResult} {
		if err := s.ledger.Purged(t.Context(), step, []string{id}); err != nil {
			t.Fatal(err)
		}
	}
	wantProblem(t, s.ask(t, "GET", "/result/"+id), 410, "expired")
	v := object(t, s.ask(t, "GET", "/status/"+id))
	if v["expired"] != true || v["result_available"] != false || v["download_url"] != nil || v["status"] != "SUCCESS" {
		t.Errorf("status is %v", v)
	}
}

func TestATaskTellsItsBatch(t *testing.T) {
	s := start(t, nil)
	task := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: queue.Bulk, MaxAttempts: 4, Options: json.RawMessage(`{}`)}
	b, _, err := s.ledger.CreateBatch(t.Context(), queue.Batch{ID: queue.NewID(), Total: 1}, []queue.Task{task})
	if err != nil {
		t.Fatal(err)
	}
	if v := object(t, s.ask(t, "GET", "/status/"+task.ID)); v["batch_id"] != b.ID {
		t.Errorf("status is %v, want batch %s", v, b.ID)
	}
}
