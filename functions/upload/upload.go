// Package upload takes pictures in: it answers POST /api/v1/generate, and POST
// /api/v1/tasks/{id}/render for another photo of a picture that came before.
//
// What can be refused is refused before it costs anything: a declared length above the limit
// before the body is read, an unknown option when its field arrives (send options before the
// picture), a file that is no picture by its first bytes, a picture by its header before any pixel
// is decoded. A 202 means that picture and row
// are stored; otherwise nothing is. The client's file name is never looked at.
//
// Fields that are not known are refused: a misspelt option would silently give another photo.
//
// With dedupe=content a picture that was sent before with the same options, and whose photo is
// still there, is answered with that finished task, whatever its idempotency key.
//
// # Memory
//
// A request holds its picture, at most MaxImageBytes (for a moment twice when its length was not
// declared). All requests together hold at most Memory; beyond that the answer is 503 with
// Retry-After, and no body is read.
package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"idphoto/functions/api"
	"idphoto/functions/intake"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// Submitter accepts tasks. *queue.Publisher is one.
type Submitter interface {
	Submit(ctx context.Context, t queue.Task) (task queue.Task, created bool, err error)
}

// Rows looks tasks up. A queue.Ledger is one.
type Rows interface {
	Get(ctx context.Context, id string) (queue.Task, error)
	FindFinished(ctx context.Context, digest string) (queue.Task, error)
}

// Blobs keeps pictures. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	Write(ctx context.Context, key, contentType string, data []byte) error
	DeletePrefix(ctx context.Context, prefix string) error
}

// Options tunes a Function. Zero values mean the defaults.
type Options struct {
	MaxImageBytes int64               // one picture; default 20 MiB
	MaxPixels     int64               // width x height; default 50 million
	Memory        *semaphore.Weighted // bytes of pictures in memory, all requests together, shared with others that receive pictures; default 256 MiB of its own
	PublicURL     string              // before status_url; default none: a path
	TestKinds     bool                // accept tasks of the kinds photo.Noop and photo.Crash
	Log           *slog.Logger
}

// Function takes pictures in. Make one with New.
type Function struct {
	tasks Submitter
	rows  Rows
	blobs Blobs
	opts  Options
}

// storeTimeout bounds what happens after the picture is here.
const storeTimeout = 20 * time.Second

// New returns the function. rows must be the ledger that tasks submits to.
func New(tasks Submitter, rows Rows, blobs Blobs, opts *Options) *Function {
	var o Options
	if opts != nil {
		o = *opts
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
	return &Function{tasks: tasks, rows: rows, blobs: blobs, opts: o}
}

// Routes lists what the function answers.
func (f *Function) Routes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: api.Prefix + "/generate", Access: auth.Client, Handle: f.generate, OwnLimits: true},
		{Method: "POST", Path: api.Prefix + "/tasks/{id}/render", Access: auth.Client, Handle: f.render},
	}
}

// accepted is the answer to a submission.
type accepted struct {
	TaskID    string `json:"task_id"`
	Status    string `json:"status"` // always "submitted"
	Message   string `json:"message"`
	StatusURL string `json:"status_url"`

	Deduplicated bool `json:"deduplicated,omitempty"` // the task of an earlier, equal picture
}

func (f *Function) generate(w http.ResponseWriter, r *http.Request) error {
	key, err := intake.IdempotencyKey(r)
	if err != nil {
		return err
	}
	release, err := f.reserve(r)
	if err != nil {
		w.Header().Set("Connection", "close") // the body stays unread
		return err
	}
	defer release()
	form, err := f.receive(w, r)
	if err != nil {
		return err
	}
	task, err := newTask(form, key)
	if err != nil {
		return err
	}
	if form.dedupe {
		earlier, err := f.rows.FindFinished(r.Context(), task.Digest)
		if err == nil {
			api.NameTask(r.Context(), earlier.ID)
			return f.accept(w, r, accepted{TaskID: earlier.ID, Deduplicated: true}, false)
		}
		if !errors.Is(err, queue.ErrNotFound) {
			return problem.Unavailable("ledger", fmt.Errorf("looking for an equal picture: %w", err))
		}
	}
	stored, created, err := f.keep(r.Context(), form, task)
	if err != nil {
		return err
	}
	return f.accept(w, r, accepted{TaskID: stored.ID}, created)
}

// newTask makes the task that the form asks for. It has an InputKey when there is a picture.
func newTask(form *form, key string) (queue.Task, error) {
	kind, label, options, err := form.task()
	if err != nil {
		return queue.Task{}, err
	}
	task := queue.Task{
		ID: queue.NewID(), Kind: kind, Lane: queue.Express, Label: label, Options: options,
		IdempotencyKey: key, Digest: photo.Digest(form.image, options),
	}
	if form.image != nil {
		task.InputKey = photo.OriginalKey(task.ID)
	}
	return task, nil
}

// reserve takes room for r's picture before any of it is read.
func (f *Function) reserve(r *http.Request) (release func(), err error) {
	if r.ContentLength > f.maxBody() {
		return nil, fault.New(fault.TooLarge, nil, "limit", f.opts.MaxImageBytes)
	}
	room := f.opts.MaxImageBytes
	if r.ContentLength >= 0 {
		room = min(room, r.ContentLength)
	}
	if !f.opts.Memory.TryAcquire(room) {
		return nil, fault.New(problem.Busy, nil, "retry_after", 2)
	}
	return func() { f.opts.Memory.Release(room) }, nil
}

// maxBody is one picture, the options and the form's own lines.
func (f *Function) maxBody() int64 { return f.opts.MaxImageBytes + 64<<10 }

// keep stores picture and row, or neither.
func (f *Function) keep(ctx context.Context, form *form, task queue.Task) (queue.Task, bool, error) {
	api.NameTask(ctx, task.ID)
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if task.InputKey != "" {
		if err := f.blobs.Write(ctx, task.InputKey, "image/"+form.info.Format, form.image); err != nil {
			f.forget(ctx, task.ID)
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return queue.Task{}, false, fault.New(problem.BadRequest, err) // the client left: no failure of ours
			}
			return queue.Task{}, false, problem.Unavailable("blobs", err)
		}
	}
	// From here on the client's leaving must not cut the work in half.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	stored, created, err := f.submit(ctx, task)
	if err != nil || !created {
		f.forget(ctx, task.ID)
	}
	if err == nil && !created {
		api.NameTask(ctx, stored.ID)
	}
	return stored, created, err
}

// forget removes the picture of a task that was not accepted. When even that fails the blob stays
// behind; whoever runs the store bounds its age.
func (f *Function) forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := f.blobs.DeletePrefix(ctx, queue.TaskPrefix(id)); err != nil {
		f.opts.Log.ErrorContext(ctx, "picture of a task that was not accepted is left behind", "task", id, "err", err)
	}
}

// accept completes the answer and sends it.
func (f *Function) accept(w http.ResponseWriter, r *http.Request, answer accepted, created bool) error {
	url := f.opts.PublicURL + api.Prefix + "/status/" + answer.TaskID
	h := w.Header()
	h.Set("Location", url)
	h.Set("Retry-After", "1")
	message := map[problem.Language]string{
		problem.English: "The picture is accepted and waits for its turn.",
		problem.Chinese: "照片已接收，正在排队处理。",
	}
	if !created {
		h.Set("Idempotency-Replayed", "true")
		message[problem.English] = "This picture was accepted before; nothing new was started."
		message[problem.Chinese] = "该照片此前已提交，没有重复处理。"
	}
	answer.Status, answer.Message, answer.StatusURL = "submitted", message[problem.LanguageOf(r)], url
	return api.JSON(w, http.StatusAccepted, answer)
}

// submit creates the row. When the ledger's answer was lost on the way, the row may be there all
// the same: then the task is accepted.
func (f *Function) submit(ctx context.Context, task queue.Task) (queue.Task, bool, error) {
	stored, created, err := f.tasks.Submit(ctx, task)
	switch {
	case err == nil:
		return stored, created, nil
	case errors.Is(err, queue.ErrConflict):
		return queue.Task{}, false, fault.New(problem.Conflict, err)
	case errors.Is(err, queue.ErrNotPublished):
		return queue.Task{}, false, problem.Unavailable("queue", err)
	}
	if stored, again := f.rows.Get(ctx, task.ID); again == nil {
		return stored, true, nil
	}
	return queue.Task{}, false, problem.Unavailable("ledger", fmt.Errorf("accepting a task: %w", err))
}
