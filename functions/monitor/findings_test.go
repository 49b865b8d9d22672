package monitor

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/infra/auth"
	"idphoto/queue"
)

// wrong lists the kinds of what the overview finds.
func (s *scene) wrong() []string {
	s.Helper()
	kinds := []string{}
	for _, f := range load[overview](s.console, "/overview").Findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

func TestNothingIsWrongOnAQuietDay(t *testing.T) {
	s := newScene(t)
	s.calm()
	s.worker(queue.WorkerInfo{Name: "w", State: queue.Online, Slots: 2, Tasks: []queue.WorkerTask{{ID: "1", StartedAt: s.clock.Add(-50 * time.Second)}}}, time.Second)
	s.worker(queue.WorkerInfo{Name: "ended", State: queue.Stopped}, time.Minute)
	s.worker(queue.WorkerInfo{Name: "lost long ago", State: queue.Online}, 2*time.Hour)
	s.worker(queue.WorkerInfo{Name: "a function", State: queue.Online, ColdStart: true}, time.Minute)
	s.queueUp(2, queue.Express, 5*time.Second)
	if got := s.wrong(); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	if page := s.see("/monitor/"); !strings.Contains(page, "All is well") {
		t.Error("the page does not say so")
	}
}

func TestEachThingThatIsWrongIsFound(t *testing.T) {
	online := func(s *scene) { s.worker(queue.WorkerInfo{Name: "w", State: queue.Online, Slots: 1}, time.Second) }
	for kind, set := range map[string]func(*scene){
		"late":      func(s *scene) { online(s); s.queueUp(1, queue.Express, 11*time.Second) },
		"no_worker": func(s *scene) { s.queueUp(1, queue.Bulk, 16*time.Second) },
		"paused": func(s *scene) {
			s.queueUp(1, queue.Bulk, time.Hour) // it breaks no promise while somebody wants it to wait
			if err := s.ledger.PauseLane(s.Context(), queue.Bulk, "ann"); err != nil {
				s.Fatal(err)
			}
		},
		"lost": func(s *scene) { s.worker(queue.WorkerInfo{Name: "w", State: queue.Online}, 20*time.Second) },
		"overdue": func(s *scene) {
			s.worker(queue.WorkerInfo{Name: "w", State: queue.Online, Tasks: []queue.WorkerTask{{ID: "1", StartedAt: s.clock.Add(-61 * time.Second)}}}, time.Second)
		},
		"dead": func(s *scene) { s.end(s.add(nil), queue.Outcome{State: queue.Dead, Code: "internal"}); s.rollUp() },
		"failing": func(s *scene) {
			s.note(time.Minute, s.clock.Truncate(time.Minute).Add(-10*time.Minute), note{lane: queue.Bulk, sample: &queue.LaneSample{},
				finished: []queue.Reason{{State: queue.Succeeded, N: 17}}, failed: []queue.Reason{{State: queue.Retrying, Code: "internal", N: 3}}})
		},
		"rejections": func(s *scene) { s.rejects(15, 30) },
	} {
		t.Run(kind, func(t *testing.T) {
			s := newScene(t)
			s.calm()
			set(s)
			if got := s.wrong(); !slices.Equal(got, []string{kind}) {
				t.Errorf("found %v, want %s", got, kind)
			}
		})
	}
}

func (s *scene) rollUp() {
	s.Helper()
	if _, err := s.ledger.RollUp(s.Context(), 100); err != nil {
		s.Fatal(err)
	}
}

// rejects writes a last hour of n tasks of which some were rejected, after a week of one in ten.
func (s *scene) rejects(rejected, n int64) {
	s.Helper()
	s.note(time.Minute, s.clock.Truncate(time.Minute).Add(-20*time.Minute), note{lane: queue.Bulk, finished: []queue.Reason{
		{State: queue.Succeeded, Label: "us-visa", N: n - rejected}, {State: queue.Rejected, Label: "us-visa", Code: "no_face", N: rejected}}})
	s.note(time.Hour, s.clock.Truncate(time.Hour).Add(-50*time.Hour), note{lane: queue.Bulk, finished: []queue.Reason{
		{State: queue.Succeeded, Label: "us-visa", N: 90}, {State: queue.Rejected, Label: "us-visa", Code: "no_face", N: 10}}})
}

func TestASilentJanitorIsFound(t *testing.T) {
	s := newScene(t)
	if got := s.wrong(); len(got) != 0 {
		t.Errorf("a console that has just started finds %v", got)
	}
	s.clock = s.clock.Add(4 * time.Minute)
	if got := s.wrong(); !slices.Equal(got, []string{"janitor_never"}) {
		t.Errorf("found %v", got)
	}
	if err := s.ledger.Sample(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(3 * time.Minute)
	if got := s.wrong(); len(got) != 0 {
		t.Errorf("three minutes after a note it finds %v", got)
	}
	s.clock = s.clock.Add(2 * time.Minute)
	if got := s.wrong(); !slices.Equal(got, []string{"janitor"}) {
		t.Errorf("found %v", got)
	}
}

func TestGraveThingsComeFirst(t *testing.T) {
	s := newScene(t)
	situations["busy"](s)
	found := load[overview](s.console, "/overview").Findings
	if !slices.IsSortedFunc(found, func(a, b finding) int { return rank(a) - rank(b) }) || len(found) < 5 {
		t.Errorf("found %v", found)
	}
}

func TestASpecificationIsMarkedByTheRule(t *testing.T) {
	for name, tc := range map[string]struct {
		rejected, ended, rejectedBefore, past int64
		want                                  bool
	}{
		"many more":               {15, 30, 10, 100, true},
		"as before":               {10, 100, 10, 100, false},
		"few rejections":          {9, 10, 10, 100, false},
		"no past to compare with": {30, 30, 5, 49, false},
		"rises, but little":       {190, 1000, 1000, 10000, false},
		"rises, but few":          {10, 36, 15, 100, false}, // by chance, once in some fifty hours
		"never before":            {10, 40, 0, 1000, true},
		"always before":           {40, 40, 1000, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := shift{Rejected: tc.rejected, Ended: tc.ended, Past: tc.past}
			if s.judge(tc.rejectedBefore); s.Marked != tc.want {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestRejectionsAreCountedByCodeAndSpecification(t *testing.T) {
	s := newScene(t)
	s.rejects(12, 20)
	s.note(time.Minute, s.clock.Truncate(time.Minute).Add(-5*time.Minute), note{lane: queue.Express, finished: []queue.Reason{
		{State: queue.Rejected, Label: "1-inch", Code: "many_faces", N: 3}, {State: queue.Rejected, Label: "canary", Code: "no_face", N: 99},
		{State: queue.Dead, Label: "1-inch", Code: "internal", N: 7}, {State: queue.Cancelled, Label: "1-inch", N: 7}}})
	page := load[rejections](s.console, "/rejections")
	if page.Ended != 23 || page.Rejected != 15 {
		t.Errorf("%d of %d, want 15 of 23: neither canaries nor the dead and cancelled are judged", page.Rejected, page.Ended)
	}
	if len(page.Codes) != 2 || page.Codes[0].Code != "no_face" || page.Codes[0].N != 12 || page.Codes[1].Specs[0] != (specCount{"1-inch", 3}) {
		t.Errorf("codes: %+v", page.Codes)
	}
	if len(page.Specs) != 2 || page.Specs[0].Label != "us-visa" || !page.Specs[0].Last.Marked || page.Specs[0].Last.Before != 0.1 || page.Specs[1].Share != 1 {
		t.Errorf("specifications: %+v", page.Specs)
	}
	if week := load[rejections](s.console, "/rejections?range=7d"); week.Ended != 100 {
		t.Errorf("a week has %d", week.Ended)
	}
}

func TestLanesArePausedAndResumed(t *testing.T) {
	s := newScene(t)
	s.calm()
	lane := func() laneView {
		return load[lanes](s.console, "/lanes").Lanes[1]
	}
	form := url.Values{"back": {"/monitor/lanes"}}
	w := s.ask(auth.Operator, "/monitor/lanes/bulk/pause", form)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/monitor/lanes" {
		t.Fatalf("pausing is answered %d %s", w.Code, w.Body)
	}
	if l := lane(); !l.Paused || l.PausedBy != "test-operator" || !l.PausedAt.Equal(s.clock.Truncate(time.Microsecond)) {
		t.Errorf("after pausing: %+v", l)
	}
	if w := s.ask(auth.Operator, "/api/v1/monitor/lanes/bulk/pause", "{}"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"count":0`) {
		t.Errorf("pausing twice is answered %d %s", w.Code, w.Body)
	}
	if w := s.ask(auth.Operator, "/monitor/lanes/bulk/resume", form); w.Code != http.StatusSeeOther {
		t.Errorf("resuming is answered %d", w.Code)
	}
	if l := lane(); l.Paused || l.PausedAt != nil {
		t.Errorf("after resuming: %+v", l)
	}
	for path, want := range map[string]int{"/lanes/none/pause": 404, "/workers/none/drain": 404} {
		if w := s.ask(auth.Operator, Base+path, form); w.Code != want {
			t.Errorf("%s is answered %d", path, w.Code)
		}
	}
	if w := s.ask(auth.Viewer, "/monitor/lanes/bulk/pause", form); w.Code != http.StatusForbidden || lane().Paused {
		t.Errorf("a viewer who pauses is answered %d", w.Code)
	}
	entries := s.auditEntries("")
	var deeds []string
	for _, e := range entries {
		deeds = append(deeds, e.Actor+" "+e.Action+" "+e.Target)
	}
	if got := strings.Join(deeds, ", "); got != "test-operator resume bulk, test-operator pause bulk, test-operator pause bulk" {
		t.Errorf("audit: %s", got)
	}
}

func TestAWorkerIsAskedToDrain(t *testing.T) {
	s := newScene(t)
	s.crew()
	name := "<script>alert(1)</script>"
	if w := s.ask(auth.Operator, "/monitor/workers/"+url.PathEscape("studio-1-4211-k3x9qa")+"/drain", url.Values{"back": {"/monitor/workers"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if w := s.ask(auth.Operator, "/monitor/workers/"+url.PathEscape(name)+"/drain", url.Values{}); w.Code != http.StatusSeeOther {
		t.Errorf("a name with a slash is answered %d", w.Code)
	}
	page := load[workers](s.console, "/workers")
	if page.Slots != 5 || page.Busy != 3 || page.States[queue.Lost] != 1 {
		t.Errorf("%d of %d slots busy, %v", page.Busy, page.Slots, page.States)
	}
	for _, w := range page.Workers {
		if asked := w.Name == name || w.Name == "studio-1-4211-k3x9qa"; w.DrainAsked != asked {
			t.Errorf("%s was asked: %v", w.Name, w.DrainAsked)
		}
	}
	if first, last := page.Workers[0].State, page.Workers[len(page.Workers)-1].State; first != queue.Online || last != queue.Stopped {
		t.Errorf("the list begins with %s and ends with %s", first, last)
	}
	if html := s.see("/monitor/workers"); strings.Count(html, "asked to drain") < 1 || strings.Count(html, `/drain"`) != 2 {
		t.Error("the page offers what has been asked")
	}
}
