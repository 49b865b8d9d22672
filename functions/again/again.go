// Package again prepares another photo of a picture that was handed in before: another document,
// another background, a touch-up. What the first task found in the picture goes along, so that the
// networks need not run again.
//
// The new task has copies of its own: either one can be erased, and neither waits for the other.
package again

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// Blobs keeps pictures. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	Write(ctx context.Context, key, contentType string, data []byte) error
}

// maxOriginal bounds what is read into memory: intake takes 20 MiB unless it is set otherwise.
const maxOriginal = 64 << 20

// Order returns what t was ordered with, for a customer to change.
func Order(t queue.Task) (photo.Order, error) {
	o, _, _, err := photo.Read(t.Options)
	return photo.Order{Size: o.Size, Background: o.Background, Wishes: o.Wishes}, err
}

// Prepare stores what the new task begins from, and returns the new task for the caller to hand in,
// without a key, in t's lane. After an error, or when the task is not accepted, the caller removes
// queue.TaskPrefix of its id, which is set either way. Errors are *fault.Error.
func Prepare(ctx context.Context, store Blobs, t queue.Task, chosen photo.Options) (queue.Task, error) {
	fresh := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: t.Lane, Label: chosen.Size}
	fresh.InputKey = photo.OriginalKey(fresh.ID)
	switch {
	case t.Kind != photo.Kind:
		return fresh, fault.New(problem.NotFound, nil)
	case t.Erased:
		return fresh, fault.New(problem.Gone, nil)
	}
	analysis, err := copyBlob(ctx, store, photo.AnalysisKey(t.ResultPrefix), photo.AnalysisKey(queue.TaskPrefix(fresh.ID)), t.ResultPrefix != "", photo.MaxAnalysis)
	if err != nil {
		return fresh, err
	}
	original, err := copyBlob(ctx, store, t.InputKey, fresh.InputKey, t.InputKey != "", maxOriginal)
	switch {
	case err != nil:
		return fresh, err
	case original == nil && analysis == nil:
		return fresh, fault.New(problem.OriginalGone, nil)
	case original == nil:
		original = analysis // of the same picture, which is what the digest is for
	}
	chosen.Person, chosen.Analysed = photo.PersonOf(t.Options), analysis != nil
	chosen.Approved = chosen.Analysed && approved(t)
	if fresh.Options, err = json.Marshal(chosen); err != nil {
		return fresh, err
	}
	fresh.Digest = photo.Digest(original, fresh.Options)
	return fresh, nil
}

// approved tells whether the cut that t keeps was found good: by the checks, or by who accepted it. A
// photo with the picture's own background was not looked at for that: nothing is cut there.
func approved(t queue.Task) bool {
	_, _, background, err := photo.Read(t.Options)
	return err == nil && t.State == queue.Succeeded && background.Kind != spec.Original
}

// copyBlob copies a blob that may be gone: nil then, or when it never was there.
func copyBlob(ctx context.Context, store Blobs, from, to string, there bool, limit int64) ([]byte, error) {
	if !there {
		return nil, nil
	}
	data, err := store.Read(ctx, from, limit)
	if errors.Is(err, blobs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = store.Write(ctx, to, http.DetectContentType(data), data)
	}
	if err != nil {
		return nil, problem.Unavailable("blobs", err)
	}
	return data, nil
}
