// Package web is the workshop page: what a clerk sees at /.
//
// The page is one HTML file, one style sheet and a handful of JavaScript modules, embedded in the
// binary: there is no build step and nothing is fetched from elsewhere. It speaks Chinese and
// English from one table, strings.json, and talks to the HTTP interface under /api/v1 like any
// other client.
//
// # Privacy
//
// Pictures stay in the tab's memory and leave it only for /api/v1/generate, those of many people for
// /api/v1/batches, without their file names. Another photo of a picture is made of what the service
// still has of it. The page stores nothing but the language (a cookie) and the last document and background
// (localStorage).
//
// # Caching
//
// Assets live under a path that holds a checksum of all of them, so they may be cached for ever and
// imports between modules need no rewriting; the page itself is revalidated each time.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

//go:embed index.html strings.json assets
var files embed.FS

// contentSecurityPolicy lets the page run its own scripts and styles, show its own pictures and
// those it holds in memory, and talk to its own host: nothing else, nowhere else.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// assetTypes lists every kind of file that is served; a new kind is added here, because the
// machine's own table of types differs from one machine to the next.
var assetTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// asset is one file as it is sent.
type asset struct {
	contentType string
	body        []byte
}

// Handler serves the page at / and its assets under /assets/; everything else is 404. It panics
// when the embedded files contradict each other, which the tests of this package rule out.
func Handler() http.Handler {
	table, err := readStrings(files)
	if err != nil {
		panic(err)
	}
	assets, err := readAssets(files, table)
	if err != nil {
		panic(err)
	}
	sum := checksum(assets)
	pages, err := renderPages(files, table, "/assets/"+sum+"/")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", servePage(pages))
	mux.Handle("GET /assets/{sum}/{name}", serveAsset(sum, assets))
	return withSecurityHeaders(mux)
}

// readAssets returns the files under assets by name, and the table of strings as a module, so that
// the page and the server read the same one.
func readAssets(fsys fs.FS, table stringTable) (map[string]asset, error) {
	entries, err := fs.ReadDir(fsys, "assets")
	if err != nil {
		return nil, fmt.Errorf("listing assets: %w", err)
	}
	assets := make(map[string]asset, len(entries)+1)
	for _, e := range entries {
		contentType, ok := assetTypes[path.Ext(e.Name())]
		if !ok {
			return nil, fmt.Errorf("asset %s: no content type for this kind of file", e.Name())
		}
		body, err := fs.ReadFile(fsys, "assets/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading asset %s: %w", e.Name(), err)
		}
		assets[e.Name()] = asset{contentType, body}
	}
	body, err := json.Marshal(table)
	if err != nil {
		return nil, fmt.Errorf("writing strings.js: %w", err)
	}
	assets["strings.js"] = asset{assetTypes[".js"], slices.Concat([]byte("export default "), body, []byte(";\n"))}
	return assets, nil
}

// checksum names one exact set of assets.
func checksum(assets map[string]asset) string {
	names := make([]string, 0, len(assets))
	for name := range assets {
		names = append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%s %d\n", name, len(assets[name].body))
		h.Write(assets[name].body)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// page is index.html in one language.
type page struct {
	html []byte
	etag string
}

// renderPages renders index.html once for each language.
func renderPages(fsys fs.FS, table stringTable, assetPath string) (map[string]page, error) {
	source, err := fs.ReadFile(fsys, "index.html")
	if err != nil {
		return nil, fmt.Errorf("reading index.html: %w", err)
	}
	pages := make(map[string]page, len(table))
	for lang, texts := range table {
		// t gives the text of a key; further arguments are names and values of its {name}s.
		text := func(key string, values ...string) (string, error) {
			s, ok := texts[key]
			if !ok {
				return "", fmt.Errorf("strings.json has no %q in %s", key, lang)
			}
			for i := 0; i+1 < len(values); i += 2 {
				s = strings.ReplaceAll(s, "{"+values[i]+"}", values[i+1])
			}
			return s, nil
		}
		t, err := template.New("index.html").Funcs(template.FuncMap{"t": text}).Parse(string(source))
		if err != nil {
			return nil, fmt.Errorf("parsing index.html: %w", err)
		}
		var out bytes.Buffer
		if err := t.Execute(&out, map[string]string{"Lang": htmlLang(lang), "Assets": assetPath}); err != nil {
			return nil, fmt.Errorf("rendering index.html in %s: %w", lang, err)
		}
		sum := sha256.Sum256(out.Bytes())
		pages[lang] = page{out.Bytes(), `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return pages, nil
}

func servePage(pages map[string]page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := pages[pageLang(r)]
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("Vary", "Accept-Language, Cookie")
		h.Set("ETag", p.etag)
		if strings.Contains(r.Header.Get("If-None-Match"), p.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(p.html)
	}
}

func serveAsset(sum string, assets map[string]asset) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.PathValue("name")]
		// A page older than this binary asks under another sum: what it wants is not what we have.
		if !ok || r.PathValue("sum") != sum {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(a.body)
	}
}

// withSecurityHeaders covers every answer of this package, errors too.
func withSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
