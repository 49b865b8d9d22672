package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"idphoto/pipeline/spec"
)

func specsOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), append([]string{"specs"}, args...), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSpecsListsTheCatalogue(t *testing.T) {
	all := specsOutput(t)
	for _, s := range spec.All() {
		if !strings.Contains(all, "\n"+s.ID+" ") {
			t.Errorf("%s is not listed", s.ID)
		}
	}
	if !strings.Contains(all, spec.Version()) {
		t.Error("the catalogue's version is missing")
	}
	if some := specsOutput(t, "-q", "japan", "--lang", "zh"); !strings.Contains(some, "日本护照") || strings.Contains(some, "1-inch") {
		t.Errorf("a search for japan lists\n%s", some)
	}
}

func TestSpecsShowsARecord(t *testing.T) {
	one := specsOutput(t, "社保卡")
	for _, want := range []string{"cn-social-security", "14", "asked", "eyes_from_left", "sdws.edu.cn", "358 x 441"} {
		if !strings.Contains(one, want) {
			t.Errorf("%q is missing in\n%s", want, one)
		}
	}
	for id, wants := range map[string][]string{
		"us-passport": {"glasses; a failure", "ICAO Doc 9303"}, "1-inch": {"our own rules"}, "de-passport-child": {"child of 6 to 9", "not checked"},
	} {
		one := specsOutput(t, id)
		for _, want := range wants {
			if !strings.Contains(one, want) {
				t.Errorf("%q is missing in\n%s", want, one)
			}
		}
	}
	if refused := specsOutput(t, "us-passport-online"); !strings.Contains(refused, "size_unpublished") {
		t.Errorf("no refusal in\n%s", refused)
	}
	var s spec.Spec
	if err := json.Unmarshal([]byte(specsOutput(t, "35x45mm@600dpi", "--json")), &s); err != nil || s.WidthPx != 827 {
		t.Errorf("35x45mm@600dpi as JSON: %d px wide, %v", s.WidthPx, err)
	}
	if err := run(t.Context(), []string{"specs", "3-inch"}, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "unknown_size") {
		t.Errorf("an unknown size: %v", err)
	}
}
