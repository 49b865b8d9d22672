package monitor

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/queue"
)

// ours are the pages about the whole workshop.
var ours = []string{"/", "/?range=24h", "/?range=7d", "/lanes", "/workers", "/rejections", "/rejections?range=7d", "/rejections?range=30d", "/audit"}

// readAs is a page in a language, as somebody of a role sees it.
func (s *scene) readAs(role auth.Role, lang problem.Language, path string) string {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), "GET", Base+path, nil)
	r.Header.Set("Test-Role", role.String())
	r.AddCookie(&http.Cookie{Name: langCookie, Value: string(lang)})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		s.Fatalf("%s is answered %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// states of the whole workshop that pages must be able to show.
var situations = map[string]func(*scene){
	"new":   func(*scene) {},
	"quiet": (*scene).calm,
	"busy": func(s *scene) {
		s.busy()
		s.crew()
		s.deeds()
		s.queueUp(3, queue.Express, time.Minute)
		if err := s.ledger.PauseLane(s.Context(), queue.Bulk, `<script>alert("mei")</script>`); err != nil {
			s.Fatal(err)
		}
	},
	"huge": func(s *scene) {
		at := s.clock.Truncate(time.Minute)
		s.note(time.Minute, at, note{lane: queue.Express, finished: []queue.Reason{{State: queue.Succeeded, Label: strings.Repeat("x", 300), N: 1 << 60}, {State: queue.Rejected, Label: "<b>", Code: "<i>", N: 1 << 59}},
			times: map[string][]time.Duration{queue.TimeRun: {1, 1 << 62}, queue.TimeWait: {0}, queue.TimeStage + "<u>": {1 << 61}}, sample: &queue.LaneSample{Waiting: 1 << 60, OldestAge: 1 << 60, Slots: 1 << 40, Busy: 1 << 39}})
		for range 60 {
			s.worker(queue.WorkerInfo{Name: queue.NewID() + strings.Repeat("w", 200), State: queue.Online, Slots: 64, Memory: 1 << 50, PeakMemory: 1 << 51, LoadTime: time.Hour, StartedAt: s.clock.Add(-9000 * time.Hour)}, time.Second)
		}
	},
}

func TestEveryPageShowsEveryState(t *testing.T) {
	for name, set := range situations {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			set(s)
			for _, path := range ours {
				for _, lang := range []problem.Language{problem.English, problem.Chinese} {
					page := s.readAs(auth.Admin, lang, path)
					wellFormed(t, page)
					if strings.Contains(page, "<script>") || strings.Contains(page, "<b></b>") || strings.Contains(page, "ZgotmplZ") {
						t.Errorf("%s in %s has what it should not: %s", path, lang, page)
					}
					if left := placeholder.FindString(strings.Join(texts(page), " ")); left != "" {
						t.Errorf("%s in %s: %q was not filled in", path, lang, left)
					}
				}
			}
		})
	}
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// texts are what a page says, without its markup.
func texts(page string) []string {
	var all []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return all
		case html.TextToken:
			all = append(all, z.Token().Data)
		}
	}
}

func TestScriptsInNamesAreText(t *testing.T) {
	s := newScene(t)
	situations["busy"](s)
	for _, path := range []string{"/", "/workers", "/lanes", "/audit"} {
		if page := s.readAs(auth.Operator, problem.English, path); !strings.Contains(page, "&lt;script&gt;alert(") || strings.Contains(page, "<script>alert") {
			t.Errorf("%s does not show the name as it is", path)
		}
	}
}

func TestSentencesExistInBothLanguagesAndAgree(t *testing.T) {
	texts := newShell("", time.Now).texts
	en, zh := texts[problem.English], texts[problem.Chinese]
	for key, sentence := range en {
		other, ok := zh[key]
		if !ok {
			t.Errorf("%s is missing in Chinese", key)
		}
		for _, name := range placeholder.FindAllString(sentence, -1) {
			if ok && !strings.Contains(other, name) {
				t.Errorf("%s has no %s in Chinese", key, name)
			}
		}
	}
	for key, sentence := range zh {
		if en[key] == "" {
			t.Errorf("%s is missing in English", key)
		}
		for _, name := range placeholder.FindAllString(sentence, -1) {
			if !strings.Contains(en[key], name) {
				t.Errorf("%s has no %s in English", key, name)
			}
		}
	}
}

func TestViewersAreNotOfferedWhatTheyMayNot(t *testing.T) {
	s := newScene(t)
	situations["busy"](s)
	for path, deed := range map[string]string{"/lanes": "/monitor/lanes/", "/workers": "/drain"} {
		if page := s.readAs(auth.Viewer, problem.English, path); strings.Contains(page, `action="`+deed) || strings.Contains(page, `/drain"`) {
			t.Errorf("%s offers a viewer to act", path)
		}
		if page := s.readAs(auth.Operator, problem.English, path); !strings.Contains(page, `method="post"`) || !strings.Contains(page, deed) {
			t.Errorf("%s does not offer an operator to act", path)
		}
	}
	if page := s.readAs(auth.Viewer, problem.English, "/"); strings.Contains(page, "/monitor/audit") {
		t.Error("a viewer is led to the audit log")
	}
}

func TestTheLanguageIsChosenWithoutScript(t *testing.T) {
	s := newScene(t)
	w := s.ask(auth.Viewer, "/monitor/language?lang=zh&back=/monitor/lanes", nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/monitor/lanes" || !strings.Contains(w.Header().Get("Set-Cookie"), "lang=zh; Path=/monitor") {
		t.Errorf("answered %d %v", w.Code, w.Header())
	}
	w = s.ask(auth.Viewer, "/monitor/language?lang=xx&back=//evil.example/monitor/", nil)
	if w.Header().Get("Location") != "/monitor/" || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a language that there is not is answered %v", w.Header())
	}
	if page := s.readAs(auth.Viewer, problem.Chinese, "/"); !strings.Contains(page, `<html lang="zh-Hans">`) || !strings.Contains(page, "一切正常") && !strings.Contains(page, "需要关注") {
		t.Error("the page is not in Chinese")
	}
}

func TestTimesAreInTheReadersZone(t *testing.T) {
	s := newScene(t)
	s.calm()
	if err := s.ledger.PauseLane(t.Context(), queue.Bulk, "ann"); err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[string]string{"Asia%2FShanghai": ">11:07:20<", "America%2FNew_York": ">22:07:20<", "..%2F..%2Fetc%2Fpasswd": "", "%zz": ""} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", Base+"/lanes", nil)
		r.Header.Set("Test-Role", "viewer")
		r.AddCookie(&http.Cookie{Name: zoneCookie, Value: zone})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("in %s the page is answered %d and lacks %q", zone, w.Code, want)
		}
	}
}

func TestErrorsArePages(t *testing.T) {
	s := newScene(t)
	for path, want := range map[string]int{"/monitor/?range=1y": 422, "/monitor/rejections?range=1h": 422, "/monitor/audit?before=x": 422} {
		w := s.ask(auth.Admin, path, nil)
		if w.Code != want || !strings.Contains(w.Body.String(), "problem-page") {
			t.Errorf("%s is answered %d", path, w.Code)
		}
		wellFormed(t, w.Body.String())
	}
	s.ledger.Close()
	w := s.ask(auth.Admin, "/monitor/", nil)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "ledger_unavailable") {
		t.Errorf("without a ledger the overview is answered %d %s", w.Code, w.Body)
	}
}

func TestAssetsAreServedUnderTheirSumOnly(t *testing.T) {
	s := newScene(t)
	sum := s.monitor.shell.sum
	w := s.ask(auth.Anyone, "/monitor/assets/"+sum+"/console.css", nil)
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("the style sheet is answered %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/monitor/assets/0/console.css", "/monitor/assets/" + sum + "/none.css", "/monitor/assets/" + sum + "/..%2Fstrings.json", "/monitor/assets/" + sum + "/%2e%2e"} {
		if w := s.ask(auth.Anyone, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, w.Code)
		}
	}
}
