// Package canary sends a small portrait through each lane on a timer, the whole way that a customer's
// picture goes. A process can look alive and do no work; a canary that comes out cannot.
//
// Its tasks are of the ordinary kind and bear the label photo.CanaryLabel, by which the gauges find
// the last one that came through (package gauges) and statistics leave them out. What decides whether
// one is due stands in the ledger, so any number of processes may send them, and a restart sends none
// early.
//
// While a canary waits no other joins it: behind a long backlog, or in a paused lane, they would pile
// up. One that is through is erased when the next is sent, so that they take no room; one that died is
// left for the operator.
//
// The portrait is of Grace Hopper, by the US Navy (public domain).
package canary

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

//go:embed portrait.jpg
var portrait []byte

// Submitter accepts tasks. *queue.Publisher is one.
type Submitter interface {
	Submit(ctx context.Context, t queue.Task) (task queue.Task, created bool, err error)
}

// Ledger is what a Sender needs to know. *sqlledger.Ledger is one.
type Ledger interface {
	List(ctx context.Context, f queue.Filter, after queue.Cursor, limit int) ([]queue.Task, queue.Cursor, error)
	Erase(ctx context.Context, id string) (before queue.Task, err error)
}

// Blobs keeps pictures. *blobs.Store is one.
type Blobs interface {
	Write(ctx context.Context, key, contentType string, data []byte) error
	DeletePrefix(ctx context.Context, prefix string) error
}

// Options tunes a Sender. Zero values mean the defaults.
type Options struct {
	Every time.Duration    // between two canaries of a lane; default 5 min
	Now   func() time.Time // the ledger's clock; default time.Now
	Log   *slog.Logger     // default slog.Default
}

// Sender sends canaries.
type Sender struct {
	tasks  Submitter
	ledger Ledger
	blobs  Blobs
	opts   Options
}

// New returns a Sender. ledger must be the one that tasks submits to.
func New(tasks Submitter, ledger Ledger, blobs Blobs, opts *Options) *Sender {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Every <= 0 {
		o.Every = 5 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Sender{tasks: tasks, ledger: ledger, blobs: blobs, opts: o}
}

const (
	looksPerInterval = 4                // so that one is late by at most a quarter
	sendWithin       = 30 * time.Second // bound on sending them all
)

// Run sends canaries until ctx is done. What fails is logged and tried again.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(max(s.opts.Every/looksPerInterval, time.Millisecond))
	defer tick.Stop()
	for {
		sending, cancel := context.WithTimeout(ctx, sendWithin)
		if err := s.Send(sending); err != nil && ctx.Err() == nil {
			s.opts.Log.WarnContext(ctx, "a canary was not sent", "err", err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Send sends one through each lane where one is due. It is for whoever has a timer of his own.
func (s *Sender) Send(ctx context.Context) error {
	var errs []error
	for _, lane := range queue.Lanes {
		if err := s.sendTo(ctx, lane); err != nil {
			errs = append(errs, fmt.Errorf("canary of lane %s: %w", lane, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Sender) sendTo(ctx context.Context, lane string) error {
	last, found, err := s.last(ctx, lane)
	if err != nil {
		return err
	}
	if found {
		if !last.State.Final() || s.opts.Now().Sub(last.CreatedAt) < s.opts.Every {
			return nil
		}
		if err := s.erase(ctx, last); err != nil {
			return err
		}
	}
	return s.submit(ctx, lane)
}

// lastPages bounds the look for a lane's newest canary: a page is short when the other lane's lie
// between.
const lastPages = 5

func (s *Sender) last(ctx context.Context, lane string) (queue.Task, bool, error) {
	var after queue.Cursor
	for range lastPages {
		tasks, next, err := s.ledger.List(ctx, queue.Filter{Label: photo.CanaryLabel, Lane: lane}, after, 1)
		if err != nil {
			return queue.Task{}, false, err
		}
		if len(tasks) > 0 {
			return tasks[0], true, nil
		}
		if next == "" {
			break
		}
		after = next
	}
	return queue.Task{}, false, nil
}

// erase removes what a canary that was through left behind. Its row stays: it says when that was.
func (s *Sender) erase(ctx context.Context, t queue.Task) error {
	if t.State == queue.Dead || t.Erased {
		return nil
	}
	if _, err := s.ledger.Erase(ctx, t.ID); err != nil {
		return err
	}
	return s.blobs.DeletePrefix(ctx, queue.TaskPrefix(t.ID))
}

// submit stores picture and task as the upload function does, or neither.
func (s *Sender) submit(ctx context.Context, lane string) error {
	chosen, err := photo.Choose(photo.Order{})
	if err != nil {
		return err
	}
	options, err := json.Marshal(chosen)
	if err != nil {
		return err
	}
	t := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: lane, Label: photo.CanaryLabel, Options: options}
	t.InputKey = photo.OriginalKey(t.ID)
	if err := s.blobs.Write(ctx, t.InputKey, "image/jpeg", portrait); err != nil {
		return err
	}
	if _, _, err := s.tasks.Submit(ctx, t); err != nil {
		return errors.Join(err, s.blobs.DeletePrefix(context.WithoutCancel(ctx), queue.TaskPrefix(t.ID)))
	}
	return nil
}
