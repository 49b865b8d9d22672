package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gocloud.dev/pubsub"
)

var errClosed = errors.New("transport: closed")

const (
	// closeWithin bounds the closing of a link given up: its connection is mostly dead.
	closeWithin = 5 * time.Second

	// stuckAfter is how long a Send whose caller ran out of time must have lasted for the connection
	// to be blamed. It is below the time that queue.Publisher gives a Send.
	stuckAfter = 3 * time.Second
)

// end is a *pubsub.Topic or *pubsub.Subscription.
type end interface {
	comparable
	Shutdown(ctx context.Context) error
}

// reconnecting keeps one link open.
type reconnecting[T end] struct {
	open func(ctx context.Context) (link[T], error)

	background sync.WaitGroup // links being opened, and stuck ones being closed

	mu      sync.Mutex // guards what is below; never held while the broker is asked
	link    link[T]    // link.end is nil when there is none
	opening *opening   // under way for all who wait; nil when there is none
	closed  bool
}

// opening is one attempt to open a link.
type opening struct {
	done chan struct{}
	err  error // set before done is closed
}

// get returns the open end, and has one opened when there is none. A driver may take its time
// over that, whatever ctx says: the attempt then goes on for those who ask later.
func (r *reconnecting[T]) get(ctx context.Context) (T, error) {
	for {
		end, o, err := r.current(ctx)
		if o == nil {
			return end, err
		}
		select {
		case <-o.done:
			if o.err != nil {
				return end, o.err
			}
		case <-ctx.Done():
			return end, ctx.Err()
		}
	}
}

// first is get for the one who will own the link: after an error nothing stays open.
func (r *reconnecting[T]) first(ctx context.Context) error {
	_, err := r.get(ctx)
	if err != nil {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
	}
	return err
}

// current returns the open end, or else the attempt to open one.
func (r *reconnecting[T]) current(ctx context.Context) (T, *opening, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var none T
	switch {
	case r.closed:
		return none, nil, errClosed
	case r.link.end != none:
		return r.link.end, nil, nil
	case r.opening == nil:
		o := &opening{done: make(chan struct{})}
		r.opening = o
		// Not this caller's ctx: others wait for the link too, and some drivers keep it.
		ctx := context.WithoutCancel(ctx)
		r.background.Go(func() { r.attempt(ctx, o) })
	}
	return none, r.opening, nil
}

func (r *reconnecting[T]) attempt(ctx context.Context, o *opening) {
	l, err := r.open(ctx)
	r.mu.Lock()
	late := r.closed && err == nil
	if !r.closed && err == nil {
		r.link = l
	}
	o.err = err
	r.opening = nil
	close(o.done)
	r.mu.Unlock()
	if late {
		_ = l.abandon() // nobody has used it
	}
}

// giveUp closes the link that failed, unless another caller did so before. It does not wait for a
// link that is stuck.
func (r *reconnecting[T]) giveUp(failed T, stuck bool) {
	r.mu.Lock()
	l := r.link
	if r.closed || l.end != failed {
		r.mu.Unlock()
		return
	}
	r.link = link[T]{}
	closed := make(chan struct{})
	r.background.Go(func() {
		defer close(closed)
		_ = l.abandon() // it has failed already
	})
	r.mu.Unlock()
	if !stuck {
		<-closed
	}
}

// Close sends what is on its way and closes. Calls after it fail.
func (r *reconnecting[T]) Close(ctx context.Context) error {
	r.mu.Lock()
	var none T
	l := r.link
	r.link, r.closed = link[T]{}, true
	r.mu.Unlock()
	var err error
	if l.end != none {
		err = l.shut(ctx)
	}
	settled := make(chan struct{})
	go func() {
		r.background.Wait()
		close(settled)
	}()
	select {
	case <-settled:
		return err
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}

// abandon is shut with its own limit of time.
func (l link[T]) abandon() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	return l.shut(ctx)
}

// shut ends a link in the order that lets the last acknowledgements arrive.
func (l link[T]) shut(ctx context.Context) error {
	var err error
	if e, ok := any(l.end).(interface{ Shutdown(context.Context) error }); ok {
		err = e.Shutdown(ctx)
	}
	if l.close != nil {
		err = errors.Join(err, l.close())
	}
	return err
}

// Topic sends messages. Safe for concurrent use.
type Topic struct{ reconnecting[*pubsub.Topic] }

// OpenTopic opens the topic at a URL. The caller closes it.
func OpenTopic(ctx context.Context, rawURL string) (*Topic, error) {
	u, s, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	t := &Topic{}
	t.open = func(ctx context.Context) (link[*pubsub.Topic], error) { return s.topic(ctx, u) }
	if err := t.first(ctx); err != nil {
		return nil, fmt.Errorf("transport: opening a %s topic: %w", u.Scheme, err)
	}
	return t, nil
}

// Send hands m over and waits until the transport has it, or ctx is done. After an error the next
// Send uses a new connection, and so it does when ctx ended because the broker kept silent; it does
// not try again itself, since the caller knows whether that is wanted.
func (t *Topic) Send(ctx context.Context, m *pubsub.Message) error {
	topic, err := t.get(ctx)
	if err != nil {
		return fmt.Errorf("transport: reconnecting: %w", err)
	}
	began := time.Now()
	if err := topic.Send(ctx, m); err != nil {
		switch {
		case ctx.Err() == nil && !passing(err):
			t.giveUp(topic, false)
		case errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Since(began) >= stuckAfter:
			t.giveUp(topic, true)
		}
		return fmt.Errorf("transport: sending: %w", err)
	}
	return nil
}
