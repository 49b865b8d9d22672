package monitor

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// reportView is what a report says, as far as this page knows its form; the whole is shown below.
type reportView struct {
	Rules      []reportRule `json:"rules"`
	NotChecked []string     `json:"not_checked"`
	Failed     int          `json:"-"`
	Facts      []reportFact `json:"-"`
	Whole      string       `json:"-"`
}

type reportRule struct {
	Measure string   `json:"measure"`
	Value   float64  `json:"value_mm"`
	Min     float64  `json:"min_mm"`
	Max     *float64 `json:"max_mm"`
	Verdict string   `json:"verdict"`
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
}

// Pass reports whether the rule holds.
func (r reportRule) Pass() bool { return r.Verdict == "pass" }

// Range is what is allowed, in millimetres.
func (r reportRule) Range() string {
	if r.Max == nil {
		return "≥ " + millimetres(r.Min)
	}
	return millimetres(r.Min) + " – " + millimetres(*r.Max)
}

// Measured is the value with one digit more than rules have.
func (r reportRule) Measured() string { return strconv.FormatFloat(r.Value, 'f', 2, 64) }

func millimetres(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// reportFact is one of the report's other members: strings.json "report.<Name>".
type reportFact struct{ Name, Value string }

// reportFacts are the members worth a line, in this order.
var reportFacts = []string{"spec", "catalogue", "background", "width_px", "height_px", "dpi", "upscale", "roll_deg", "tilt_deg",
	"margin", "matte_person_share", "matte_network", "execution_provider"}

// reportOf reads what it knows of a report. It returns nil for what is no JSON object.
func reportOf(data []byte) *reportView {
	var v reportView
	var members map[string]any
	if json.Unmarshal(data, &v) != nil || json.Unmarshal(data, &members) != nil {
		return nil
	}
	for _, r := range v.Rules {
		if !r.Pass() {
			v.Failed++
		}
	}
	for _, name := range reportFacts {
		switch value := members[name].(type) {
		case nil:
		case float64:
			v.Facts = append(v.Facts, reportFact{name, strconv.FormatFloat(value, 'g', 4, 64)})
		default:
			v.Facts = append(v.Facts, reportFact{name, fmt.Sprint(value)})
		}
	}
	v.Whole = pretty(data)
	return &v
}
