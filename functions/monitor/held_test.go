package monitor

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/infra/auth"
	"idphoto/pipeline/touchup"
	"idphoto/queue"
)

// heldPhoto makes a task whose photo waits for somebody's look.
func (c *console) heldPhoto() queue.Task {
	c.Helper()
	t := c.add(nil)
	prefix := queue.ResultPrefix(t.ID, 1)
	for _, part := range []photo.Part{photo.Photo, photo.HD, photo.Cutout} {
		c.write(photo.Key(prefix, part), "\xff\xd8\xff "+string(part))
	}
	return c.end(t, queue.Outcome{State: queue.Rejected, Code: "matte_uncertain", Detail: json.RawMessage(`{"disagreement":0.1}`), ResultPrefix: prefix,
		Result: json.RawMessage(`{"parts":{"photo":"image/jpeg","hd":"image/jpeg","cutout":"image/png"}}`)})
}

func TestAHeldPhotoIsLookedAtAndAccepted(t *testing.T) {
	c := newConsole(t)
	task := c.heldPhoto()
	path := "/monitor/tasks/" + task.ID
	list := c.see("/monitor/tasks?state=rejected&code=matte_uncertain")
	if !strings.Contains(list, task.ID) || !strings.Contains(list, "to be looked at") {
		t.Error("the list does not say that it is held")
	}
	for _, who := range []auth.Role{auth.Viewer, auth.Operator} {
		page := c.ask(who, path, nil).Body.String()
		if !strings.Contains(page, "It is held until somebody has looked at it") || strings.Contains(page, "plain wall") {
			t.Errorf("to a %s the page does not say that it is held", who)
		}
		if may := who == auth.Operator; strings.Contains(page, path+`/accept"`) != may {
			t.Errorf("a %s is offered to accept it: %v", who, !may)
		}
	}
	shown := c.see(path + "?pictures=show")
	for _, part := range []string{"original", "photo", "hd", "cutout"} {
		if !strings.Contains(shown, path+"/picture/"+part) {
			t.Errorf("the page does not show its %s", part)
		}
		if w := c.ask(auth.Operator, path+"/picture/"+part, nil); w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("its %s is answered %d", part, w.Code)
		}
	}
	if w := c.ask(auth.Viewer, path+"/accept", url.Values{}); w.Code != http.StatusForbidden || c.task(task.ID).State != queue.Rejected {
		t.Errorf("a viewer who accepts it is answered %d", w.Code)
	}
	if w := c.ask(auth.Operator, path+"/accept", url.Values{}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != path || c.task(task.ID).State != queue.Succeeded {
		t.Errorf("accepting is answered %d, the task is %s", w.Code, c.task(task.ID).State)
	}
	if got := c.audited(); len(got) != 5 || got[4] != "test-operator accept "+task.ID+" 1" {
		t.Errorf("audit: %q", got)
	}
	if page := c.see(path); strings.Contains(page, "/accept") || strings.Contains(page, "looked at it") || !strings.Contains(page, "succeeded") {
		t.Error("the page of an accepted photo still asks for a look")
	}
	if w := c.ask(auth.Operator, "/api/v1"+path+"/accept", "{}"); w.Code != http.StatusConflict {
		t.Errorf("accepting it twice is answered %d", w.Code)
	}
}

func TestPhotosThatWaitForALookAreFound(t *testing.T) {
	s := newScene(t)
	s.calm()
	s.end(s.add(nil), queue.Outcome{State: queue.Rejected, Code: "matte_uncertain"}) // has no photo
	if got := s.wrong(); len(got) != 0 {
		t.Errorf("without a held photo it finds %v", got)
	}
	first := s.heldPhoto()
	s.clock = s.clock.Add(time.Minute)
	s.heldPhoto()
	found := load[overview](s.console, "/overview").Findings
	if len(found) != 1 || found[0].Kind != "held" || found[0].Grave || found[0].N != 2 || found[0].Lasts != time.Minute ||
		found[0].Page != "/monitor/tasks?code=matte_uncertain&state=rejected" {
		t.Errorf("found %+v", found)
	}
	if page := s.see("/monitor/"); !strings.Contains(page, "wait for somebody's look: <b>2</b>") {
		t.Error("the overview does not say it")
	}
	if _, err := s.ledger.Accept(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if found := load[overview](s.console, "/overview").Findings; len(found) != 1 || found[0].N != 1 || found[0].Lasts != 0 {
		t.Errorf("after one was accepted: %+v", found)
	}
	for range heldCounted {
		s.heldPhoto()
	}
	if found := load[overview](s.console, "/overview").Findings; len(found) != 1 || found[0].Kind != "held_many" || found[0].N != heldCounted {
		t.Errorf("of many: %+v", found)
	}
}

func TestAnotherPhotoKeepsWhatIsNotAskedOtherwise(t *testing.T) {
	c := newConsole(t)
	first := c.end(c.add(func(t *queue.Task) {
		t.Options = json.RawMessage(`{"size":"1-inch","background":"#FF0000","touch_up":{"light":40,"skin":20,"mirror":true},"hd":true}`)
	}), died)
	for name, tc := range map[string]struct {
		form url.Values
		want photo.Options
	}{
		"another size": {url.Values{"size": {"2-inch"}, "background": {"#FF0000"}},
			photo.Options{Size: "2-inch", Background: "#FF0000", Wishes: photo.Wishes{Touch: touchup.Options{Light: 40, Skin: 20, Mirror: true}, HD: true}}},
		"some taken back": {url.Values{"size": {"1-inch"}, "background": {"#FF0000"}, "light": {""}, "mirror": {""}, "hd": {""}, "size_kb": {""}, "skin": {"35"}},
			photo.Options{Size: "1-inch", Background: "#FF0000", Wishes: photo.Wishes{Touch: touchup.Options{Skin: 35}}}},
		"another document": {url.Values{"size": {"2-inch"}},
			photo.Options{Size: "2-inch", Background: "#438EDB", Wishes: photo.Wishes{Touch: touchup.Options{Light: 40, Skin: 20, Mirror: true}, HD: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.ask(auth.Operator, "/monitor/tasks/"+first.ID+"/again", tc.form)
			if w.Code != http.StatusSeeOther {
				t.Fatalf("answered %d: %s", w.Code, w.Body)
			}
			id := strings.TrimPrefix(w.Header().Get("Location"), "/monitor/tasks/")
			got, _, _, err := photo.Read(c.task(id).Options)
			if got.Catalogue = ""; err != nil || got != tc.want {
				t.Errorf("ordered %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
	if w := c.ask(auth.Operator, "/monitor/tasks/"+first.ID+"/again", url.Values{"light": {"101"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a touch-up that there is not is answered %d", w.Code)
	}
	page := c.see("/monitor/tasks/" + first.ID)
	for _, field := range photo.Fields {
		if !strings.Contains(page, ` name="`+field+`"`) {
			t.Errorf("the form has no field %s", field)
		}
	}
}

// groupOf makes a batch of a group picture of three, of whom the second gets no photo.
func (c *console) groupOf() (group queue.Task, children []queue.Task) {
	c.Helper()
	group = queue.Task{ID: queue.NewID(), Kind: photo.Group, Lane: queue.Bulk, Label: "1-inch", MaxAttempts: 1, Digest: "g",
		Options: json.RawMessage(`{"size":"1-inch","background":"#438EDB"}`)}
	group.InputKey = photo.OriginalKey(group.ID)
	b := queue.Batch{ID: queue.NewID(), Total: 1, Options: group.Options}
	if _, _, err := c.ledger.CreateBatch(c.Context(), b, []queue.Task{group}); err != nil {
		c.Fatal(err)
	}
	claim, err := c.ledger.Claim(c.Context(), group.ID, "worker-1", time.Minute)
	if err != nil {
		c.Fatal(err)
	}
	for _, n := range []int{1, 3} {
		id, err := queue.ChildID(group.ID, n)
		if err != nil {
			c.Fatal(err)
		}
		options, err := photo.OfPerson(group.Options, photo.Person{Number: n, Row: 1 + n/3, Seat: n - n/3})
		if err != nil {
			c.Fatal(err)
		}
		children = append(children, queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Bulk, Label: "1-inch", Options: options, InputKey: photo.OriginalKey(id), MaxAttempts: 1})
	}
	if _, err := c.ledger.Extend(c.Context(), claim, children, 1); err != nil {
		c.Fatal(err)
	}
	err = c.ledger.Finish(c.Context(), claim, queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(group.ID, 1),
		Result: json.RawMessage(`{"people":3,"refused":[{"number":2,"row":1,"seat":2,"code":"face_too_small","detail":{"pixels":8,"need":20}}]}`)})
	if err != nil {
		c.Fatal(err)
	}
	return c.task(group.ID), children
}

func TestAGroupPictureShowsItsPeople(t *testing.T) {
	c := newConsole(t)
	group, children := c.groupOf()
	c.end(children[0], died)
	page := strings.Join(strings.Fields(strings.Join(texts(c.see("/monitor/tasks/"+group.ID)), " ")), " ")
	for _, want := range []string{
		"People in the picture 3", "1 row 1, seat 1 dead panic " + short(children[0].ID), "2 row 1, seat 2 refused face_too_small The face is too small: the eyes are 8 pixels apart",
		"3 row 2, seat 2 queued " + short(children[1].ID), "Kind Group picture",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the group's page lacks %q:\n%s", want, page)
		}
	}
	people := load[taskModel](c, "/tasks/"+group.ID).People
	if len(people) != 3 || people[2].TaskID != children[1].ID || people[1].Code != "face_too_small" || people[1].State != "refused" {
		t.Errorf("people: %+v", people)
	}
	if page := strings.Join(texts(c.see("/monitor/tasks/"+children[1].ID)), " "); !strings.Contains(page, "row 2, seat 2") {
		t.Error("a person's page does not say who it is")
	}
	batch := strings.Join(strings.Fields(strings.Join(texts(c.see("/monitor/batches/"+group.BatchID)), " ")), " ")
	for _, want := range []string{"1-inch Group picture", "1-inch row 1, seat 1", "1-inch row 2, seat 2", "People who get no photo 1", "2 row 1, seat 2 refused face_too_small"} {
		if !strings.Contains(batch, want) {
			t.Errorf("the batch's page lacks %q:\n%s", want, batch)
		}
	}
	if whole := load[batchModel](c, "/batches/"+group.BatchID); len(whole.Refused) != 1 || !slices.ContainsFunc(whole.Tasks, func(v taskView) bool { return v.Kind == photo.Group }) {
		t.Errorf("the batch: %+v", whole)
	}
}
