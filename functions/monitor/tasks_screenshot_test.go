package monitor

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"idphoto/queue"
)

// TestScreenshotsOfTasks is TestScreenshots for the pages of tasks and batches.
func TestScreenshotsOfTasks(t *testing.T) {
	p := newPhotographer(t)
	s := newScene(t)
	p.take(t, s, s.tasksOfAllKinds(), "main h1")
}

// attempt lets a worker take the task after a while and end it after another, so.
func (s *scene) attempt(t queue.Task, wait, run time.Duration, o queue.Outcome) {
	s.Helper()
	s.clock = s.clock.Add(wait)
	claim, err := s.ledger.Claim(s.Context(), t.ID, "studio-1-4211-k3x9qa", time.Hour)
	if err != nil {
		s.Fatal(err)
	}
	s.clock = s.clock.Add(run)
	at := 2 * time.Millisecond
	for i, name := range []string{"fetch", "decode", "detect", "landmarks", "matte", "geometry", "check", "compose", "encode", "store"} {
		d := run * time.Duration([]int{1, 8, 7, 4, 47, 1, 5, 10, 9, 2}[i]) / 100
		o.Stages = append(o.Stages, queue.StageTime{Name: name, Start: at, Duration: d})
		if at += d; o.ResultPrefix == "" && name == "matte" {
			break
		}
	}
	if err := s.ledger.Finish(s.Context(), claim, o); err != nil {
		s.Fatal(err)
	}
}

// tasksOfAllKinds fills the ledger, and returns the pages worth a look by name.
func (s *scene) tasksOfAllKinds() map[string]string {
	s.Helper()
	portrait, err := os.ReadFile("../../pipeline/testdata/s17_hopper.jpg")
	if err != nil {
		s.Fatal(err)
	}
	s.clock = time.Now() // ids have the real time
	label := func(name string) func(*queue.Task) { return func(t *queue.Task) { t.Label, t.MaxAttempts = name, 3 } }
	for i := range 40 {
		t := s.add(label([]string{"1-inch", "2-inch", "schengen-visa", "us-51x51"}[i%4]))
		s.clock = s.clock.Add(900 * time.Millisecond)
		switch {
		case i%9 == 8:
			s.attempt(t, 40*time.Millisecond, 180*time.Millisecond, queue.Outcome{State: queue.Rejected, Code: "no_face"})
		case i == 5:
			s.attempt(t, 40*time.Millisecond, 180*time.Millisecond, queue.Outcome{State: queue.Retrying, Code: queue.CodeUnavailable, Error: "reading: refused", RetryAfter: time.Hour})
		case i < 32:
			s.attempt(t, 30*time.Millisecond, time.Duration(300+7*i)*time.Millisecond, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(t.ID, 1), Result: json.RawMessage(`{}`)})
		}
	}
	dead := s.add(func(t *queue.Task) {
		t.Label, t.MaxAttempts, t.TraceParent = "schengen-visa", 3, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	})
	refused := queue.Outcome{State: queue.Retrying, Code: queue.CodeUnavailable, RetryAfter: time.Second,
		Error: "making a photo: storing the result: writing tasks/…/1/photo: dial tcp 10.0.3.7:9000: connect: connection refused"}
	s.attempt(dead, 20*time.Millisecond, 650*time.Millisecond, refused)
	s.attempt(dead, 9*time.Second, 640*time.Millisecond, refused)
	s.attempt(dead, 21*time.Second, 420*time.Millisecond, queue.Outcome{State: queue.Dead, Code: queue.CodePanic, Error: "panic: runtime error: index out of range [7] with length 7",
		Stack: "goroutine 83 [running]:\nidphoto/queue.(*Worker).handle.func1()\n\t/src/queue/run.go:121 +0x8d\npanic({0xb2e1a0?, 0xc000418108?})\n\t/usr/local/go/src/runtime/panic.go:860 +0x13a\nidphoto/pipeline/matte.refine(...)\n\t/src/pipeline/matte/refine.go:88\nidphoto/pipeline.(*run).matte(0xc0001e6000, {0xd6c3f8, 0xc00041a1e0})\n\t/src/pipeline/run.go:96 +0x5c5"})
	good := s.add(func(t *queue.Task) {
		t.Label, t.MaxAttempts = "1-inch", 3
		t.Options = json.RawMessage(`{"size":"1-inch","background":"#438EDB","touch_up":{"light":40,"skin":20},"size_kb":{"min_kb":20,"max_kb":50},"hd":true,"catalogue":"2026-11-20 4f1c"}`)
	})
	prefix := queue.ResultPrefix(good.ID, 1)
	s.write(good.InputKey, string(portrait))
	s.write(prefix+"photo", string(portrait))
	s.write(prefix+"report", `{"version":2,"spec":"1-inch","catalogue":"2026-11-25 91aa","background":"#438EDB","width_px":295,"height_px":413,"dpi":300,"rules":[
		{"measure":"head_height","value_mm":22.41,"min_mm":20,"max_mm":25,"verdict":"pass","source":"GB/T 33767-2017","grade":"B"},
		{"measure":"eye_line","value_mm":19.2,"min_mm":17.5,"max_mm":21,"verdict":"pass","source":"house","grade":"house"},
		{"measure":"crown_gap","value_mm":2.4,"min_mm":3,"max_mm":5,"verdict":"fail","source":"Ministry of Public Security, photo rules for portrait images, section 4.2","grade":"A"}],
		"tilt":{"value_deg":0.31,"max_deg":5,"verdict":"pass","source":"our own limit, that of ISO/IEC 19794-5 for the roll of a frontal face","grade":"house"},
		"quality":[{"measure":"single_face_present","value":1,"unit":"faces","max":1,"verdict":"pass","asked":true,"rejects":true},
		{"measure":"inter_eye_distance","value":84.2,"unit":"px","min":90,"verdict":"warn","asked":false},
		{"measure":"head_pose_yaw","value":-3.61,"unit":"degrees","min":-15,"max":15,"verdict":"pass","asked":true,"rejects":true},
		{"measure":"eyes_open","value":0.2312,"min":0.11,"verdict":"pass","asked":true,"rejects":true},
		{"measure":"mouth_interior","value":0.21,"max":0.06,"verdict":"fail","asked":false},
		{"measure":"glasses","value":0.41,"max":0.32,"verdict":"note","asked":false},
		{"measure":"sharpness","value":28.44,"unit":"line pairs per eye distance","min":18,"verdict":"pass","asked":true,"rejects":true},
		{"measure":"luminance","value":61.2,"unit":"L*","min":25,"max":92,"verdict":"pass","asked":false}],
		"file":{"type":"image/jpeg","bytes":34812,"min_kb":20,"max_kb":50,"jpeg_quality":95,"jpeg_chroma":"4:4:4"},
		"not_checked":["shoulders","recent"],"crown_y_px":41.25,"skull_y_px":44.5,"roll_deg":-1.934,"tilt_deg":0.02,"upscale":0.8412,"margin":0.31,"matte_person_share":0.4123,"matte_network":"modnet.onnx","execution_provider":"CPU"}`)
	s.attempt(good, 35*time.Millisecond, 480*time.Millisecond, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","report":"application/json"}}`)})
	b, tasks := s.addBatch(24)
	for i, t := range tasks[:17] {
		switch i {
		case 3, 9:
			s.attempt(t, time.Second, 200*time.Millisecond, queue.Outcome{State: queue.Rejected, Code: "many_faces", Detail: json.RawMessage(`{"count":3}`)})
		case 12:
			s.attempt(t, time.Second, 200*time.Millisecond, died)
		default:
			s.attempt(t, time.Second, 500*time.Millisecond, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(t.ID, 1), Result: json.RawMessage(`{}`)})
		}
	}
	running, err := s.ledger.Claim(s.Context(), tasks[17].ID, "studio-2-877-m2b7zt", time.Hour)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.ledger.Renew(s.Context(), running, "matte", time.Hour); err != nil {
		s.Fatal(err)
	}
	_, tasks = s.addBatch(6)
	for _, t := range tasks {
		s.attempt(t, 100*time.Millisecond, 400*time.Millisecond, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(t.ID, 1), Result: json.RawMessage(`{}`)})
	}
	held := s.add(label("cn-passport"))
	prefix = queue.ResultPrefix(held.ID, 1)
	s.write(held.InputKey, string(portrait))
	s.write(prefix+"photo", string(portrait))
	s.write(prefix+"hd", string(portrait))
	s.attempt(held, 35*time.Millisecond, 480*time.Millisecond, queue.Outcome{State: queue.Rejected, Code: "matte_uncertain", ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","hd":"image/jpeg"}}`)})
	group, people := s.groupOf()
	s.attempt(people[0], 35*time.Millisecond, 480*time.Millisecond, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(people[0].ID, 1), Result: json.RawMessage(`{}`)})
	odd := queue.NewID()
	if err := s.ledger.RecordDead(s.Context(), queue.Task{ID: odd, Kind: queue.KindUnreadable, Lane: queue.Bulk, State: queue.Dead, Code: queue.CodeUnreadable, MaxAttempts: 1, IdempotencyKey: "unreadable-1",
		Detail: json.RawMessage(`{"bytes":4213,"head":"7b227461736b5f6964223a22303139386663202d2d20636f6e66696720726f6c6c65643f003c68746d6c3e0affd8ffe0"}`)}); err != nil {
		s.Fatal(err)
	}
	s.clock = s.clock.Add(340 * time.Millisecond)
	return map[string]string{
		"tasks": "/monitor/tasks", "tasks-filter": "/monitor/tasks?state=rejected&code=no_face&from=2026-11-01T00:00", "task-dead": "/monitor/tasks/" + dead.ID,
		"task-good": "/monitor/tasks/" + good.ID + "?pictures=show", "task-running": "/monitor/tasks/" + running.Task.ID, "task-unreadable": "/monitor/tasks/" + odd,
		"bulk-retry": "/monitor/tasks/bulk?action=retry&state=dead&spec=schengen-visa", "bulk-erase": "/monitor/tasks/bulk?action=erase&spec=2-inch",
		"overview-held": "/monitor/", "task-held": "/monitor/tasks/" + held.ID + "?pictures=show", "tasks-held": "/monitor/tasks?held=true", "bulk-held": "/monitor/tasks/bulk?action=refuse&held=true",
		"task-group": "/monitor/tasks/" + group.ID, "task-again": "/monitor/tasks/" + good.ID + "#wish-light", "task-person": "/monitor/tasks/" + people[1].ID, "batch-group": "/monitor/batches/" + group.BatchID,
		"batches": "/monitor/batches", "batch": "/monitor/batches/" + b.ID, "batch-names": "/monitor/batches/" + b.ID + "/names?failed=true",
	}
}
