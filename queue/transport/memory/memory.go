// Package memory is a transport inside one process: a Go CDK pubsub driver whose queues are first
// in, first out, wake a waiting receiver at once, and keep what was sent before anybody listened.
//
// A name is one queue. Everyone who opens a subscription to it takes from that queue, so each
// message goes to one receiver. A message that is not acknowledged within the ack deadline, or
// whose subscription is shut down, or that is nacked, goes back to the front.
//
// A queue holds a bounded number of messages; beyond that Send fails with ResourceExhausted and
// nothing is dropped. All of it is lost when the process ends: the ledger is the truth, and a
// janitor with JanitorOptions.Forgetful publishes what waits when the next process starts.
package memory

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"sync"
	"time"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/batcher"
)

// Scheme is the URL scheme of this transport.
const Scheme = "mem"

const (
	// DefaultCapacity bounds a queue: some 40 MB of our messages.
	DefaultCapacity = 100_000

	// DefaultAckDeadline is above the longest attempt, so that a message comes back only when its
	// receiver forgot it.
	DefaultAckDeadline = 2 * time.Minute
)

// Broker holds the queues of one process. The zero value is ready to use.
type Broker struct {
	mu     sync.Mutex
	queues map[string]*queue
}

// queue returns the named queue, new when there is none.
func (b *Broker) queue(name string) *queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[name]
	if q == nil {
		if b.queues == nil {
			b.queues = make(map[string]*queue)
		}
		q = newQueue()
		b.queues[name] = q
	}
	return q
}

// OpenTopicURL opens "mem://name". Parameter capacity bounds the messages of the queue that are
// waiting or unacknowledged, default DefaultCapacity.
func (b *Broker) OpenTopicURL(_ context.Context, u *url.URL) (*pubsub.Topic, error) {
	capacity := DefaultCapacity
	for name, values := range u.Query() {
		n, err := strconv.Atoi(values[0])
		if name != "capacity" || err != nil || n < 1 {
			return nil, fmt.Errorf("memory: open topic: bad parameter %q", name)
		}
		capacity = n
	}
	q := b.queue(path.Join(u.Host, u.Path))
	return pubsub.NewTopic(&topic{q: q, capacity: capacity}, &batcher.Options{MaxHandlers: 1}), nil
}

// OpenSubscriptionURL opens "mem://name". Parameter ackdeadline is a duration, default
// DefaultAckDeadline.
func (b *Broker) OpenSubscriptionURL(_ context.Context, u *url.URL) (*pubsub.Subscription, error) {
	deadline := DefaultAckDeadline
	for name, values := range u.Query() {
		d, err := time.ParseDuration(values[0])
		if name != "ackdeadline" || err != nil || d <= 0 {
			return nil, fmt.Errorf("memory: open subscription: bad parameter %q", name)
		}
		deadline = d
	}
	q := b.queue(path.Join(u.Host, u.Path))
	// One message per request: whoever asks has time for one.
	one := &batcher.Options{MaxBatchSize: 1, MaxHandlers: 1}
	return pubsub.NewSubscription(&subscription{q: q, deadline: deadline}, one, nil), nil
}
