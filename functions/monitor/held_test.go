package monitor

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/infra/auth"
	"idphoto/infra/blobs"
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
	list := c.see("/monitor/tasks?held=true")
	if !strings.Contains(list, task.ID) || !strings.Contains(list, "to be looked at") {
		t.Error("the list does not say that it is held")
	}
	for _, who := range []auth.Role{auth.Viewer, auth.Operator} {
		page := c.ask(who, path, nil).Body.String()
		if !strings.Contains(page, "It is held until somebody has looked at it") || strings.Contains(page, "plain wall") {
			t.Errorf("to a %s the page does not say that it is held", who)
		}
		for _, deed := range []string{"accept", "refuse"} {
			if may := who == auth.Operator; strings.Contains(page, path+`/`+deed+`"`) != may {
				t.Errorf("a %s is offered to %s it: %v", who, deed, !may)
			}
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
	for _, deed := range []string{"accept", "refuse"} {
		if w := c.ask(auth.Operator, "/api/v1"+path+"/"+deed, "{}"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"not_held"`) {
			t.Errorf("%s of what was accepted is answered %d %s", deed, w.Code, w.Body)
		}
	}
	if w := c.ask(auth.Operator, path+"/picture/photo", nil); w.Code != http.StatusOK {
		t.Errorf("refusing what was accepted took its photo: %d", w.Code)
	}
}

func TestAHeldPhotoIsLookedAtAndRefused(t *testing.T) {
	c := newConsole(t)
	task := c.heldPhoto()
	other := c.heldPhoto()
	path := "/monitor/tasks/" + task.ID
	if w := c.ask(auth.Viewer, path+"/refuse", url.Values{}); w.Code != http.StatusForbidden || !photo.Held(c.task(task.ID)) {
		t.Errorf("a viewer who refuses it is answered %d", w.Code)
	}
	if w := c.ask(auth.Operator, path+"/refuse", url.Values{}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != path {
		t.Errorf("refusing is answered %d", w.Code)
	}
	if now := c.task(task.ID); now.State != queue.Rejected || now.Code != "matte_uncertain" || photo.Held(now) {
		t.Errorf("the task is %+v", now)
	}
	for _, part := range []photo.Part{photo.Photo, photo.HD, photo.Cutout} {
		if _, err := c.store.Read(t.Context(), photo.Key(task.ResultPrefix, part), 1<<20); !errors.Is(err, blobs.ErrNotExist) {
			t.Errorf("its %s is still stored: %v", part, err)
		}
		if w := c.ask(auth.Operator, path+"/picture/"+string(part), nil); w.Code == http.StatusOK {
			t.Errorf("its %s is still shown", part)
		}
	}
	if w := c.ask(auth.Operator, path+"/picture/original", nil); w.Code != http.StatusOK {
		t.Errorf("its original is answered %d", w.Code)
	}
	if page := c.see(path); strings.Contains(page, "looked at it") || !strings.Contains(page, "plain wall") || strings.Contains(page, "/refuse") {
		t.Error("the page of a refused photo does not say what it is now")
	}
	if list := load[tasksModel](c, "/tasks?held=true"); len(list.Tasks) != 1 || list.Tasks[0].ID != other.ID {
		t.Errorf("held are %+v", list.Tasks)
	}
	if found := load[overview](c, "/overview").Findings; !slices.ContainsFunc(found, func(f finding) bool { return f.Kind == "held" && f.N == 1 }) {
		t.Errorf("found %+v", found)
	}
	counts, err := c.ledger.Counts(t.Context())
	if err != nil || counts[queue.Rejected] != 2 {
		t.Errorf("counts are %v, %v", counts, err)
	}
	for _, deed := range []string{"accept", "refuse"} {
		if w := c.ask(auth.Operator, "/api/v1"+path+"/"+deed, "{}"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"not_held"`) {
			t.Errorf("%s of what was refused is answered %d %s", deed, w.Code, w.Body)
		}
	}
	if got := strings.Join(c.audited(), "\n"); !strings.Contains(got, "test-operator refuse "+task.ID+" 1") || strings.Contains(got, "accept") {
		t.Errorf("audit: %q", got)
	}
}

// Whoever accepts and refuses at once is answered by one 200 and one 409, and the photo is there or
// not as the first said.
func TestAcceptingAndRefusingAtOnceOneWins(t *testing.T) {
	c := newConsole(t)
	for range 5 {
		task := c.heldPhoto()
		answers := make([]int, 2)
		var both sync.WaitGroup
		for i, deed := range []string{"accept", "refuse"} {
			both.Go(func() { answers[i] = c.ask(auth.Operator, "/api/v1/monitor/tasks/"+task.ID+"/"+deed, "{}").Code })
		}
		both.Wait()
		_, err := c.store.Read(t.Context(), photo.Key(task.ResultPrefix, photo.Photo), 1<<20)
		switch now := c.task(task.ID); {
		case answers[0] == 200 && answers[1] == 409 && now.State == queue.Succeeded && err == nil:
		case answers[0] == 409 && answers[1] == 200 && now.State == queue.Rejected && errors.Is(err, blobs.ErrNotExist):
		default:
			t.Errorf("accepting and refusing are answered %v, the task is %s, its photo %v", answers, now.State, err)
		}
	}
}

// Many are settled at once only from the list of held ones: others have no such deed.
func TestManyHeldPhotosAreSettledFromTheirList(t *testing.T) {
	c := newConsole(t)
	c.end(c.add(nil), died)
	c.end(c.add(nil), queue.Outcome{State: queue.Rejected, Code: "no_face"})
	for range 3 {
		c.heldPhoto()
	}
	for address, offered := range map[string]bool{"/monitor/tasks": false, "/monitor/tasks?state=rejected": false, "/monitor/tasks?held=true": true,
		"/monitor/tasks?held=true&state=rejected": true, "/monitor/tasks?held=true&state=dead": false} {
		page := c.see(address)
		for _, deed := range []string{"accept", "refuse"} {
			if strings.Contains(page, "/bulk?action="+deed) != offered {
				t.Errorf("%s offers to %s all: %v", address, deed, !offered)
			}
		}
	}
	if w := c.ask(auth.Operator, "/monitor/tasks?held=perhaps", nil); w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusBadRequest {
		t.Errorf("a filter that cannot be is answered %d", w.Code)
	}
	if w := c.ask(auth.Operator, "/api/v1/monitor/tasks/bulk", `{"action":"refuse","filter":"state=rejected","count":4}`); w.Code != http.StatusConflict {
		t.Errorf("refusing all that is rejected is answered %d %s", w.Code, w.Body)
	}
	if page := c.see("/monitor/tasks/bulk?action=refuse&held=true"); !strings.Contains(page, "Refuse 3") || !strings.Contains(page, "Photo to be looked at") {
		t.Error("the question does not say how many")
	}
	w := c.ask(auth.Operator, "/api/v1/monitor/tasks/bulk", `{"action":"refuse","filter":"held=true","count":3}`)
	if w.Code != http.StatusOK {
		t.Fatalf("refusing all is answered %d %s", w.Code, w.Body)
	}
	if p := c.ended(c.monitor.bulks.jobs[0].id); p.Changed != 3 || p.NotChanged() != 0 {
		t.Errorf("the job is %+v", p)
	}
	if list := load[tasksModel](c, "/tasks?held=true"); len(list.Tasks) != 0 || list.Counts[queue.Rejected] != 4 {
		t.Errorf("left are %d, counts %v", len(list.Tasks), list.Counts)
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
		found[0].Page != "/monitor/tasks?held=true" {
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

func TestABatchLeadsToWhatItHolds(t *testing.T) {
	c := newConsole(t)
	group, children := c.groupOf()
	page := "/monitor/batches/" + group.BatchID
	if strings.Contains(c.see(page), "held=true") {
		t.Error("a batch that holds nothing says so")
	}
	prefix := queue.ResultPrefix(children[0].ID, 1)
	c.end(c.task(children[0].ID), queue.Outcome{State: queue.Rejected, Code: "matte_uncertain", ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg"}}`)})
	c.end(c.task(children[1].ID), queue.Outcome{State: queue.Rejected, Code: "no_face"})
	if got := c.see(page); !strings.Contains(got, `batch=`+group.BatchID+`&amp;held=true"`) || !strings.Contains(got, "to be looked at</span> <b>1</b>") {
		t.Errorf("the batch's page does not lead to what it holds: %s", got)
	}
	if list := load[tasksModel](c, "/tasks?held=true&batch="+group.BatchID); len(list.Tasks) != 1 || list.Tasks[0].ID != children[0].ID {
		t.Errorf("held are %+v", list.Tasks)
	}
}
