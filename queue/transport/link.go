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

// closeWithin bounds the closing of a link given up: its connection is mostly dead.
const closeWithin = 5 * time.Second

// end is a *pubsub.Topic or *pubsub.Subscription.
type end interface {
	comparable
	Shutdown(ctx context.Context) error
}

// reconnecting keeps one link open.
type reconnecting[T end] struct {
	open func(ctx context.Context) (link[T], error)

	mu     sync.Mutex // guards what is below; held while opening, so that one caller does it
	link   link[T]    // link.end is nil when there is none
	closed bool
}

// get returns the open end, and opens one when there is none.
func (r *reconnecting[T]) get(ctx context.Context) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var none T
	if r.closed {
		return none, errClosed
	}
	if r.link.end != none {
		return r.link.end, nil
	}
	l, err := r.open(ctx)
	if err != nil {
		return none, err
	}
	r.link = l
	return l.end, nil
}

// giveUp closes the link that failed, unless another caller did so before.
func (r *reconnecting[T]) giveUp(failed T) {
	r.mu.Lock()
	l := r.link
	if r.closed || l.end != failed {
		r.mu.Unlock()
		return
	}
	r.link = link[T]{}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	_ = l.shut(ctx) // it has failed already
}

// Close sends what is on its way and closes. Calls after it fail.
func (r *reconnecting[T]) Close(ctx context.Context) error {
	r.mu.Lock()
	var none T
	l := r.link
	r.link, r.closed = link[T]{}, true
	r.mu.Unlock()
	if l.end == none {
		return nil
	}
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
	if _, err := t.get(ctx); err != nil {
		return nil, fmt.Errorf("transport: opening a %s topic: %w", u.Scheme, err)
	}
	return t, nil
}

// Send hands m over and waits until the transport has it. After an error the next Send uses a new
// connection; it does not try again itself, since the caller knows whether that is wanted.
func (t *Topic) Send(ctx context.Context, m *pubsub.Message) error {
	topic, err := t.get(ctx)
	if err != nil {
		return fmt.Errorf("transport: reconnecting: %w", err)
	}
	if err := topic.Send(ctx, m); err != nil {
		if ctx.Err() == nil && !passing(err) {
			t.giveUp(topic)
		}
		return fmt.Errorf("transport: sending: %w", err)
	}
	return nil
}
