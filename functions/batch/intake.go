package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"sync"
	"time"

	"idphoto/functions/intake"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// arrival is a batch that is coming in.
type arrival struct {
	f       *Function
	id      string
	kind    string          // of every task
	label   string          // likewise
	options json.RawMessage // of every task
	tasks   []queue.Task
	entries []Entry
	bytes   int64     // of pictures read so far
	digest  hash.Hash // of options, names and pictures
}

func (f *Function) arrival(kind, label string, options json.RawMessage) *arrival {
	a := &arrival{f: f, id: queue.NewID(), kind: kind, label: label, options: options, digest: sha256.New()}
	a.digest.Write(photo.Unversioned(options))
	if kind != photo.Kind { // batches of photos keep the digests that they had before there were others
		io.WriteString(a.digest, kind)
	}
	return a
}

// add takes one file. What is wrong with the file itself makes it a refused entry; an error ends
// the batch. expected is as in intake.Read.
func (a *arrival) add(ctx context.Context, name string, r io.Reader, expected int64) error {
	if limit := a.limit(); len(a.entries) == limit {
		return fault.New(problem.TooManyFiles, nil, "limit", limit)
	}
	counted := &counter{r: r, left: a.f.opts.MaxBytes - a.bytes}
	data, info, err := intake.Read(counted, expected, picture.Limits{MaxBytes: a.f.opts.MaxImageBytes, MaxPixels: a.f.opts.MaxPixels})
	a.bytes += counted.n
	entry := Entry{Name: shown(name)}
	task := queue.Task{ID: queue.NewID(), Kind: a.kind, Lane: queue.Bulk, BatchID: a.id, Label: a.label, Options: a.options}
	switch refused, ok := errors.AsType[*fault.Error](err); {
	case errors.Is(err, errTooMuch):
		return fault.New(problem.BatchTooLarge, nil, "limit", a.f.opts.MaxBytes)
	case ok:
		entry.Code, entry.Detail = refused.Code, refused.Detail
	case err != nil:
		return err
	default:
		entry.TaskID = task.ID
		task.Digest = photo.Digest(data, a.options)
		task.InputKey = photo.OriginalKey(task.ID)
		a.tasks = append(a.tasks, task) // before the write: what it leaves behind is removed, too
		if err := a.store(ctx, task.InputKey, "image/"+info.Format, data); err != nil {
			return err
		}
	}
	a.note(entry, task.Digest)
	return nil
}

// limit is how many files the batch may have: one when that is to become many photos.
func (a *arrival) limit() int {
	if a.kind == photo.Group {
		return 1
	}
	return a.f.opts.MaxFiles
}

// refuse notes a file that cannot be read at all.
func (a *arrival) refuse(name, code string) error {
	if len(a.entries) == a.f.opts.MaxFiles {
		return fault.New(problem.TooManyFiles, nil, "limit", a.f.opts.MaxFiles)
	}
	a.note(Entry{Name: shown(name), Code: code}, "")
	return nil
}

func (a *arrival) note(e Entry, digest string) {
	a.entries = append(a.entries, e)
	for _, s := range []string{e.Name, digest, e.Code} {
		a.digest.Write([]byte{0})
		io.WriteString(a.digest, s)
	}
}

func (a *arrival) store(ctx context.Context, key, contentType string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := a.f.blobs.Write(ctx, key, contentType, data)
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), context.Canceled):
		return fault.New(problem.BadRequest, err) // the client left: no failure of ours
	}
	return problem.Unavailable("blobs", err)
}

// submit stores manifest and rows. The client's leaving does not cut that in half.
func (a *arrival) submit(ctx context.Context, name, key string) (queue.Batch, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitTimeout)
	defer cancel()
	manifest, err := json.Marshal(Manifest{Entries: a.entries})
	if err != nil {
		return queue.Batch{}, false, err
	}
	b := queue.Batch{
		ID: a.id, Name: name, Options: a.options, ManifestKey: ManifestKey(a.id), IdempotencyKey: key,
		Digest: hex.EncodeToString(a.digest.Sum(nil)), Total: int64(len(a.tasks)), Refused: int64(len(a.entries) - len(a.tasks)),
	}
	if err := a.store(ctx, b.ManifestKey, "application/json", manifest); err != nil {
		return queue.Batch{}, false, err
	}
	stored, created, err := a.f.batches.SubmitBatch(ctx, b, a.tasks)
	switch {
	case err == nil:
		return stored, created, nil
	case errors.Is(err, queue.ErrConflict):
		return queue.Batch{}, false, fault.New(problem.Conflict, err)
	}
	// When the ledger's answer was lost on the way, the rows may be there all the same.
	if stored, again := a.f.ledger.GetBatch(ctx, a.id); again == nil {
		return stored, true, nil
	}
	return queue.Batch{}, false, problem.Unavailable("ledger", err)
}

// submitTimeout bounds one transaction and the messages of all its tasks.
const submitTimeout = 2 * time.Minute

// forget removes what a batch that was not accepted has stored. Should that fail, a janitor finds
// blobs without a row.
func (a *arrival) forget(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitTimeout)
	defer cancel()
	prefixes := []string{Prefix(a.id)}
	for _, t := range a.tasks {
		prefixes = append(prefixes, queue.TaskPrefix(t.ID))
	}
	if n, err := a.f.remove(ctx, prefixes); err != nil {
		a.f.opts.Log.ErrorContext(ctx, "pictures of a batch that was not accepted are left behind", "count", n, "err", err)
	}
}

// remove deletes what lies under the prefixes, several at once. It goes on after a failure, and
// returns how many failed and one of the errors.
func (f *Function) remove(ctx context.Context, prefixes []string) (failed int, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := make(chan string)
	for range min(8, len(prefixes)) {
		wg.Go(func() {
			for prefix := range next {
				if e := f.blobs.DeletePrefix(ctx, prefix); e != nil {
					mu.Lock()
					failed, err = failed+1, e
					mu.Unlock()
				}
			}
		})
	}
	for _, prefix := range prefixes {
		next <- prefix
	}
	close(next)
	wg.Wait()
	return failed, err
}

// errTooMuch says that a batch has more bytes than it may.
var errTooMuch = errors.New("batch: more bytes than are accepted")

// counter counts what is read, and reads no more than left.
type counter struct {
	r       io.Reader
	n, left int64
}

func (c *counter) Read(b []byte) (int, error) {
	if c.n > c.left {
		return 0, errTooMuch
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
