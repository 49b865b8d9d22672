package transporttest

import (
	"context"
	"slices"
	"sync"

	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// fault makes a topic do what transports do on a bad day.
type fault func(queue.Topic) queue.Topic

// sender is a topic made of a function.
type sender func(ctx context.Context, m *pubsub.Message) error

func (f sender) Send(ctx context.Context, m *pubsub.Message) error { return f(ctx, m) }

func faultless(to queue.Topic) queue.Topic { return to }

// copied is a message like m: Go CDK takes each only once.
func copied(m *pubsub.Message) *pubsub.Message { return &pubsub.Message{Body: slices.Clone(m.Body)} }

// doubling sends every message twice.
func doubling(to queue.Topic) queue.Topic {
	return sender(func(ctx context.Context, m *pubsub.Message) error {
		if err := to.Send(ctx, copied(m)); err != nil {
			return err
		}
		return to.Send(ctx, m)
	})
}

// dropping loses every second message among the first so many, and says nothing.
func dropping(first int) fault {
	return func(to queue.Topic) queue.Topic {
		var mu sync.Mutex
		n := 0
		return sender(func(ctx context.Context, m *pubsub.Message) error {
			mu.Lock()
			n++
			lost := n <= first && n%2 == 0
			mu.Unlock()
			if lost {
				return nil
			}
			return to.Send(ctx, m)
		})
	}
}

// reversing keeps messages until it has so many, and sends the last one first.
func reversing(group int) fault {
	return func(to queue.Topic) queue.Topic {
		var mu sync.Mutex
		var kept []*pubsub.Message
		return sender(func(ctx context.Context, m *pubsub.Message) error {
			mu.Lock()
			defer mu.Unlock()
			kept = append(kept, m)
			if len(kept) < group {
				return nil
			}
			for len(kept) > 0 {
				last := kept[len(kept)-1]
				kept = kept[:len(kept)-1]
				if err := to.Send(ctx, last); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
