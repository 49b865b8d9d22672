package status

import (
	"encoding/json"
	"net/url"
	"testing"

	"idphoto/pipeline/spec"
)

// listed is what a client reads of the list.
type listed struct {
	Version string `json:"version"`
	Specs   []struct {
		ID          string   `json:"id"`
		Name        string   `json:"name"`
		Available   bool     `json:"available"`
		Unavailable string   `json:"unavailable"`
		NotChecked  []string `json:"not_checked"`
	} `json:"specs"`
}

func (s *service) list(t *testing.T, query, language string) listed {
	t.Helper()
	w := s.ask(t, "GET", "/specs?q="+url.QueryEscape(query), "Accept-Language", language)
	if w.Header().Get("Vary") != "Accept-Language" {
		t.Errorf("Vary is %q: a cache would mix the languages", w.Header().Get("Vary"))
	}
	var l listed
	if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheListIsSearchedAndNamedInTheReadersLanguage(t *testing.T) {
	s := start(t, nil)
	if l := s.list(t, "", "en"); len(l.Specs) != len(spec.All()) || l.Version != spec.Version() {
		t.Errorf("%d records of version %s, want %d of %s", len(l.Specs), l.Version, len(spec.All()), spec.Version())
	}
	for language, want := range map[string]string{"en": "Australia passport", "zh-CN": "澳大利亚护照"} {
		l := s.list(t, "澳洲护照", language)
		if len(l.Specs) != 1 || l.Specs[0].Name != want {
			t.Errorf("in %s: %+v, want only %s", language, l.Specs, want)
		}
	}
	if l := s.list(t, "no-such-word", "en"); l.Specs == nil || len(l.Specs) != 0 {
		t.Errorf("a word that stands nowhere: %+v, want an empty list", l.Specs)
	}
}

func TestTheListSaysWhatCannotBeHad(t *testing.T) {
	l := start(t, nil).list(t, "us-passport", "en")
	got := make(map[string]string)
	for _, s := range l.Specs {
		got[s.ID] = s.Unavailable
		if s.Available != (s.Unavailable == "") {
			t.Errorf("%+v: available, and yet with a reason why not, or the other way round", s)
		}
	}
	if why, listed := got["us-passport"]; !listed || why != "" || got["us-passport-online"] != "size_unpublished" {
		t.Errorf("reasons are %v", got)
	}
	for _, s := range start(t, nil).list(t, "jp-passport", "en").Specs {
		if len(s.NotChecked) == 0 {
			t.Errorf("%+v: want one that says what is not checked", s)
		}
	}
}

func TestASizeOfTheCustomersOwnIsDescribed(t *testing.T) {
	s := start(t, nil)
	if one := object(t, s.ask(t, "GET", "/specs/40x50mm@600dpi")); one["document"] != "custom" || one["width_px"] != 945.0 || one["grade"] != "house" {
		t.Errorf("40x50mm@600dpi is %v", one)
	}
	wantProblem(t, s.ask(t, "GET", "/specs/40x50mm@6000dpi"), 404, "not_found")
}
