package batch

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// archive takes every file of a ZIP archive. The archive is spooled, because its table of contents
// stands at its end.
func (a *arrival) archive(ctx context.Context, r io.Reader) error {
	file, size, err := spool(r)
	if err != nil {
		return err
	}
	defer file.Close()
	// A table of contents may claim any number of files: reading no more than this of it bounds them.
	bounded := &boundedAt{r: file, left: max(4<<20, 1<<10*int64(a.f.opts.MaxFiles))}
	contents, err := zip.NewReader(bounded, size)
	switch {
	case errors.Is(err, errLongContents):
		return fault.New(problem.TooManyFiles, err, "limit", a.f.opts.MaxFiles)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // names are no paths here
		return fault.New(problem.ArchiveBroken, err)
	}
	bounded.left = -1
	for _, f := range contents.File {
		if err := a.entry(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// entry takes one file of an archive. One that does not unpack is refused like a damaged picture.
func (a *arrival) entry(ctx context.Context, f *zip.File) error {
	name := entryName(f)
	if ignored(name) || f.FileInfo().IsDir() {
		return nil
	}
	if f.Flags&1 != 0 {
		return fault.New(problem.ArchiveLocked, nil)
	}
	unpacked, err := f.Open()
	if err != nil {
		return a.refuse(name, fault.Undecodable)
	}
	defer unpacked.Close()
	claimed := min(f.UncompressedSize64, uint64(a.f.opts.MaxImageBytes)) // a hint that nothing relies on
	err = a.add(ctx, name, unpacked, int64(claimed)+1)
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return err
	}
	return a.refuse(name, fault.Undecodable)
}

// spool copies r to a temporary file that has no name any more, so that nothing is left behind
// however the process ends. The caller closes it.
func spool(r io.Reader) (_ *os.File, size int64, err error) {
	file, err := os.CreateTemp("", "idphoto-batch-*")
	if err != nil {
		return nil, 0, problem.Unavailable("disk", err)
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, 0, fmt.Errorf("spooling an archive: %w", err)
	}
	w := &diskWriter{w: file}
	size, err = io.Copy(w, r)
	if w.err != nil {
		return nil, 0, problem.Unavailable("disk", w.err)
	}
	return file, size, err
}

// diskWriter remembers its own error, to tell it from that of the reader in a copy.
type diskWriter struct {
	w   io.Writer
	err error
}

func (d *diskWriter) Write(b []byte) (int, error) {
	n, err := d.w.Write(b)
	d.err = err
	return n, err
}

// errLongContents says that an archive's table of contents is longer than that of any archive we
// would take.
var errLongContents = errors.New("batch: the archive's table of contents is too long")

// boundedAt reads at most left bytes; any number when left is negative.
type boundedAt struct {
	r    io.ReaderAt
	left int64
}

func (b *boundedAt) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left < int64(len(p)) {
			return 0, errLongContents
		}
		b.left -= int64(len(p))
	}
	return b.r.ReadAt(p, off)
}
