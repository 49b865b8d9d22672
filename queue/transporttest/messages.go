package transporttest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/transport"
)

const (
	soon = 30 * time.Second // longer, and a message is lost

	// prompt is when a message has come that no receiver keeps to itself.
	prompt = 5 * time.Second
)

// Topic opens a topic and closes it at the end of the test.
func Topic(t *testing.T, url string) *transport.Topic {
	t.Helper()
	topic, err := transport.OpenTopic(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(t, topic) })
	return topic
}

// Subscription opens a subscription and closes it at the end of the test.
func Subscription(t *testing.T, url string) *transport.Subscription {
	t.Helper()
	sub, err := transport.OpenSubscription(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(t, sub) })
	return sub
}

// Close closes an end; doing it again does nothing.
func Close(t *testing.T, end interface{ Close(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := end.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Send sends messages one after the other.
func Send(t *testing.T, topic *transport.Topic, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(body)}); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

// Receive returns the next message, which must come soon.
func Receive(t *testing.T, sub *transport.Subscription) *pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	m, err := sub.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return m
}

// numbered returns n different messages.
func numbered(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprintf(`{"n":%03d}`, i)
	}
	return bodies
}

// receiveAll acknowledges messages until all of want have come, some perhaps twice.
func receiveAll(t *testing.T, sub *transport.Subscription, want []string) {
	t.Helper()
	missing := slices.Clone(want)
	for len(missing) > 0 {
		m := Receive(t, sub)
		if !slices.Contains(want, string(m.Body)) {
			t.Errorf("received %q, which was not sent here", m.Body)
		}
		missing = slices.DeleteFunc(missing, func(body string) bool { return body == string(m.Body) })
		m.Ack()
	}
}

func everySentMessageArrives(t *testing.T, b Broker) {
	sub, topic := Subscription(t, b.Subscriptions[queue.Express]), Topic(t, b.Topics[queue.Express])
	sent := numbered(20)
	Send(t, topic, sent...)
	receiveAll(t, sub, sent)
}

func earlyMessagesArrive(t *testing.T, b Broker) {
	// Most brokers need the queue to be there, but nobody at it.
	Close(t, Subscription(t, b.Subscriptions[queue.Express]))
	sent := numbered(10)
	Send(t, Topic(t, b.Topics[queue.Express]), sent...)
	receiveAll(t, Subscription(t, b.Subscriptions[queue.Express]), sent)
}

// killedReceiversMessageComesAgain kills a process with a message in hand.
func killedReceiversMessageComesAgain(t *testing.T, b Broker) {
	h := newHolder(t, b, b.Subscriptions[queue.Express])
	Send(t, Topic(t, b.Topics[queue.Express]), "held")
	h.hold(t)
	h.kill(t)
	began := time.Now()
	receiveAll(t, Subscription(t, b.Subscriptions[queue.Express]), []string{"held"})
	if took := time.Since(began); took > b.Redelivery+prompt {
		t.Errorf("it came again only after %v", took)
	}
}

func lanesDoNotMix(t *testing.T, b Broker) {
	subs := map[string]*transport.Subscription{}
	for _, lane := range b.lanes() {
		subs[lane] = Subscription(t, b.Subscriptions[lane])
	}
	sent := map[string][]string{}
	for _, lane := range b.lanes() {
		for _, body := range numbered(5) {
			sent[lane] = append(sent[lane], lane+body)
		}
		Send(t, Topic(t, b.Topics[lane]), sent[lane]...)
	}
	for lane, sub := range subs {
		receiveAll(t, sub, sent[lane]) // a message of the other lane is an error there
	}
}

// busyReceiverHoardsNothing: read-ahead would keep messages from idle workers. The busy receiver
// has been at work before, when drivers begin to read ahead.
func busyReceiverHoardsNothing(t *testing.T, b Broker) {
	busy, topic := Subscription(t, b.Subscriptions[queue.Express]), Topic(t, b.Topics[queue.Express])
	first := numbered(30)
	Send(t, topic, first...)
	receiveAll(t, busy, first)
	var sent []string
	for i := range 5 {
		sent = append(sent, fmt.Sprint("second ", i))
	}
	Send(t, topic, sent...)
	held := Receive(t, busy)
	began := time.Now()
	idle := Subscription(t, b.Subscriptions[queue.Express])
	receiveAll(t, idle, slices.DeleteFunc(sent, func(body string) bool { return body == string(held.Body) }))
	if took := time.Since(began); took > prompt {
		t.Errorf("the idle receiver got the rest only after %v", took)
	}
	held.Ack()
}

// putBackComesAgain: a worker puts back what it has no slot for, to be taken by another.
func putBackComesAgain(t *testing.T, b Broker) {
	sub, topic := Subscription(t, b.Subscriptions[queue.Express]), Topic(t, b.Topics[queue.Express])
	Send(t, topic, "too much")
	m := Receive(t, sub)
	if !m.Nackable() {
		t.Fatal("the message cannot be put back")
	}
	m.Nack()
	began := time.Now()
	receiveAll(t, sub, []string{"too much"})
	if took := time.Since(began); took > prompt {
		t.Errorf("it came again only after %v", took)
	}
}

// acksArriveBeforeCloseReturns: afterwards the process may end.
func acksArriveBeforeCloseReturns(t *testing.T, b Broker) {
	sub, topic := Subscription(t, b.Subscriptions[queue.Express]), Topic(t, b.Topics[queue.Express])
	sent := numbered(30)
	Send(t, topic, sent...)
	receiveAll(t, sub, sent)
	Close(t, sub)
	ctx, cancel := context.WithTimeout(t.Context(), b.Redelivery+time.Second)
	defer cancel()
	left := 0
	again := Subscription(t, b.Subscriptions[queue.Express])
	for {
		m, err := again.Receive(ctx)
		if err != nil {
			break
		}
		left++
		m.Ack()
	}
	if left > 0 {
		t.Errorf("%d of %d acknowledged messages came again", left, len(sent))
	}
}
