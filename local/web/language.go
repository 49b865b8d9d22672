package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"

	"golang.org/x/text/language"
)

// langCookie holds the language chosen on the page; the page's script writes it.
const langCookie = "lang"

// stringTable holds every sentence of the page: language, then key.
type stringTable map[string]map[string]string

// languages are those of strings.json in order of preference; the first is for readers of neither.
var languages = []string{"en", "zh"}

// Traditional Chinese is listed so that its readers get Chinese, not the default.
var languageMatcher = language.NewMatcher([]language.Tag{language.English, language.Chinese, language.TraditionalChinese})

// readStrings reads strings.json and requires every language in it.
func readStrings(fsys fs.FS) (stringTable, error) {
	raw, err := fs.ReadFile(fsys, "strings.json")
	if err != nil {
		return nil, fmt.Errorf("reading strings.json: %w", err)
	}
	var table stringTable
	if err := json.Unmarshal(raw, &table); err != nil {
		return nil, fmt.Errorf("parsing strings.json: %w", err)
	}
	for _, lang := range languages {
		if len(table[lang]) == 0 {
			return nil, fmt.Errorf("strings.json has no language %q", lang)
		}
	}
	return table, nil
}

// pageLang picks the language of the page: the reader's own choice, else the browser's.
func pageLang(r *http.Request) string {
	if c, err := r.Cookie(langCookie); err == nil {
		for _, lang := range languages {
			if c.Value == lang {
				return lang
			}
		}
	}
	if _, i := language.MatchStrings(languageMatcher, r.Header.Get("Accept-Language")); i == 0 {
		return "en"
	}
	return "zh"
}

// htmlLang is the lang attribute for a language: it decides which Chinese glyphs are drawn.
func htmlLang(lang string) string {
	if lang == "zh" {
		return "zh-Hans"
	}
	return lang
}
