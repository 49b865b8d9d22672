package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// Waits between attempts to reconnect.
const (
	reconnectBase  = 200 * time.Millisecond
	reconnectLimit = 10 * time.Second
)

// Subscription receives messages. Safe for concurrent use.
//
// The Go CDK's Receive must not be abandoned: when its context ends while a fetch is on its way,
// the fetched message hides in a local queue and the fetching goroutine may never end. So each
// fetch runs to its end here, and a message that nobody waits for any more goes to the next caller.
type Subscription struct {
	link reconnecting[*pubsub.Subscription]

	got      chan *pubsub.Message
	closing  chan struct{}
	fetchers sync.WaitGroup

	mu       sync.Mutex // guards what is below
	waiting  int        // callers of Receive
	fetching int        // fetches whose message no caller has taken yet
	closed   bool
}

// OpenSubscription opens the subscription at a URL. The caller closes it, after the last message
// has been acknowledged.
func OpenSubscription(ctx context.Context, rawURL string) (*Subscription, error) {
	u, s, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	if s.subscription == nil {
		return nil, fmt.Errorf("transport: %s has topics only", u.Scheme)
	}
	sub := newSubscription(func(ctx context.Context) (link[*pubsub.Subscription], error) { return s.subscription(ctx, u) })
	if err := sub.link.first(ctx); err != nil {
		return nil, fmt.Errorf("transport: opening a %s subscription: %w", u.Scheme, err)
	}
	return sub, nil
}

func newSubscription(open func(context.Context) (link[*pubsub.Subscription], error)) *Subscription {
	s := &Subscription{got: make(chan *pubsub.Message), closing: make(chan struct{})}
	s.link.open = open
	return s
}

// Receive returns the next message. When the connection is lost it reconnects, for as long as ctx
// allows; an error means that ctx is done or the subscription closed.
func (s *Subscription) Receive(ctx context.Context) (*pubsub.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !s.want() {
		return nil, errClosed
	}
	select {
	case m := <-s.got:
		s.unwant(1)
		return m, nil
	case <-ctx.Done():
		s.unwant(0)
		return nil, ctx.Err()
	case <-s.closing:
		s.unwant(0)
		return nil, errClosed
	}
}

// want counts a caller, and starts a fetch for it unless one is on its way for nobody.
func (s *Subscription) want() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.waiting++
	if s.fetching < s.waiting {
		s.fetching++
		s.fetchers.Go(s.fetch)
	}
	return true
}

func (s *Subscription) unwant(taken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	s.fetching -= taken
}

// fetch gets one message and hands it to a caller, now or later.
func (s *Subscription) fetch() {
	m, err := s.next()
	if err != nil {
		return // closed
	}
	select {
	case s.got <- m:
	case <-s.closing:
		if m.Nackable() {
			m.Nack() // not to try again: nobody has looked at it
		}
	}
}

// next asks for a message and reconnects until there is one. It ends when the subscription closes.
func (s *Subscription) next() (*pubsub.Message, error) {
	ctx := context.Background() // ended by closing, see above
	wait := queue.FullJitter(reconnectBase, reconnectLimit)
	for n := 1; ; n++ {
		sub, err := s.link.get(ctx)
		if err == nil {
			var m *pubsub.Message
			if m, err = sub.Receive(ctx); err == nil {
				return m, nil
			}
			s.link.giveUp(sub, false)
		}
		if errors.Is(err, errClosed) {
			return nil, err
		}
		select {
		case <-s.closing:
			return nil, errClosed
		default:
			slog.Warn("subscription lost, connecting again", "err", err.Error()) // without the frames that the Go CDK adds
		}
		select {
		case <-s.closing:
			return nil, errClosed
		case <-time.After(wait(n)):
		}
	}
}

// Close sends the acknowledgements on their way and closes. Calls of Receive end with an error.
func (s *Subscription) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	ended := make(chan error, 1)
	go func() { // drivers may take longer than ctx
		err := s.link.Close(ctx)
		s.fetchers.Wait()
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
