package sqlledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idphoto/queue"
)

// full makes the ledger's file unable to grow, as on a full disk, and returns what gives it space
// again.
func full(t *testing.T, l *Ledger) (freed func()) {
	t.Helper()
	limit := func(pages int64) {
		if _, err := l.write.db.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count(%d)`, pages)); err != nil {
			t.Error(err)
		}
	}
	limit(1) // SQLite makes it the present size
	return func() { limit(1 << 30) }
}

// createUntilFull creates tasks until that fails, and returns those that were accepted.
func createUntilFull(t *testing.T, l *Ledger) (ids []string) {
	t.Helper()
	for range 10_000 {
		task := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 3, Options: json.RawMessage(`"` + strings.Repeat("x", 500) + `"`)}
		_, _, err := l.Create(t.Context(), task)
		if err != nil {
			if _, err := l.Get(t.Context(), task.ID); !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("Get of the refused task = %v, want ErrNotFound", err)
			}
			return ids
		}
		ids = append(ids, task.ID)
	}
	t.Fatal("the disk is never full")
	return nil
}

// TestAFullDiskRefusesNewTasksAndLosesNone: what was accepted is there, in the counters too, and
// goes on once there is space again.
func TestAFullDiskRefusesNewTasksAndLosesNone(t *testing.T) {
	l := open(t, "sqlite://"+filepath.Join(t.TempDir(), "ledger.db"), time.Now)
	freed := full(t, l)
	ids := createUntilFull(t, l)
	for _, id := range ids {
		if task, err := l.Get(t.Context(), id); err != nil || task.State != queue.Queued {
			t.Fatalf("task = %+v, %v", task, err)
		}
	}
	wantCounted(t, l, map[queue.State]int64{queue.Queued: int64(len(ids))})
	freed()
	late := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Express, MaxAttempts: 1}
	if _, created, err := l.Create(t.Context(), late); err != nil || !created {
		t.Errorf("Create with space again: created %v, %v", created, err)
	}
}

// fullWhileWorking is a ledger and a handler. The disk fills up while the handler works, and there
// is space again after some failed Finishes.
type fullWhileWorking struct {
	*Ledger
	t                *testing.T
	result           json.RawMessage
	freed            func()
	worked, failures int
}

func (f *fullWhileWorking) Finish(ctx context.Context, c *queue.Claim, o queue.Outcome) error {
	err := f.Ledger.Finish(ctx, c, o)
	if err != nil {
		if f.failures++; f.failures == 2 {
			f.freed()
		}
	}
	return err
}

func (f *fullWhileWorking) Handle(context.Context, *queue.Job) (json.RawMessage, error) {
	f.worked++
	f.freed = full(f.t, f.Ledger)
	return f.result, nil
}

func (f *fullWhileWorking) Discard(context.Context, string) error {
	f.t.Error("the result of finished work is discarded")
	return nil
}

// TestAWorkerKeepsItsOutcomeWhileTheDiskIsFull: the work is done, and is recorded once that can be.
func TestAWorkerKeepsItsOutcomeWhileTheDiskIsFull(t *testing.T) {
	l := open(t, "sqlite://"+filepath.Join(t.TempDir(), "ledger.db"), time.Now)
	f := &fullWhileWorking{Ledger: l, t: t, result: json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)}
	task, _, err := l.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "big", Lane: queue.Express, MaxAttempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	quiet := &queue.WorkerOptions{Logger: slog.New(slog.DiscardHandler)}
	w := queue.NewWorker(f, map[string]queue.Handler{"big": f}, quiet)
	if err := w.Process(t.Context(), queue.MessageOf(task).Encode()); err != nil {
		t.Errorf("Process: %v", err)
	}
	if f.failures < 2 || f.worked != 1 {
		t.Errorf("%d failed Finishes, worked %d times; want at least 2 and once", f.failures, f.worked)
	}
	if got, err := l.Get(t.Context(), task.ID); err != nil || got.State != queue.Succeeded || len(got.Result) != len(f.result) || got.Attempts != 1 {
		t.Errorf("task = %s after %d attempts, %v", got.State, got.Attempts, err)
	}
	wantCounted(t, l, map[queue.State]int64{queue.Succeeded: 1})
}
