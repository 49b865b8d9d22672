package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/infra/auth"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// byHeader lets everybody be who their request says.
type byHeader struct{}

func (byHeader) Asks(role auth.Role) auth.Role { return role }

func (byHeader) Identify(r *http.Request) (auth.Identity, error) {
	role, err := auth.ParseRole(r.Header.Get("Test-Role"))
	if err != nil {
		return auth.Identity{Role: auth.Anyone}, nil
	}
	return auth.Identity{Name: "test-" + role.String(), Role: role, By: auth.BySession}, nil
}

func (byHeader) CheckOrigin(*http.Request, auth.Identity) error { return nil }

// console is the monitor over a real ledger and a real store.
type console struct {
	*testing.T
	http.Handler
	monitor *Monitor
	ledger  *sqlledger.Ledger
	store   *blobs.Store
}

func newConsole(t *testing.T) *console {
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
	log := slog.New(slog.DiscardHandler)
	m := New(ledger, store, &Options{Log: log, TraceURL: "https://traces.example/trace/{trace}"})
	return &console{t, api.New(api.Options{Guard: byHeader{}, SignIn: LoginPath, Log: log}, m.Routes()...), m, ledger, store}
}

// ask asks as somebody of the role, in English unless told; body is a form's values, JSON text, or
// nil for a GET.
func (c *console) ask(role auth.Role, path string, body any, lang ...string) *httptest.ResponseRecorder {
	c.Helper()
	r := httptest.NewRequestWithContext(c.Context(), "GET", path, nil)
	switch body := body.(type) {
	case url.Values:
		r = httptest.NewRequestWithContext(c.Context(), "POST", path, strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case string:
		r = httptest.NewRequestWithContext(c.Context(), "POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Test-Role", role.String())
	r.Header.Set("Accept-Language", append(lang, "en")[0])
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if strings.HasPrefix(path, api.Prefix+"/") && w.Code == http.StatusOK {
		c.described(r, w)
	}
	return w
}

// described holds an answer against the description of the interface.
func (c *console) described(r *http.Request, w *httptest.ResponseRecorder) {
	c.Helper()
	route, params, err := description().FindRoute(r)
	if err != nil {
		c.Errorf("%s %s: %v", r.Method, r.URL, err)
		return
	}
	err = openapi3filter.ValidateResponse(c.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Header(), Body: io.NopCloser(strings.NewReader(w.Body.String())),
	})
	if err != nil {
		c.Errorf("%s %s does not answer as described: %v", r.Method, r.URL, err)
	}
}

var description = sync.OnceValue(func() routers.Router {
	w := httptest.NewRecorder()
	err := api.Description(w, httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
	must(err)
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	must(err)
	router, err := legacy.NewRouter(doc)
	must(err)
	return router
})

// see returns a page that must be there.
func (c *console) see(path string) string {
	c.Helper()
	w := c.ask(auth.Operator, path, nil)
	if w.Code != http.StatusOK {
		c.Fatalf("%s is answered %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// load reads the JSON at path below the monitor's interface.
func load[T any](c *console, path string) T {
	c.Helper()
	w := c.ask(auth.Viewer, "/api/v1/monitor"+path, nil)
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); w.Code != http.StatusOK || err != nil {
		c.Fatalf("%s is answered %d %v: %s", path, w.Code, err, w.Body)
	}
	return v
}

// add stores a photo's task with an original.
func (c *console) add(change func(*queue.Task)) queue.Task {
	c.Helper()
	id := queue.NewID()
	t := queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Express, Label: "1-inch", Options: json.RawMessage(`{"size":"1-inch","background":"#438EDB"}`),
		InputKey: photo.OriginalKey(id), Digest: "d" + id, MaxAttempts: 1}
	if change != nil {
		change(&t)
	}
	c.write(t.InputKey, "\xff\xd8\xff original of "+id)
	stored, _, err := c.ledger.Create(c.Context(), t)
	if err != nil {
		c.Fatal(err)
	}
	return stored
}

func (c *console) write(key, data string) {
	c.Helper()
	if err := c.store.Write(c.Context(), key, "image/jpeg", []byte(data)); err != nil {
		c.Fatal(err)
	}
}

// end lets a worker take the task and end it so.
func (c *console) end(t queue.Task, o queue.Outcome) queue.Task {
	c.Helper()
	claim, err := c.ledger.Claim(c.Context(), t.ID, "worker-1", time.Minute)
	if err != nil {
		c.Fatal(err)
	}
	if err := c.ledger.Finish(c.Context(), claim, o); err != nil {
		c.Fatal(err)
	}
	return c.task(t.ID)
}

func (c *console) task(id string) queue.Task {
	c.Helper()
	t, err := c.ledger.Get(c.Context(), id)
	if err != nil {
		c.Fatal(err)
	}
	return t
}

// audited returns the audit log as lines, the oldest first.
func (c *console) audited() []string {
	c.Helper()
	entries, err := c.ledger.AuditLog(c.Context(), 0, 100)
	if err != nil {
		c.Fatal(err)
	}
	var lines []string
	for _, e := range slices.Backward(entries) {
		lines = append(lines, fmt.Sprintf("%s %s %s %d", e.Actor, e.Action, e.Target, e.Count))
	}
	return lines
}

var died = queue.Outcome{State: queue.Dead, Code: queue.CodePanic, Error: "making the photo: decoding: bad marker", Stack: "goroutine 7 [running]:\nmain.f()",
	Stages: []queue.StageTime{{Name: "decode", Start: time.Millisecond, Duration: 2 * time.Millisecond}}}

func TestFiltersRoundTripThroughTheAddress(t *testing.T) {
	for _, query := range []string{
		"", "state=dead", "state=queued,running,dead", "code=no_face&kind=photo&lane=bulk&spec=us-51x51&worker=w+1%2F%3Ca%3E",
		"batch=0198&id=0198ab&over=1m30s", "from=2026-11-24T10%3A00%3A00Z&to=2026-11-24T11%3A00%3A00.5Z",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := readFilter(q, time.UTC)
		if err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		back, err := url.ParseQuery(f.String())
		if err != nil {
			t.Fatal(err)
		}
		again, err := readFilter(back, time.Local)
		if err != nil || again.String() != f.String() || len(back) != len(q) {
			t.Errorf("%q reads back as %q (%v)", query, again.String(), err)
		}
	}
}

func TestFiltersReadWhatPeopleWrite(t *testing.T) {
	shanghai := time.FixedZone("+8", 8*3600)
	f, err := readFilter(url.Values{"state": {"dead", "queued,dead"}, "from": {"2026-11-24T10:00"}, "to": {"2026-11-25"}, "over": {"2.5"}, "id": {" 01AB "}}, shanghai)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.String(); got != "from=2026-11-24T02%3A00%3A00Z&id=01ab&over=2.5s&state=queued%2Cdead&to=2026-11-24T16%3A00%3A00Z" {
		t.Errorf("the filter is %s", got)
	}
	if fields := f.fields(shanghai); fields[7].Name != "from" || fields[7].Value != "2026-11-24T10:00:00" {
		t.Errorf("the form shows %+v", fields[7])
	}
	for name, q := range map[string]url.Values{
		"state": {"state": {"gone"}}, "lane": {"lane": {"slow"}}, "from": {"from": {"yesterday"}}, "over": {"over": {"-1s"}}, "code": {"code": {strings.Repeat("x", 201)}},
	} {
		if _, err := readFilter(q, time.UTC); err == nil || !strings.Contains(fmt.Sprint(err), "bad_option") {
			t.Errorf("a bad %s = %v", name, err)
		}
	}
}

func TestTheListShowsWhatTheFilterFinds(t *testing.T) {
	c := newConsole(t)
	var dead []queue.Task
	for i := range 7 {
		task := c.add(func(t *queue.Task) { t.Label = []string{"1-inch", "2-inch"}[i%2] })
		if i < 3 {
			dead = append(dead, c.end(task, died))
		}
	}
	all := load[tasksModel](c, "/tasks?limit=4")
	if len(all.Tasks) != 4 || all.Next == "" || all.Counts[queue.Dead] != 3 || all.Counts[queue.Queued] != 4 {
		t.Errorf("the first page has %d tasks, next %q, counts %v", len(all.Tasks), all.Next, all.Counts)
	}
	rest := load[tasksModel](c, strings.TrimPrefix(all.Next, "/api/v1/monitor"))
	if len(rest.Tasks) != 3 || rest.Next != "" || rest.Tasks[0].ID >= all.Tasks[3].ID {
		t.Errorf("the second page has %d tasks, next %q", len(rest.Tasks), rest.Next)
	}
	found := load[tasksModel](c, "/tasks?state=dead&spec=2-inch")
	if len(found.Tasks) != 1 || found.Tasks[0].ID != dead[1].ID {
		t.Errorf("dead tasks for 2-inch: %+v", found.Tasks)
	}
	if page := c.see("/monitor/tasks?state=dead&spec=2-inch"); !strings.Contains(page, dead[1].ID) || strings.Contains(page, dead[0].ID) ||
		!strings.Contains(page, `value="2-inch"`) || !strings.Contains(page, `href="/monitor/tasks/bulk?action=retry&amp;spec=2-inch&amp;state=dead"`) {
		t.Errorf("the page is %s", page)
	}
	if page := c.ask(auth.Viewer, "/monitor/tasks?state=dead", nil).Body.String(); strings.Contains(page, "/tasks/bulk") {
		t.Error("a viewer is offered bulk actions")
	}
	if w := c.ask(auth.Viewer, "/monitor/tasks?state=gone", nil); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a bad filter is answered %d", w.Code)
	}
}

func TestEveryActionOnATaskWorksForOperatorsAndIsAudited(t *testing.T) {
	c := newConsole(t)
	retried, cancelled, erased := c.end(c.add(nil), died), c.add(nil), c.end(c.add(nil), died)
	for _, path := range []string{"/retry", "/cancel", "/erase", "/again"} {
		if w := c.ask(auth.Viewer, "/monitor/tasks/"+retried.ID+path, url.Values{"confirm": {"erase"}}); w.Code != http.StatusForbidden {
			t.Errorf("a viewer's %s is answered %d", path, w.Code)
		}
	}
	w := c.ask(auth.Operator, "/monitor/tasks/"+retried.ID+"/retry", url.Values{})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/monitor/tasks/"+retried.ID || c.task(retried.ID).State != queue.Queued {
		t.Errorf("retry is answered %d, the task is %s", w.Code, c.task(retried.ID).State)
	}
	if w := c.ask(auth.Operator, "/api/v1/monitor/tasks/"+cancelled.ID+"/cancel", `{}`); w.Code != http.StatusOK || c.task(cancelled.ID).State != queue.Cancelled {
		t.Errorf("cancel is answered %d %s", w.Code, w.Body)
	}
	if w := c.ask(auth.Operator, "/monitor/tasks/"+erased.ID+"/erase", url.Values{}); w.Code != http.StatusUnprocessableEntity || c.task(erased.ID).Erased {
		t.Errorf("erase without confirmation is answered %d", w.Code)
	}
	if w := c.ask(auth.Operator, "/monitor/tasks/"+erased.ID+"/erase", url.Values{"confirm": {"erase"}}); w.Code != http.StatusSeeOther || !c.task(erased.ID).Erased {
		t.Errorf("erase is answered %d", w.Code)
	}
	if _, err := c.store.Read(t.Context(), erased.InputKey, 1000); !errors.Is(err, blobs.ErrNotExist) {
		t.Errorf("the original of an erased task: %v", err)
	}
	if w := c.ask(auth.Operator, "/api/v1/monitor/tasks/"+erased.ID+"/retry", `{}`); w.Code != http.StatusGone {
		t.Errorf("retrying an erased task is answered %d %s", w.Code, w.Body)
	}
	want := []string{"test-operator retry " + retried.ID + " 1", "test-operator cancel " + cancelled.ID + " 1", "test-operator erase " + erased.ID + " 1"}
	if got := c.audited(); !slices.Equal(got, want) {
		t.Errorf("audit: %q", got)
	}
}

func TestATaskRunsAgainWithOtherOptions(t *testing.T) {
	c := newConsole(t)
	first := c.end(c.add(func(t *queue.Task) { t.BatchID = "" }), died)
	for code, form := range map[int]url.Values{
		http.StatusUnprocessableEntity: {"size": {"3-inch"}}, http.StatusSeeOther: {"size": {"2-inch"}, "background": {"white"}},
	} {
		if w := c.ask(auth.Operator, "/monitor/tasks/"+first.ID+"/again", form); w.Code != code {
			t.Errorf("%v is answered %d: %s", form, w.Code, w.Body)
		}
	}
	list := load[tasksModel](c, "/tasks?state=queued").Tasks
	if len(list) != 1 || list[0].Label != "2-inch" || string(photo.Unversioned(list[0].Options)) != `{"background":"#FFFFFF","size":"2-inch"}` {
		t.Fatalf("waiting: %+v", list)
	}
	again := c.task(list[0].ID)
	data, err := c.store.Read(t.Context(), again.InputKey, 1000)
	if err != nil || !strings.HasSuffix(string(data), first.ID) || again.InputKey != photo.OriginalKey(again.ID) {
		t.Errorf("the new original is %q, %v", data, err)
	}
	if c.task(first.ID).State != queue.Dead {
		t.Error("the first task did not stay as it was")
	}
	if got := c.audited(); len(got) != 1 || got[0] != "test-operator again "+first.ID+" → "+again.ID+" 1" {
		t.Errorf("audit: %q", got)
	}
}

func TestATaskIsShownWhole(t *testing.T) {
	c := newConsole(t)
	task := c.add(func(t *queue.Task) {
		t.MaxAttempts = 3
		t.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	})
	c.end(task, queue.Outcome{State: queue.Retrying, Code: queue.CodeUnavailable, Error: "reading the original: connection refused"})
	prefix := queue.ResultPrefix(task.ID, 2)
	c.write(prefix+"report", `{"version":1,"spec":"1-inch","dpi":300,"rules":[{"measure":"head_height","value_mm":22.5,"min_mm":20,"max_mm":25,"verdict":"pass","source":"GB","grade":"B"},
		{"measure":"crown_gap","value_mm":1,"min_mm":3,"verdict":"fail","source":"house","grade":"C"}],"not_checked":["file_size"]}`)
	c.write(prefix+"photo", "\xff\xd8\xff photo")
	c.end(task, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","report":"application/json"}}`),
		Stages: []queue.StageTime{{Name: "decode", Start: 0, Duration: time.Millisecond}}})
	page := c.see("/monitor/tasks/" + task.ID)
	for _, want := range []string{
		"Attempt 1", "Attempt 2", "connection refused", "https://traces.example/trace/4bf92f3577b34da6a3ce929d0e0e4736", "Head height", "22.50 mm",
		"20 – 25 mm", "≥ 3 mm", "1 not met", "size of the file", "Show the pictures", "/api/v1/monitor/tasks/" + task.ID, "decode",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<img src=\"/monitor/tasks") {
		t.Error("pictures are shown before they are asked for")
	}
	model := load[taskModel](c, "/tasks/"+task.ID)
	if len(model.Attempts) != 2 || model.Attempts[0].Code != queue.CodeUnavailable || model.Task.State != queue.Succeeded || model.Report == nil ||
		model.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" || model.Moments[len(model.Moments)-1].Name != "succeeded" {
		t.Errorf("the model is %+v", model)
	}
	shown := c.see("/monitor/tasks/" + task.ID + "?pictures=show")
	if !strings.Contains(shown, `<img src="/monitor/tasks/`+task.ID+`/picture/original"`) || !strings.Contains(shown, `/picture/photo"`) {
		t.Error("the pictures asked for are not shown")
	}
	if page := c.ask(auth.Viewer, "/monitor/tasks/"+task.ID+"?pictures=show", nil).Body.String(); strings.Contains(page, "/picture/") || strings.Contains(page, "/retry") {
		t.Error("a viewer is offered pictures or deeds")
	}
	if w := c.ask(auth.Viewer, "/monitor/tasks/"+queue.NewID(), nil); w.Code != http.StatusNotFound {
		t.Errorf("an unknown task is answered %d", w.Code)
	}
}

func TestLooksAtPicturesAreAudited(t *testing.T) {
	c := newConsole(t)
	task := c.add(nil)
	path := "/monitor/tasks/" + task.ID + "/picture/"
	if w := c.ask(auth.Viewer, path+"original", nil); w.Code != http.StatusForbidden {
		t.Errorf("a viewer is answered %d", w.Code)
	}
	w := c.ask(auth.Operator, path+"original", nil)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Cache-Control") != "no-store" ||
		!strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") || !strings.HasSuffix(w.Body.String(), task.ID) {
		t.Errorf("the original is answered %d %v", w.Code, w.Header())
	}
	for _, part := range []string{"photo", "report", "%2e%2e%2f1", "..", "original%00"} {
		if w := c.ask(auth.Operator, path+part, nil); w.Code == http.StatusOK {
			t.Errorf("the part %q is answered %d", part, w.Code)
		}
	}
	if got := c.audited(); len(got) != 1 || got[0] != "test-operator look "+task.ID+" original 1" {
		t.Errorf("audit: %q", got)
	}
	c.ledger.Close()
	if w := c.ask(auth.Operator, path+"original", nil); strings.Contains(w.Body.String(), "original of") {
		t.Error("a picture was sent that is not in the audit log")
	}
}

func TestStoredScriptIsText(t *testing.T) {
	c := newConsole(t)
	const evil = `<script>alert(1)</script>`
	task := c.add(func(t *queue.Task) {
		t.Label, t.Kind, t.TraceParent = evil, "k"+evil, "00-"+evil+"-1-1"
		t.Options = json.RawMessage(`{"size":"` + evil + `","background":"\"><img src=x>"}`)
	})
	c.end(task, queue.Outcome{State: queue.Dead, Code: evil, Error: evil + ": " + evil, Stack: evil, Detail: json.RawMessage(`{"x":"` + evil + `"}`),
		Stages: []queue.StageTime{{Name: evil, Duration: time.Second}}})
	for _, path := range []string{"/monitor/tasks", "/monitor/tasks/" + task.ID, "/monitor/tasks?code=" + url.QueryEscape(evil), "/monitor/tasks/bulk?action=erase&spec=" + url.QueryEscape(evil)} {
		page := c.see(path)
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s runs what was stored", path)
		}
		if !strings.Contains(page, "&lt;script&gt;alert") {
			t.Errorf("%s does not show what was stored", path)
		}
	}
}

func TestAnUnreadableMessageIsShownAsBytes(t *testing.T) {
	c := newConsole(t)
	id := queue.NewID()
	err := c.ledger.RecordDead(t.Context(), queue.Task{ID: id, Kind: queue.KindUnreadable, Lane: queue.Bulk, State: queue.Dead, Code: queue.CodeUnreadable, MaxAttempts: 1,
		IdempotencyKey: "unreadable-1", Detail: json.RawMessage(`{"bytes":5000,"head":"3c623e68656c6c6f00ff"}`)})
	if err != nil {
		t.Fatal(err)
	}
	page := c.see("/monitor/tasks/" + id)
	for _, want := range []string{"3c 62 3e 68 65 6c 6c 6f", "|&lt;b&gt;hello..|", "5,000 bytes"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, id+"/retry") {
		t.Error("a message that nobody can read is offered for another try")
	}
	if w := c.ask(auth.Operator, "/api/v1/monitor/tasks/"+id+"/retry", `{}`); w.Code != http.StatusConflict {
		t.Errorf("retrying it is answered %d", w.Code)
	}
}
