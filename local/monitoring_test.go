package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/infra/deploy/monitoring"
)

// scrape reads /metrics: the page, and the names of all series.
func (s *Server) scrape(t *testing.T) (page []byte, names map[string]bool) {
	t.Helper()
	resp := s.get(t, "/metrics")
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics is %d, %v", resp.StatusCode, err)
	}
	names = make(map[string]bool)
	for lines := bufio.NewScanner(bytes.NewReader(page)); lines.Scan(); {
		if name, _, ok := strings.Cut(lines.Text(), "{"); ok && !strings.HasPrefix(name, "#") {
			names[name] = true
		} else if name, _, ok := strings.Cut(lines.Text(), " "); ok && name != "#" {
			names[name] = true
		}
	}
	return page, names
}

// wanted are the metrics that rules and dashboard read, but for Prometheus' own.
func wanted(t *testing.T) map[string]string {
	t.Helper()
	exprs, err := monitoring.DashboardExpressions()
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := monitoring.Alerts()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts {
		exprs[a.Alert] = append(exprs[a.Alert], a.Expr)
	}
	all := make(map[string]string) // by metric: who reads it
	for reader, list := range exprs {
		for _, e := range list {
			names, err := monitoring.Metrics(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range names {
				all[n] = reader
			}
		}
	}
	delete(all, "up")
	delete(all, "ALERTS")
	return all
}

// TestRulesAndDashboardReadWhatIsExported: an alert on a metric that nobody exports never fires. A
// whole program runs here, with canaries, a rejected picture and a long task.
func TestRulesAndDashboardReadWhatIsExported(t *testing.T) {
	s := serve(t, Config{Memory: true, Workers: 2, Environ: []string{"CANARY_EVERY=1h", "TEST_KINDS=true", "RENEW_EVERY=100ms"}})
	s.await(t, s.submit(t, "s15_noface_coffee.png", map[string]string{"size": "1-inch"}))
	s.submit(t, "s15_noface_coffee.png", map[string]string{"kind": "noop", "sleep_ms": "9000"}) // seen by its gauge

	missing := wanted(t)
	if len(missing) < 25 {
		t.Fatalf("only %d metrics are read", len(missing))
	}
	page, names := s.scrape(t)
	through := regexp.MustCompile(`(?m)^idphoto_tasks_finished_total\{kind="photo",queue="(express|bulk)",state="succeeded"\} 1$`)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); ; {
		maps.DeleteFunc(missing, func(name, _ string) bool { return names[name] })
		if len(missing) == 0 && len(through.FindAll(page, -1)) == 2 {
			break
		}
		select {
		case <-limit:
			t.Fatalf("canaries through: %q; not exported, and who reads it: %v", through.FindAll(page, -1), missing)
		case <-tick.C:
			page, names = s.scrape(t)
		}
	}
	t.Run("promtool", func(t *testing.T) { checkMetrics(t, page) })
	t.Run("labels", func(t *testing.T) {
		for _, growing := range []string{"task_id", "worker=", "batch_id", "messaging_message_id"} {
			if bytes.Contains(page, []byte(growing)) {
				t.Errorf("a label grows with the work: %s", growing)
			}
		}
		if bytes.Contains(page, []byte(`spec="canary"`)) {
			t.Error("canaries are counted as photos")
		}
	})
	t.Run("links", func(t *testing.T) { s.checkLinks(t) })
}

// checkMetrics has promtool judge names, types and help. The Go CDK counts in milliseconds, which is
// not ours to change.
func checkMetrics(t *testing.T, page []byte) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("no promtool")
	}
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = bytes.NewReader(page)
	out, err := cmd.CombinedOutput()
	if _, bad := errors.AsType[*exec.ExitError](err); err != nil && !bad {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "gocloud_dev_") {
			t.Errorf("promtool: %s", line)
		}
	}
}

// checkLinks opens the console's page of each alert: there is one, and it asks who comes.
func (s *Server) checkLinks(t *testing.T) {
	alerts, err := monitoring.Alerts()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status := func(path string) int {
		resp, err := client.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := status("/monitor/no-such-page"); got != http.StatusNotFound {
		t.Errorf("a page that is not there answers %d, so the others say nothing", got)
	}
	labels := regexp.MustCompile(`\{\{[^}]*\}\}`)
	states := []string{"queued", "running", "retrying", "succeeded", "rejected", "dead", "cancelled"}
	for _, a := range alerts {
		link := strings.TrimPrefix(a.Annotations["monitor"], "{{ $externalLabels.monitor }}")
		path := labels.ReplaceAllString(link, "express")
		if got := status(path); got != http.StatusSeeOther && got != http.StatusFound && got != http.StatusUnauthorized && path != "/readyz" {
			t.Errorf("%s links to %s, which answers %d, want the sign-in", a.Alert, path, got)
		}
		if _, query, ok := strings.Cut(path, "state="); ok {
			list, _, _ := strings.Cut(query, "&")
			for state := range strings.SplitSeq(list, ",") {
				if !slices.Contains(states, state) {
					t.Errorf("%s links to tasks of state %q", a.Alert, state)
				}
			}
		}
	}
}
