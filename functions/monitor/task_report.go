package monitor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// reportView is what a report says, as far as this page knows its form; the whole is shown below.
// Reports of the form's first version have no quality, no file and no tilt.
type reportView struct {
	Rules      []reportRow // of the crop, the tilt last
	Quality    []reportRow // of the picture as it was taken: what did not pass, the worst first
	Passed     []reportRow // of the picture
	Failed     int         // of all
	Warned     int
	NotChecked []string
	Facts      []reportFact
	Catalogue  string // by which the photo was made
	Binary     bool   // its file meets the range only where a KB has 1024 bytes
	Whole      string
}

// reportRow is one measure: strings.json "measure.<Name>".
type reportRow struct {
	Name    string
	Value   string
	Range   string // what is allowed
	Unit    string // of both: strings.json "measure.unit.<Unit>" where it is a word
	Verdict string
	Source  string // of a rule: who says so
	Asked   bool   // by the document; else it is our own care
	Rejects bool   // a failure ends the task
}

// reportFact is one of the report's other members: strings.json "report.<Name>".
type reportFact struct{ Name, Value string }

// reportFacts are the members worth a line, in this order.
var reportFacts = []string{"spec", "background", "width_px", "height_px", "dpi", "upscale", "roll_deg", "crown_y_px", "skull_y_px",
	"margin", "matte_person_share", "matte_network", "execution_provider"}

// reportFile is the report's member file.
type reportFile struct {
	Type    string  `json:"type"`
	Bytes   int64   `json:"bytes"`
	MinKB   float64 `json:"min_kb"`
	MaxKB   float64 `json:"max_kb"`
	Quality int     `json:"jpeg_quality"`
	Chroma  string  `json:"jpeg_chroma"`
	Binary  bool    `json:"kb_of_1024_only"`
}

// verdicts from the worst to the best.
var verdicts = []string{"fail", "warn", "note", "pass"}

// reportOf reads what it knows of a report. It returns nil for what is no JSON object.
func reportOf(data []byte) *reportView {
	var r struct {
		Catalogue  string        `json:"catalogue"`
		Rules      []reportRule  `json:"rules"`
		Tilt       *reportTilt   `json:"tilt"`
		Quality    []reportCheck `json:"quality"`
		File       *reportFile   `json:"file"`
		NotChecked []string      `json:"not_checked"`
	}
	var members map[string]any
	if json.Unmarshal(data, &r) != nil || json.Unmarshal(data, &members) != nil {
		return nil
	}
	v := &reportView{Catalogue: r.Catalogue, NotChecked: r.NotChecked, Facts: factsOf(members), Whole: pretty(data)}
	for _, rule := range r.Rules {
		v.Rules = append(v.Rules, rule.row())
	}
	if r.Tilt != nil {
		v.Rules = append(v.Rules, r.Tilt.row())
	}
	for _, c := range r.Quality {
		if row := c.row(); row.Verdict == "pass" {
			v.Passed = append(v.Passed, row)
		} else {
			v.Quality = append(v.Quality, row)
		}
	}
	slices.SortStableFunc(v.Quality, func(a, b reportRow) int {
		return cmp.Compare(slices.Index(verdicts, a.Verdict), slices.Index(verdicts, b.Verdict))
	})
	for _, row := range slices.Concat(v.Rules, v.Quality) {
		switch row.Verdict {
		case "fail":
			v.Failed++
		case "warn":
			v.Warned++
		}
	}
	if r.File != nil {
		v.Binary = r.File.Binary
		v.Facts = append(v.Facts, r.File.facts()...)
	}
	return v
}

func factsOf(members map[string]any) (facts []reportFact) {
	for _, name := range reportFacts {
		switch value := members[name].(type) {
		case nil:
		case float64:
			facts = append(facts, reportFact{name, figure(value)})
		default:
			facts = append(facts, reportFact{name, fmt.Sprint(value)})
		}
	}
	return facts
}

func (f reportFile) facts() []reportFact {
	facts := []reportFact{{"file", f.Type}, {"file_bytes", fmt.Sprintf("%s KB", figure(float64(f.Bytes)/1000))}}
	if f.MinKB > 0 || f.MaxKB > 0 {
		facts = append(facts, reportFact{"file_range", between(&f.MinKB, above(f.MaxKB)) + " KB"})
	}
	if f.Quality > 0 {
		facts = append(facts, reportFact{"jpeg_quality", strconv.Itoa(f.Quality)})
	}
	if f.Chroma != "" {
		facts = append(facts, reportFact{"jpeg_chroma", f.Chroma})
	}
	return facts
}

// above is a limit of which 0 means none.
func above(limit float64) *float64 {
	if limit == 0 {
		return nil
	}
	return &limit
}

// reportRule is a rule of the crop, in millimetres.
type reportRule struct {
	Measure string   `json:"measure"`
	Value   float64  `json:"value_mm"`
	Min     float64  `json:"min_mm"`
	Max     *float64 `json:"max_mm"`
	Verdict string   `json:"verdict"`
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
}

// row has the value with one digit more than rules have.
func (r reportRule) row() reportRow {
	return reportRow{Name: r.Measure, Value: strconv.FormatFloat(r.Value, 'f', 2, 64), Range: between(&r.Min, r.Max), Unit: "mm",
		Verdict: r.Verdict, Source: graded(r.Source, r.Grade), Asked: true}
}

// reportTilt is how far the eyes' line leans on the photo, in degrees.
type reportTilt struct {
	Value   float64 `json:"value_deg"`
	Max     float64 `json:"max_deg"`
	Verdict string  `json:"verdict"`
	Source  string  `json:"source"`
	Grade   string  `json:"grade"`
}

func (t reportTilt) row() reportRow {
	return reportRow{Name: "tilt", Value: figure(t.Value), Range: between(nil, &t.Max), Unit: "degrees", Verdict: t.Verdict,
		Source: graded(t.Source, t.Grade), Asked: true}
}

// reportCheck is a measure of the picture as it was taken.
type reportCheck struct {
	Measure string   `json:"measure"`
	Value   float64  `json:"value"`
	Unit    string   `json:"unit"`
	Min     *float64 `json:"min"`
	Max     *float64 `json:"max"`
	Verdict string   `json:"verdict"`
	Asked   bool     `json:"asked"`
	Rejects bool     `json:"rejects"`
}

func (c reportCheck) row() reportRow {
	return reportRow{Name: c.Measure, Value: figure(c.Value), Range: between(c.Min, c.Max), Unit: c.Unit, Verdict: c.Verdict, Asked: c.Asked, Rejects: c.Rejects}
}

// between is a range that may be open at either end.
func between(low, high *float64) string {
	switch {
	case low == nil && high == nil:
		return "–"
	case high == nil:
		return "≥ " + shortest(*low)
	case low == nil:
		return "≤ " + shortest(*high)
	}
	return shortest(*low) + " – " + shortest(*high)
}

func graded(source, grade string) string {
	if source == grade || grade == "" {
		return source
	}
	return source + " (" + grade + ")"
}

// shortest writes a number that somebody chose, as it was chosen.
func shortest(v float64) string { return signed(strconv.FormatFloat(v, 'f', -1, 64)) }

// figure writes a measured number with the digits that mean something, which are some three.
func figure(v float64) string {
	digits := 3
	switch size := math.Abs(v); {
	case size >= 100:
		digits = 0
	case size >= 10:
		digits = 1
	case size >= 1:
		digits = 2
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return signed(text)
}

// signed has the sign that is as wide as a digit.
func signed(number string) string {
	switch {
	case number == "-0":
		return "0"
	case strings.HasPrefix(number, "-"):
		return "−" + number[1:]
	}
	return number
}
