package monitor

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
	"strings"
	"sync"
	"time"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
)

//go:embed pages assets strings.json
var files embed.FS

// contentSecurityPolicy lets a page run its own script, style itself, show its own pictures, talk
// to its own host and send forms there: nothing else, nowhere else. Charts are SVG in the page.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

var assetTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// shell is what all pages share: templates, sentences, assets.
type shell struct {
	version string
	now     func() time.Time
	texts   map[problem.Language]map[string]string
	pages   map[string]*sync.Pool // by page, of *press
	assets  map[string][]byte
	styles  []string // those that are style sheets, in the order of their names
	sum     string   // of all assets: their path changes when they do
}

func newShell(version string, now func() time.Time) *shell {
	s := &shell{version: version, now: now, pages: map[string]*sync.Pool{}, assets: map[string][]byte{}}
	must(s.readTexts())
	must(s.readAssets())
	must(s.readPages())
	return s
}

// must is for embedded files: what is wrong with them is a bug, not a circumstance.
func must(err error) {
	if err != nil {
		panic(fmt.Errorf("monitor: %w", err))
	}
}

func (s *shell) readTexts() error {
	data, err := files.ReadFile("strings.json")
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &s.texts)
}

func (s *shell) readAssets() error {
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		return err
	}
	h := sha256.New()
	for _, e := range entries {
		data, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			return err
		}
		if assetTypes[path.Ext(e.Name())] == "" {
			return fmt.Errorf("asset %s: no content type for this kind of file", e.Name())
		}
		s.assets[e.Name()] = data
		if path.Ext(e.Name()) == ".css" {
			s.styles = append(s.styles, e.Name())
		}
		fmt.Fprintf(h, "%s %d\n", e.Name(), len(data))
		h.Write(data)
	}
	s.sum = hex.EncodeToString(h.Sum(nil))[:16]
	return nil
}

// press is a page that is ready to be rendered for the reader who points to. A template is escaped
// when it is rendered first, which takes a while, and its functions are bound to one reader: so
// presses are kept, and each renders for one reader at a time.
type press struct {
	*template.Template
	who *reader
}

// readPages parses each page with the layout around it.
func (s *shell) readPages() error {
	entries, err := fs.ReadDir(files, "pages")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name == "layout" || strings.HasSuffix(name, "parts") {
			continue
		}
		newPress := func() (*press, error) {
			who := new(reader)
			t, err := template.New("layout.html").Funcs(s.funcs(who)).
				ParseFS(files, "pages/layout.html", "pages/*parts.html", "pages/"+e.Name())
			return &press{t, who}, err
		}
		first, err := newPress()
		if err != nil {
			return err
		}
		pool := &sync.Pool{New: func() any {
			p, err := newPress()
			must(err) // it parsed before
			return p
		}}
		pool.Put(first)
		s.pages[name] = pool
	}
	return nil
}

// text returns the sentence of a key, with {name} replaced for each following name and value.
func (s *shell) text(lang problem.Language, key string, pairs ...any) (string, error) {
	sentence, ok := s.texts[lang][key]
	if !ok {
		return "", fmt.Errorf("strings.json has no %q in %s", key, lang)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		sentence = strings.ReplaceAll(sentence, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return sentence, nil
}

// frame is what a template gets.
type frame struct {
	Lang    problem.Language
	HTML    string // lang attribute
	Page    string
	Path    string // of this page, with its query: where actions come back to
	Menu    []menuItem
	Who     auth.Identity
	Assets  string // folder of the assets
	Styles  []string
	Version string
	Done    string // sentence about the action that led here
	Zone    string // in which the page says times
	Model   any
}

// May reports whether the reader has at least the role of this name: what others may not do, they
// are not offered.
func (f frame) May(role string) (bool, error) {
	r, err := auth.ParseRole(role)
	return f.Who.May(r), err
}

// Known reports whether the reader has signed in.
func (f frame) Known() bool { return f.Who.By != "" }

type menuItem struct {
	Page, Path string
	Here       bool
}

// menu lists what the reader may open.
func menu(who auth.Identity, here string) []menuItem {
	var items []menuItem
	for _, v := range views {
		if v.menu && who.May(v.role) {
			items = append(items, menuItem{Page: v.page, Path: strings.TrimSuffix(Base+v.path, "{$}"), Here: here == v.page})
		}
	}
	return items
}

// render answers with a page. It is rendered whole before the first byte is sent, so that an
// error is still an error.
func (s *shell) render(w http.ResponseWriter, r *http.Request, status int, page string, model any) error {
	pool, ok := s.pages[page]
	if !ok {
		return fmt.Errorf("monitor: no page %q", page)
	}
	p := pool.Get().(*press)
	defer pool.Put(p)
	*p.who = readerOf(r, s.now())
	id := auth.From(r.Context())
	f := frame{
		Lang: p.who.lang, HTML: map[problem.Language]string{problem.Chinese: "zh-Hans", problem.English: "en"}[p.who.lang],
		Page: page, Path: r.URL.RequestURI(), Menu: menu(id, page), Who: id, Zone: s.now().In(p.who.zone).Format("MST -07:00"),
		Assets: Base + "/assets/" + s.sum + "/", Styles: s.styles, Version: s.version, Model: model,
	}
	f.Done = s.flash(w, r, f.Lang)
	var out bytes.Buffer
	if err := p.Execute(&out, f); err != nil {
		return fmt.Errorf("rendering %s: %w", page, err)
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader may be gone: nobody is left to tell
	return nil
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// asset serves a file of the pages, for ever: its path holds the checksum of all.
func (m *Monitor) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	data, ok := m.shell.assets[name]
	if !ok || r.PathValue("sum") != m.shell.sum {
		return fault.New(problem.NotFound, nil)
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", assetTypes[path.Ext(name)])
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(data)
	return nil
}
