package transport

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/batcher"
	"gocloud.dev/pubsub/driver"

	"idphoto/queue/transport/memory"
)

var errBroken = errors.New("connection reset")

// breakable counts how often a link was opened, and breaks those opened first.
type breakable struct {
	memory.Broker
	opened atomic.Int32
	broken int32
	fails  int32 // openings that fail after the broken ones
}

type brokenTopic struct{ driver.Topic }

func (brokenTopic) SendBatch(context.Context, []*driver.Message) error { return errBroken }
func (brokenTopic) IsRetryable(error) bool                             { return false }
func (brokenTopic) ErrorCode(error) (c gcerrors.ErrorCode)             { return }
func (brokenTopic) Close() error                                       { return nil }

type brokenSubscription struct{ driver.Subscription }

func (brokenSubscription) ReceiveBatch(context.Context, int) ([]*driver.Message, error) {
	return nil, errBroken
}
func (brokenSubscription) IsRetryable(error) bool                 { return false }
func (brokenSubscription) CanNack() bool                          { return true }
func (brokenSubscription) ErrorCode(error) (c gcerrors.ErrorCode) { return }
func (brokenSubscription) Close() error                           { return nil }

func (b *breakable) topic(ctx context.Context) (link[*pubsub.Topic], error) {
	n := b.opened.Add(1)
	switch {
	case n <= b.broken:
		return link[*pubsub.Topic]{end: pubsub.NewTopic(brokenTopic{}, nil)}, nil
	case n <= b.broken+b.fails:
		return link[*pubsub.Topic]{}, errBroken
	}
	t, err := b.OpenTopicURL(ctx, &url.URL{Host: "t"})
	return link[*pubsub.Topic]{end: t}, err
}

func (b *breakable) subscription(ctx context.Context) (link[*pubsub.Subscription], error) {
	n := b.opened.Add(1)
	switch {
	case n <= b.broken:
		return link[*pubsub.Subscription]{end: pubsub.NewSubscription(brokenSubscription{}, &batcher.Options{}, nil)}, nil
	case n <= b.broken+b.fails:
		return link[*pubsub.Subscription]{}, errBroken
	}
	s, err := b.OpenSubscriptionURL(ctx, &url.URL{Host: "t"})
	return link[*pubsub.Subscription]{end: s}, err
}

func TestABrokenTopicIsOpenedAnewForTheNextSend(t *testing.T) {
	b := &breakable{broken: 1, fails: 1}
	topic := &Topic{}
	topic.open = b.topic
	for i := range 2 {
		if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("x")}); !errors.Is(err, errBroken) {
			t.Errorf("Send %d = %v, want the connection's error", i+1, err)
		}
	}
	send(t, topic, "x")
	if n := b.opened.Load(); n != 3 {
		t.Errorf("opened %d times, want 3", n)
	}
	shut(t, topic)
}

func TestABrokenSubscriptionReconnectsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &breakable{broken: 2, fails: 3}
		sub := newSubscription(b.subscription)
		sender, err := b.OpenTopicURL(t.Context(), &url.URL{Host: "t"})
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), &pubsub.Message{Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		receive(t, sub).Ack()
		if n := b.opened.Load(); n != 6 {
			t.Errorf("opened %d times, want 6", n)
		}
		shut(t, sub)
		if err := sender.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullQueueIsNoReasonToReconnect(t *testing.T) {
	opened := 0
	var b memory.Broker
	topic := &Topic{}
	topic.open = func(ctx context.Context) (link[*pubsub.Topic], error) {
		opened++
		end, err := b.OpenTopicURL(ctx, &url.URL{Host: "t", RawQuery: "capacity=1"})
		return link[*pubsub.Topic]{end: end}, err
	}
	send(t, topic, "fits")
	for range 2 {
		if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("x")}); err == nil {
			t.Error("Send to a full queue succeeded")
		}
	}
	if opened != 1 {
		t.Errorf("opened %d times, want once", opened)
	}
	shut(t, topic)
}
