package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// submitAll submits tasks at the rate, now and then a batch, until ctx is done.
func (s *soaker) submitAll(ctx context.Context) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / s.cmd.Rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		// What has begun is brought to its end: a submitter that dies half-way is another test's.
		if rand.N(200) == 0 {
			err = s.submitBatch(context.WithoutCancel(ctx))
		} else {
			err = s.submit(context.WithoutCancel(ctx))
		}
		if err != nil {
			return fmt.Errorf("submitting: %w", err)
		}
	}
}

// newTask makes one of several kinds of tasks, and stores its original where it has one.
func (s *soaker) newTask(ctx context.Context) (queue.Task, error) {
	t := queue.Task{ID: queue.NewID(), Kind: photo.Noop, Lane: queue.Lanes[rand.N(len(queue.Lanes))], Label: "soak"}
	switch n := rand.N(1000); {
	case n < 4:
		t.Kind, t.MaxAttempts = photo.Crash, 3
		t.Options = options(photo.TestOptions{How: photo.Kill})
	case n < 5:
		t.Kind, t.MaxAttempts = photo.Crash, 3
		t.Options = options(photo.TestOptions{How: photo.Hang})
	case n < 14:
		t.Kind, t.MaxAttempts = photo.Crash, 3
		t.Options = options(photo.TestOptions{How: photo.Panic})
	case n < 200:
		t.Options = options(photo.TestOptions{Sleep: rand.N(50 * time.Millisecond), Stages: 1 + rand.N(3)})
	default:
		t.Kind, t.InputKey = soakKind, photo.OriginalKey(t.ID)
		return t, s.stores.blobs.Write(ctx, t.InputKey, "image/jpeg", []byte(t.ID))
	}
	return t, nil
}

func options(o photo.TestOptions) json.RawMessage {
	b, err := json.Marshal(o)
	if err != nil {
		panic("options of two numbers and a word do not encode: " + err.Error())
	}
	return b
}

func (s *soaker) submit(ctx context.Context) error {
	t, err := s.newTask(ctx)
	if err != nil {
		return err
	}
	_, _, err = s.publisher.Submit(ctx, t)
	if errors.Is(err, queue.ErrNotPublished) {
		s.note("tasks refused by a full queue", 1)
		return s.stores.blobs.DeletePrefix(ctx, queue.TaskPrefix(t.ID))
	}
	if err == nil {
		s.accept(t.ID)
	}
	return err
}

func (s *soaker) accept(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = append(s.accepted, ids...)
}

func (s *soaker) submitBatch(ctx context.Context) error {
	b := queue.Batch{ID: queue.NewID(), Name: "soak"}
	b.ManifestKey = "batches/" + b.ID + "/manifest.json"
	var tasks []queue.Task
	var ids []string
	for range 2 + rand.N(30) {
		t, err := s.newTask(ctx)
		if err != nil {
			return err
		}
		t.Lane = queue.Bulk
		tasks, ids = append(tasks, t), append(ids, t.ID)
	}
	if err := s.stores.blobs.Write(ctx, b.ManifestKey, "application/json", []byte("{}")); err != nil {
		return err
	}
	if _, _, err := s.publisher.SubmitBatch(ctx, b, tasks); err != nil {
		return err
	}
	s.note("batches", 1)
	s.accept(ids...)
	return nil
}

// trouble does one bad thing after the other until ctx is done.
func (s *soaker) trouble(ctx context.Context) error {
	warm := s.cmd.For / 6
	measure := time.Now().Add(warm)
	for ctx.Err() == nil {
		wait(ctx, rand.N(time.Second/2))
		if err := s.revive(); err != nil {
			return err
		}
		if time.Now().After(measure) {
			s.measureMemory(warm)
			measure = time.Now().Add(max(s.cmd.For/10, time.Second))
		}
		var err error
		switch rand.N(10) {
		case 0, 1, 2:
			err = s.killOne()
		case 3, 4, 5:
			err = s.disturb(ctx, "cancelled", s.cancel)
		case 6:
			err = s.disturb(ctx, "erased", s.erase)
		case 7:
			err = s.retryDead(ctx)
		case 8:
			err = s.pause(ctx)
		case 9:
			s.fill(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// killOne kills a process that is not spared.
func (s *soaker) killOne() error {
	c := s.crew[rand.N(len(s.crew))]
	if c.spared {
		return nil
	}
	return s.kill(c)
}

// disturb does f to some of the latest tasks.
func (s *soaker) disturb(ctx context.Context, what string, f func(ctx context.Context, id string) error) error {
	s.mu.Lock()
	latest := slices.Clone(s.accepted[max(0, len(s.accepted)-50):])
	s.mu.Unlock()
	for range min(3, len(latest)) {
		err := f(ctx, latest[rand.N(len(latest))])
		switch {
		case err == nil:
			s.note("tasks "+what, 1)
		case !errors.Is(err, queue.ErrFinal):
			return err
		}
	}
	return nil
}

func (s *soaker) cancel(ctx context.Context, id string) error {
	_, err := s.stores.ledger.Cancel(ctx, id)
	return err
}

func (s *soaker) erase(ctx context.Context, id string) error {
	ctx = context.WithoutCancel(ctx) // row and blobs
	if _, err := s.stores.ledger.Erase(ctx, id); err != nil {
		return err
	}
	return s.stores.blobs.DeletePrefix(ctx, queue.TaskPrefix(id))
}

// retryDead has operators run dead and cancelled tasks again.
func (s *soaker) retryDead(ctx context.Context) error {
	tasks, _, err := s.stores.ledger.List(ctx, queue.Filter{States: []queue.State{queue.Dead, queue.Cancelled}}, "", 20)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if rand.N(3) > 0 {
			continue
		}
		_, err := s.stores.ledger.Requeue(ctx, t.ID, 2)
		switch {
		case err == nil:
			s.note("tasks run again", 1)
		case !errors.Is(err, queue.ErrNotRequeued):
			return err
		}
	}
	return nil
}

// pause stops a lane for a while.
func (s *soaker) pause(ctx context.Context) error {
	lane := queue.Lanes[rand.N(len(queue.Lanes))]
	if err := s.stores.ledger.PauseLane(ctx, lane, "soak"); err != nil {
		return err
	}
	s.note("pauses of a lane", 1)
	wait(ctx, rand.N(3*time.Second))
	return s.stores.ledger.ResumeLane(context.WithoutCancel(ctx), lane)
}

// fill has the relay be full for a while. A broker's queue is not ours to fill.
func (s *soaker) fill(ctx context.Context) {
	if s.server == nil {
		return
	}
	s.relay.capacity.Store(0)
	s.note("times that the queue was full", 1)
	wait(ctx, rand.N(time.Second))
	s.relay.capacity.Store(relayRoom)
}
