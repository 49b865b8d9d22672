package check

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryMeasureHasAThresholdAndViceVersa(t *testing.T) {
	var taken, listed []string
	for _, m := range measures() {
		taken = append(taken, m.name)
	}
	for _, m := range Thresholds() {
		listed = append(listed, m.Measure)
	}
	slices.Sort(taken)
	slices.Sort(listed)
	if !slices.Equal(taken, listed) {
		t.Errorf("measured: %v\nin thresholds.json: %v", taken, listed)
	}
}

func TestParseRefusesABadFile(t *testing.T) {
	const measure = `{"measure": "m", "pass": {"min": 2}, "bearable": {"min": 1}, "code": "c", "reason": "r", "source": "s", "grade": "A"}`
	const sets = `{"authority": {"reason": "r", "asks": {}, "rejects": {"m": "w"}}, "house": {"reason": "r", "asks": {}, "rejects": {}}}`
	file := func(measure, sets string) string { return `{"measures": [` + measure + `], "sets": ` + sets + `}` }
	if _, err := parse([]byte(file(measure, sets))); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	for name, tc := range map[string]struct{ old, new string }{
		"unknown field":         {`"pass"`, `"passes"`},
		"passes and fails":      {`"min": 1`, `"min": 3`},
		"bearable, but no code": {`"code": "c", `, ``},
		"code, but never fails": {`"bearable": {"min": 1}`, `"bearable": {}`},
		"everything passes":     {`{"min": 2}`, `{}`},
		"upside down":           {`{"min": 2}`, `{"min": 2, "max": 1}`},
		"no reason":             {`"reason": "r", "source"`, `"reason": "", "source"`},
		"unknown grade":         {`"A"`, `"D"`},
		"note that rejects":     {`"code"`, `"note": true, "code"`},
		"twice":                 {measure, measure + ", " + measure},
		"no house set":          {`"house"`, `"other"`},
		"unknown in a set":      {`{"m": "w"}`, `{"n": "w"}`},
		"no reason in a set":    {`{"m": "w"}`, `{"m": ""}`},
		"rejects what passes":   {`"rejects": {"m": "w"}}`, `"rejects": {"m": "w"}, "limits": {"m": {"pass": {"min": 2}, "bearable": {}}}}`},
		"limits of nothing":     {`"rejects": {"m": "w"}}`, `"rejects": {"m": "w"}, "limits": {"n": {"pass": {"min": 2}, "bearable": {}}}}`},
	} {
		data := strings.Replace(file(measure, sets), tc.old, tc.new, 1)
		if data == file(measure, sets) {
			t.Errorf("%s: nothing changed", name)
		}
		if _, err := parse([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
