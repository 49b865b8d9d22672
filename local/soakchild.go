package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"idphoto/functions/photo"
	"idphoto/functions/process"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

// soakOrderEnv holds a child's order. URLs may have passwords: the environment shows them to
// nobody else, a command line would.
const soakOrderEnv = "IDPHOTO_SOAK_ORDER"

// soakOrder tells a child of the soak what to be.
type soakOrder struct {
	Role          string // "worker" or "janitor"
	Ledger, Blobs string // URLs
	Queue         string // URL of the relay ("http://...") or a broker
	QueueBulk     string // of a broker; empty: shared
	Calm          bool   // no made faults: the soak is to come to its end
	Gentle        bool   // the worker has no handler for tasks that kill it
}

// Times of the soak: short, so that minutes show what takes hours.
const (
	soakLease    = 2 * time.Second
	soakRenew    = 500 * time.Millisecond
	soakOriginal = 20 * time.Second // retention
	soakOrphans  = 30 * time.Second
)

var soakRetries = queue.Retries{Default: queue.RetryPolicy{Attempts: 6, Base: 200 * time.Millisecond, Limit: 2 * time.Second}}

// soakChildCmd is one process of the soak. It works until it is killed, told to stop, or its
// parent is gone.
type soakChildCmd struct{}

func (*soakChildCmd) Run(ctx context.Context) (err error) {
	var o soakOrder
	if err := json.Unmarshal([]byte(os.Getenv(soakOrderEnv)), &o); err != nil {
		return fmt.Errorf("%s: %w", soakOrderEnv, err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		os.Exit(0)
	}()
	l, err := sqlledger.Open(ctx, o.Ledger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	store, err := blobs.Open(ctx, o.Blobs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if o.Role == "janitor" {
		return o.janitor(ctx, l, store, log)
	}
	return o.worker(ctx, l, store, log)
}

func (o soakOrder) janitor(ctx context.Context, l queue.Ledger, store *blobs.Store, log *slog.Logger) error {
	topics, closeTopics, err := o.topics(ctx)
	if err != nil {
		return err
	}
	p := queue.NewPublisher(l, topics, &queue.PublisherOptions{Logger: log, Retries: soakRetries})
	queue.NewJanitor(l, p, soakJanitor(store, log)).Run(ctx)
	return closeTopics(context.WithoutCancel(ctx))
}

func soakJanitor(store *blobs.Store, log *slog.Logger) *queue.JanitorOptions {
	return &queue.JanitorOptions{
		ReapEvery: 500 * time.Millisecond, StaleEvery: 200 * time.Millisecond, UnclaimedAfter: 2 * time.Second, LostEvery: time.Second,
		RollUpEvery: time.Second, SampleEvery: 10 * time.Second, PurgeEvery: 2 * time.Second, SweepEvery: 5 * time.Second,
		Blobs: store, Retention: queue.Retention{Originals: soakOriginal, Results: -1, Rows: -1}, OrphanAge: soakOrphans,
		Backoff: queue.FullJitter(200*time.Millisecond, 2*time.Second), Logger: log,
	}
}

// topics opens the lanes' topics, leaky unless the order is calm.
func (o soakOrder) topics(ctx context.Context) (map[string]queue.Topic, func(context.Context) error, error) {
	topics := make(map[string]queue.Topic)
	var closers []func(context.Context) error
	closeAll := func(ctx context.Context) error {
		var errs []error
		for _, f := range closers {
			errs = append(errs, f(ctx))
		}
		return errors.Join(errs...)
	}
	for _, lane := range queue.Lanes {
		var topic queue.Topic = relayTopic{http.DefaultClient, o.Queue + "/" + lane}
		if !o.relayed() {
			opened, err := transport.OpenTopic(ctx, o.broker(lane))
			if err != nil {
				return nil, nil, errors.Join(err, closeAll(ctx))
			}
			closers = append(closers, opened.Close)
			topic = opened
		}
		if !o.Calm {
			topic = &leakyTopic{Topic: topic}
		}
		topics[lane] = topic
	}
	return topics, closeAll, nil
}

func (o soakOrder) relayed() bool { return strings.HasPrefix(o.Queue, "http://") }

func (o soakOrder) broker(lane string) string {
	if lane == queue.Bulk {
		return cmp.Or(o.QueueBulk, o.Queue)
	}
	return o.Queue
}

func (o soakOrder) worker(ctx context.Context, l queue.Ledger, store *blobs.Store, log *slog.Logger) error {
	handlers := process.TestHandlers()
	if o.Gentle {
		delete(handlers, photo.Crash)
	}
	maps.Copy(handlers, map[string]queue.Handler{soakKind: &soakHandler{badBlobs{store, !o.Calm}}})
	w := queue.NewWorker(l, handlers, &queue.WorkerOptions{
		Slots: 4, Lease: soakLease, RenewEvery: soakRenew, Deadline: 5 * time.Second, StopMargin: time.Second, StageLimit: 3 * time.Second, Grace: 3 * time.Second,
		Retries: soakRetries, Logger: log,
	})
	subs := make(map[string]queue.Subscription)
	var feeding sync.WaitGroup
	feedCtx, stopFeeding := context.WithCancel(ctx)
	defer feeding.Wait()
	defer stopFeeding()
	for _, lane := range queue.Lanes {
		url := o.broker(lane)
		if o.relayed() {
			url = "mem://" + lane
			topic, err := transport.OpenTopic(ctx, url+"?capacity=2")
			if err != nil {
				return err
			}
			defer topic.Close(context.WithoutCancel(ctx))
			feeding.Go(func() { feed(feedCtx, http.DefaultClient, o.Queue+"/"+lane, topic) })
		}
		sub, err := transport.OpenSubscription(ctx, url)
		if err != nil {
			return err
		}
		defer sub.Close(context.WithoutCancel(ctx))
		subs[lane] = sub
		if !o.relayed() && o.QueueBulk == "" {
			break // bulk shares the express lane's queue
		}
	}
	if err := w.Run(ctx, subs); errors.Is(err, queue.ErrStuck) {
		os.Exit(exitStuck)
	} else if err != nil {
		return err
	}
	return nil
}

// exitStuck is a worker's exit status when a task hangs: nothing but its end stops that task.
const exitStuck = 70
