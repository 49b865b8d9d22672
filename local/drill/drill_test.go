package drill

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryAlertHasItsScene(t *testing.T) {
	if err := complete(); err != nil {
		t.Error(err)
	}
}

// TestTheDrillSucceeds goes through the scenes that take little time; .ci/run goes through all.
func TestTheDrillSucceeds(t *testing.T) {
	var out bytes.Buffer
	err := Run(t.Context(), &out, "TaskQueueOldestTaskTooOld", "TaskQueueNoWorkers", "OutboxStalled", "TaskStuckRunning", "LedgerErrors", "MonitorDown")
	if err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", out.String())
	if n := strings.Count(out.String(), ", clears "); n != 6 {
		t.Errorf("%d alerts cleared, want 6", n)
	}
}

// TestAnAlertThatDoesNotFireFailsTheDrill: a drill that cannot fail shows nothing.
func TestAnAlertThatDoesNotFireFailsTheDrill(t *testing.T) {
	before := scenes
	t.Cleanup(func() { scenes = before })
	scenes = slices.Clone(before)
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.alert == "LedgerErrors" })
	scenes[i].begin = turn(func(*house) {}) // breaks nothing
	err := Run(t.Context(), io.Discard, "LedgerErrors")
	if err == nil || !strings.Contains(err.Error(), "LedgerErrors: it did not fire") {
		t.Errorf("Run = %v, want that the alert did not fire", err)
	}
	scenes = slices.Delete(scenes, i, i+1)
	if err := Run(t.Context(), io.Discard, "MonitorDown"); err == nil {
		t.Error("the drill lacks a scene and succeeds")
	}
}
