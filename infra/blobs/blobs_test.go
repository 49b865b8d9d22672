package blobs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// stores opens one of each kind that needs no server.
func stores(t *testing.T) map[string]*Store {
	t.Helper()
	all := make(map[string]*Store)
	for name, url := range map[string]string{"memory": "mem://", "folder": "file://" + t.TempDir() + "/pictures"} {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		all[name] = s
	}
	return all
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			want := bytes.Repeat([]byte{0, 1, 2, 255}, 1000)
			if err := s.Write(t.Context(), "tasks/a/original", "image/jpeg", want); err != nil {
				t.Fatal(err)
			}
			got, err := s.Read(t.Context(), "tasks/a/original", 4000)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("Read = %d bytes, %v", len(got), err)
			}
			if _, err := s.Read(t.Context(), "tasks/a/original", 3999); err == nil {
				t.Error("Read above its limit succeeded")
			}
			if _, err := s.Read(t.Context(), "tasks/b/original", 10); !errors.Is(err, ErrNotExist) {
				t.Errorf("Read of nothing = %v, want ErrNotExist", err)
			}
		})
	}
}

func TestDeletePrefixLeavesTheOthers(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"tasks/a/original", "tasks/a/1/photo", "tasks/ab/original"} {
				if err := s.Write(t.Context(), key, "", []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second time there is nothing: no error
				if err := s.DeletePrefix(t.Context(), "tasks/a/"); err != nil {
					t.Fatal(err)
				}
			}
			for _, key := range []string{"tasks/a/original", "tasks/a/1/photo"} {
				if _, err := s.Read(t.Context(), key, 10); !errors.Is(err, ErrNotExist) {
					t.Errorf("%s: %v, want ErrNotExist", key, err)
				}
			}
			if _, err := s.Read(t.Context(), "tasks/ab/original", 10); err != nil {
				t.Errorf("the neighbour is gone: %v", err)
			}
			for _, prefix := range []string{"", "/", "./", "../", "tasks/../", "tasks/a", "/etc/", "tasks//", "tasks/./", "tasks//a/"} {
				if err := s.DeletePrefix(t.Context(), prefix); err == nil {
					t.Errorf("DeletePrefix(%q) was accepted", prefix)
				}
			}
		})
	}
}

func TestAFolderKeepsNothingButTheBytes(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Write(t.Context(), "tasks/a/original", "image/jpeg", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.DeletePrefix(t.Context(), "tasks/a/"); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCheckTellsAStoreThatCannotWrite(t *testing.T) {
	for name, s := range stores(t) {
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A file where a folder must be cannot be written into, not even by root.
	dir := t.TempDir()
	s, err := Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("a folder that cannot be written into is ready")
	}
	s.Close()
	if err := s.Check(t.Context()); err == nil {
		t.Error("a closed store is ready")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "pictures", "ftp://host/", "file:", "://"} {
		if s, err := Open(t.Context(), url); err == nil {
			s.Close()
			t.Errorf("Open(%q) succeeded", url)
		}
	}
}
