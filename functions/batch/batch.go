// Package batch takes many pictures in at once and hands many photos out: POST /api/v1/batches and
// what lies below /api/v1/batches/{id}.
//
// A batch is one row and one task per picture, stored together or not at all. A file that cannot
// become a photo does not fail its batch: it is refused by a code, and listed with the others.
//
// # Names
//
// File names are personal data. They are kept in one blob, the manifest, beside the pictures, and
// go with it; ledger, log and messages never see one. They are text only, never a path on any
// machine: results are named after them once more cleaned, without folders.
//
// # Memory
//
// A request holds one picture at a time, at most MaxImageBytes. An archive is spooled to a file
// that has no name any more and is read from there. How much an archive unpacks to is counted while
// it unpacks, so that its own claims do not matter.
package batch

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// Submitter accepts batches. *queue.Publisher is one.
type Submitter interface {
	SubmitBatch(ctx context.Context, b queue.Batch, tasks []queue.Task) (batch queue.Batch, created bool, err error)
}

// Ledger is the part of a queue.Ledger that is needed here.
type Ledger interface {
	GetBatch(ctx context.Context, id string) (queue.Batch, error)
	EraseBatch(ctx context.Context, id string) (before queue.Batch, err error)
	List(ctx context.Context, f queue.Filter, after queue.Cursor, limit int) (tasks []queue.Task, next queue.Cursor, err error)
	Cancel(ctx context.Context, id string) (queue.Task, error)
	Erase(ctx context.Context, id string) (before queue.Task, err error)
	Requeue(ctx context.Context, id string, attempts int) (queue.Task, error)
}

// Blobs keeps pictures and manifests. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	Write(ctx context.Context, key, contentType string, data []byte) error
	DeletePrefix(ctx context.Context, prefix string) error
}

// Options tunes a Function. Zero values mean the defaults.
type Options struct {
	MaxFiles      int                 // files of one batch, refused ones included; default 500
	MaxBytes      int64               // of one batch, as sent and unpacked; default 1 GiB
	MaxImageBytes int64               // one picture; default 20 MiB
	MaxPixels     int64               // width x height; default 50 million
	Memory        *semaphore.Weighted // bytes that requests may hold together, shared with others that receive pictures; default 256 MiB of its own
	Retries       queue.Retries       // how many attempts a task gets that is run again
	PublicURL     string              // before the addresses in answers; default none: a path
	Log           *slog.Logger
}

// Function takes batches in and hands them out. Make one with New.
type Function struct {
	batches Submitter
	ledger  Ledger
	blobs   Blobs
	opts    Options
}

// New returns the function. ledger must be the one that batches submits to.
func New(batches Submitter, ledger Ledger, blobs Blobs, opts *Options) *Function {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MaxFiles <= 0 {
		o.MaxFiles = 500
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxImageBytes <= 0 {
		o.MaxImageBytes = picture.DefaultMaxBytes
	}
	if o.MaxPixels <= 0 {
		o.MaxPixels = picture.DefaultMaxPixels
	}
	if o.Memory == nil {
		o.Memory = semaphore.NewWeighted(max(256<<20, o.MaxImageBytes))
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Function{batches: batches, ledger: ledger, blobs: blobs, opts: o}
}

// Routes lists what the function answers.
func (f *Function) Routes() []api.Route {
	const one = api.Prefix + "/batches/{id}"
	return []api.Route{
		{Method: "POST", Path: api.Prefix + "/batches", Access: auth.Client, Handle: f.create, OwnLimits: true},
		{Method: "GET", Path: one, Access: auth.Client, Handle: f.show},
		{Method: "DELETE", Path: one, Access: auth.Client, Handle: f.erase},
		{Method: "GET", Path: one + "/results.zip", Access: auth.Client, Handle: f.results},
		{Method: "GET", Path: one + "/report.csv", Access: auth.Client, Handle: f.report},
		{Method: "POST", Path: one + "/cancel", Access: auth.Client, Handle: f.cancel},
		{Method: "POST", Path: one + "/retry", Access: auth.Client, Handle: f.retry},
	}
}

// batch looks up the batch that the path names.
func (f *Function) batch(r *http.Request) (queue.Batch, error) {
	id, err := batchID(r)
	if err != nil {
		return queue.Batch{}, err
	}
	b, err := f.ledger.GetBatch(r.Context(), id)
	return b, problem.OfLedger(err)
}

// batchID returns the path's id. What cannot be an id of ours is not found, without asking the
// ledger.
func batchID(r *http.Request) (string, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return "", fault.New(problem.NotFound, nil)
	}
	return id.String(), nil
}

// tasks returns all tasks of a batch by their id.
func (f *Function) tasks(ctx context.Context, batchID string) (map[string]queue.Task, error) {
	all := make(map[string]queue.Task)
	err := f.list(ctx, queue.Filter{BatchID: batchID}, func(t queue.Task) { all[t.ID] = t })
	return all, err
}

// list shows every task that a filter finds.
func (f *Function) list(ctx context.Context, filter queue.Filter, show func(queue.Task)) error {
	var after queue.Cursor
	for {
		page, next, err := f.ledger.List(ctx, filter, after, pageSize)
		if err != nil {
			return problem.OfLedger(err)
		}
		for _, t := range page {
			show(t)
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

const pageSize = 500

// storeTimeout bounds one write, and what is done once the client does not matter any more.
const storeTimeout = 20 * time.Second
