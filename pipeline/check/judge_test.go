package check

import "testing"

func TestVerdicts(t *testing.T) {
	rules := Rules{Asked: []string{"inter_eye_distance"}, Rejects: []string{"single_face_present"}}
	for name, tc := range map[string]struct {
		measure        string
		value          float64
		want           Verdict
		asked, rejects bool
	}{
		"within":                 {"inter_eye_distance", 120, Pass, true, false},
		"at the limit":           {"inter_eye_distance", 90, Pass, true, false},
		"bearable":               {"inter_eye_distance", 60, Warn, true, false},
		"beyond":                 {"inter_eye_distance", 20, Fail, true, false},
		"rejecting is asked for": {"single_face_present", 2, Fail, true, true},
	} {
		f := rules.judge(tc.measure, tc.value)
		if f.Verdict != tc.want || f.Asked != tc.asked || f.Rejects != tc.rejects || f.Code == "" {
			t.Errorf("%s: %+v, want %s, asked %v, rejects %v", name, f, tc.want, tc.asked, tc.rejects)
		}
	}
	// A document may say otherwise.
	sixty := 60.
	rules.Limits = map[string]Limits{"inter_eye_distance": {Pass: Band{Min: &sixty}}}
	if f := rules.judge("inter_eye_distance", 61); f.Verdict != Pass || *f.Min != 60 {
		t.Errorf("own limits: %+v", f)
	}
	if f := rules.judge("inter_eye_distance", 10); f.Verdict != Warn {
		t.Errorf("own limits that never fail: %+v", f)
	}
}

func TestRejectionIsTheFirstFailureThatRejects(t *testing.T) {
	one := Rules{Rejects: []string{"single_face_present"}}
	findings := []Finding{one.judge("inter_eye_distance", 10), one.judge("single_face_present", 3)}
	err := Rejection(findings)
	if err == nil || err.Code != "many_faces" || err.Detail["value"] != 3. || err.Detail["limit"] != 1. {
		t.Errorf("Rejection = %v, want many_faces with value and limit", err)
	}
	if err := Rejection(findings[:1]); err != nil {
		t.Errorf("Rejection = %v of what does not reject", err)
	}
}
