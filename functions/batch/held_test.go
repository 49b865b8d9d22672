package batch

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// hold ends a task with a photo that somebody has to look at.
func (s *service) hold(t *testing.T, id, photoData string) {
	t.Helper()
	claim, err := s.ledger.Claim(t.Context(), id, "worker", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	prefix := queue.ResultPrefix(id, claim.Attempt)
	if err := s.store.Write(t.Context(), photo.Key(prefix, photo.Photo), "image/jpeg", []byte(photoData)); err != nil {
		t.Fatal(err)
	}
	err = s.ledger.Finish(t.Context(), claim, queue.Outcome{State: queue.Rejected, Code: "matte_uncertain", ResultPrefix: prefix,
		Result: json.RawMessage(`{"parts":{"photo":"image/jpeg"}}`)})
	if err != nil {
		t.Fatal(err)
	}
}

// line returns the lines of a batch's table that begin with a name.
func (s *service) line(t *testing.T, id, name, lang string) (found string) {
	t.Helper()
	for line := range strings.SplitSeq(string(s.ask(t, "GET", id+"/report.csv", "Accept-Language", lang).raw), "\r\n") {
		if strings.HasPrefix(line, name+",") {
			found += line
		}
	}
	return found
}

// What is held is neither made nor refused: it has a state of its own, until somebody has looked.
func TestWhatIsHeldHasItsOwnState(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	items := s.show(t, a.id()).Items
	accepted, refused := items[2], items[5]
	s.end(t, items[0].TaskID, done, jpeg)
	s.hold(t, accepted.TaskID, jpeg+"Lí Sì")
	s.end(t, items[3].TaskID, queue.Outcome{State: queue.Rejected, Code: "no_face"}, "")
	s.hold(t, refused.TaskID, jpeg+"minus")

	for _, path := range []string{"", "?limit=0"} {
		if v := s.show(t, a.id()+path); v.States[Held] != 2 || v.States[queue.Rejected] != 1 || v.States[queue.Succeeded] != 1 || v.Done != 4 || !v.Finished || v.Progress != 1 {
			t.Errorf("%s: batch is %+v", path, v)
		}
	}
	for lang, want := range map[string]string{"en": "somebody looks at it", "zh": "人工查看"} {
		if got := s.show(t, a.id(), "Accept-Language", lang).Items[2]; got.State != Held || got.Code != "matte_uncertain" || got.DownloadURL != "" || !strings.Contains(got.Message, want) {
			t.Errorf("in %s the held one is %+v", lang, got)
		}
		if got := s.line(t, a.id(), "Lí Sì.png", lang); !strings.Contains(got, want) || !strings.Contains(got, map[string]string{"en": ",held", "zh": ",待人工查看,"}[lang]) {
			t.Errorf("in %s the table says %q", lang, got)
		}
	}
	if v := s.show(t, a.id()+"?failed=true"); len(v.Items) != 3 {
		t.Errorf("failed are %+v, want neither of those held", v.Items)
	}
	files := unzip(t, s.ask(t, "GET", a.id()+"/results.zip").raw)
	if len(files) != 2 || files["张三.jpg"] != jpeg || strings.Count(files["failures.csv"], "held: somebody looks at it") != 2 {
		t.Errorf("the archive holds %q", files)
	}

	if _, err := s.ledger.Accept(t.Context(), accepted.TaskID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.Refuse(t.Context(), refused.TaskID); err != nil {
		t.Fatal(err)
	}
	v := s.show(t, a.id())
	if _, some := v.States[Held]; some || v.States[queue.Rejected] != 2 || v.States[queue.Succeeded] != 2 || v.Done != 4 || !v.Finished {
		t.Errorf("after the looks the batch is %+v", v)
	}
	if got := v.Items[2]; got.State != queue.Succeeded || got.Code != "" || got.Message != "" || got.DownloadURL == "" {
		t.Errorf("the accepted one is %+v", got)
	}
	if got := v.Items[5]; got.State != queue.Rejected || got.Code != "matte_uncertain" || got.DownloadURL != "" || !strings.Contains(got.Advice, "plain wall") {
		t.Errorf("the refused one is %+v", got)
	}
	if got := s.line(t, a.id(), "Lí Sì.png", "en"); !strings.HasPrefix(got, "Lí Sì.png,done,,,") {
		t.Errorf("the table says %q", got)
	}
	if v := s.show(t, a.id()+"?failed=true"); len(v.Items) != 4 {
		t.Errorf("failed are %+v", v.Items)
	}
	files = unzip(t, s.ask(t, "GET", a.id()+"/results.zip").raw)
	if len(files) != 3 || files["Lí Sì.jpg"] != jpeg+"Lí Sì" || strings.Contains(files["failures.csv"], "held") || !strings.Contains(files["failures.csv"], "'-1+1.jpg") {
		t.Errorf("after the looks the archive holds %q", files)
	}
}

func TestAnErasedPhotoIsHeldNoLonger(t *testing.T) {
	s := start(t, nil)
	a := s.class(t)
	id := s.show(t, a.id()).Items[0].TaskID
	s.hold(t, id, jpeg)
	if _, err := s.ledger.Erase(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := s.show(t, a.id()); v.States[Held] != 0 || v.States[queue.Rejected] != 1 || v.Items[0].State != queue.Rejected || v.Items[0].Code != "gone" {
		t.Errorf("batch is %+v", v)
	}
}
