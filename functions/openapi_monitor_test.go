package main

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"idphoto/functions/api"
	"idphoto/infra/auth"
	"idphoto/infra/auth/authtest"
	"idphoto/queue"
)

// tryMonitor asks everything of the monitor, as an admin, about what tasks and batches are in the
// ledger already and about some more.
func (c *checker) tryMonitor(t *testing.T, p *program) {
	t.Helper()
	guard, _, err := p.parts.Guard(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asAdmin := authtest.As(t, guard, auth.Admin)
	m := &checker{router: c.router, seen: c.seen,
		handler: api.New(api.Options{Log: p.log, Guard: guard}, p.parts.Monitor(guard, nil).Routes()...)}
	const base = api.Prefix + "/monitor"
	get := func(path string) {
		t.Helper()
		r := httptest.NewRequest("GET", base+path, nil)
		asAdmin(r)
		m.ask(t, r)
	}
	post := func(path, members string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest("POST", base+path, strings.NewReader(members))
		r.Header.Set("Content-Type", "application/json")
		asAdmin(r)
		return m.ask(t, r)
	}
	dead, done, waiting := p.task(t, queue.Dead), p.task(t, queue.Succeeded), p.task(t, "")
	batch := p.batch(t)
	if _, err := p.parts.Ledger.Heartbeat(t.Context(), queue.WorkerInfo{Name: "w-1", Host: "w", State: queue.Online, Slots: 2, StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/overview", "/overview?range=7d", "/tasks", "/tasks?state=dead&limit=1", "/tasks/" + dead, "/tasks/" + done, "/tasks/" + waiting,
		"/tasks/1", "/tasks/bulk?action=retry&state=dead", "/batches", "/batches/" + batch, "/batches/" + batch + "/names", "/batches/1",
		"/lanes", "/workers", "/rejections", "/audit", "/people", "/account"} {
		get(path)
	}
	post("/lanes/bulk/pause", `{}`)
	get("/lanes")
	post("/lanes/bulk/resume", `{}`)
	post("/lanes/none/pause", `{}`)
	post("/workers/w-1/drain", `{}`)
	post("/tasks/"+done+"/accept", `{}`) // 409: it is not held
	post("/tasks/"+done+"/refuse", `{}`) // likewise
	post("/tasks/"+done+"/again", `{"size":"2-inch","background":"red"}`)
	post("/tasks/"+dead+"/retry", `{}`)
	post("/tasks/"+waiting+"/cancel", `{}`)
	post("/tasks/"+done+"/erase", `{}`) // 400 or 422: not confirmed
	post("/tasks/"+done+"/erase", `{"confirm":"erase"}`)
	post("/tasks/bulk", `{"action":"cancel","filter":"state=queued","count":"1"}`)
	post("/batches/"+batch+"/retry", `{}`)
	post("/batches/"+batch+"/cancel", `{}`)
	post("/people", `{"name":"mei","role":"viewer"}`)
	for _, deed := range []string{"/role", "/disable", "/enable", "/password"} {
		post("/people/mei"+deed, `{"role":"operator"}`)
	}
	var made struct {
		Result struct {
			ID string `json:"id"`
		} `json:"result"`
	}
	if err := json.Unmarshal(post("/keys", `{"name":"till","role":"client","days":30}`).Body.Bytes(), &made); err != nil {
		t.Fatal(err)
	}
	post("/keys/"+made.Result.ID+"/revoke", `{}`)
	get("/audit")
}

// task makes one that ended so; "" leaves it waiting.
func (p *program) task(t *testing.T, state queue.State) string {
	t.Helper()
	task, _, err := p.parts.Ledger.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "photo", Lane: queue.Express, Label: "1-inch", MaxAttempts: 1,
		Options: json.RawMessage(`{"size":"1-inch","background":"#FFFFFF"}`)})
	if err != nil {
		t.Fatal(err)
	}
	switch state {
	case queue.Succeeded:
		p.finish(t, task.ID)
	case queue.Dead:
		claim, err := p.parts.Ledger.Claim(t.Context(), task.ID, "w-1", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		o := queue.Outcome{State: queue.Dead, Code: queue.CodePanic, Error: "panic: test", Stack: "stack", Stages: []queue.StageTime{{Name: "decode", Duration: time.Second}}}
		if err := p.parts.Ledger.Finish(t.Context(), claim, o); err != nil {
			t.Fatal(err)
		}
	}
	return task.ID
}

// batch hands one in and returns its id.
func (p *program) batch(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	p.handler(nil, -1, nil).ServeHTTP(w, batchOf(t, "size", "one.jpg", "notes.txt"))
	var b struct {
		BatchID string `json:"batch_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || b.BatchID == "" {
		t.Fatalf("batch: %s", w.Body)
	}
	return b.BatchID
}
