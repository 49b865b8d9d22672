package blobs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// list returns the keys that List shows, at most limit.
func list(t *testing.T, s *Store, prefix, after string, limit int) (keys []string) {
	t.Helper()
	err := s.List(t.Context(), prefix, after, func(key string, size int64, modified time.Time) bool {
		if size != 1 || time.Since(modified) > time.Minute || time.Since(modified) < -time.Minute {
			t.Errorf("%s has %d bytes, modified %v", key, size, modified)
		}
		keys = append(keys, key)
		return len(keys) < limit
	})
	if err != nil {
		t.Errorf("List(%q, %q) = %v", prefix, after, err)
	}
	return keys
}

func TestListShowsKeysInOrderFromAnyPlace(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			if got := list(t, s, "tasks/", "", 10); len(got) != 0 {
				t.Errorf("an empty store has %v", got)
			}
			all := []string{"tasks/a/1/photo", "tasks/a/original", "tasks/b/original", "tasks/c/1/photo", "tasks/c/2/photo"}
			for _, key := range append([]string{"batches/a/manifest", "tasksb"}, all...) {
				if err := s.Write(t.Context(), key, "", []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			for after, want := range map[string][]string{
				"":                 all,
				"batches/z":        all,
				"tasks/":           all,
				"tasks/0":          all,
				"tasks/a":          all,
				"tasks/a/1/photo":  all[1:],
				"tasks/a/original": all[2:],
				"tasks/aa":         all[2:],
				"tasks/c/1/photo":  all[4:],
				"tasks/c/2/photo":  nil,
				"u":                nil,
			} {
				if got := list(t, s, "tasks/", after, 10); !slices.Equal(got, want) {
					t.Errorf("after %q: %v, want %v", after, got, want)
				}
			}
			if got := list(t, s, "tasks/", "tasks/a/1/photo", 2); !slices.Equal(got, all[1:3]) {
				t.Errorf("two keys are %v, want %v", got, all[1:3])
			}
			for _, prefix := range []string{"", "/", "tasks", "../", "/etc/"} {
				if err := s.List(t.Context(), prefix, "", nil); err == nil {
					t.Errorf("List(%q) was accepted", prefix)
				}
			}
		})
	}
}

// TestNamesComeInBoundedPortions: a folder of many tasks is listed without holding all their names.
func TestNamesComeInBoundedPortions(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 2500 {
		name := fmt.Sprintf("%05d", i*7919%2500)
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	slices.Sort(want)
	var got []string
	for last := ""; ; {
		names, err := nextNames(dir, last, false, 100)
		if err != nil || len(names) > 100 {
			t.Fatalf("%d names, %v", len(names), err)
		}
		if len(names) == 0 {
			break
		}
		got = append(got, names...)
		last = names[len(names)-1]
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d names in portions, want all %d in order", len(got), len(want))
	}
	if names, err := nextNames(dir, "00010", true, 2); err != nil || !slices.Equal(names, want[10:12]) {
		t.Errorf("from 00010 on: %v, %v", names, err)
	}
}
