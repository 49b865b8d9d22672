package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Blobs is where uploads and results are kept. *blobs.Store is one.
type Blobs interface {
	// Delete removes one blob, DeletePrefix all whose key begins with prefix. None is no error.
	Delete(ctx context.Context, key string) error
	DeletePrefix(ctx context.Context, prefix string) error

	// List shows the blobs whose key begins with prefix, in the order of their keys, from behind
	// the key after on, until show says that it is enough.
	List(ctx context.Context, prefix, after string, show func(key string, size int64, modified time.Time) (more bool)) error
}

// Retention says how long things are kept, from their task's end on. 0 is not at all, negative for
// ever. Rows must not go before results, nor these before originals.
type Retention struct {
	Originals time.Duration // what was uploaded
	Results   time.Duration // what attempts wrote, and the manifests of batches
	Rows      time.Duration // the ledger's rows of tasks and batches
}

// purgeSteps lists what goes, in order.
func (r Retention) purgeSteps() []purgeStep {
	return []purgeStep{{PurgeOriginal, "original", r.Originals}, {PurgeResult, "result", r.Results}, {PurgeRow, "row", r.Rows}}
}

type purgeStep struct {
	step int
	what string // label of the metric
	keep time.Duration
}

// blobDeletes is how many tasks' blobs are deleted at once.
const blobDeletes = 8

// purge removes what its retention no longer covers, the blobs first: a row that still names a blob
// is purged again, a blob without a row would be forgotten.
func (j *Janitor) purge(ctx context.Context) error {
	var errs []error
	for _, s := range j.opts.Retention.purgeSteps() {
		if s.keep < 0 {
			continue
		}
		tasks, err := j.purgeTasks(ctx, s)
		errs = append(errs, err)
		batches, err := j.purgeBatches(ctx, s)
		errs = append(errs, err)
		if tasks+batches > 0 {
			j.opts.Logger.InfoContext(ctx, "purged", "what", s.what, "tasks", tasks, "batches", batches)
		}
	}
	return errors.Join(errs...)
}

// purgeTasks does one step for every task that is due for it.
func (j *Janitor) purgeTasks(ctx context.Context, s purgeStep) (purged int, err error) {
	for timeLeft(ctx) {
		tasks, err := j.ledger.Purgeable(ctx, s.step, time.Now().Add(-s.keep), j.opts.Batch)
		if err != nil {
			return purged, err
		}
		var ids []string
		clean, failed := j.deleteBlobs(ctx, tasks, s.step)
		for _, t := range clean {
			ids = append(ids, t.ID)
		}
		if len(ids) > 0 {
			if err := j.ledger.Purged(ctx, s.step, ids); err != nil {
				return purged, err
			}
		}
		for _, t := range clean {
			j.meters.purged.Add(ctx, 1, labels(t, attribute.String("what", s.what)))
		}
		purged += len(clean)
		if failed != nil || len(tasks) < j.opts.Batch {
			return purged, failed // what failed would be returned again: the next tick's work
		}
	}
	return purged, nil
}

// deleteBlobs removes what a step removes of each task, and returns the tasks for which that is done.
func (j *Janitor) deleteBlobs(ctx context.Context, tasks []Task, step int) (clean []Task, err error) {
	errs := make([]error, len(tasks))
	free := make(chan struct{}, blobDeletes)
	var wg sync.WaitGroup
	for i, t := range tasks {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			switch {
			case step == PurgeOriginal && t.InputKey != "":
				errs[i] = j.opts.Blobs.Delete(ctx, t.InputKey)
			case step == PurgeResult:
				errs[i] = j.opts.Blobs.DeletePrefix(ctx, TaskPrefix(t.ID)) // also what killed attempts left
			}
		})
	}
	wg.Wait()
	failed := 0
	for i, t := range tasks {
		if errs[i] == nil {
			clean = append(clean, t)
			continue
		}
		if failed++; failed == 1 {
			err = errs[i]
		}
	}
	if failed > 0 {
		return clean, fmt.Errorf("%d tasks not purged, the first: %w", failed, err)
	}
	return clean, nil
}

// purgeBatches does one step for batches; their originals are their tasks'.
func (j *Janitor) purgeBatches(ctx context.Context, s purgeStep) (purged int, err error) {
	for s.step != PurgeOriginal && timeLeft(ctx) {
		batches, err := j.ledger.PurgeableBatches(ctx, s.step, time.Now().Add(-s.keep), j.opts.Batch)
		if err != nil {
			return purged, err
		}
		var ids []string
		for _, b := range batches {
			if s.step == PurgeResult {
				if err := j.opts.Blobs.DeletePrefix(ctx, BatchPrefix(b.ID)); err != nil {
					return purged, err
				}
			}
			ids = append(ids, b.ID)
		}
		if len(ids) > 0 {
			if err := j.ledger.PurgedBatches(ctx, s.step, ids); err != nil {
				return purged, err
			}
		}
		purged += len(ids)
		if len(batches) < j.opts.Batch {
			break
		}
	}
	return purged, nil
}
