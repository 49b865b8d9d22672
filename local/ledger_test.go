package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

func TestABackupIsWholePrivateAndRestored(t *testing.T) {
	d := newDesk(t)
	bad := d.task(dead)
	d.task(queue.Outcome{State: queue.Succeeded})
	file := filepath.Join(t.TempDir(), "backup")
	d.must([]string{"ledger", "backup", file}, "MiB")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
	if _, err := d.run("ledger", "backup", file); err == nil {
		t.Error("a file that was there is replaced without --force")
	}
	d.must([]string{"ledger", "backup", file, "--force"})
	if others, err := os.ReadDir(filepath.Dir(file)); err != nil || len(others) != 1 {
		t.Errorf("beside the backup: %v, %v", others, err)
	}

	other := &desk{T: t, flags: storeFlags{Data: t.TempDir()}}
	other.must([]string{"ledger", "restore", file}, "1 succeeded, 1 dead")
	other.must([]string{"tasks", "show", bad.ID}, "the disk said no")
	if _, err := other.run("ledger", "restore", file); err == nil {
		t.Error("a ledger with tasks was restored over")
	}
	if _, err := other.run("ledger", "verify"); err == nil {
		t.Error("tasks whose pictures are elsewhere are no fault")
	}
}

func TestABackupThatFailsLeavesNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "backup")
	if _, err := writeWhole(name, func(w io.Writer) error {
		if _, err := w.Write([]byte("half")); err != nil {
			return err
		}
		return os.ErrDeadlineExceeded
	}); err == nil {
		t.Error("no error")
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestVerifyFindsWhatDoesNotAgree(t *testing.T) {
	for name, tc := range map[string]struct {
		harm func(d *desk)
		args []string
		want string // "" for no fault
	}{
		"nothing": {func(*desk) {}, nil, ""},
		"a result is gone": {func(d *desk) {
			d.remove(photo.Key(queue.ResultPrefix(d.task(queue.Outcome{State: queue.Succeeded}).ID, 1), photo.Photo))
		}, nil, "its part photo is missing"},
		"an original is gone": {func(d *desk) { d.remove(d.task(queue.Outcome{}).InputKey) }, nil, "its original is missing"},
		"a blob has no row":   {func(d *desk) { d.write(photo.OriginalKey(queue.NewID())) }, nil, "has no row"},
		"a young one, while a server runs": {func(d *desk) { d.write(photo.OriginalKey(queue.NewID())) },
			[]string{"--running"}, ""},
		"an old one, while a server runs": {func(d *desk) {
			key := photo.OriginalKey(queue.NewID())
			d.write(key)
			old := time.Now().Add(-2 * tolerance)
			if err := os.Chtimes(filepath.Join(d.flags.Data, "blobs", key), old, old); err != nil {
				d.Fatal(err)
			}
		}, []string{"--running"}, "has no row"},
		"an erased picture is still there": {func(d *desk) {
			if _, err := d.ledger.Erase(d.Context(), d.task(dead).ID); err != nil {
				d.Fatal(err)
			}
		}, nil, "belongs to what was erased"},
		"a batch without its manifest": {func(d *desk) {
			task := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: queue.Bulk, MaxAttempts: 1}
			b := queue.Batch{ID: queue.NewID(), Total: 1}
			b.ManifestKey = "batches/" + b.ID + "/manifest.json"
			if _, _, err := d.ledger.CreateBatch(d.Context(), b, []queue.Task{task}); err != nil {
				d.Fatal(err)
			}
		}, nil, "has no manifest"},
		"a task was erased in order": {func(d *desk) { d.must([]string{"tasks", "erase", d.task(dead).ID}) }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.task(queue.Outcome{State: queue.Succeeded})
			d.task(dead)
			tc.harm(d)
			out, err := d.run(append([]string{"ledger", "verify"}, tc.args...)...)
			if tc.want == "" {
				if err != nil || !strings.HasSuffix(out, " 0 faults\n") {
					t.Errorf("%v, output:\n%s", err, out)
				}
				return
			}
			if err == nil || !strings.Contains(out, tc.want) || !strings.HasSuffix(out, " 1 faults\n") {
				t.Errorf("%v, want %q in:\n%s", err, tc.want, out)
			}
		})
	}
}

func (d *desk) remove(key string) {
	d.Helper()
	if err := d.blobs.Delete(d.Context(), key); err != nil {
		d.Fatal(err)
	}
}
