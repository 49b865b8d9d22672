// Package parts opens what functions need (ledger, blobs, queue) as the settings say, and makes the
// functions of them. It knows nothing of making photos: a process that only takes them in or hands
// them out needs no C library.
package parts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/semaphore"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/status"
	"idphoto/functions/upload"
	"idphoto/infra/auth"
	"idphoto/infra/blobs"
	"idphoto/infra/config"
	"idphoto/infra/notify"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

// Need says what to open beside the ledger.
type Need struct {
	Blobs bool
	Topic bool // to publish, on every lane
}

// Parts is what is open. Publisher and Blobs are nil when they were not needed.
type Parts struct {
	Ledger    queue.Ledger
	Blobs     *blobs.Store
	Publisher *queue.Publisher

	config *config.Config
	log    *slog.Logger
	people auth.DB // the ledger's database: people, keys and sessions have tables there
	tell   *notify.Notifier
	topics map[string]*watchedTopic // by lane; one that shares the express topic is not there
	room   *semaphore.Weighted      // bytes of pictures being received, by all functions together
	close  []func(context.Context) error
}

// Open opens the parts. What was opened before a failure is closed again.
func Open(ctx context.Context, c *config.Config, need Need, log *slog.Logger) (_ *Parts, err error) {
	p := &Parts{config: c, log: log, topics: make(map[string]*watchedTopic), room: semaphore.NewWeighted(c.UploadMemory)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(ctx))
		}
	}()
	ledger, err := sqlledger.Open(ctx, c.LedgerURL, nil)
	if err != nil {
		return nil, fmt.Errorf("LEDGER_URL: %w", err)
	}
	p.Ledger, p.people = ledger, ledger.SQL()
	p.onClose(func(context.Context) error { return ledger.Close() })
	if p.tell, err = p.notifier(); err != nil {
		return nil, fmt.Errorf("WEBHOOK_URL and others: %w", err)
	}
	if need.Blobs {
		if p.Blobs, err = blobs.Open(ctx, c.BlobsURL); err != nil {
			return nil, fmt.Errorf("BLOBS_URL: %w", err)
		}
		p.onClose(func(context.Context) error { return p.Blobs.Close() })
	}
	if need.Topic {
		if err := p.openPublisher(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Parts) onClose(f func(context.Context) error) { p.close = append(p.close, f) }

// Close closes what is open, the last first.
func (p *Parts) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var errs []error
	for i := len(p.close) - 1; i >= 0; i-- {
		errs = append(errs, p.close[i](ctx))
	}
	p.close = nil
	return errors.Join(errs...)
}

const closeTimeout = 10 * time.Second

// Upload returns the function that takes pictures in. It needs blobs and topic.
func (p *Parts) Upload() *upload.Function {
	return upload.New(p.Publisher, p.Ledger, p.Blobs, &upload.Options{
		MaxImageBytes: p.config.MaxImageBytes, MaxPixels: p.config.MaxPixels, Memory: p.room,
		PublicURL: p.config.PublicURL, TestKinds: p.config.TestKinds, Log: p.log,
	})
}

// Status returns the function that tells about tasks. It needs blobs. streamFor is as in
// status.Options; closing stop ends the event streams.
func (p *Parts) Status(streamFor time.Duration, stop <-chan struct{}) *status.Function {
	return status.New(p.Ledger, p.Blobs, &status.Options{
		PublicURL: p.config.PublicURL, Streams: p.config.EventStreams, StreamFor: streamFor, Stop: stop,
	})
}

// Janitor returns the one that makes up for what got lost. It needs blobs and topic.
func (p *Parts) Janitor() *queue.Janitor {
	c := p.config
	return queue.NewJanitor(p.Ledger, p.Publisher, &queue.JanitorOptions{
		Blobs:     p.Blobs,
		Retention: queue.Retention{Originals: c.RetainOriginals, Results: c.RetainResults, Rows: c.RetainRows},
		Kinds:     []string{photo.Kind},
		Also:      []queue.Chore{{Name: "tell of what happened", Every: notify.Every, Do: p.tell.Tick}},
		Forgetful: transport.InProcess(c.TopicURL) || transport.InProcess(c.BulkTopicURL), Logger: p.log,
	})
}

// Checks returns the readiness of what is open.
func (p *Parts) Checks() map[string]api.Check {
	checks := map[string]api.Check{
		"ledger": func(ctx context.Context) (any, error) { return nil, p.Ledger.Ping(ctx) },
	}
	if p.Blobs != nil {
		checks["blobs"] = func(ctx context.Context) (any, error) { return nil, p.Blobs.Check(ctx) }
	}
	for lane, topic := range p.topics {
		name := "queue"
		if lane != queue.Express {
			name += "_" + lane
		}
		checks[name] = func(context.Context) (any, error) { return nil, topic.check() }
	}
	return checks
}
