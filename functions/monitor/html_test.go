package monitor

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// void elements have no end.
var void = []string{"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "option", "wbr"}

// wellFormed fails for elements that do not nest, and for two of one id.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	var open []string
	ids := make(map[string]bool)
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("never closed: %v", open)
			}
			return
		case html.StartTagToken:
			if !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if token.Data == "option" {
				continue
			}
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> inside %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
		for _, a := range token.Attr {
			switch {
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("two elements have the id %q", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s %s=%q> is refused by the content security policy", token.Data, a.Key, a.Val)
			}
		}
	}
}
