// Package status tells how tasks fare and hands out what they made: status, result, sheets, events,
// cancel, erase; and the catalogue, the table of problems and the description of the interface.
//
// It reads the ledger and the blobs and changes nothing, except that it marks a cancel and erases.
package status

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/functions/sheet"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// Tasks is the part of a queue.Ledger that is needed here.
type Tasks interface {
	Get(ctx context.Context, id string) (queue.Task, error)
	Cancel(ctx context.Context, id string) (queue.Task, error)
	Erase(ctx context.Context, id string) (before queue.Task, err error)
}

// Blobs hands out and removes pictures. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	DeletePrefix(ctx context.Context, prefix string) error
}

// Options tunes a Function. Zero values mean the defaults.
type Options struct {
	PublicURL string          // before download_url; default none: a path
	Streams   int64           // open event streams; default 64
	StreamFor time.Duration   // a stream ends after this, and the client asks again; default 10 min; below 0: after the first event, for runtimes that cannot stream
	Poll      time.Duration   // how often a stream looks at the ledger; default 100 ms
	Stop      <-chan struct{} // ends all streams when closed: a server that stops does not wait for them
}

// Function answers for tasks. Make one with New.
type Function struct {
	tasks   Tasks
	blobs   Blobs
	streams *semaphore.Weighted
	sheets  *sheet.Function
	opts    Options
}

// New returns the function.
func New(tasks Tasks, blobs Blobs, opts *Options) *Function {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Streams <= 0 {
		o.Streams = 64
	}
	if o.StreamFor == 0 {
		o.StreamFor = 10 * time.Minute
	}
	if o.Poll <= 0 {
		o.Poll = 100 * time.Millisecond
	}
	return &Function{tasks: tasks, blobs: blobs, streams: semaphore.NewWeighted(o.Streams), sheets: sheet.New(tasks, blobs), opts: o}
}

// Routes lists what the function answers.
func (f *Function) Routes() []api.Route {
	return append(f.sheets.Routes(), []api.Route{
		{Method: "GET", Path: api.Prefix + "/status/{id}", Access: auth.Client, Handle: f.status},
		{Method: "GET", Path: api.Prefix + "/result/{id}", Access: auth.Client, Handle: f.result},
		{Method: "GET", Path: api.Prefix + "/tasks/{id}/events", Access: auth.Client, Handle: f.events},
		{Method: "POST", Path: api.Prefix + "/tasks/{id}/cancel", Access: auth.Client, Handle: f.cancel},
		{Method: "DELETE", Path: api.Prefix + "/tasks/{id}", Access: auth.Client, Handle: f.erase},
		{Method: "GET", Path: api.Prefix + "/specs", Access: auth.Anyone, Handle: specs},
		{Method: "GET", Path: api.Prefix + "/specs/{id}", Access: auth.Anyone, Handle: oneSpec},
		{Method: "GET", Path: api.Prefix + "/problems", Access: auth.Anyone, Handle: problems},
		{Method: "GET", Path: api.Prefix + "/problems/{code}", Access: auth.Anyone, Handle: oneProblem},
		{Method: "GET", Path: api.Prefix + "/openapi.json", Access: auth.Anyone, Handle: api.Description},
	}...)
}

func (f *Function) status(w http.ResponseWriter, r *http.Request) error {
	task, err := f.task(r)
	if err != nil {
		return err
	}
	return api.JSON(w, http.StatusOK, f.view(task, problem.LanguageOf(r)))
}

func (f *Function) cancel(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	task, err := f.tasks.Cancel(r.Context(), id)
	if err != nil {
		return problem.OfLedger(err)
	}
	return api.JSON(w, http.StatusOK, f.view(task, problem.LanguageOf(r)))
}

// erase marks the row first, so that nobody hands out or makes what is about to go. When the blobs
// do not go the client is told so and may ask again: the row's mark is no obstacle.
func (f *Function) erase(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	if _, err := f.tasks.Erase(r.Context(), id); err != nil {
		return problem.OfLedger(err)
	}
	// Once the row says erased, the pictures go even if the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), eraseTimeout)
	defer cancel()
	if err := f.blobs.DeletePrefix(ctx, queue.TaskPrefix(id)); err != nil {
		return problem.Unavailable("blobs", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

const eraseTimeout = 30 * time.Second

// task looks up the task that the path names.
func (f *Function) task(r *http.Request) (queue.Task, error) {
	id, err := taskID(r)
	if err != nil {
		return queue.Task{}, err
	}
	task, err := f.tasks.Get(r.Context(), id)
	if err != nil {
		return queue.Task{}, problem.OfLedger(err)
	}
	return task, nil
}

// taskID returns the path's id. What cannot be an id of ours is not found, without asking the
// ledger and without coming near a log.
func taskID(r *http.Request) (string, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return "", fault.New(problem.NotFound, nil)
	}
	api.NameTask(r.Context(), id.String())
	return id.String(), nil
}
