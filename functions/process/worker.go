package process

import (
	"log/slog"
	"maps"
	"time"

	"idphoto/functions/parts"
	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/infra/config"
	"idphoto/models"
	"idphoto/pipeline"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// About is what a worker tells of its process, for operators.
type About struct {
	System    string          // transport, in traces
	Version   string          // of the program
	Provider  models.Provider // where the networks compute
	LoadTime  time.Duration   // how long opening them took
	ColdStart bool            // the process is started for work (a function)
}

// Maker does all kinds of work on pictures. *pipeline.Pipeline is one.
type Maker interface {
	Runner
	Finder
}

// NewWorker returns the worker that makes photos as the settings say. publisher sends the messages of
// tasks that a group picture adds.
func NewWorker(ledger queue.Ledger, publisher *queue.Publisher, store *blobs.Store, maker Maker, c *config.Config, about About, log *slog.Logger) *queue.Worker {
	photos := New(maker, store, &Options{MaxImageBytes: c.MaxImageBytes, DecodeMemory: c.DecodeMemory})
	handlers := map[string]queue.Handler{photo.Kind: photos, photo.Group: NewGroup(maker, photos)}
	if c.TestKinds {
		maps.Copy(handlers, TestHandlers())
	}
	return queue.NewWorker(ledger, handlers, &queue.WorkerOptions{
		Slots: c.Workers, Lease: c.Lease, RenewEvery: c.RenewEvery, Deadline: c.AttemptTimeout, Grace: c.DrainTime,
		Retries: parts.Retries(c), Publisher: publisher, Logger: log,
		System: about.System, Version: about.Version, Provider: string(about.Provider), LoadTime: about.LoadTime, ColdStart: about.ColdStart,
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
