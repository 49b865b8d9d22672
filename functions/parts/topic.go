package parts

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// failureCounts is how long a failed message makes the queue count as not ready, when nothing was
// sent since.
const failureCounts = 30 * time.Second

// watchedTopic remembers how the last message fared. Asking a broker for its health would need a
// message of its own, on every broker another way; what we send tells as much.
type watchedTopic struct {
	queue.Topic

	mu  sync.Mutex
	err error // of the last Send
	at  time.Time
}

func (t *watchedTopic) Send(ctx context.Context, m *pubsub.Message) error {
	err := t.Topic.Send(ctx, m)
	if ctx.Err() == nil { // a caller who left says nothing about the queue
		t.mu.Lock()
		t.err, t.at = err, time.Now()
		t.mu.Unlock()
	}
	return err
}

func (t *watchedTopic) check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil && time.Since(t.at) < failureCounts {
		return fmt.Errorf("the last message was not sent: %w", t.err)
	}
	return nil
}
