package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"idphoto/infra/auth"
	"idphoto/infra/auth/authtest"
	"idphoto/queue"
)

// send asks the handler, with what the changes make of the request.
func send(t *testing.T, h http.Handler, method, target, body string, changes ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, change := range changes {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// TestAnotherSiteCannotAct: what a page elsewhere makes the browser of somebody signed in send is
// refused on every route that changes something, before it is looked at.
func TestAnotherSiteCannotAct(t *testing.T) {
	handler, routes, team := everything(t)
	key := authtest.Key(t, team.guard, auth.Admin)
	for _, route := range routes {
		if route.Method == http.MethodGet || route.Method == http.MethodOptions || strings.HasPrefix(route.Path, "/push/") {
			continue
		}
		name, target := route.Method+" "+route.Path, "http://photo.example"+wildcards.Replace(route.Path)
		for what, forged := range map[string]func(*http.Request){
			"told by the browser":  with("Sec-Fetch-Site", "cross-site"),
			"a sister host":        with("Sec-Fetch-Site", "same-site"),
			"told by the origin":   with("Origin", "https://evil.example"),
			"an origin of nothing": with("Origin", "null"),
		} {
			if w := send(t, handler, route.Method, target, "", team.as[auth.Admin], forged); w.Code != http.StatusForbidden {
				t.Errorf("%s, %s: %d, want 403", name, what, w.Code)
			}
		}
		if strings.HasPrefix(route.Path, "/monitor/log") {
			continue // there nobody has a key, and the session would be over
		}
		own := with("Sec-Fetch-Site", "same-origin")
		if w := send(t, handler, route.Method, target, "", team.as[auth.Admin], own); w.Code == http.StatusForbidden {
			t.Errorf("%s from our own page is refused", name)
		}
		program := with("Authorization", "Bearer "+key)
		if w := send(t, handler, route.Method, target, "", program, with("Origin", "https://office.example")); w.Code == http.StatusForbidden {
			t.Errorf("%s with a key is refused", name)
		}
	}
}

func TestASessionThatSomebodyElsePlantedIsWorthNothing(t *testing.T) {
	handler, _, _ := everything(t)
	form := url.Values{"name": {"test-viewer"}, "password": {authtest.Password}}.Encode()
	planted := &http.Cookie{Name: "idphoto", Value: "planted-by-somebody-else"}
	w := send(t, handler, "POST", "/monitor/login", form, func(r *http.Request) { r.AddCookie(planted) })
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 || cookies[0].Value == planted.Value {
		t.Fatalf("signing in: %d, cookies %v", w.Code, cookies)
	}
	if w := send(t, handler, "GET", "/monitor/account", "", func(r *http.Request) { r.AddCookie(planted) }); w.Code != http.StatusSeeOther {
		t.Errorf("the planted session: %d, want the way to the sign-in", w.Code)
	}
	mine := func(r *http.Request) { r.AddCookie(cookies[0]) }
	if w := send(t, handler, "GET", "/monitor/account", "", mine); w.Code != http.StatusOK {
		t.Errorf("the new session: %d", w.Code)
	}
	if w := send(t, handler, "POST", "/monitor/logout", "", mine); w.Code != http.StatusSeeOther {
		t.Errorf("signing out: %d", w.Code)
	}
	if w := send(t, handler, "GET", "/monitor/account", "", mine); w.Code != http.StatusSeeOther {
		t.Errorf("the session after signing out: %d, want the way to the sign-in", w.Code)
	}
}

func TestCookiesAreForThisServersPagesOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		environ string
		secure  bool
		prefix  string
	}{"loopback": {"PROXY_TLS=false", false, "idphoto"}, "TLS at a proxy": {"PROXY_TLS=true", true, "__Host-idphoto"}} {
		t.Run(name, func(t *testing.T) {
			handler, _, _ := everything(t, tc.environ)
			w := send(t, handler, "POST", "/monitor/login", url.Values{"name": {"test-viewer"}, "password": {authtest.Password}}.Encode())
			if len(w.Result().Cookies()) != 1 {
				t.Fatalf("signing in: %d, cookies %v", w.Code, w.Result().Cookies())
			}
			c := w.Result().Cookies()[0]
			if c.Name != tc.prefix || c.Secure != tc.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("the cookie is %v", c)
			}
		})
	}
}

func TestGuessesAreAnsweredLaterAndLater(t *testing.T) {
	handler, _, _ := everything(t)
	guess := func(password string) *httptest.ResponseRecorder {
		return send(t, handler, "POST", "/monitor/login", url.Values{"name": {"test-admin"}, "password": {password}}.Encode())
	}
	for i := range 5 {
		if w := guess(fmt.Sprintf("wrong password %d", i)); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) > 0 {
			t.Errorf("guess %d: %d, cookies %v", i, w.Code, w.Result().Cookies())
		}
	}
	w := guess(authtest.Password)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || len(w.Result().Cookies()) > 0 {
		t.Errorf("the right one among guesses: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

// script is what must come out as text wherever it went in.
const script = `"><script>alert(1)</script><img src=x onerror=alert(2)>`

// TestStoredTextStaysText puts markup wherever the ledger takes text from outside, and looks at
// every page.
func TestStoredTextStaysText(t *testing.T) {
	handler, routes, team := everything(t)
	ids := storeScripts(t, team.ledger)
	for _, route := range routes {
		if route.Method != http.MethodGet || !strings.HasPrefix(route.Path, "/monitor/") && route.Path != "/monitor/{$}" {
			continue
		}
		for _, id := range ids {
			path := strings.NewReplacer("{$}", "", "{id}", id).Replace(route.Path)
			w := send(t, handler, "GET", path+"?q="+url.QueryEscape(script)+"&code="+url.QueryEscape(script)+"&state=dead", "", team.as[auth.Admin])
			if w.Code == http.StatusInternalServerError {
				t.Errorf("GET %s: %d", route.Path, w.Code)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("GET %s may be sniffed", route.Path)
			}
			if !strings.Contains(w.Header().Get("Content-Type"), "html") || w.Code == http.StatusSeeOther {
				continue
			}
			for _, live := range []string{"<script>alert", "<img src=x"} {
				if strings.Contains(w.Body.String(), live) {
					t.Errorf("GET %s shows %s as markup", route.Path, live)
				}
			}
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("GET %s: policy %q", route.Path, csp)
			}
		}
	}
}

// storeScripts fills the ledger, and returns the ids of a dead task and of its batch.
func storeScripts(t *testing.T, l queue.Ledger) []string {
	t.Helper()
	ctx := t.Context()
	b, _, err := l.CreateBatch(ctx, queue.Batch{ID: queue.NewID(), Name: script, Total: 1}, []queue.Task{{ID: queue.NewID(), Kind: script, Lane: queue.Bulk,
		Label: script, MaxAttempts: 1, Options: []byte(fmt.Sprintf("%q", script))}})
	if err != nil {
		t.Fatal(err)
	}
	tasks, _, err := l.List(ctx, queue.Filter{BatchID: b.ID}, "", 1)
	if err != nil || len(tasks) != 1 {
		t.Fatalf("List = %v, %v", tasks, err)
	}
	if _, err := l.Heartbeat(ctx, queue.WorkerInfo{Name: script, Host: script, Version: script, Provider: script, State: queue.Online, Slots: 1,
		StartedAt: time.Now(), Tasks: []queue.WorkerTask{{ID: tasks[0].ID, Kind: script, Stage: script, StartedAt: time.Now()}}}); err != nil {
		t.Fatal(err)
	}
	claim, err := l.Claim(ctx, tasks[0].ID, script, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Renew(ctx, claim, script, time.Minute); err != nil {
		t.Fatal(err)
	}
	failed := queue.Outcome{State: queue.Dead, Code: script, Detail: []byte(fmt.Sprintf(`{"field":%q}`, script)), Error: script, Stack: script}
	if err := l.Finish(ctx, claim, failed); err != nil {
		t.Fatal(err)
	}
	if err := l.PauseLane(ctx, queue.Bulk, script); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(ctx, queue.AuditEntry{Actor: script, Action: script, Target: script, Count: 1}); err != nil {
		t.Fatal(err)
	}
	return []string{tasks[0].ID, b.ID}
}

func TestPathsDoNotLeadOutOfTheirFolder(t *testing.T) {
	handler, _, team := everything(t)
	for _, path := range []string{
		"/monitor/assets/../monitor.go", "/monitor/assets/0/..%2f..%2fmonitor.go", "/monitor/assets/0/%2e%2e%2fpages%2flayout.html",
		"/monitor/assets/%2e%2e/%2e%2e/etc/passwd", "/monitor/assets/0/strings.json", "/monitor/assets/0/live.js%00.css", "/monitor/assets//etc/passwd",
		"/monitor/tasks/..%2f..%2fledger/picture/photo", "/monitor/tasks/01930000-0000-7000-8000-000000000000/picture/..%2f..%2f..%2fledger.db",
		"/monitor/tasks/01930000-0000-7000-8000-000000000000/picture/original%00", "/monitor/tasks/%2e%2e/picture/original",
		"/api/v1/result/..%2f..%2fledger.db", "/api/v1/result/01930000-0000-7000-8000-000000000000?part=../../ledger.db", "/api/v1/specs/..%2f..%2fhouse",
	} {
		w := send(t, handler, "GET", path, "", team.as[auth.Admin])
		if w.Code < 300 || w.Code >= 500 {
			t.Errorf("GET %s: %d %.80s", path, w.Code, w.Body)
		}
		if to := w.Header().Get("Location"); to != "" && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			t.Errorf("GET %s leads to %q", path, to)
		}
	}
}

// TestNobodyIsSentElsewhere: what comes with a request never decides where a browser goes, beyond
// the console.
func TestNobodyIsSentElsewhere(t *testing.T) {
	handler, _, team := everything(t)
	for _, evil := range []string{"https://evil.example/monitor/", "//evil.example/monitor/", `/\evil.example`, "/monitor/../../evil", "javascript:alert(1)", "/monitor//evil.example"} {
		q := url.QueryEscape(evil)
		for what, w := range map[string]*httptest.ResponseRecorder{
			"the sign-in":   send(t, handler, "POST", "/monitor/login", url.Values{"name": {"test-viewer"}, "password": {authtest.Password}, "next": {evil}}.Encode()),
			"signed in":     send(t, handler, "GET", "/monitor/login?next="+q, "", team.as[auth.Viewer]),
			"the languages": send(t, handler, "GET", "/monitor/language?lang=zh&back="+q, ""),
		} {
			if to := w.Header().Get("Location"); !strings.HasPrefix(to, "/monitor/") || strings.HasPrefix(to, "/monitor/..") {
				t.Errorf("%s leads from %q to %q", what, evil, to)
			}
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	handler, routes, team := everything(t, "MAX_IMAGE_BYTES=100000", "UPLOAD_MEMORY=200000", "BATCH_BYTES=100000")
	large := strings.Repeat("x=1&", 1<<18) // 1 MiB
	for _, route := range routes {
		if route.Method != http.MethodPost || strings.HasPrefix(route.Path, "/push/") || route.Path == "/monitor/logout" {
			continue // nobody gets further without the token, and signing out reads no body
		}
		if w := send(t, handler, "POST", wildcards.Replace(route.Path), large, team.as[auth.Admin]); w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s takes a body of 1 MiB: %d", route.Path, w.Code)
		}
	}
}
