package batch

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// field is a part of a form that is no file.
func field(name, value string) file { return file{field: name, data: []byte(value)} }

// group sends a group picture and returns its batch and its task.
func (s *service) group(t *testing.T) (batch string, task queue.Task) {
	t.Helper()
	a := s.send(t, batchOf(field("kind", "group"), field("size", "2-inch"), portrait("class 3b.png")))
	if a.status != 202 || a.body["total"] != 1.0 {
		t.Fatalf("answer is %d %s", a.status, a.raw)
	}
	tasks, err := s.function.tasks(t.Context(), a.id())
	if err != nil || len(tasks) != 1 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, task = range tasks {
	}
	return a.id(), task
}

// people adds two people to a group's batch, as the handler does, and a third that gets no photo.
func (s *service) people(t *testing.T, group queue.Task) (claim *queue.Claim, children []queue.Task) {
	t.Helper()
	claim, err := s.ledger.Claim(t.Context(), group.ID, "w", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []photo.Person{{Number: 1, Row: 1, Seat: 1}, {Number: 3, Row: 2, Seat: 1}} {
		id, err := queue.ChildID(group.ID, p.Number)
		if err != nil {
			t.Fatal(err)
		}
		options, err := photo.OfPerson(group.Options, p)
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Bulk, MaxAttempts: 2, Options: options, InputKey: photo.OriginalKey(id)})
	}
	if _, err := s.ledger.Extend(t.Context(), claim, children, 1); err != nil {
		t.Fatal(err)
	}
	return claim, children
}

func (s *service) groupDone(t *testing.T, c *queue.Claim) {
	t.Helper()
	result, err := json.Marshal(photo.GroupResult{People: 3, Refused: []photo.Member{
		{Number: 2, Row: 1, Seat: 2, Code: "face_too_small", Detail: map[string]any{"pixels": 8, "need": 20}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ledger.Finish(t.Context(), c, queue.Outcome{State: queue.Succeeded, Result: result}); err != nil {
		t.Fatal(err)
	}
}

func names(items []Item) (names []string) {
	for _, i := range items {
		names = append(names, i.Name)
	}
	return names
}

func TestAGroupPictureIsOneTaskAtFirst(t *testing.T) {
	s := start(t, nil)
	_, task := s.group(t)
	if task.Kind != photo.Group || task.Lane != queue.Bulk || task.Label != "2-inch" || task.InputKey != photo.OriginalKey(task.ID) {
		t.Errorf("task = %+v", task)
	}
	if len(s.topic.sent) != 1 || !strings.Contains(s.topic.sent[0], task.ID) {
		t.Errorf("messages are %v", s.topic.sent)
	}
}

func TestPeopleAreListedByTheirPlace(t *testing.T) {
	s := start(t, nil)
	id, group := s.group(t)
	claim, children := s.people(t, group)
	v := s.show(t, id)
	if want := []string{"class 3b.png", "person-01", "person-03"}; !slices.Equal(names(v.Items), want) || v.Total != 3 || v.Refused != 1 || v.Finished {
		t.Errorf("while the group is at work: %d tasks, %d refused, items %q, want %q", v.Total, v.Refused, names(v.Items), want)
	}
	s.groupDone(t, claim)
	for _, child := range children {
		c, err := s.ledger.Claim(t.Context(), child.ID, "w", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		prefix := queue.ResultPrefix(child.ID, 1)
		if err := s.store.Write(t.Context(), photo.Key(prefix, photo.Photo), "image/jpeg", []byte("\xff\xd8\xff\xe0photo")); err != nil {
			t.Fatal(err)
		}
		if err := s.ledger.Finish(t.Context(), c, queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg"}}`)}); err != nil {
			t.Fatal(err)
		}
	}
	v = s.show(t, id)
	if want := []string{"class 3b.png", "person-01", "person-02", "person-03"}; !slices.Equal(names(v.Items), want) || !v.Finished {
		t.Fatalf("items are %q, want %q; finished: %v", names(v.Items), want, v.Finished)
	}
	if i := v.Items[0]; i.State != queue.Succeeded || i.DownloadURL != "" {
		t.Errorf("the picture itself is %+v, want it done, without a photo", i)
	}
	if i := v.Items[2]; i.State != Refused || i.Code != "face_too_small" || !strings.Contains(i.Message, "8 pixels") || i.Row != 1 || i.Seat != 2 {
		t.Errorf("who is too small is %+v", i)
	}
	if i := v.Items[3]; i.DownloadURL == "" || i.Row != 2 || i.Seat != 1 || i.TaskID != children[1].ID {
		t.Errorf("the third is %+v", i)
	}
	// A page goes on where the last one ended.
	if page := s.show(t, id+"?after=1&limit=1"); !slices.Equal(names(page.Items), []string{"person-02"}) || page.Next == "" {
		t.Errorf("page is %q, next %q", names(page.Items), page.Next)
	}
	files := unzip(t, s.ask(t, "GET", id+"/results.zip").raw)
	if files["person-01.jpg"] == "" || files["person-03.jpg"] == "" || !strings.Contains(files["failures.csv"], "person-02") || len(files) != 3 {
		t.Errorf("the archive holds %v", files)
	}
	table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(s.ask(t, "GET", id+"/report.csv").raw), "\ufeff"))).ReadAll()
	if err != nil || len(table) != 5 || table[4][0] != "person-03" || table[4][6] != "2" || table[4][7] != "1" || table[1][6] != "" {
		t.Errorf("report is %q, %v", table, err)
	}
}

func TestAGroupIsOnePicture(t *testing.T) {
	for name, tc := range map[string]struct {
		parts []file
		code  string
	}{
		"two pictures": {[]file{field("kind", "group"), portrait("a.png"), portrait("b.png")}, "too_many_files"},
		"an archive":   {[]file{field("kind", "group"), {"archive", "a.zip", []byte("PK")}}, "bad_option"},
		"another kind": {[]file{field("kind", "crowd"), portrait("a.png")}, "bad_option"},
		"too late":     {[]file{portrait("a.png"), field("kind", "group")}, "late_field"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			if a := s.send(t, batchOf(tc.parts...)); a.code() != tc.code {
				t.Errorf("answer is %d %s, want %s", a.status, a.raw, tc.code)
			}
			s.keptNothing(t)
		})
	}
}

func TestTheSamePictureAsAGroupIsAnotherBatch(t *testing.T) {
	s := start(t, nil)
	r := batchOf(portrait("a.png"))
	r.Header.Set("Idempotency-Key", "k")
	if a := s.send(t, r); a.status != 202 {
		t.Fatalf("answer is %d %s", a.status, a.raw)
	}
	r = batchOf(field("kind", "group"), portrait("a.png"))
	r.Header.Set("Idempotency-Key", "k")
	if a := s.send(t, r); a.status != 409 {
		t.Errorf("answer is %d %s, want a conflict", a.status, a.raw)
	}
}

// late is a ledger in which a group adds its people just before the first task is cancelled.
type late struct {
	Ledger
	before func()
}

func (l *late) Cancel(ctx context.Context, id string) (queue.Task, error) {
	if l.before != nil {
		l.before()
		l.before = nil
	}
	return l.Ledger.Cancel(ctx, id)
}

func TestACancelReachesPeopleWhoAreAddedMeanwhile(t *testing.T) {
	s := start(t, nil)
	id, group := s.group(t)
	var claim *queue.Claim
	s.function.ledger = &late{s.ledger, func() { claim, _ = s.people(t, group) }}
	if a := s.ask(t, "POST", id+"/cancel"); a.status != 200 || a.body["changed"] != 3.0 {
		t.Errorf("answer is %d %s, want 3 changed", a.status, a.raw)
	}
	if v := s.show(t, id); v.States[queue.Cancelled] != 2 {
		t.Errorf("states are %v", v.States)
	}
	if _, err := s.ledger.Extend(t.Context(), claim, nil, 0); err == nil {
		t.Error("a cancelled group may still add people")
	}
}

func TestErasingABatchErasesItsPeople(t *testing.T) {
	s := start(t, nil)
	id, group := s.group(t)
	claim, children := s.people(t, group)
	for _, child := range children {
		if err := s.store.Write(t.Context(), child.InputKey, "image/png", []byte("picture")); err != nil {
			t.Fatal(err)
		}
	}
	s.groupDone(t, claim)
	if a := s.ask(t, "DELETE", id); a.status != 204 {
		t.Fatalf("answer is %d %s", a.status, a.raw)
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("%v is still there", files)
	}
}
