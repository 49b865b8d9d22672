package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/queue"
)

// soakKind is work with blobs as photos have them, but without networks.
const soakKind = "soak"

// badBlobs is a store that is slow now and then, and fails now and then, unless it is calm.
type badBlobs struct {
	*blobs.Store
	bad bool
}

func (b badBlobs) trouble(ctx context.Context) error {
	if !b.bad {
		return nil
	}
	switch rand.N(40) {
	case 0:
		return fmt.Errorf("a made fault of the store: %w", syscall.EIO)
	case 1:
		return fmt.Errorf("a made fault of the store: %w", syscall.ENOSPC)
	case 2, 3:
		wait(ctx, rand.N(time.Second))
	}
	return ctx.Err()
}

func (b badBlobs) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	if err := b.trouble(ctx); err != nil {
		return nil, err
	}
	return b.Store.Read(ctx, key, limit)
}

// Write may fail after it wrote: who asks cannot tell.
func (b badBlobs) Write(ctx context.Context, key, contentType string, data []byte) error {
	if err := b.trouble(ctx); err != nil {
		return err
	}
	if err := b.Store.Write(ctx, key, contentType, data); err != nil {
		return err
	}
	return b.trouble(ctx)
}

// soakHandler reads its original, takes its time, and writes a result.
type soakHandler struct{ blobs badBlobs }

func (h *soakHandler) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	err := j.Stage(ctx, "fetch", func(ctx context.Context) error {
		if j.Task.InputKey == "" {
			return queue.Permanent(fmt.Errorf("the original is gone"))
		}
		_, err := h.blobs.Read(ctx, j.Task.InputKey, 1<<20)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = j.Stage(ctx, "work", func(ctx context.Context) error {
		wait(ctx, time.Duration(rand.ExpFloat64()*float64(30*time.Millisecond)))
		if rand.N(50) == 0 {
			return &queue.Rejection{Code: "no_face"}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	result := photo.Result{Parts: map[photo.Part]string{photo.Photo: "image/jpeg", photo.Report: "application/json"}}
	err = j.Stage(ctx, "store", func(ctx context.Context) error {
		for part, contentType := range result.Parts {
			if err := h.blobs.Write(ctx, photo.Key(j.ResultPrefix, part), contentType, []byte(j.ResultPrefix)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// Discard removes what an attempt wrote.
func (h *soakHandler) Discard(ctx context.Context, prefix string) error {
	return h.blobs.DeletePrefix(ctx, prefix)
}
