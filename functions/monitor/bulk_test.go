package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"idphoto/functions/batch"
	"idphoto/infra/auth"
	"idphoto/queue"
)

// ended waits for the job, which writes to the audit log when it has ended, and returns its progress.
func (c *console) ended(id string) bulkProgress {
	c.Helper()
	ends := 0
	for _, j := range c.monitor.bulks.jobs { // added before its id was known
		<-j.over
		ends++
	}
	if log := c.audited(); strings.Count(strings.Join(log, "\n"), "_ended ") != ends {
		c.Errorf("%d jobs ended, and the audit log is %q", ends, log)
	}
	return *jobOf(c, id).Job
}

func jobOf(c *console, id string) bulkPageModel {
	c.Helper()
	w := c.ask(auth.Operator, "/api/v1/monitor/tasks/bulk?job="+id, nil)
	var p bulkPageModel
	if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code != http.StatusOK || err != nil || p.Job == nil {
		c.Fatalf("the job is answered %d %v: %s", w.Code, err, w.Body)
	}
	return p
}

// confirm sends the form of a page that asks, with what else is typed, and returns the job's id.
func (c *console) confirm(page string, typed url.Values) string {
	c.Helper()
	form := url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="(action|filter|until)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Set(field[1], strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(field[2]))
	}
	for name := range typed {
		form.Set(name, typed.Get(name))
	}
	w := c.ask(auth.Operator, "/monitor/tasks/bulk", form)
	_, id, ok := strings.Cut(w.Header().Get("Location"), "?job=")
	if w.Code != http.StatusSeeOther || !ok {
		c.Fatalf("%v is answered %d: %s", form, w.Code, w.Body)
	}
	return id
}

func TestFiftyAreRetriedByFilter(t *testing.T) {
	c := newConsole(t)
	for i := range 60 {
		task := c.add(func(t *queue.Task) { t.Label = []string{"1-inch", "2-inch"}[i/50] })
		c.end(task, died)
	}
	c.add(nil) // waits: nothing to retry
	gone := c.task(load[tasksModel](c, "/tasks?spec=1-inch&state=dead&limit=1").Tasks[0].ID)
	if err := c.monitor.erase(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	page := c.see("/monitor/tasks/bulk?action=retry&spec=1-inch")
	if !strings.Contains(page, "Tasks found: 50.") || !strings.Contains(page, "Retry 50") {
		t.Fatalf("the page that asks is %s", page)
	}
	c.end(c.add(nil), died) // after the page was seen
	done := c.ended(c.confirm(page, nil))
	if done.Changed != 49 || done.Refused["gone"] != 1 || len(done.Examples) != 1 || done.Examples[0].TaskID != gone.ID || done.Failure != "" || done.Found != 50 || done.Percent() != 100 {
		t.Errorf("the job ended as %+v", done)
	}
	counts := load[tasksModel](c, "/tasks").Counts
	if counts[queue.Queued] != 50 || counts[queue.Dead] != 12 {
		t.Errorf("afterwards there are %v", counts)
	}
	shown := c.see("/monitor/tasks/bulk?job=" + done.ID)
	if !strings.Contains(shown, "Run again: 49.") || !strings.Contains(shown, gone.ID) || !strings.Contains(shown, "<code>gone</code>") {
		t.Errorf("the page afterwards is %s", shown)
	}
	log := c.audited()
	if len(log) != 2 || !strings.HasPrefix(log[0], "test-operator bulk_retry spec=1-inch&state=retrying%2Cdead%2Ccancelled&to=") || !strings.HasSuffix(log[0], " 50") ||
		!strings.HasPrefix(log[1], "test-operator bulk_retry_ended spec=1-inch&") || !strings.HasSuffix(log[1], " 49") {
		t.Errorf("audit: %q", log)
	}
}

func TestErasingManyNeedsTheNumberTyped(t *testing.T) {
	c := newConsole(t)
	tasks := []queue.Task{c.end(c.add(nil), died), c.add(nil), c.add(func(t *queue.Task) { t.Label = "2-inch" })}
	for _, count := range []string{"", "1", "3", "all"} {
		body, err := json.Marshal(map[string]string{"action": "erase", "filter": "spec=1-inch", "count": count})
		if err != nil {
			t.Fatal(err)
		}
		if w := c.ask(auth.Operator, "/api/v1/monitor/tasks/bulk", string(body)); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"wrong_count"`) {
			t.Errorf("%q is answered %d: %s", count, w.Code, w.Body)
		}
	}
	if len(c.audited()) != 0 || c.task(tasks[0].ID).Erased {
		t.Fatal("something was erased")
	}
	page := c.see("/monitor/tasks/bulk?action=erase&spec=1-inch")
	if !strings.Contains(page, `pattern="2"`) {
		t.Fatalf("the page that asks is %s", page)
	}
	if done := c.ended(c.confirm(page, url.Values{"count": {"2"}})); done.Changed != 2 {
		t.Errorf("the job ended as %+v", done)
	}
	for i, want := range []bool{true, true, false} {
		if _, err := c.store.Read(t.Context(), tasks[i].InputKey, 1000); c.task(tasks[i].ID).Erased != want || (err != nil) != want {
			t.Errorf("task %d: erased %v, its original %v", i, c.task(tasks[i].ID).Erased, err)
		}
	}
}

func TestBulkActionsAreRefused(t *testing.T) {
	c := newConsole(t)
	c.add(nil)
	for name, tc := range map[string]struct {
		role   auth.Role
		body   string
		status int
	}{
		"for viewers":                 {auth.Viewer, `{"action":"cancel","filter":""}`, http.StatusForbidden},
		"unknown deeds":               {auth.Operator, `{"action":"melt","filter":""}`, http.StatusUnprocessableEntity},
		"misspelt filters":            {auth.Operator, `{"action":"cancel","filter":"state=dad"}`, http.StatusUnprocessableEntity},
		"filters that are none":       {auth.Operator, `{"action":"cancel","filter":"%zz"}`, http.StatusUnprocessableEntity},
		"nothing to do":               {auth.Operator, `{"action":"retry","filter":"state=queued"}`, http.StatusConflict},
		"times that are none":         {auth.Operator, `{"action":"cancel","filter":"","until":"now"}`, http.StatusUnprocessableEntity},
		"tasks that come after until": {auth.Operator, `{"action":"cancel","filter":"","until":"2020-01-01T00:00:00Z"}`, http.StatusConflict},
	} {
		if w := c.ask(tc.role, "/api/v1/monitor/tasks/bulk", tc.body); w.Code != tc.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := c.ask(auth.Operator, "/monitor/tasks/bulk?job="+queue.NewID(), nil); w.Code != http.StatusNotFound {
		t.Errorf("an unknown job is answered %d", w.Code)
	}
	if got := c.audited(); len(got) != 0 {
		t.Errorf("audit: %q", got)
	}
}

func TestOneJobAtATimeWorksOnAFilter(t *testing.T) {
	var jobs bulkJobs
	d, err := findDeed("cancel")
	if err != nil {
		t.Fatal(err)
	}
	job := func(label string) *bulkJob { return newBulkJob(d, taskFilter{queue.Filter{Label: label}}, "ann") }
	first := job("0")
	if err := jobs.add(first); err != nil {
		t.Fatal(err)
	}
	if err := jobs.add(job("0")); err == nil {
		t.Error("two jobs work on the same tasks")
	}
	for i := 1; i < maxRunning; i++ {
		if err := jobs.add(job(strconv.Itoa(i))); err != nil {
			t.Error(err)
		}
	}
	if err := jobs.add(job("one more")); err == nil {
		t.Error("more jobs run than may")
	}
	first.ended(time.Now(), "")
	if err := jobs.add(job("0")); err != nil {
		t.Errorf("after the first ended: %v", err)
	}
	for i := range 2 * maxBulkJobs {
		j := job(fmt.Sprint("later ", i))
		j.ended(time.Now(), "")
		jobs.jobs = append(jobs.jobs, j)
		jobs.forget()
	}
	if len(jobs.jobs) != maxBulkJobs || jobs.running("spec=1") == nil {
		t.Errorf("%d jobs are remembered", len(jobs.jobs))
	}
	for i := range 3 * maxExamples {
		first.refused(strconv.Itoa(i), "gone")
	}
	if p := first.progress(); len(p.Examples) != maxExamples || p.Refused["gone"] != 3*maxExamples {
		t.Errorf("%d examples of %d", len(p.Examples), p.Refused["gone"])
	}
}

// addBatch stores a batch of n photos with a manifest.
func (c *console) addBatch(n int) (queue.Batch, []queue.Task) {
	c.Helper()
	b := queue.Batch{ID: queue.NewID(), Name: "Class 3b", Total: int64(n), Refused: 1}
	b.ManifestKey = batch.ManifestKey(b.ID)
	manifest := batch.Manifest{Entries: []batch.Entry{{Name: "notes.txt", Code: "unsupported_type"}}}
	var tasks []queue.Task
	for i := range n {
		id := queue.NewID()
		tasks = append(tasks, queue.Task{ID: id, Kind: "photo", Lane: queue.Bulk, BatchID: b.ID, Label: "1-inch", MaxAttempts: 1,
			InputKey: queue.TaskPrefix(id) + "original", Options: json.RawMessage(`{"size":"1-inch","background":"#FFFFFF"}`)})
		manifest.Entries = append(manifest.Entries, batch.Entry{Name: fmt.Sprintf("Zhang Wei %d<b>.jpg", i), TaskID: id})
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		c.Fatal(err)
	}
	c.write(b.ManifestKey, string(data))
	stored, _, err := c.ledger.CreateBatch(c.Context(), b, tasks)
	if err != nil {
		c.Fatal(err)
	}
	return stored, tasks
}

func TestABatchIsShownByIdsAndByNamesOnlyWhenAsked(t *testing.T) {
	c := newConsole(t)
	b, tasks := c.addBatch(3)
	c.end(tasks[0], died)
	if page := c.see("/monitor/batches"); !strings.Contains(page, "Class 3b") || !strings.Contains(page, "/monitor/batches/"+b.ID) {
		t.Errorf("the list is %s", page)
	}
	path := "/monitor/batches/" + b.ID
	page := c.see(path)
	if strings.Contains(page, "Zhang") || !strings.Contains(page, tasks[2].ID) || !strings.Contains(page, path+"/names") || !strings.Contains(page, "results.zip") || !strings.Contains(page, "1 of 3") {
		t.Errorf("the page is %s", page)
	}
	if page := c.ask(auth.Viewer, path, nil).Body.String(); strings.Contains(page, "/names") || strings.Contains(page, "results.zip") || strings.Contains(page, path+"/retry") {
		t.Error("a viewer is offered names, files or deeds")
	}
	if failed := load[batchModel](c, "/batches/"+b.ID+"?failed=true"); len(failed.Tasks) != 1 || failed.Tasks[0].ID != tasks[0].ID || failed.Batch.Counts[queue.Queued] != 2 {
		t.Errorf("failures: %+v", failed)
	}
	if w := c.ask(auth.Viewer, path+"/names", nil); w.Code != http.StatusForbidden || len(c.audited()) != 0 {
		t.Errorf("a viewer who asks for names is answered %d", w.Code)
	}
	if err := c.monitor.erase(t.Context(), tasks[1]); err != nil {
		t.Fatal(err)
	}
	named := c.see(path + "/names")
	for want, there := range map[string]bool{"Zhang Wei 0&lt;b&gt;.jpg": true, "Zhang Wei 1": false, "Zhang Wei 2": true, "notes.txt": true, "data-live": false} {
		if strings.Contains(named, want) != there {
			t.Errorf("%q in the page: %v", want, !there)
		}
	}
	if got := c.audited(); len(got) != 1 || got[0] != "test-operator look_names "+b.ID+" 4" {
		t.Errorf("audit: %q", got)
	}
}

func TestABatchIsRetriedAndCancelled(t *testing.T) {
	c := newConsole(t)
	b, tasks := c.addBatch(4)
	c.end(tasks[0], died)
	if _, err := c.ledger.Cancel(t.Context(), tasks[1].ID); err != nil {
		t.Fatal(err)
	}
	w := c.ask(auth.Operator, "/monitor/batches/"+b.ID+"/retry", url.Values{})
	_, id, _ := strings.Cut(w.Header().Get("Location"), "?job=")
	if done := c.ended(id); done.Changed != 1 || c.task(tasks[0].ID).State != queue.Queued || c.task(tasks[1].ID).State != queue.Cancelled {
		t.Errorf("retry ended as %+v", done)
	}
	w = c.ask(auth.Operator, "/monitor/batches/"+b.ID+"/cancel", url.Values{})
	_, id, _ = strings.Cut(w.Header().Get("Location"), "?job=")
	if done := c.ended(id); done.Changed != 3 {
		t.Errorf("cancel ended as %+v", done)
	}
}

func TestPagesOfTasksReadInBothLanguages(t *testing.T) {
	c := newConsole(t)
	b, _ := c.addBatch(2)
	dead := c.end(c.add(nil), died)
	for _, path := range []string{"/monitor/tasks", "/monitor/tasks/" + dead.ID, "/monitor/tasks/bulk?action=retry", "/monitor/tasks/bulk?action=cancel",
		"/monitor/tasks/bulk?action=erase", "/monitor/tasks/bulk?action=retry&state=queued", "/monitor/batches", "/monitor/batches/" + b.ID, "/monitor/batches/" + b.ID + "/names"} {
		for lang, tag := range map[string]string{"en": `lang="en"`, "zh": `lang="zh-Hans"`} {
			w := c.ask(auth.Operator, path, nil, lang)
			if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "<html "+tag) || (lang == "zh") != strings.Contains(body, "任务") && !strings.Contains(path, "batches") {
				t.Errorf("%s in %s is answered %d", path, lang, w.Code)
			}
		}
	}
}
