package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestSoakEndsClean runs a short one, with real processes.
func TestSoakEndsClean(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some 15 s")
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"soak", "--for", "6s", "--workers", "2", "--dir", t.TempDir()}, &out)
	if err != nil || !strings.Contains(out.String(), " 0 faults") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestSoakSeesALostTask: a soak that finds nothing is worth nothing.
func TestSoakSeesALostTask(t *testing.T) {
	var out bytes.Buffer
	s, err := (&soakCmd{}).soaker(t.Context(), t.TempDir(), &out)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.submit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.accept("01a20ed0-0000-7000-8000-000000000000")
	if err := s.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if s.violations != 4 || !strings.Contains(out.String(), "was accepted and is gone") || !strings.Contains(out.String(), "is queued") {
		t.Errorf("%d violations, want 3 tasks that never ended and one that is gone:\n%s", s.violations, out.String())
	}
}
