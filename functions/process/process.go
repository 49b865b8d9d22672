// Package process makes the photos: it is the queue.Handler of tasks of kind "photo", and of "group",
// which adds such tasks, and it takes SQS events on AWS Lambda.
//
// # Memory
//
// Pictures are decoded side by side, as many as the worker has slots, but together they take no
// more than Options.DecodeMemory: a picture waits until there is room for what picture.Inspect says
// it needs. One that needs more than all of it is decoded alone.
//
// # Originals
//
// The original outlives its task by the janitor's retention (RETAIN_ORIGINALS), so that an operator
// can run a dead task again.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// Runner makes one photo. *pipeline.Pipeline is one.
type Runner interface {
	Run(ctx context.Context, data []byte, req pipeline.Request, stage pipeline.StageFunc) (*pipeline.Result, error)
}

// Blobs keeps pictures. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	Write(ctx context.Context, key, contentType string, data []byte) error
	DeletePrefix(ctx context.Context, prefix string) error
}

// Options tunes a Handler. Zero values mean the defaults.
type Options struct {
	MaxImageBytes int64 // of an original; default 20 MiB
	DecodeMemory  int64 // bytes that pictures being decoded take together; default 96 MiB
}

// Handler makes photos. Make one with New.
type Handler struct {
	runner Runner
	blobs  Blobs
	room   *semaphore.Weighted
	counts *counters
	opts   Options
}

var _ queue.Handler = (*Handler)(nil)

// New returns the handler for photo.Kind.
func New(runner Runner, blobs Blobs, opts *Options) *Handler {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MaxImageBytes <= 0 {
		o.MaxImageBytes = picture.DefaultMaxBytes
	}
	if o.DecodeMemory <= 0 {
		o.DecodeMemory = 96 << 20
	}
	return &Handler{runner: runner, blobs: blobs, room: semaphore.NewWeighted(o.DecodeMemory), counts: newCounters(), opts: o}
}

// Handle makes the task's photo.
func (h *Handler) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	return h.make(ctx, j.Task, j.ResultPrefix, j.Stage)
}

// Discard removes what an attempt wrote.
func (h *Handler) Discard(ctx context.Context, prefix string) error {
	return h.blobs.DeletePrefix(ctx, prefix)
}

// make is Handle, with the job's parts that it needs.
func (h *Handler) make(ctx context.Context, t queue.Task, prefix string, run pipeline.StageFunc) (_ json.RawMessage, err error) {
	stage := rejecting(run)
	s, background, err := photo.Read(t.Options)
	if err != nil {
		return nil, queue.Permanent(err) // upload checked them: no retry makes them valid
	}
	defer func() { h.counts.count(ctx, t, s, err) }()
	var data []byte
	err = stage(ctx, "fetch", func(ctx context.Context) error {
		data, err = h.original(ctx, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	release, err := h.reserve(ctx, data, stage)
	if err != nil {
		return nil, err
	}
	defer release()
	made, err := h.runner.Run(ctx, data, pipeline.Request{Spec: s, Background: background, Person: photo.PersonOf(t.Options).Point()}, stage)
	if err != nil {
		return nil, rejection(err)
	}
	var result photo.Result
	err = stage(ctx, "store", func(ctx context.Context) error {
		result, err = h.store(ctx, prefix, made)
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// original reads what was sent in.
func (h *Handler) original(ctx context.Context, t queue.Task) ([]byte, error) {
	if t.InputKey == "" {
		return nil, queue.Permanent(fault.New(problem.OriginalGone, nil))
	}
	data, err := h.blobs.Read(ctx, t.InputKey, h.opts.MaxImageBytes)
	if errors.Is(err, blobs.ErrNotExist) {
		return nil, queue.Permanent(fault.New(problem.OriginalGone, err))
	}
	return data, err
}

// reserve waits until there is room to decode the picture. The wait is a stage, so that the lease
// is kept and a cancel is heard.
func (h *Handler) reserve(ctx context.Context, data []byte, stage pipeline.StageFunc) (release func(), err error) {
	info, err := picture.Inspect(data, &picture.Limits{MaxBytes: h.opts.MaxImageBytes, MaxPixels: noLimit})
	if err != nil {
		return nil, rejection(err)
	}
	need := min(max(info.PeakBytes, 1), h.opts.DecodeMemory)
	if !h.room.TryAcquire(need) {
		err = stage(ctx, "wait for memory", func(ctx context.Context) error { return h.room.Acquire(ctx, need) })
	}
	if err != nil {
		return nil, err
	}
	return func() { h.room.Release(need) }, nil
}

// noLimit leaves the decision to the pipeline, which has its own limits.
const noLimit = 1 << 40

// store writes the parts under prefix and says which there are.
func (h *Handler) store(ctx context.Context, prefix string, made *pipeline.Result) (photo.Result, error) {
	report, err := json.Marshal(made.Report)
	if err != nil {
		return photo.Result{}, queue.Permanent(fmt.Errorf("encoding the report: %w", err))
	}
	result := photo.Result{Parts: make(map[photo.Part]string)}
	for _, file := range []struct {
		part        photo.Part
		contentType string
		data        []byte
	}{
		{photo.Photo, made.PhotoType, made.Photo},
		{photo.Cutout, "image/png", made.Cutout},
		{photo.Report, "application/json", report},
	} {
		if len(file.data) == 0 {
			continue
		}
		if err := h.blobs.Write(ctx, photo.Key(prefix, file.part), file.contentType, file.data); err != nil {
			return photo.Result{}, err
		}
		result.Parts[file.part] = file.contentType
	}
	return result, nil
}

// rejecting runs stages so that a picture's fault is a rejection where the queue sees it.
func rejecting(run pipeline.StageFunc) pipeline.StageFunc {
	return func(ctx context.Context, name string, f func(context.Context) error) error {
		return run(ctx, name, func(ctx context.Context) error { return rejection(f(ctx)) })
	}
}

// rejection makes the rules' answer of a picture's fault; other errors stay what they are.
func rejection(err error) error {
	if _, done := errors.AsType[*queue.Rejection](err); done || err == nil {
		return err
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Code == problem.OriginalGone {
		return err
	}
	return &queue.Rejection{Code: e.Code, Detail: e.Detail, Err: err}
}
