package problem

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

var han = regexp.MustCompile(`\p{Han}`)

// Every condition that can be named as impossible has words that a clerk understands.
func TestEveryRuleHasWords(t *testing.T) {
	ids := constants(t, "../../pipeline/spec/measures.go")
	for id := range constants(t, "../../pipeline/geometry/rules.go") {
		ids[id] = nil
	}
	for _, s := range spec.All() {
		for _, r := range s.Rules {
			if _, known := ids[r.Measure]; !known {
				t.Errorf("%s has the rule %s, which is no constant", s.ID, r.Measure)
			}
			ids[r.Measure] = nil
		}
	}
	for id := range ids {
		words, ok := ruleWords[id]
		if !ok || words[0] == "" || strings.Contains(words[0], "_") || han.MatchString(words[0]) || !han.MatchString(words[1]) || strings.Contains(words[1], "_") {
			t.Errorf("%s is called %q", id, words)
		}
	}
	for id := range ruleWords {
		if _, used := ids[id]; !used {
			t.Errorf("%s has words, but is no rule", id)
		}
	}
	if len(ids) < 17 {
		t.Errorf("only %d rules were found: are these still the right files?", len(ids))
	}
}

// What a document forbids is told in the reader's language; only a source may have a foreign name.
func TestWhatADocumentForbidsIsToldInTheReadersLanguage(t *testing.T) {
	refused := 0
	for _, s := range spec.All() {
		for _, err := range []error{s.Permit(spec.Background{Kind: spec.Solid}), s.PermitTouch()} {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Code == fault.SizeUnpublished {
				continue
			}
			refused++
			for lang, brackets := range map[Language][2]string{English: {" (source: ", ")."}, Chinese: {"（依据：", "）。"}} {
				text := Explain(e.Code, e.Detail, lang)
				before, source, cited := strings.Cut(text.Sentence, brackets[0])
				if !cited || !strings.HasSuffix(source, brackets[1]) || strings.Contains(text.Sentence, "map[") || strings.Contains(text.Sentence, "?") {
					t.Errorf("%s: %q", s.ID, text.Sentence)
				}
				if han.MatchString(strings.ReplaceAll(before, s.ID, "")) != (lang == Chinese) {
					t.Errorf("%s in %s: %q", s.ID, lang, before)
				}
				if !s.Trade && s.Editing.Policy == spec.BackgroundOnly && lang == Chinese && !han.MatchString(source) {
					t.Errorf("%s: nobody forbids it, and in Chinese that reads %q", s.ID, source)
				}
			}
		}
	}
	if refused < 20 {
		t.Errorf("only %d refusals were looked at", refused)
	}
}
