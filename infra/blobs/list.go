package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// List shows the blobs whose key begins with prefix, which must end in "/", in the order of their
// keys, from behind the key after on (empty: from the first), until show says that it is enough.
// Blobs that come or go meanwhile may be shown or not. Memory does not grow with their number.
func (s *Store) List(ctx context.Context, prefix, after string, show func(key string, size int64, modified time.Time) (more bool)) error {
	if !isFolder(prefix) {
		return fmt.Errorf("blobs: %q is no prefix to list", prefix)
	}
	if s.dir != "" {
		return s.listFolder(ctx, prefix, after, show)
	}
	list := s.bucket.List(&blob.ListOptions{Prefix: prefix, BeforeList: func(as func(any) bool) error {
		var amazon *s3.ListObjectsV2Input
		var google *storage.Query
		switch {
		case after == "":
		case as(&amazon):
			amazon.StartAfter = &after
		case as(&google):
			google.StartOffset = after
		}
		return nil
	}})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing %s: %w", prefix, err)
		}
		if object.Key > after && !show(object.Key, object.Size, object.ModTime) {
			return nil
		}
	}
}

// isFolder reports whether prefix names a folder inside the store, in one way only: a prefix that was
// made of an empty id, as "tasks//", would name the folder above.
func isFolder(prefix string) bool {
	return filepath.IsLocal(prefix) && path.Clean(prefix) != "." && path.Clean(prefix)+"/" == prefix
}

// namesAtOnce bounds how many names of one folder are in memory.
const namesAtOnce = 50_000

// errEnough ends a walk.
var errEnough = errors.New("enough")

// listFolder reads the folder itself: the driver would walk the whole store for each page. Files of a
// writer that was killed are shown too.
func (s *Store) listFolder(ctx context.Context, prefix, after string, show func(string, int64, time.Time) bool) error {
	root := filepath.Join(s.dir, filepath.FromSlash(prefix))
	var last string // first part of after's name in the folder; what is below it may come yet
	if rest, below := strings.CutPrefix(after, prefix); below {
		last, _, _ = strings.Cut(rest, "/")
	} else if after > prefix {
		return nil
	}
	for inclusive := true; ; inclusive = false {
		names, err := nextNames(root, last, inclusive, namesAtOnce)
		if err != nil {
			return fmt.Errorf("listing %s: %w", prefix, err)
		}
		if len(names) == 0 {
			return nil
		}
		for _, name := range names {
			err := s.walk(ctx, filepath.Join(root, name), after, show)
			if errors.Is(err, errEnough) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("listing %s: %w", prefix, err)
			}
		}
		last = names[len(names)-1]
	}
}

// nextNames returns the first n names in dir behind last, or from last on, in order. None when
// there is no such folder.
func nextNames(dir, last string, inclusive bool, n int) ([]string, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	for {
		some, err := f.Readdirnames(1024)
		for _, name := range some {
			if name > last || inclusive && name == last {
				names = append(names, name)
			}
		}
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return nil, err
		}
		if ended || len(names) > 2*n {
			slices.Sort(names)
			names = names[:min(len(names), n)]
		}
		if ended {
			return names, nil
		}
	}
}

// walk shows the files at and below a path.
func (s *Store) walk(ctx context.Context, top, after string, show func(string, int64, time.Time) bool) error {
	return filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return ctx.Err()
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(s.dir, file)
		if err != nil {
			return err
		}
		if key := filepath.ToSlash(relative); key > after && !show(key, info.Size(), info.ModTime()) {
			return errEnough
		}
		return nil
	})
}
