package problem

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Text is what a clerk reads.
type Text struct {
	Sentence string `json:"detail"`
	Advice   string `json:"advice"`
}

// Explain returns the sentence and the advice for code, filled with values. An unknown code reads
// as Internal.
func Explain(code string, values map[string]any, lang Language) Text {
	entry, ok := table[code]
	if !ok {
		entry = table[Internal]
	}
	text := entry.English
	if lang == Chinese {
		text = entry.Chinese
	}
	text.Sentence = fill(text.Sentence, values, lang)
	text.Advice = fill(text.Advice, values, lang)
	return text
}

// placeholder is {name} or {name:unit}. {name:quote} is a colon and what it says, or nothing where there is
// nothing to quote.
var placeholder = regexp.MustCompile(`\{([a-z_]+)(?::([a-z]+))?\}`)

func fill(sentence string, values map[string]any, lang Language) string {
	return placeholder.ReplaceAllStringFunc(sentence, func(match string) string {
		parts := placeholder.FindStringSubmatch(match)
		v, ok := values[parts[1]]
		if parts[2] == "quote" {
			return quote(v, lang)
		}
		if !ok {
			return "?" // a test keeps tables and details in step; a reader still gets the sentence
		}
		return show(v, parts[2], lang)
	})
}

// quote ends half a sentence with what somebody else says.
func quote(v any, lang Language) string {
	if v == nil {
		return ""
	}
	words := show(v, "", lang)
	switch {
	case words == "":
		return ""
	case lang == Chinese:
		return "：" + strings.TrimSuffix(words, "。")
	}
	return ": " + strings.TrimSuffix(words, ".")
}

// show writes one value for people. Values may have been through JSON, so numbers can be float64.
func show(v any, unit string, lang Language) string {
	switch unit {
	case "mb":
		return strconv.FormatFloat(number(v)/(1<<20), 'f', -1, 64)
	case "mp":
		return strconv.FormatFloat(number(v)/1e6, 'f', -1, 64)
	case "word":
		if lang == Chinese {
			if word, ok := chineseWords[fmt.Sprint(v)]; ok {
				return word
			}
		}
	case "rule":
		if id, ok := v.(string); ok {
			return ruleWord(id, lang)
		}
	}
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return list(v, unit, lang)
	case []any:
		return list(v, unit, lang)
	case map[string]string: // the same in several languages
		return v[string(lang)]
	case map[string]any:
		return show(v[string(lang)], unit, lang)
	}
	return fmt.Sprint(v)
}

// list writes several values.
func list[T any](values []T, unit string, lang Language) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = show(v, unit, lang)
	}
	between := ", "
	if lang == Chinese {
		between = "、"
	}
	return strings.Join(words, between)
}

// number is v as a float64; 0 for what is no number.
func number(v any) float64 {
	f, _ := strconv.ParseFloat(fmt.Sprint(v), 64)
	return f
}

// chineseWords are the values that are words themselves.
var chineseWords = map[string]string{
	"top": "上", "bottom": "下", "left": "左", "right": "右",
	"image": "照片（image）", "size": "规格（size）", "background": "背景（background）",
	"no statement on editing found; only the background is replaced": "未见有关修饰的规定，因此只更换背景",
	"archive": "压缩包（archive）", "name": "名称（name）", "dedupe": "去重（dedupe）",
}
