// Package blobs keeps pictures and reports under keys, in memory, in a folder, in S3 or in Google
// Cloud Storage, as a URL says.
//
// A write is whole or not at all: a reader never sees half a picture. All keys of a task begin
// with "tasks/<id>/", so that erasing a task is deleting a prefix. Nothing but the bytes and,
// where the store can, the content type is kept: no file name, no metadata.
package blobs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// ErrNotExist says that there is no blob of this key. Compare with errors.Is.
var ErrNotExist = errors.New("blobs: no such blob")

// Store is one bucket. Its methods may be called from many goroutines.
type Store struct {
	bucket *blob.Bucket
	dir    string // of a file store; else empty
}

// Open opens the store that rawURL names: mem://, file:///folder (made when missing; file:folder
// is relative to the working directory), s3://bucket?region=..., gs://bucket.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("blobs: the address is not a URL") // it may hold a secret: do not repeat it
	}
	if u.Scheme == "file" {
		return openFolder(u)
	}
	mux := new(blob.URLMux)
	mux.RegisterBucket(memblob.Scheme, &memblob.URLOpener{})
	mux.RegisterBucket(s3blob.Scheme, &s3blob.URLOpener{})
	mux.RegisterBucket(gcsblob.Scheme, lazyGoogle{})
	bucket, err := mux.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("opening the %s blob store: %w", u.Scheme, err)
	}
	return &Store{bucket: bucket}, nil
}

// openFolder keeps temporary files beside the blobs, because renaming them must not cross a mount,
// and writes no side files.
func openFolder(u *url.URL) (*Store, error) {
	dir := filepath.FromSlash(u.Path)
	if u.Opaque != "" {
		dir = filepath.FromSlash(u.Opaque)
	}
	if u.Host == "." {
		dir = filepath.FromSlash(strings.TrimPrefix(u.Path, "/"))
	}
	if dir == "" {
		return nil, errors.New("blobs: a file URL needs a folder, as in file:///var/lib/idphoto")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir: true, DirFileMode: 0o700, NoTempDir: true, Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the blob folder: %w", err)
	}
	return &Store{bucket: bucket, dir: dir}, nil
}

// Write stores data under key, over what was there.
func (s *Store) Write(ctx context.Context, key, contentType string, data []byte) error {
	err := s.bucket.WriteAll(ctx, key, data, &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true})
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}

// Read returns the blob of key. One of more than limit bytes is an error, read no further.
func (s *Store) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	r, err := s.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, s.known("opening", key, err)
	}
	defer r.Close()
	if r.Size() > limit {
		return nil, fmt.Errorf("reading %s: %d bytes, at most %d are expected", key, r.Size(), limit)
	}
	data := make([]byte, r.Size())
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, s.known("reading", key, err)
	}
	return data, nil
}

// DeletePrefix removes every blob whose key begins with prefix, which must end in "/". No blob
// there is no error.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) error {
	if !isFolder(prefix) {
		return fmt.Errorf("blobs: %q is no prefix to delete", prefix)
	}
	if s.dir != "" {
		// Folders and the temporary files of a killed writer go too.
		if err := os.RemoveAll(filepath.Join(s.dir, filepath.FromSlash(prefix))); err != nil {
			return fmt.Errorf("deleting %s: %w", prefix, err)
		}
		return nil
	}
	list := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing %s: %w", prefix, err)
		}
		if err := s.Delete(ctx, object.Key); err != nil {
			return err
		}
	}
}

// Delete removes one blob. None there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("deleting %s: %w", key, err)
	}
	return nil
}

// Check writes and removes a small blob: a store that only answers, but is full or read-only, is
// not ready.
func (s *Store) Check(ctx context.Context) error {
	key := "ready/" + rand.Text()
	if err := s.Write(ctx, key, "text/plain", []byte("ready")); err != nil {
		return err
	}
	return s.Delete(ctx, key)
}

// Close releases the store. Later calls fail.
func (s *Store) Close() error { return s.bucket.Close() }

func (s *Store) known(doing, key string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fmt.Errorf("%s %s: %w", doing, key, ErrNotExist)
	}
	return fmt.Errorf("%s %s: %w", doing, key, err)
}
