package pipeline

import (
	"slices"
	"testing"

	"idphoto/pipeline/check"
	"idphoto/pipeline/spec"
)

// Packages spec and check do not know each other: what a document asks of the picture must be a
// measure that is taken, and what rejects one that can fail.
func TestWhatDocumentsAskForIsMeasured(t *testing.T) {
	asked := 0
	for _, s := range spec.All() {
		for _, a := range s.Asks {
			if a.Check == "" {
				continue
			}
			asked++
			i := slices.IndexFunc(check.Thresholds(), func(m check.Threshold) bool { return m.Measure == a.Check })
			if i < 0 {
				t.Errorf("%s: %s asks for the check %q, which does not exist", s.ID, a.Name, a.Check)
				continue
			}
			if m := check.Thresholds()[i]; a.Rejects && m.Code == "" {
				t.Errorf("%s: %s rejects by %q, which never fails", s.ID, a.Name, a.Check)
			}
		}
	}
	if asked == 0 {
		t.Error("no document asks for anything")
	}
}
