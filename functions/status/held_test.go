package status

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// held makes a task with a photo that somebody has to look at.
func (s *service) held(t *testing.T) string {
	t.Helper()
	id := s.submit(t)
	c := s.claim(t, id)
	prefix := queue.ResultPrefix(id, c.Attempt)
	for _, part := range []photo.Part{photo.Photo, photo.HD} {
		if err := s.store.Write(t.Context(), photo.Key(prefix, part), "image/jpeg", []byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	s.finish(t, c, queue.Outcome{State: queue.Rejected, Code: "matte_uncertain", ResultPrefix: prefix,
		Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","hd":"image/jpeg"}}`)})
	return id
}

func TestAHeldPhotoIsHandedOutOnceItIsAccepted(t *testing.T) {
	s := start(t, nil)
	id := s.held(t)
	for lang, want := range map[string]string{"en": "somebody looks at it", "zh-CN": "人工查看"} {
		v := object(t, s.ask(t, "GET", "/status/"+id, "Accept-Language", lang))
		if v["held"] != true || !strings.Contains(fmt.Sprint(v["message"]), want) || v["result_available"] != false || v["parts"] != nil ||
			v["state"] != "rejected" || v["error"].(map[string]any)["code"] != "matte_uncertain" {
			t.Errorf("in %s the status is %v", lang, v)
		}
	}
	for _, part := range []string{"photo", "hd"} {
		wantProblem(t, s.ask(t, "GET", "/result/"+id+"?part="+part), 409, "held")
	}
	if _, err := s.ledger.Accept(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := object(t, s.ask(t, "GET", "/status/"+id)); v["held"] != nil || v["message"] != nil || v["status"] != "SUCCESS" || fmt.Sprint(v["parts"]) != "[photo hd]" {
		t.Errorf("after somebody has accepted it the status is %v", v)
	}
	if w := s.ask(t, "GET", "/result/"+id+"?part=hd"); w.Code != 200 || w.Body.String() != "hd" {
		t.Errorf("its hd part is answered %d %s", w.Code, w.Body)
	}
}

func TestAnErasedPhotoIsNotHeld(t *testing.T) {
	s := start(t, nil)
	id := s.held(t)
	if w := s.ask(t, "DELETE", "/tasks/"+id); w.Code != 204 {
		t.Fatalf("erasing is answered %d", w.Code)
	}
	if v := object(t, s.ask(t, "GET", "/status/"+id)); v["held"] != nil || v["erased"] != true {
		t.Errorf("status is %v", v)
	}
	wantProblem(t, s.ask(t, "GET", "/result/"+id), 410, "gone")
}

func TestARefusedPhotoIsNotHeldAndNotHandedOut(t *testing.T) {
	s := start(t, nil)
	id := s.held(t)
	if _, err := s.ledger.Refuse(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	v := object(t, s.ask(t, "GET", "/status/"+id))
	if v["held"] != nil || v["message"] != nil || v["state"] != "rejected" || v["status"] != "FAILURE" || v["result_available"] != false ||
		v["parts"] != nil || v["error"].(map[string]any)["code"] != "matte_uncertain" {
		t.Errorf("status is %v", v)
	}
	for _, part := range []string{"photo", "hd"} {
		wantProblem(t, s.ask(t, "GET", "/result/"+id+"?part="+part), 409, "no_result")
	}
}
