package check

import "testing"

// Every verdict says where its limits are from, those of the house and of a document too.
func TestFindingsSayWhereTheirLimitsAreFrom(t *testing.T) {
	rules := House()
	ten := 10.
	rules.Limits["head_pose_roll"] = Limits{Pass: Band{Max: &ten}, Bearable: Band{Max: &ten}}
	rules.Origins["head_pose_roll"] = Origin{"a page", "A"}
	named := 0
	for _, m := range Thresholds() {
		f := rules.judge(m.Measure, 1)
		if f.Source == "" || f.Grade == "" {
			t.Errorf("%s: source %q, grade %q", f.Measure, f.Source, f.Grade)
		}
		if f.ISO != "" {
			named++
		}
		if f.Measure == "head_pose_roll" && (f.Source != "a page" || f.Grade != "A" || f.ISO != "head pose angle roll") {
			t.Errorf("the document's limit is %+v", f)
		}
	}
	if named < 15 {
		t.Errorf("%d measures have names of ISO/IEC 29794-5", named)
	}
}

// A blurred picture is told that it is blurred, not that its eyes are closed.
func TestTheCloudingFailureIsTold(t *testing.T) {
	findings := Authority().Judge([]Value{{"eyes_open", 0}, {"sharpness", 1}})
	if reject := Rejection(findings); reject == nil || reject.Code != "too_blurred" {
		t.Errorf("rejected with %v, want too_blurred", reject)
	}
	if reject := Rejection(findings[:1]); reject == nil || reject.Code != "eyes_closed" {
		t.Errorf("rejected with %v, want eyes_closed", reject)
	}
	if reject := Rejection(Authority().Judge([]Value{{"eyes_open", .3}})); reject != nil {
		t.Errorf("rejected with %v", reject)
	}
}
