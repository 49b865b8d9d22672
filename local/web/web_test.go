package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// request sends one request to a fresh Handler.
func request(t *testing.T, method, target string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Header = header
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageSpeaksTheReadersLanguage(t *testing.T) {
	for name, tc := range map[string]struct {
		accept, cookie, lang, title string
	}{
		"nothing said":         {"", "", "en", "ID Photo Workshop"},
		"Chinese browser":      {"zh-CN,zh;q=0.9,en;q=0.8", "", "zh-Hans", "证件照工坊"},
		"Traditional Chinese":  {"zh-TW", "", "zh-Hans", "证件照工坊"},
		"English first":        {"en-GB,zh;q=0.5", "", "en", "ID Photo Workshop"},
		"neither":              {"fr", "", "en", "ID Photo Workshop"},
		"own choice":           {"zh-CN", "lang=en", "en", "ID Photo Workshop"},
		"own choice, reversed": {"en", "lang=zh", "zh-Hans", "证件照工坊"},
		"a strange cookie":     {"zh", "lang=../../etc", "zh-Hans", "证件照工坊"},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Accept-Language": {tc.accept}}
			if tc.cookie != "" {
				header.Set("Cookie", tc.cookie)
			}
			res := request(t, "GET", "/", header)
			page := body(t, res)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status = %d, want 200", res.StatusCode)
			}
			if !strings.Contains(page, `<html lang="`+tc.lang+`">`) || !strings.Contains(page, ">"+tc.title+"</title>") {
				t.Errorf("page is not in %s: %.300s", tc.lang, page)
			}
			if got := res.Header.Get("Vary"); !strings.Contains(got, "Accept-Language") || !strings.Contains(got, "Cookie") {
				t.Errorf("Vary = %q: a cache would mix the languages", got)
			}
		})
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	for _, target := range []string{"/", "/nothing", "/assets/0/app.js"} {
		h := request(t, "GET", target, nil).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", target, name, got, want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: Content-Security-Policy = %q", target, csp)
		}
		for _, loose := range []string{"unsafe", "http", "*", "data:"} {
			if strings.Contains(csp, loose) {
				t.Errorf("%s: Content-Security-Policy allows %s: %q", target, loose, csp)
			}
		}
	}
}

var assetPath = regexp.MustCompile(`/assets/[0-9a-f]{16}/[a-z0-9.]+`)

func TestEveryAssetIsServedForEver(t *testing.T) {
	paths := assetPath.FindAllString(body(t, request(t, "GET", "/", nil)), -1)
	if len(paths) < 4 {
		t.Fatalf("the page names only %v", paths)
	}
	base := paths[0][:strings.LastIndexByte(paths[0], '/')+1]
	imports := regexp.MustCompile(`from "\./([a-z0-9]+\.js)"`)
	for seen := map[string]bool{}; len(paths) > 0; {
		path := paths[0]
		paths = paths[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		res := request(t, "GET", path, nil)
		text := body(t, res)
		if res.StatusCode != http.StatusOK || len(text) == 0 {
			t.Errorf("%s: status %d, %d bytes", path, res.StatusCode, len(text))
		}
		if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control = %q", path, got)
		}
		if got := res.Header.Get("Content-Type"); strings.HasSuffix(path, ".js") != strings.HasPrefix(got, "text/javascript") {
			t.Errorf("%s: Content-Type = %q", path, got)
		}
		for _, m := range imports.FindAllStringSubmatch(text, -1) {
			paths = append(paths, base+m[1])
		}
	}
}

func TestWhatIsNotThereIs404(t *testing.T) {
	for _, target := range []string{"/index.html", "/assets/", "/assets/app.js", "/assets/0123456789abcdef/app.js", "/strings.json"} {
		if res := request(t, "GET", target, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", target, res.StatusCode)
		}
	}
	if res := request(t, "POST", "/", nil); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST / = %d, want 405", res.StatusCode)
	}
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	etag := request(t, "GET", "/", nil).Header.Get("ETag")
	res := request(t, "GET", "/", http.Header{"If-None-Match": {etag}})
	if res.StatusCode != http.StatusNotModified || body(t, res) != "" {
		t.Errorf("status = %d, want 304 and no body", res.StatusCode)
	}
	res = request(t, "GET", "/", http.Header{"If-None-Match": {etag}, "Cookie": {"lang=zh"}})
	if res.StatusCode != http.StatusOK {
		t.Errorf("after a change of language: status = %d, want 200", res.StatusCode)
	}
}
