package problem

import (
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

// Language is one of the two that every sentence exists in.
type Language string

const (
	English Language = "en"
	Chinese Language = "zh"
)

var matcher = language.NewMatcher([]language.Tag{language.English, language.Chinese, language.TraditionalChinese})

// LanguageOf picks the language that r's Accept-Language likes best; English when it likes neither.
func LanguageOf(r *http.Request) Language {
	// API Gateway hands the header's parts over as several values.
	accept := strings.Join(r.Header.Values("Accept-Language"), ",")
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return English
	}
	if _, index, _ := matcher.Match(wanted...); index > 0 {
		return Chinese
	}
	return English
}
