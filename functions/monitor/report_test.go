package monitor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"idphoto/functions/problem"
	"idphoto/pipeline/check"
	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// A report of the second form, as the pipeline writes it.
const wholeReport = `{"version":2,"spec":"de-passport","catalogue":"2026-11-25 aa","background":"#FFFFFF","width_px":413,"height_px":531,"dpi":300,"rules":[
	{"measure":"head_height","value_mm":33.5,"min_mm":32,"max_mm":36,"verdict":"pass","source":"BSI TR-03121","grade":"B"},
	{"measure":"crown_gap","value_mm":2.4,"min_mm":3,"verdict":"warn","source":"house","grade":"house"}],
	"tilt":{"value_deg":0.31,"max_deg":5,"verdict":"pass","source":"our own limit","grade":"house"},
	"quality":[
	{"measure":"eyes_open","value":0.2312,"min":0.11,"verdict":"pass","asked":true,"rejects":true,"code":"eyes_closed"},
	{"measure":"glasses","value":0.41,"max":0.32,"verdict":"note","asked":true},
	{"measure":"sharpness","value":12.44,"unit":"line pairs per eye distance","min":18,"verdict":"warn","asked":false},
	{"measure":"head_pose_yaw","value":-23.61,"unit":"degrees","min":-8,"max":8,"verdict":"fail","asked":true,"code":"face_turned"}],
	"file":{"type":"image/jpeg","bytes":34812,"min_kb":20,"max_kb":50,"jpeg_quality":93,"jpeg_chroma":"4:4:4","kb_of_1024_only":true},
	"not_checked":["shoulders"],"crown_y_px":41.25,"skull_y_px":44.5,"roll_deg":-1.934,"upscale":0.8412}`

func TestAReportSaysWhatWasMeasured(t *testing.T) {
	c := newConsole(t)
	task := c.add(func(t *queue.Task) {
		t.Options = json.RawMessage(`{"size":"de-passport","background":"#FFFFFF","touch_up":{"light":40,"mirror":true},"size_kb":{"min_kb":20,"max_kb":50},"hd":true,"catalogue":"2026-11-24 99"}`)
	})
	prefix := queue.ResultPrefix(task.ID, 1)
	c.write(prefix+"report", wholeReport)
	c.end(task, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","report":"application/json"}}`)})
	page := strings.Join(strings.Fields(strings.Join(texts(c.see("/monitor/tasks/"+task.ID)), " ")), " ")
	for _, want := range []string{
		"Head height met 33.50 mm 32 – 36 mm BSI TR-03121 (B)", "Above the head doubtful 2.40 mm ≥ 3 mm house",
		"Tilt left on the photo met 0.31° ≤ 5° our own limit (house)",
		"Head turned aside not met −23.6° −8 – 8 the document", "Sharpness doubtful 12.4 line pairs ≥ 18 our own care", "Glasses noted 0.41 ≤ 0.32 the document",
		"Passed: 1", "Eyes open met 0.231 ≥ 0.11 the document · rejects", "1 not met", "2 doubtful",
		"File image/jpeg", "File size 34.8 KB", "Allowed size 20 – 50 KB", "JPEG quality 93", "JPEG chroma 4:4:4", "1024 bytes",
		"Crown of the skull, px from the top 44.5", "Catalogue 2026-11-25 aa", "Catalogue when ordered 2026-11-24 99 another one", "straight shoulders",
		"Even light 40 of 100", "Mirror yes", "File size, KB 20-50", "HD photo too yes",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if turned, sharp := strings.Index(page, "Head turned aside"), strings.Index(page, "Sharpness doubtful"); turned > sharp {
		t.Error("what is doubtful stands before what is not met")
	}
}

func TestFiguresHaveTheDigitsThatMeanSomething(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0004: "0", -0.0004: "0", 0.23124: "0.231", 1.204: "1.2", 12.44: "12.4", -23.61: "−23.6", 1234.5: "1234"} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %q, want %q", v, got, want)
		}
	}
}

// TestEverythingThatReportsNameHasWords reads the data that reports are made of.
func TestEverythingThatReportsNameHasWords(t *testing.T) {
	s := newConsole(t).monitor.shell
	var keys []string
	for _, m := range check.Thresholds() {
		keys = append(keys, "measure."+m.Measure)
		if m.Code != "" {
			keys = append(keys, "reason."+m.Code)
		}
		if m.Unit != "" && !slices.Contains([]string{"L*", "a*", "b*", "CIE76"}, m.Unit) { // these are symbols
			keys = append(keys, "measure.unit."+m.Unit)
		}
	}
	for _, one := range spec.All() {
		for _, r := range one.Rules {
			keys = append(keys, "measure."+r.Measure)
		}
		for _, name := range slices.Concat(one.NotChecked, one.Demands()) {
			keys = append(keys, "unchecked."+name)
		}
	}
	for _, v := range verdicts {
		keys = append(keys, "verdict."+v)
	}
	for _, stage := range []string{"fetch", "wait for memory", "recall", "decode", "detect", "landmarks", "matte", "geometry", "check", "compose", "encode", "store", "cut", "hand out"} {
		keys = append(keys, "stage."+stage)
	}
	if len(keys) < 60 {
		t.Fatalf("only %d names: are these still the right sources?", len(keys))
	}
	for _, lang := range []problem.Language{problem.English, problem.Chinese} {
		for _, key := range keys {
			if _, err := s.text(lang, key); err != nil {
				t.Error(err)
			}
		}
	}
}
