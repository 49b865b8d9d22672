package monitor

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"idphoto/infra/auth"
	"idphoto/queue"
)

// TestWhereProcessesStandStillNothingIsLeftForLater: between requests on Lambda.
func TestWhereProcessesStandStillNothingIsLeftForLater(t *testing.T) {
	c := newConsole(t)
	c.monitor.opts.Frozen = true
	task := c.end(c.add(nil), queue.Outcome{State: queue.Dead, Code: "internal"})
	w := c.ask(auth.Operator, "/monitor/tasks/bulk", url.Values{"action": {"retry"}, "filter": {"state=dead"}})
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/monitor/tasks?") {
		t.Errorf("answer is %d, to %q; want the list, which every process has", w.Code, w.Header().Get("Location"))
	}
	if got := c.task(task.ID).State; got != queue.Queued {
		t.Errorf("when the answer came the task was %v, want queued", got)
	}
	w = c.ask(auth.Viewer, "/monitor/live", nil)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "event: alone\n") {
		t.Errorf("an event stream is %d %q, want one that ends and says so", w.Code, w.Body)
	}
}
