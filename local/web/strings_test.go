package web

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"idphoto/pipeline/spec"
)

func table(t *testing.T) stringTable {
	t.Helper()
	table, err := readStrings(files)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func TestBothLanguagesSayTheSame(t *testing.T) {
	table := table(t)
	if got := slices.Sorted(maps.Keys(table)); !slices.Equal(got, []string{"en", "zh"}) {
		t.Fatalf("languages = %v", got)
	}
	for _, pair := range [][2]string{{"en", "zh"}, {"zh", "en"}} {
		for key, text := range table[pair[0]] {
			other, ok := table[pair[1]][key]
			if !ok {
				t.Errorf("%s is missing in %s", key, pair[1])
				continue
			}
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s is empty in %s", key, pair[0])
			}
			has, want := placeholder.FindAllString(text, -1), placeholder.FindAllString(other, -1)
			slices.Sort(has)
			slices.Sort(want)
			if !slices.Equal(has, want) {
				t.Errorf("%s has %v in %s and %v in %s", key, has, pair[0], want, pair[1])
			}
		}
	}
}

// sources returns the page's own texts by name: the HTML and every asset.
func sources(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		texts[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// Keys as scripts write them: t("a.b"), "a.b" passed on as a key, t(`a.${x}`).
var (
	htmlKey    = regexp.MustCompile(`\{\{t "([^"]+)"`)
	htmlPair   = regexp.MustCompile(`data-t="([^"]+)">(\{\{t "([^"]+)"[^}]*\}\})?`)
	attrPair   = regexp.MustCompile(`="\{\{t "([^"]+)"\}\}" data-t-[a-z]+="([^"]+)"`)
	scriptKey  = regexp.MustCompile(`\bt\("([^"]+)"`)
	quotedKey  = regexp.MustCompile(`"([a-z_-]+(?:\.[a-z_-]+)+)"`)
	patternKey = regexp.MustCompile("`([a-z]+(?:\\.[a-z]+)*\\.)\\$\\{")
)

func TestEveryKeyIsThereAndUsed(t *testing.T) {
	keys := table(t)["en"]
	used := make(map[string]bool)
	prefixes := make(map[string]bool)
	for name, text := range sources(t) {
		for _, re := range []*regexp.Regexp{htmlKey, scriptKey} {
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				used[m[1]] = true
				if keys[m[1]] == "" {
					t.Errorf("%s asks for %q, which strings.json does not have", name, m[1])
				}
			}
		}
		if strings.HasSuffix(name, ".js") {
			for _, m := range quotedKey.FindAllStringSubmatch(text, -1) {
				used[m[1]] = true
			}
			for _, m := range patternKey.FindAllStringSubmatch(text, -1) {
				prefixes[m[1]] = true
			}
		}
	}
	for key := range keys {
		byPattern := slices.ContainsFunc(slices.Collect(maps.Keys(prefixes)), func(p string) bool { return strings.HasPrefix(key, p) })
		if !used[key] && !byPattern {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

func TestHTMLRendersTheTextItsScriptWouldWrite(t *testing.T) {
	html := sources(t)["index.html"]
	pairs := htmlPair.FindAllStringSubmatch(html, -1)
	if len(pairs) < 20 {
		t.Fatalf("found only %d texts", len(pairs))
	}
	for _, m := range pairs {
		if m[1] != m[3] {
			t.Errorf("data-t=%q is rendered as %q", m[1], m[3])
		}
	}
	for _, m := range attrPair.FindAllStringSubmatch(html, -1) {
		if m[1] != m[2] {
			t.Errorf("attribute %q is rendered as %q", m[2], m[1])
		}
	}
}

// The content security policy would stop these in the browser; here they are found before.
func TestNothingComesFromElsewhere(t *testing.T) {
	forbidden := regexp.MustCompile(`https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function| style="| on[a-z]+="|@import|url\(`)
	for name, text := range sources(t) {
		text = strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "") // a name, never fetched
		if found := forbidden.FindAllString(text, -1); found != nil {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

func TestColoursAreThoseOfTheService(t *testing.T) {
	var want []string
	for _, c := range spec.Colors {
		want = append(want, fmt.Sprintf("%s #%02X%02X%02X", c.Name, c.Color.R, c.Color.G, c.Color.B))
	}
	var got []string
	for _, m := range regexp.MustCompile(`id: "([a-z-]+)", colour: "(#[0-9A-F]{6})"`).FindAllStringSubmatch(sources(t)["assets/backgrounds.js"], -1) {
		got = append(got, m[1]+" "+m[2])
		if table(t)["en"]["background."+m[1]] == "" {
			t.Errorf("the colour %s has no name in strings.json", m[1])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page offers %v, the service knows %v", got, want)
	}
}
