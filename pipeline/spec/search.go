package spec

import (
	"fmt"
	"slices"
	"strings"
)

// Search returns the records whose id, document, names, aliases or size hold every word of query,
// in the catalogue's order; all of them for a query without words.
func Search(query string) []*Spec {
	var words []string
	for w := range strings.FieldsSeq(query) {
		words = append(words, fold(w))
	}
	return slices.DeleteFunc(All(), func(s *Spec) bool {
		text := s.searchText()
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
}

func (s *Spec) searchText() string {
	names := append([]string{s.ID, s.Document, s.Names["en"], s.Names["zh"]}, s.Aliases...)
	if s.sized() {
		names = append(names, fmt.Sprintf("%dx%d", s.WidthPx, s.HeightPx))
	}
	if s.sized() && !s.Nominal {
		names = append(names, fmt.Sprintf("%gx%g", s.WidthMM, s.HeightMM))
	}
	return fold(strings.Join(names, "\n"))
}
