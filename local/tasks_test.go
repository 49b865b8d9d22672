package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// desk is a workshop's folder with tasks in it, without a server.
type desk struct {
	*testing.T
	flags storeFlags
	*stores
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, flags: storeFlags{Data: t.TempDir()}}
	d.flags.Ledger = "sqlite:" + filepath.Join(d.flags.Data, "ledger.db")
	if err := os.WriteFile(filepath.Join(d.flags.Data, "ledger.db"), nil, 0o600); err != nil { // open makes none
		t.Fatal(err)
	}
	var err error
	if d.stores, err = d.flags.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// task makes a task with an original, and brings it to the outcome's state.
func (d *desk) task(o queue.Outcome) queue.Task {
	d.Helper()
	t := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: queue.Express, Label: "1-inch", MaxAttempts: 3}
	t.InputKey = photo.OriginalKey(t.ID)
	d.write(t.InputKey)
	if _, _, err := d.ledger.Create(d.Context(), t); err != nil {
		d.Fatal(err)
	}
	if o.State == "" {
		return d.get(t.ID)
	}
	c, err := d.ledger.Claim(d.Context(), t.ID, "worker-1", time.Minute)
	if err != nil {
		d.Fatal(err)
	}
	if o.State == queue.Succeeded {
		o.ResultPrefix = queue.ResultPrefix(t.ID, 1)
		o.Result = json.RawMessage(`{"parts":{"photo":"image/jpeg"}}`)
		d.write(photo.Key(o.ResultPrefix, photo.Photo))
	}
	if err := d.ledger.Finish(d.Context(), c, o); err != nil {
		d.Fatal(err)
	}
	return d.get(t.ID)
}

func (d *desk) write(key string) {
	d.Helper()
	if err := d.blobs.Write(d.Context(), key, "image/jpeg", []byte("picture")); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) get(id string) queue.Task {
	d.Helper()
	t, err := d.ledger.Get(d.Context(), id)
	if err != nil {
		d.Fatal(err)
	}
	return t
}

// run runs a command on the desk's folder.
func (d *desk) run(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(d.Context(), append(args, "--data", d.flags.Data), &out)
	return out.String(), err
}

// must is run for what is to work, and checks that its output has the words.
func (d *desk) must(args []string, words ...string) {
	d.Helper()
	out, err := d.run(args...)
	if err != nil {
		d.Errorf("%v: %v", args, err)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			d.Errorf("%v: no %q in:\n%s", args, w, out)
		}
	}
}

func (d *desk) audited() []string {
	d.Helper()
	entries, err := d.ledger.AuditLog(d.Context(), 0, 100)
	if err != nil {
		d.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		b, err := json.Marshal([]any{e.Actor, e.Action, e.Target, e.Count})
		if err != nil {
			d.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	return lines
}

func (d *desk) wantAudit(want ...string) {
	d.Helper()
	if got := d.audited(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		d.Errorf("audit log:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var dead = queue.Outcome{State: queue.Dead, Code: "internal", Error: "the disk said no (*fs.PathError)", Stack: "goroutine 1\nmain.main()",
	Stages: []queue.StageTime{{Name: "fetch", Duration: time.Millisecond}, {Name: "matte", Duration: time.Second}}}

func TestTasksAreListedByFilter(t *testing.T) {
	d := newDesk(t)
	bad, good := d.task(dead), d.task(queue.Outcome{State: queue.Succeeded})
	d.must([]string{"tasks", "list"}, bad.ID, good.ID, "1 succeeded, 1 dead", "2 shown")
	out, err := d.run("tasks", "list", "--state", "dead,rejected", "--code", "internal", "--since", "1h", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var one struct {
		ID, State, Code string
	}
	if err := json.Unmarshal([]byte(out), &one); err != nil || one.ID != bad.ID || one.State != "dead" || one.Code != "internal" {
		t.Errorf("list as JSON: %v, %q", err, out)
	}
	d.must([]string{"tasks", "list", "--limit", "1"}, "1 shown", good.ID)
	d.must([]string{"tasks", "list", "--batch", "none"}, "0 shown")
}

func TestOneTaskIsShownWithItsAttempts(t *testing.T) {
	d := newDesk(t)
	bad := d.task(dead)
	d.must([]string{"tasks", "show", bad.ID}, bad.ID, "dead", "attempt 1", "worker-1", "matte 1s (longest)", "the disk said no", "main.main()")
	d.must([]string{"tasks", "show", bad.ID[:20], "--json"}, `"attempt_list"`, `"stack"`)
	d.task(dead)
	if _, err := d.run("tasks", "show", "0"); err == nil || !strings.Contains(err.Error(), "beginning of several") {
		t.Errorf("show with the beginning of two ids: %v", err)
	}
	if _, err := d.run("tasks", "show", queue.NewID()); err == nil {
		t.Error("an unknown task was shown")
	}
}

func TestTasksRetryByIDAndByFilter(t *testing.T) {
	d := newDesk(t)
	one, two, fine := d.task(dead), d.task(dead), d.task(queue.Outcome{State: queue.Succeeded})
	d.must([]string{"tasks", "retry", one.ID}, "run again")
	if got := d.get(one.ID); got.State != queue.Queued || got.MaxAttempts != 1+queue.DefaultMaxAttempts {
		t.Errorf("retried task is %s with %d attempts", got.State, got.MaxAttempts)
	}
	if out, err := d.run("tasks", "retry", "--code", "internal"); err == nil || !strings.Contains(out, "1 tasks to retry") {
		t.Errorf("without --yes: %v, %q", err, out)
	}
	if got := d.get(two.ID).State; got != queue.Dead {
		t.Errorf("without --yes the task is %s", got)
	}
	d.must([]string{"tasks", "retry", "--code", "internal", "--yes"}, "1 run again")
	if _, err := d.run("tasks", "retry", fine.ID); err == nil {
		t.Error("a task that succeeded was retried")
	}
	if _, err := d.run("tasks", "retry"); err == nil {
		t.Error("no task was named, and no error came")
	}
	d.wantAudit(`["cli","retry","code=internal",1]`, `["cli","retry","`+one.ID+`",1]`)
}

func TestTasksCancelWhatIsNotOver(t *testing.T) {
	d := newDesk(t)
	waiting, fine := d.task(queue.Outcome{}), d.task(queue.Outcome{State: queue.Succeeded})
	d.must([]string{"tasks", "cancel", "--all", "--yes"}, "1 tasks to cancel", "1 cancelled")
	if a, b := d.get(waiting.ID).State, d.get(fine.ID).State; a != queue.Cancelled || b != queue.Succeeded {
		t.Errorf("states %s and %s", a, b)
	}
	d.wantAudit(`["cli","cancel","all",1]`)
}

func TestTasksEraseAsksForTheNumber(t *testing.T) {
	d := newDesk(t)
	fine := d.task(queue.Outcome{State: queue.Succeeded})
	d.task(queue.Outcome{State: queue.Succeeded})
	var out bytes.Buffer
	erase := func(typed string) error {
		c := eraseCmd{selection{Stores: d.flags, Filter: filterFlags{State: []string{"succeeded"}}}}
		return c.erase(t.Context(), strings.NewReader(typed), &out)
	}
	for _, wrong := range []string{"1\n", "yes\n", ""} {
		if err := erase(wrong); err == nil || d.get(fine.ID).Erased {
			t.Errorf("after %q: %v, erased %v", wrong, err, d.get(fine.ID).Erased)
		}
	}
	if err := erase("2\n"); err != nil {
		t.Fatal(err)
	}
	if !d.get(fine.ID).Erased {
		t.Error("the task is not erased")
	}
	if files, err := os.ReadDir(filepath.Join(d.flags.Data, "blobs", "tasks")); err == nil && len(files) > 0 {
		t.Errorf("pictures of %d tasks are left", len(files))
	}
	d.wantAudit(`["cli","erase","state=succeeded",2]`)
}

func TestLanesPauseAndResume(t *testing.T) {
	d := newDesk(t)
	d.task(queue.Outcome{})
	d.must([]string{"tasks", "pause", "express"}, "express is paused")
	d.must([]string{"tasks", "lanes"}, "by cli")
	d.must([]string{"tasks", "resume", "express"}, "goes on")
	if out, _ := d.run("tasks", "lanes"); strings.Contains(out, "by cli") {
		t.Errorf("still paused:\n%s", out)
	}
	if _, err := d.run("tasks", "pause", "slow"); err == nil {
		t.Error("an unknown lane was paused")
	}
	d.wantAudit(`["cli","resume","express",0]`, `["cli","pause","express",0]`)
}

func TestWorkersAreShown(t *testing.T) {
	d := newDesk(t)
	d.must([]string{"tasks", "workers"}, "none has ever registered")
	if _, err := d.ledger.Heartbeat(t.Context(), queue.WorkerInfo{Name: "worker-1", State: queue.Online, Slots: 2, Memory: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	d.must([]string{"tasks", "workers"}, "worker-1", "online", "0/2", "64 MiB")
}

func TestAMistypedFolderIsNoEmptyLedger(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "typo")
	if err := run(t.Context(), []string{"tasks", "list", "--data", folder}, io.Discard); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder was made")
	}
}
