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

// placeholder is {name} or {name:unit}.
var placeholder = regexp.MustCompile(`\{([a-z_]+)(?::([a-z]+))?\}`)

func fill(sentence string, values map[string]any, lang Language) string {
	return placeholder.ReplaceAllStringFunc(sentence, func(match string) string {
		parts := placeholder.FindStringSubmatch(match)
		v, ok := values[parts[1]]
		if !ok {
			return "?" // a test keeps tables and details in step; a reader still gets the sentence
		}
		return show(v, parts[2], lang)
	})
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
	}
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = show(v[i], unit, lang)
		}
		return strings.Join(words, ", ")
	}
	return fmt.Sprint(v)
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
	"archive": "压缩包（archive）", "name": "名称（name）", "dedupe": "去重（dedupe）",
}
