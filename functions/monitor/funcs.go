package monitor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"idphoto/functions/problem"
)

// funcs are what templates can call. They speak to the reader that who points to, which is
// another one with each rendering.
func (s *shell) funcs(who *reader) template.FuncMap {
	return template.FuncMap{
		"t":        func(key string, pairs ...any) (string, error) { return s.text(who.lang, key, pairs...) },
		"named":    func(prefix string, name any) string { return s.named(who.lang, prefix, fmt.Sprint(name)) },
		"number":   func(n any) (string, error) { return whole(n) },
		"percent":  percent,
		"bytes":    func(n int64) string { return binary(n) },
		"duration": func(d time.Duration) string { return s.duration(who.lang, d) },
		"time":     func(at time.Time) template.HTML { return who.stamp(at) },
		"ago":      func(at time.Time) template.HTML { return s.ago(*who, at) },
		"sentence": func(code string, values map[string]any) string {
			return problem.Explain(code, values, who.lang).Sentence
		},
		"advice":   func(code string, values map[string]any) string { return problem.Explain(code, values, who.lang).Advice },
		"short":    short,
		"quantity": func(value, unit string) string { return quantity(value, s.named(who.lang, "measure.unit.", unit)) },
		"dict":     dict,
		"say":      func(f finding) (template.HTML, error) { return s.say(*who, f) },
		"chart":    func(c chart) (template.HTML, error) { return s.draw(*who, c) },
	}
}

// named is the sentence of prefix+name, or the name itself where there is none: for what others
// name, as stages and kinds.
func (s *shell) named(lang problem.Language, prefix, name string) string {
	if text, err := s.text(lang, prefix+name); err == nil {
		return text
	}
	return name
}

// whole writes an integer with a separator between its thousands.
func whole(n any) (string, error) {
	var v int64
	switch n := n.(type) {
	case int:
		v = int64(n)
	case int64:
		v = n
	default:
		return "", fmt.Errorf("number of a %T", n)
	}
	digits, sign := strconv.FormatInt(v, 10), ""
	if strings.HasPrefix(digits, "-") {
		digits, sign = digits[1:], "-"
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits, nil
}

// quantity puts a number and its unit together. A degree's sign follows without a space.
func quantity(value, unit string) string {
	switch unit {
	case "":
		return value
	case "°":
		return value + unit
	}
	return value + " " + unit
}

// percent writes a share of 1. What is not quite nothing or all never reads so.
func percent(share float64) string {
	p := share * 100
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return "–"
	case p > 0 && p < 0.1:
		return "<0.1 %"
	case p < 100 && p >= 99.95:
		return ">99.9 %"
	case p == math.Trunc(p) || p >= 10:
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// binary writes bytes.
func binary(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) + " GiB"
	case n >= 1<<20:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " B"
}

// units of durations from the largest, with the sentence that writes two of them: 2 h 5 min.
var units = []struct {
	name  string
	size  time.Duration
	below string // the unit that a remainder is given in; empty for none
	part  time.Duration
}{
	{"day", 24 * time.Hour, "hour", time.Hour},
	{"hour", time.Hour, "minute", time.Minute},
	{"minute", time.Minute, "second", time.Second},
}

// duration writes a time span to two significant units: people compare these at a glance.
func (s *shell) duration(lang problem.Language, d time.Duration) string {
	unit := func(name, n string) string {
		text, err := s.text(lang, "unit."+name, "n", n)
		must(err)
		return text
	}
	if d < 0 {
		return "−" + s.duration(lang, -d)
	}
	switch {
	case d == 0:
		return unit("second", "0")
	case d < time.Millisecond:
		return "<" + unit("millisecond", "1")
	case d < time.Second:
		return unit("millisecond", strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10))
	case d < 10*time.Second && d%time.Second != 0:
		return unit("second", strconv.FormatFloat(d.Seconds(), 'f', 1, 64))
	case d < time.Minute:
		return unit("second", strconv.FormatFloat(math.Trunc(d.Seconds()), 'f', 0, 64))
	}
	for _, u := range units {
		if d < u.size {
			continue
		}
		n, rest := int64(d/u.size), int64(d%u.size/u.part)
		text := unit(u.name, strconv.FormatInt(n, 10))
		if rest > 0 {
			text += " " + unit(u.below, strconv.FormatInt(rest, 10))
		}
		return text
	}
	return "" // unreachable: the last unit is a minute
}

// stamp writes a moment: for people in their zone, the date only when it is not today's; for
// machines whole.
func (who *reader) stamp(at time.Time) template.HTML {
	if at.IsZero() {
		return "–"
	}
	local, now := at.In(who.zone), who.now.In(who.zone)
	layout := "15:04:05"
	switch {
	case local.Year() != now.Year():
		layout = "2006-01-02 15:04"
	case local.YearDay() != now.YearDay():
		layout = "01-02 15:04"
	}
	return element(at, local.Format("2006-01-02 15:04:05 -07:00"), local.Format(layout))
}

// ago writes how long something is past, with the moment for whoever points at it.
func (s *shell) ago(who reader, at time.Time) template.HTML {
	if at.IsZero() {
		return "–"
	}
	key, d := "ago", who.now.Sub(at).Truncate(time.Second)
	if d < 0 {
		key, d = "ahead", -d
	}
	text, err := s.text(who.lang, key, "d", s.duration(who.lang, d))
	must(err)
	if d < time.Second {
		text, err = s.text(who.lang, "ago.now")
		must(err)
	}
	return element(at, at.In(who.zone).Format("2006-01-02 15:04:05 -07:00"), text)
}

func element(at time.Time, title, text string) template.HTML {
	return template.HTML(`<time datetime="` + at.UTC().Format("2006-01-02T15:04:05.000Z") + `" title="` +
		template.HTMLEscapeString(title) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// query returns a page's path with some of its parameters changed, in pairs of name and value; an
// empty value removes one.
func query(path string, pairs ...any) (string, error) {
	u, err := url.Parse(path)
	if err != nil || len(pairs)%2 != 0 {
		return "", fmt.Errorf("query of %q with %d words: %w", path, len(pairs), err)
	}
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		name, value := fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1])
		if q.Del(name); value != "" {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// short is enough of an id to tell it from its neighbours: the end of a UUIDv7 is its random part.
func short(id string) string {
	if len(id) != 36 {
		return id
	}
	return "…" + id[len(id)-8:]
}

// pretty writes JSON with indents; what is none, as it is.
func pretty(data json.RawMessage) string {
	var text bytes.Buffer
	if json.Indent(&text, data, "", "  ") != nil {
		return string(data)
	}
	return text.String()
}

// dict hands several values to a part of a page.
func dict(pairs ...any) (map[string]any, error) {
	d := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		d[name] = pairs[i+1]
	}
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict: a name without a value")
	}
	return d, nil
}
