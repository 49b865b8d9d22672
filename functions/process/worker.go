package process

import (
	"log/slog"

	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/infra/config"
	"idphoto/models"
	"idphoto/pipeline"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// NewWorker returns the worker that makes photos as the settings say. system names the transport
// in traces.
func NewWorker(ledger queue.Ledger, store *blobs.Store, runner Runner, c *config.Config, system string, log *slog.Logger) *queue.Worker {
	handlers := map[string]queue.Handler{
		photo.Kind: New(runner, store, &Options{MaxImageBytes: c.MaxImageBytes, DecodeMemory: c.DecodeMemory}),
	}
	return queue.NewWorker(ledger, handlers, &queue.WorkerOptions{
		Slots: c.Workers, Lease: c.Lease, RenewEvery: c.RenewEvery, Deadline: c.AttemptTimeout, Grace: c.DrainTime,
		Backoff: queue.FullJitter(c.RetryBase, c.RetryLimit), System: system, Logger: log,
	})
}

// Engine returns the pipeline's options as the settings say.
func Engine(c *config.Config) *pipeline.Options {
	return &pipeline.Options{
		Models:      models.Options{Provider: models.Provider(c.ExecutionProvider), Threads: c.ModelThreads},
		Matte:       c.MatteModel,
		MattePixels: c.MattePixels,
		Limits:      &picture.Limits{MaxBytes: c.MaxImageBytes, MaxPixels: c.MaxPixels},
	}
}
