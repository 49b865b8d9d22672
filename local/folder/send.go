package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"idphoto/functions/batch"
	"idphoto/functions/problem"
)

// all sends the pictures, chunk by chunk.
func (r *run) all(ctx context.Context, todo []*source) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(chunks)
	for len(todo) > 0 {
		n, bytes := 0, int64(0)
		for n < len(todo) && n < chunkFiles && (n == 0 || bytes+todo[n].size <= chunkBytes) {
			bytes += todo[n].size
			n++
		}
		chunk := todo[:n]
		todo = todo[n:]
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return r.chunk(ctx, chunk)
		})
	}
	return g.Wait()
}

// chunk sends some pictures as one batch and takes their photos as they come. One that is too much
// for the server is sent in halves.
func (r *run) chunk(ctx context.Context, pictures []*source) error {
	b, err := r.client.submit(ctx, r.job, pictures)
	if p, ok := errors.AsType[*refusal](err); ok {
		switch {
		case p.Code == problem.NoPictures:
			return r.take(ctx, pictures, p.Items, make(map[int]bool))
		case len(pictures) > 1 && (p.Code == problem.BatchTooLarge || p.Code == problem.TooManyFiles):
			half := len(pictures) / 2
			if err := r.chunk(ctx, pictures[:half]); err != nil {
				return err
			}
			return r.chunk(ctx, pictures[half:])
		}
	}
	if err != nil {
		return err
	}
	err = r.follow(ctx, b, pictures)
	switch {
	case err != nil:
		r.client.cancel(ctx, b)
	case r.job.Forget:
		err = r.client.erase(ctx, b)
	}
	return err
}

// follow asks how a batch fares until all its pictures are done.
func (r *run) follow(ctx context.Context, batchID string, pictures []*source) error {
	taken := make(map[int]bool)
	for {
		items, err := r.client.items(ctx, batchID)
		if err != nil {
			return err
		}
		if err := r.take(ctx, pictures, items, taken); err != nil {
			return err
		}
		if len(taken) == len(pictures) {
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// take writes the photos that are new among the items, and notes what failed.
func (r *run) take(ctx context.Context, pictures []*source, items []batch.Item, taken map[int]bool) error {
	if len(items) != len(pictures) {
		return fmt.Errorf("the server tells of %d files, %d were sent", len(items), len(pictures))
	}
	news := false
	for i, item := range items {
		ended := item.State == batch.Refused || item.State == batch.Missing || item.State == batch.Held || item.State.Final()
		if taken[i] || !ended {
			continue
		}
		if err := r.settle(ctx, pictures[i], item); err != nil {
			return err
		}
		taken[i], news = true, true
		if r.job.Step != nil {
			r.job.Step()
		}
	}
	if !news {
		return nil
	}
	return r.save()
}

// settle notes what became of a picture, and writes its photo if it has one.
func (r *run) settle(ctx context.Context, p *source, item batch.Item) (err error) {
	switch {
	case item.DownloadURL != "":
		err = r.fetch(ctx, p, item.TaskID)
	case item.State == batch.Held && r.job.Release != nil:
		err = r.hold(ctx, p, item.TaskID)
	default:
		r.note(p, func(rec *record) { rec.fail(item) })
	}
	if gone, ok := errors.AsType[*refusal](err); ok && gone.Code != "" && gone.Status < 500 { // erased meanwhile
		item.State, item.Code, item.Message, item.Advice = batch.Missing, gone.Code, gone.Detail, gone.Advice
		r.note(p, func(rec *record) { rec.fail(item) })
		return nil
	}
	return err
}

// fetch writes one photo.
func (r *run) fetch(ctx context.Context, p *source, taskID string) error {
	r.mu.Lock()
	out := r.state.Photos[p.key].Out
	r.mu.Unlock()
	if err := r.download(ctx, taskID, out); err != nil {
		return err
	}
	r.note(p, func(rec *record) { rec.end(done, batch.Item{}) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	return nil
}

// download writes a task's photo under its name in the folder of photos.
func (r *run) download(ctx context.Context, taskID, name string) error {
	data, err := r.client.photo(ctx, taskID)
	if err != nil {
		return err
	}
	path := filepath.Join(r.job.Out, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return replace(path, data)
}

func (r *run) note(p *source, change func(*record)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.state.Photos[p.key])
}

func (r *run) save() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.write(r.job.Out)
}
