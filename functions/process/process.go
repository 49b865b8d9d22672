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
	o, s, background, err := photo.Read(t.Options)
	if err != nil {
		return nil, queue.Permanent(err) // upload checked them: no retry makes them valid
	}
	defer func() { h.counts.count(ctx, t, s, err) }()
	req := pipeline.Request{Spec: s, Background: background, Touch: o.Touch, File: o.File, HD: o.HD, Person: o.Person.Point(), Approved: o.Approved,
		Keep: t.Label != photo.CanaryLabel && o.Person == nil} // an analysis knows nothing of neighbours
	var data []byte
	err = stage(ctx, "fetch", func(ctx context.Context) error {
		data, err = h.fetch(ctx, t, o, &req)
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
	made, err := h.runner.Run(ctx, data, req, stage)
	if err != nil {
		return nil, rejection(err)
	}
	var result json.RawMessage
	err = stage(ctx, "store", func(ctx context.Context) error {
		result, err = h.store(ctx, prefix, made)
		return err
	})
	if err == nil && made.Held != nil {
		return nil, &queue.Rejection{Code: made.Held.Code, Detail: made.Held.Detail, Err: made.Held, Result: result}
	}
	return result, err
}

// fetch reads what another task has found in the picture already, if this one began from it, and the
// original, unless it is not needed then: data is nil.
func (h *Handler) fetch(ctx context.Context, t queue.Task, o photo.Options, req *pipeline.Request) (data []byte, err error) {
	if t.InputKey == "" {
		return nil, queue.Permanent(fault.New(problem.OriginalGone, nil))
	}
	if o.Analysed {
		if req.Analysis, err = h.recall(ctx, t.ID); err != nil {
			return nil, err
		}
	}
	if req.Analysis != nil && req.Analysis.Serves(req) {
		return nil, nil
	}
	return h.original(ctx, t)
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

// recall returns the analysis that the task begins from; nil when there is none, or none that this
// version can read.
func (h *Handler) recall(ctx context.Context, taskID string) (*pipeline.Analysis, error) {
	data, err := h.blobs.Read(ctx, photo.AnalysisKey(queue.TaskPrefix(taskID)), photo.MaxAnalysis)
	if errors.Is(err, blobs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a, err := pipeline.ReadAnalysis(data)
	if errors.Is(err, pipeline.ErrAnalysis) {
		return nil, nil
	}
	return a, err
}

// reserve waits until there is room to decode the picture. The wait is a stage, so that the lease
// is kept and a cancel is heard.
func (h *Handler) reserve(ctx context.Context, data []byte, stage pipeline.StageFunc) (release func(), err error) {
	if data == nil {
		return func() {}, nil
	}
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

// store writes the parts, and what other photos may begin from, under prefix. It returns which parts
// there are, as a photo.Result.
func (h *Handler) store(ctx context.Context, prefix string, made *pipeline.Result) (json.RawMessage, error) {
	report, err := json.Marshal(made.Report)
	if err != nil {
		return nil, queue.Permanent(fmt.Errorf("encoding the report: %w", err))
	}
	if made.Analysis != nil {
		if err := h.blobs.Write(ctx, photo.AnalysisKey(prefix), "application/octet-stream", made.Analysis); err != nil {
			return nil, err
		}
	}
	result := photo.Result{Parts: make(map[photo.Part]string)}
	for _, file := range []struct {
		part        photo.Part
		contentType string
		data        []byte
	}{
		{photo.Photo, made.PhotoType, made.Photo},
		{photo.HD, made.PhotoType, made.HD},
		{photo.Cutout, "image/png", made.Cutout},
		{photo.Report, "application/json", report},
	} {
		if len(file.data) == 0 {
			continue
		}
		if err := h.blobs.Write(ctx, photo.Key(prefix, file.part), file.contentType, file.data); err != nil {
			return nil, err
		}
		result.Parts[file.part] = file.contentType
	}
	return json.Marshal(result)
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
