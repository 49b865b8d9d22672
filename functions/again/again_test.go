package again

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// disk is a store that may be away for what ends so.
type disk struct {
	*blobs.Store
	unread, unwritten string
}

var errAway = errors.New("the disk is away")

func (d disk) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	if d.unread != "" && strings.HasSuffix(key, d.unread) {
		return nil, errAway
	}
	return d.Store.Read(ctx, key, limit)
}

func (d disk) Write(ctx context.Context, key, contentType string, data []byte) error {
	if d.unwritten != "" && strings.HasSuffix(key, d.unwritten) {
		return errAway
	}
	return d.Store.Write(ctx, key, contentType, data)
}

// done is a task with a photo, an original and an analysis.
func done(t *testing.T, store *blobs.Store) queue.Task {
	t.Helper()
	id := queue.NewID()
	task := queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Bulk, State: queue.Succeeded, InputKey: photo.OriginalKey(id), ResultPrefix: queue.ResultPrefix(id, 1),
		Options: json.RawMessage(`{"size":"1-inch","background":"#FF0000","touch_up":{"skin":30},"hd":true,"catalogue":"old"}`)}
	for key, data := range map[string]string{task.InputKey: "original", photo.AnalysisKey(task.ResultPrefix): "analysis"} {
		if err := store.Write(t.Context(), key, "", []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	return task
}

func open(t *testing.T) *blobs.Store {
	t.Helper()
	store, err := blobs.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// choice is what the task was ordered with, chosen again.
func choice(t *testing.T, task queue.Task) photo.Options {
	t.Helper()
	order, err := Order(task)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := photo.Choose(order)
	if err != nil {
		t.Fatal(err)
	}
	return chosen
}

func TestWhatWasOrderedIsOrderedAgain(t *testing.T) {
	store := open(t)
	task := done(t, store)
	chosen := choice(t, task)
	if chosen.Size != "1-inch" || chosen.Background != "#FF0000" || chosen.Touch.Skin != 30 || !chosen.HD || chosen.Catalogue == "old" {
		t.Errorf("chosen is %+v", chosen)
	}
	fresh, err := Prepare(t.Context(), store, task, chosen)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.ID == task.ID || fresh.Kind != photo.Kind || fresh.Lane != task.Lane || fresh.Label != "1-inch" || fresh.InputKey != photo.OriginalKey(fresh.ID) ||
		fresh.IdempotencyKey != "" || fresh.BatchID != "" || fresh.ResultPrefix != "" {
		t.Errorf("the new task is %+v", fresh)
	}
	for key, want := range map[string]string{fresh.InputKey: "original", photo.AnalysisKey(queue.TaskPrefix(fresh.ID)): "analysis"} {
		if data, err := store.Read(t.Context(), key, 100); err != nil || string(data) != want {
			t.Errorf("%s is %q, %v", key, data, err)
		}
	}
	if o, _, _, err := photo.Read(fresh.Options); err != nil || !o.Analysed {
		t.Errorf("options are %s, %v", fresh.Options, err)
	}
	// A photo of a photo's task: it has an analysis of its own by then, or begins from the original.
	if third, err := Prepare(t.Context(), store, fresh, chosen); err != nil || third.ID == fresh.ID {
		t.Errorf("of the new task: %+v, %v", third, err)
	} else if o, _, _, _ := photo.Read(third.Options); o.Analysed {
		t.Error("an unfinished task's analysis was taken")
	}
}

func TestWhatCannotBeMadeAgainIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		change            func(*queue.Task)
		unread, unwritten string
		code              string
	}{
		"another kind":           {func(t *queue.Task) { t.Kind = photo.Group }, "", "", problem.NotFound},
		"erased":                 {func(t *queue.Task) { t.Erased = true }, "", "", problem.Gone},
		"all of it expired":      {func(t *queue.Task) { t.InputKey, t.ResultPrefix = "", "" }, "", "", problem.OriginalGone},
		"analysis unreadable":    {func(*queue.Task) {}, "analysis", "", problem.Unreachable},
		"original unreadable":    {func(*queue.Task) {}, "original", "", problem.Unreachable},
		"analysis not written":   {func(*queue.Task) {}, "", "analysis", problem.Unreachable},
		"original not written":   {func(*queue.Task) {}, "", "original", problem.Unreachable},
		"rejected, its original": {func(t *queue.Task) { t.State, t.ResultPrefix = queue.Rejected, "" }, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			task := done(t, store)
			chosen := choice(t, task)
			tc.change(&task)
			fresh, err := Prepare(t.Context(), disk{store, tc.unread, tc.unwritten}, task, chosen)
			if fresh.ID == "" || fresh.ID == task.ID {
				t.Errorf("the new task's id is %q: its copies could not be removed", fresh.ID)
			}
			if tc.code == "" {
				if err != nil {
					t.Errorf("error = %v", err)
				}
				return
			}
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != tc.code {
				t.Errorf("error = %v, want %s", err, tc.code)
			}
		})
	}
}

// The cut that goes along counts as approved only where it was judged: by the checks, or by somebody.
func TestWhichCutIsApproved(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*queue.Task)
		want   bool
	}{
		"made":                                {func(*queue.Task) {}, true},
		"held":                                {func(t *queue.Task) { t.State = queue.Rejected }, false},
		"with the picture's background":       {func(t *queue.Task) { t.Options = json.RawMessage(`{"size":"1-inch","background":"original"}`) }, false},
		"transparent":                         {func(t *queue.Task) { t.Options = json.RawMessage(`{"size":"1-inch","background":"transparent"}`) }, true},
		"refused, its files are gone":         {func(t *queue.Task) { t.State, t.ResultPrefix = queue.Rejected, "" }, false},
		"made, but its analysis is not there": {func(t *queue.Task) { t.ResultPrefix = queue.ResultPrefix(t.ID, 9) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			task := done(t, store)
			chosen := choice(t, task)
			tc.change(&task)
			fresh, err := Prepare(t.Context(), store, task, chosen)
			if err != nil {
				t.Fatal(err)
			}
			if o, _, _, err := photo.Read(fresh.Options); err != nil || o.Approved != tc.want {
				t.Errorf("options are %s, %v; approved: want %v", fresh.Options, err, tc.want)
			}
		})
	}
}
