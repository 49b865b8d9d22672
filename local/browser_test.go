package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"idphoto/functions/monitor"
	"idphoto/infra/auth"
	"idphoto/queue/sqlledger"
)

// patience bounds every wait of a browser test: a slow machine is no failure.
const patience = time.Minute

// tab is one tab of a browser at the monitor, with all that it complained about or asked for.
type tab struct {
	*testing.T
	ctx context.Context
	url string // of the server

	mu         sync.Mutex
	complaints []string // exceptions, console errors and warnings, policy violations
	requests   []string
}

// openTab starts a browser. It skips the test where there is none.
func openTab(t *testing.T, s *Server) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("accept-lang", "en"), chromedp.WindowSize(1280, 900))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx, url: s.URL}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, struct{}{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.check)
	return b
}

func (b *tab) note(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, ev.Request.URL)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" {
			b.complaints = append(b.complaints, fmt.Sprintf("console.%s: %s", ev.Type, ev.Args[0].Description))
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == "error" || ev.Entry.Level == "warning" {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL))
		}
	}
}

// check fails the test for every complaint, and for every request that left the server. An answer
// that refuses what the test did on purpose is no complaint.
func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		if !strings.Contains(c, "status of 401") && !strings.Contains(c, "status of 403") && !strings.Contains(c, "status of 429") {
			b.Errorf("the browser complains: %s", c)
		}
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, b.url+"/") && !strings.HasPrefix(r, "data:") && !strings.HasPrefix(r, "about:") {
			b.Errorf("a request left the server: %s", r)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// wait returns when a JavaScript expression is true, on this page or one that follows.
func (b *tab) wait(condition string) {
	b.Helper()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		var is bool // false while a page is left for another: that is an error of the call
		if is, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](condition)); err == nil && is {
			return
		}
	}
	b.Fatalf("waiting for %s: %v; the page says %q", condition, err, b.read(`document.body.innerText`))
}

// says waits until the element has the text in it.
func (b *tab) says(selector, text string) {
	b.Helper()
	b.wait(fmt.Sprintf(`(document.querySelector(%q)?.textContent ?? "").includes(%q)`, selector, text))
}

// read evaluates a JavaScript expression to a string.
func (b *tab) read(expression string) string {
	b.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return s
}

func (b *tab) has(selector string) bool {
	b.Helper()
	return b.read(fmt.Sprintf(`String(document.querySelector(%q) !== null)`, selector)) == "true"
}

func (b *tab) click(selector string) { b.Helper(); b.do(chromedp.Click(chromedp.CSS(selector))) }

// send clicks on what leads to another page, and waits until it is there.
func (b *tab) send(selector, path string) {
	b.Helper()
	b.read(`document.documentElement.dataset.old = "yes"`)
	b.click(selector)
	b.wait(fmt.Sprintf(`document.readyState === "complete" && !document.documentElement.dataset.old && location.pathname.startsWith(%q)`, path))
}

func (b *tab) open(path string) { b.Helper(); b.do(chromedp.Navigate(b.url + path)) }

// signIn fills in the page for that.
func (b *tab) signIn(name, password string) {
	b.Helper()
	b.open(monitor.LoginPath)
	b.fill("#name", name)
	b.fill("#password", password)
	b.send("form button.primary", monitor.Base)
}

// fill types into a field.
func (b *tab) fill(selector, text string) {
	b.Helper()
	b.do(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// console starts the server with test kinds, on disk, with somebody of each role beside the admin.
// Their passwords are crewPassword.
func console(t *testing.T, environ ...string) *Server {
	t.Helper()
	data := t.TempDir()
	s := serve(t, Config{Data: data, Environ: append([]string{"TEST_KINDS=true", "MAX_ATTEMPTS=3", "RETRY_BASE=10ms", "RETRY_LIMIT=20ms", "CANARY_EVERY=0"}, environ...)})
	if s.FirstPassword == "" {
		t.Fatal("the first start made no admin")
	}
	flags := storeFlags{Data: data}
	l, err := sqlledger.Open(t.Context(), flags.ledgerURL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, role := range []auth.Role{auth.Viewer, auth.Operator} {
		if _, err := people(l).AddPerson(t.Context(), role.String(), role, crewPassword); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

const crewPassword = "correct horse battery"

// fail submits a task whose first attempts panic, as often as given.
func (s *Server) fail(t *testing.T, times string) string {
	t.Helper()
	return s.submit(t, "s17_hopper.jpg", map[string]string{"kind": "crash", "how": "panic", "times": times})
}

// TestAnOperatorSeesATaskThrough: from signing in to the end of a task that takes a while, without
// reloading the page.
func TestAnOperatorSeesATaskThrough(t *testing.T) {
	s := console(t, "WORKERS=1")
	b := openTab(t, s)
	b.open("/monitor/tasks?state=dead") // a stranger is led to the sign-in, and on from there
	b.wait(`location.pathname === "/monitor/login"`)
	b.fill("#name", "admin")
	b.fill("#password", s.FirstPassword)
	b.send("form button.primary", "/monitor/tasks")
	if got := b.read("location.search"); got != "?state=dead" {
		t.Errorf("the sign-in leads to %q", got)
	}

	s.submit(t, "s17_hopper.jpg", map[string]string{"kind": "noop", "sleep_ms": "2000"}) // keeps the one worker busy
	id := s.submit(t, "s17_hopper.jpg", map[string]string{"kind": "noop", "sleep_ms": "1500", "stages": "2"})
	b.open("/monitor/tasks/" + id)
	b.read(`window.loaded = "once"`)
	b.wait(`["queued", "running"].some((s) => document.querySelector("h1 .chip").classList.contains(s))`)
	b.wait(`document.querySelector("h1 .chip").classList.contains("running")`)
	b.says(".moments .now", "noop")
	b.wait(`document.querySelector("h1 .chip").classList.contains("succeeded")`)
	b.wait(`document.querySelectorAll(".waterfall tr.w-stage").length === 2`)
	if b.read(`window.loaded ?? "again"`) != "once" {
		t.Error("the page was loaded again")
	}
}

// TestADeadTaskIsRunAgain: a task dies, its three attempts and their stacks are there, it is retried,
// and it succeeds at the fourth.
func TestADeadTaskIsRunAgain(t *testing.T) {
	s := console(t)
	id := s.fail(t, "3")
	b := openTab(t, s)
	b.signIn("operator", crewPassword)
	b.open("/monitor/tasks/" + id)
	b.wait(`document.querySelector("h1 .chip").classList.contains("dead")`)
	if n := b.read(`String(document.querySelectorAll(".attempt").length)`); n != "3" {
		t.Errorf("%s attempts are shown, want 3", n)
	}
	for n := 1; n <= 3; n++ {
		b.says(fmt.Sprintf("#stack-%d pre", n), "process.crash")
		b.says(fmt.Sprintf("#error-%d", n), "a crash was asked for")
	}
	b.send("form[action$='/retry'] button", "/monitor/tasks/"+id)
	b.wait(`document.querySelector("h1 .chip").classList.contains("succeeded")`)
	if n := b.read(`String(document.querySelectorAll(".attempt").length)`); n != "4" {
		t.Errorf("%s attempts are shown, want 4: none is overwritten", n)
	}
	b.says("#stack-1 pre", "process.crash")
}

// TestFiftyDeadTasksAreRetriedByFilter: the number is shown first, then it is done, then listed.
func TestFiftyDeadTasksAreRetriedByFilter(t *testing.T) {
	s := console(t)
	for range 50 {
		s.fail(t, "3")
	}
	s.submit(t, "s17_hopper.jpg", map[string]string{"kind": "noop"}) // not meant
	b := openTab(t, s)
	b.signIn("operator", crewPassword)
	b.open("/monitor/tasks?state=dead")
	b.says(".states a.dead b", "50")
	b.send(`.deeds a[href*="action=retry"]`, "/monitor/tasks/bulk")
	b.says(".big", "50")
	b.send(".bulk form button", "/monitor/tasks/bulk")
	b.wait(`document.querySelector("progress")?.value === 100`)
	b.says(".bulk .big", "50")
	b.open("/monitor/tasks?state=succeeded")
	b.says(".states a.succeeded b", "51")
	if left := b.read(`document.querySelector(".states a.dead b").textContent`); left != "0" {
		t.Errorf("%s dead tasks are left", left)
	}
}

// TestAPausedLaneKeepsItsTasks, and says since when and by whom, until it goes on.
func TestAPausedLaneKeepsItsTasks(t *testing.T) {
	s := console(t)
	b := openTab(t, s)
	b.signIn("operator", crewPassword)
	b.open("/monitor/lanes")
	b.click("#lane-express details.acts summary")
	b.send("#lane-express details.acts form button", "/monitor/lanes")
	b.says("#lane-express .paused-since", "operator")
	id := s.submit(t, "s17_hopper.jpg", map[string]string{"kind": "noop"})
	b.says("#lane-express .facts dd", "1") // without reloading
	b.send("#lane-express form[action$='/resume'] button", "/monitor/lanes")
	b.wait(`document.querySelector("#lane-express .paused-since") === null`)
	b.open("/monitor/tasks/" + id)
	b.wait(`document.querySelector("h1 .chip").classList.contains("succeeded")`)
}

// TestAViewerLooksAndCannotAct: there is nothing to press, and pressing it all the same is refused.
func TestAViewerLooksAndCannotAct(t *testing.T) {
	s := console(t)
	id := s.fail(t, "3")
	b := openTab(t, s)
	b.signIn("viewer", crewPassword)
	b.open("/monitor/tasks/" + id)
	b.wait(`document.querySelector("h1 .chip").classList.contains("dead")`)
	for _, path := range []string{"/monitor/", "/monitor/tasks", "/monitor/tasks?state=dead", "/monitor/tasks/" + id, "/monitor/batches", "/monitor/lanes", "/monitor/workers", "/monitor/rejections"} {
		b.open(path)
		b.wait(`document.querySelector("h1") !== null`)
		if b.has(`main form[method="post"]`) || b.has(`main a[href*="action="]`) {
			t.Errorf("%s offers a viewer something to do", path)
		}
		if b.has(`.menu a[href="/monitor/people"]`) || b.has(`.menu a[href="/monitor/audit"]`) {
			t.Errorf("%s leads a viewer where viewers may not go", path)
		}
	}
	for _, path := range []string{"/monitor/tasks/" + id + "/retry", "/api/v1/monitor/tasks/" + id + "/retry", "/monitor/lanes/express/pause"} {
		got := b.read(fmt.Sprintf(`(() => { const x = new XMLHttpRequest(); x.open("POST", %q, false); x.send(); return String(x.status) })()`, path))
		if got != fmt.Sprint(http.StatusForbidden) {
			t.Errorf("POST %s by a viewer's page: %s", path, got)
		}
	}
	b.open("/monitor/people")
	b.says("main", "") // the page that says no
	if b.has(".people") {
		t.Error("a viewer sees who has an account")
	}
}

// TestWrongPasswordsLock: after some guesses even the right one has to wait, longer and longer, and
// the page says how long.
func TestWrongPasswordsLock(t *testing.T) {
	s := console(t)
	b := openTab(t, s)
	told := `document.querySelector("[role=alert]").textContent`
	for locked := false; !locked; { // not for ever: each guess that counts doubles the wait
		b.signIn("operator", "not the password")
		b.wait(`document.querySelector("[role=alert]") !== null`)
		locked = b.read(`(`+told+`.match(/Wait (\d+) s/)?.[1] >= 8).toString()`) == "true"
	}
	b.signIn("operator", crewPassword)
	if at := b.read("location.pathname"); at != monitor.LoginPath {
		t.Errorf("a locked name gets to %s", at)
	}
	b.says("[role=alert]", "Wait ")
}
