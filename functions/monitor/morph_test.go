package monitor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"idphoto/infra/auth"
	"idphoto/queue"
)

// TestAPageTakesOverWhatChangedAndKeepsTheRest opens a page in a browser, begins to do something
// there, and has somebody else change the workshop meanwhile.
func TestAPageTakesOverWhatChangedAndKeepsTheRest(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine")
	}
	s := newScene(t)
	s.calm()
	s.crew()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Test-Role", auth.Operator.String())
		s.ServeHTTP(w, r)
	}))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("lang", "en"), chromedp.Flag("accept-lang", "en"))...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		cancelTab()
		cancel()
		server.CloseClientConnections()
		server.Close()
		s.monitor.live.mu.Lock()
		done := s.monitor.live.done
		s.monitor.live.mu.Unlock()
		if done != nil {
			<-done
		}
	})
	wait := func(condition string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(30*time.Second))); err != nil {
			t.Fatalf("waiting for %s: %v", condition, err)
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/monitor/lanes"), chromedp.WaitVisible("#live[data-state=on]")); err != nil {
		t.Fatal(err)
	}
	wait(`(() => {
		window.same = document.querySelector("#lane-express");
		document.querySelector("#lane-express details.acts").open = true;
		document.querySelector("#lane-express details.acts form button").focus();
		return document.activeElement.type === "submit";
	})()`)
	if err := s.ledger.PauseLane(t.Context(), queue.Bulk, "somebody"); err != nil {
		t.Fatal(err)
	}
	wait(`document.querySelector("#lane-bulk .paused-since")?.textContent.includes("somebody") === true`)
	wait(`window.same === document.querySelector("#lane-express") && document.querySelector("#lane-express details.acts").open && document.activeElement.type === "submit"`)
	if err := s.ledger.ResumeLane(t.Context(), queue.Bulk); err != nil {
		t.Fatal(err)
	}
	wait(`!document.querySelector("#lane-bulk .paused-since") && document.querySelectorAll(".lane").length === 2 && document.querySelectorAll(".chart").length === 4`)
}
