package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryAlertIsExplainedAndTried: a rule without a page leaves whoever it wakes alone, one without
// a case that fires and one that does not may never fire, or always.
func TestEveryAlertIsExplainedAndTried(t *testing.T) {
	alerts, err := Alerts()
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile("rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]bool)
	for _, a := range alerts {
		name := a.Alert
		page, err := os.ReadFile(filepath.Join("runbooks", name+".md"))
		if err != nil {
			t.Errorf("%s has no runbook: %v", name, err)
		}
		for _, part := range []string{"# " + name + "\n", "\n## What it means\n", "\n## What to look at\n- ", "\n## What to do\n- "} {
			if !strings.Contains(string(page), part) {
				t.Errorf("the runbook of %s lacks %q", name, part)
			}
		}
		pages[name+".md"] = true
		if !strings.Contains(string(cases), `name: "`+name+` fires: `) {
			t.Errorf("%s has no case in which it fires", name)
		}
		if name != "Watchdog" && !strings.Contains(string(cases), `name: "`+name+` is silent: `) {
			t.Errorf("%s has no case in which it must not fire", name)
		}
		if s := a.Labels["severity"]; s != "page" && s != "ticket" && s != "none" {
			t.Errorf("%s has severity %q", name, s)
		}
		if a.Annotations["summary"] == "" || !strings.HasPrefix(a.Annotations["monitor"], "{{ $externalLabels.monitor }}/") ||
			a.Annotations["runbook"] != "{{ $externalLabels.runbooks }}/"+name+".md" {
			t.Errorf("annotations of %s = %v", name, a.Annotations)
		}
	}
	if len(alerts) < 19 {
		t.Errorf("%d alerts, want at least 19", len(alerts))
	}
	files, err := os.ReadDir("runbooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !pages[f.Name()] {
			t.Errorf("runbooks/%s belongs to no alert", f.Name())
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestRunbooksLinkToPagesThatAreThere(t *testing.T) {
	files, err := filepath.Glob("runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		page, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(page), -1) {
			if _, err := os.Stat(filepath.Join("runbooks", m[1])); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}

// TestExpressionsParse: package local compares their metrics with those that the program exports.
func TestExpressionsParse(t *testing.T) {
	panels, err := DashboardExpressions()
	if err != nil {
		t.Fatal(err)
	}
	if len(panels) < 20 {
		t.Errorf("the dashboard has %d panels", len(panels))
	}
	for panel, exprs := range panels {
		for _, e := range exprs {
			if names, err := Metrics(e); err != nil || len(names) == 0 {
				t.Errorf("panel %q: metrics %v, %v", panel, names, err)
			}
		}
	}
	if _, err := Metrics("sum(rate(x[5m])"); err == nil {
		t.Error("an expression without its end was parsed")
	}
}

// TestDebiansToolsAgree runs promtool and amtool where they are installed, as in .ci/run.
func TestDebiansToolsAgree(t *testing.T) {
	for _, command := range []string{
		"promtool check rules rules.yml", "promtool check config prometheus.yml", "promtool check config --syntax-only prometheus.compose.yml", "promtool test rules rules_test.yml",
		"amtool check-config alertmanager.yml",
	} {
		words := strings.Fields(command)
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Skipf("no %s", words[0])
		}
		if out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// TestRouting asks amtool where alerts go.
func TestRouting(t *testing.T) {
	if _, err := exec.LookPath("amtool"); err != nil {
		t.Skip("no amtool")
	}
	for labels, want := range map[string]string{
		"alertname=TaskQueueNoWorkers severity=page": "on-call", "alertname=TaskDeadLettered severity=ticket": "tickets",
		"alertname=Watchdog severity=none": "watchdog",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=alertmanager.yml"}, strings.Fields(labels)...)
		out, err := exec.CommandContext(t.Context(), "amtool", args...).Output()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s goes to %q, %v; want %q", labels, out, err, want)
		}
	}
}
