package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"idphoto/infra/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ok(w http.ResponseWriter, _ *http.Request) error {
	return JSON(w, http.StatusOK, map[string]string{"it": "works"})
}

func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	h := New(Options{Log: slog.New(slog.DiscardHandler)}, Route{Method: "GET", Path: "/api/v1/things/{id}", Access: auth.Anyone, Handle: ok}, Route{Method: "DELETE", Path: "/api/v1/things/{id}", Access: auth.Anyone, Handle: ok})
	for name, tc := range map[string]struct {
		method, path string
		status       int
		code         string
	}{
		"known":          {"GET", "/api/v1/things/1", 200, ""},
		"HEAD is a GET":  {"HEAD", "/api/v1/things/1", 200, ""},
		"unknown path":   {"GET", "/api/v1/thing", 404, "not_found"},
		"unknown root":   {"GET", "/", 404, "not_found"},
		"wrong method":   {"POST", "/api/v1/things/1", 405, "method_not_allowed"},
		"made-up method": {"BREW", "/api/v1/things/1", 405, "method_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(h, tc.method, tc.path)
			if w.Code != tc.status || tc.code != "" && !strings.Contains(w.Body.String(), `"code":"`+tc.code+`"`) {
				t.Errorf("answer is %d %s, want %d %s", w.Code, w.Body, tc.status, tc.code)
			}
			if allow := w.Header().Get("Allow"); tc.status == 405 && allow != "DELETE, GET, HEAD" {
				t.Errorf("Allow is %q", allow)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("the type may be guessed")
			}
		})
	}
}

func TestTheFallbackGetsOnlyWhatIsNotOurs(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") })
	h := New(Options{Log: slog.New(slog.DiscardHandler), Fallback: page},
		Route{Method: "GET", Path: "/api/v1/things", Access: auth.Anyone, Handle: ok}, Route{Method: "GET", Path: "/healthz", Access: auth.Anyone, Handle: ok})
	for path, want := range map[string]string{"/": "page", "/assets/x.js": "page", "/api/v1/other": "not_found", "/healthz": "works"} {
		if w := ask(h, "GET", path); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is answered by %d %q, want %s", path, w.Code, w.Body, want)
		}
	}
	if w := ask(h, "POST", "/healthz"); w.Code != 405 {
		t.Errorf("POST /healthz is answered by %d", w.Code)
	}
}

func TestTheLogTellsTheRouteAndNothingThatTheClientWrote(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	h := New(Options{Log: log}, Route{Method: "GET", Path: "/api/v1/things/{id}", Access: auth.Anyone, Handle: func(w http.ResponseWriter, r *http.Request) error {
		NameTask(r.Context(), "task-7")
		return errors.New("database says: secret cause")
	}})
	w := ask(h, "GET", "/api/v1/things/Zhang-San?name=Zhang", "User-Agent", "Zhang's browser", "Referer", "http://zhang/")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
	if strings.Contains(strings.ToLower(out.String()), "zhang") {
		t.Errorf("the log repeats the client: %s", &out)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one line: %s", &out)
	}
	for name, want := range map[string]any{
		"route": "GET /api/v1/things/{id}", "status": 500.0, "code": "internal", "task": "task-7", "level": "ERROR", "err": "database says: secret cause",
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
}

func TestSpansAreNamedByTheRoute(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(before)
	h := New(Options{Log: slog.New(slog.DiscardHandler)}, Route{Method: "GET", Path: "/api/v1/things/{id}", Access: auth.Anyone, Handle: ok})
	ask(h, "GET", "/api/v1/things/1")
	ask(h, "GET", "/nowhere")
	ask(h, "GET", "/healthz")
	var names []string
	for _, span := range recorder.Ended() {
		names = append(names, span.Name())
	}
	if got := strings.Join(names, ", "); got != "GET /api/v1/things/{id}, GET" {
		t.Errorf("spans are %q", got)
	}
}

func TestAPanicIsAProblemAndKeepsItsValue(t *testing.T) {
	var out bytes.Buffer
	h := New(Options{Log: slog.New(slog.NewTextHandler(&out, nil))}, Route{Method: "GET", Path: "/x", Access: auth.Anyone, Handle: func(http.ResponseWriter, *http.Request) error {
		panic("left eye is nil")
	}})
	if w := ask(h, "GET", "/x"); w.Code != 500 || !strings.Contains(w.Body.String(), `"code":"internal"`) || strings.Contains(w.Body.String(), "eye") {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
	if !strings.Contains(out.String(), "left eye is nil") || !strings.Contains(out.String(), "api_test.go") {
		t.Errorf("the log lacks value or stack: %s", &out)
	}
}

func TestAPanicInTheMiddleCutsTheConnection(t *testing.T) {
	h := New(Options{Log: slog.New(slog.DiscardHandler)}, Route{Method: "GET", Path: "/x", Access: auth.Anyone, Handle: func(w http.ResponseWriter, _ *http.Request) error {
		io.WriteString(w, "half")
		panic("late")
	}})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want ErrAbortHandler", v)
		}
	}()
	ask(h, "GET", "/x")
	t.Error("the handler returned as if all were well")
}

func TestSmallRequestsHaveSmallBodies(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.ReadAll(r.Body); err != nil {
			return err
		}
		return ok(w, r)
	}
	h := New(Options{Log: slog.New(slog.DiscardHandler)}, Route{Method: "POST", Path: "/small", Access: auth.Anyone, Handle: read}, Route{Method: "POST", Path: "/own", Access: auth.Anyone, Handle: read, OwnLimits: true})
	for path, want := range map[string]int{"/small": 413, "/own": 200} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", path, bytes.NewReader(make([]byte, 1<<20))))
		if w.Code != want {
			t.Errorf("%s is answered by %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestReadinessTellsThePartsApart(t *testing.T) {
	var broken error
	health := &Health{Log: slog.New(slog.DiscardHandler), Checks: map[string]Check{
		"ledger": func(context.Context) (any, error) { return nil, nil },
		"blobs":  func(context.Context) (any, error) { return nil, broken },
		"models": func(context.Context) (any, error) { return map[string]string{"execution_provider": "cpu"}, nil },
	}}
	h := New(Options{Log: slog.New(slog.DiscardHandler)}, health.Routes()...)
	health.MetricsToken = "s3cret"
	if w := ask(h, "GET", "/readyz", "Authorization", "Bearer s3cret"); w.Code != 200 || !strings.Contains(w.Body.String(), `"models":{"ok":true,"details":{"execution_provider":"cpu"}}`) {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/readyz"); w.Code != 200 || !strings.Contains(w.Body.String(), `"models":{"ok":true}`) {
		t.Errorf("a stranger is told %d %s", w.Code, w.Body)
	}
	broken = errors.New("disk full at /var/secret")
	if w := ask(h, "GET", "/readyz"); w.Code != 200 {
		t.Errorf("within a second the checks ran again: %d", w.Code)
	}
	health.lastAt = time.Time{}
	w := ask(h, "GET", "/readyz")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"blobs":{"ok":false}`) ||
		!strings.Contains(w.Body.String(), `"ledger":{"ok":true}`) || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/healthz"); w.Code != 200 {
		t.Errorf("alive, but answers %d", w.Code)
	}
}

func TestMetricsAreNotPublic(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "idphoto_tasks 1") })
	for name, tc := range map[string]struct {
		token, peer string
		headers     []string
		status      int
	}{
		"loopback":                    {"", "127.0.0.1:40000", nil, 200},
		"loopback, IPv6":              {"", "[::1]:40000", nil, 200},
		"elsewhere":                   {"", "192.0.2.1:40000", nil, 403},
		"elsewhere through a proxy":   {"", "127.0.0.1:40000", []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		"no address":                  {"", "", nil, 403},
		"token":                       {"s3cret", "192.0.2.1:40000", []string{"Authorization", "Bearer s3cret"}, 200},
		"wrong token":                 {"s3cret", "192.0.2.1:40000", []string{"Authorization", "Bearer s3cre"}, 401},
		"no token":                    {"s3cret", "127.0.0.1:40000", nil, 401},
		"token in another scheme":     {"s3cret", "127.0.0.1:40000", []string{"Authorization", "Basic s3cret"}, 401},
		"an empty token is no token":  {"", "192.0.2.1:40000", []string{"Authorization", "Bearer "}, 403},
		"a token where none is known": {"", "192.0.2.1:40000", []string{"Authorization", "Bearer s3cret"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			health := &Health{Metrics: page, MetricsToken: tc.token}
			h := New(Options{Log: slog.New(slog.DiscardHandler)}, health.Routes()...)
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.RemoteAddr = tc.peer
			for i := 0; i < len(tc.headers); i += 2 {
				r.Header.Set(tc.headers[i], tc.headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.status || (tc.status == 200) != strings.Contains(w.Body.String(), "idphoto_tasks") {
				t.Errorf("answer is %d %s, want %d", w.Code, w.Body, tc.status)
			}
		})
	}
}

func TestServeLetsRequestsFinish(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	h := New(Options{Log: slog.New(slog.DiscardHandler)}, Route{Method: "GET", Path: "/x", Access: auth.Anyone, Handle: func(w http.ResponseWriter, r *http.Request) error {
		close(begun)
		<-release
		return ok(w, r)
	}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, ln, h, time.Minute, slog.New(slog.DiscardHandler)) }()
	got := make(chan int, 1)
	go func() {
		defer http.DefaultClient.CloseIdleConnections()
		resp, err := http.Get("http://" + ln.Addr().String() + "/x")
		if err != nil {
			got <- 0
			return
		}
		resp.Body.Close()
		got <- resp.StatusCode
	}()
	<-begun
	stop()
	close(release)
	if status := <-got; status != 200 {
		t.Errorf("the running request got %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
}
