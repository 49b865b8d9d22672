package memory

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openPair opens both ends of one queue; parameters are those of the URLs.
func openPair(t *testing.T, b *Broker, topicParams, subParams string) (*pubsub.Topic, *pubsub.Subscription) {
	t.Helper()
	u := func(params string) *url.URL { return &url.URL{Scheme: Scheme, Host: "tasks", RawQuery: params} }
	topic, err := b.OpenTopicURL(t.Context(), u(topicParams))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := b.OpenSubscriptionURL(t.Context(), u(subParams))
	if err != nil {
		t.Fatal(err)
	}
	return topic, sub
}

func shutdown(t *testing.T, ends ...interface{ Shutdown(context.Context) error }) {
	t.Helper()
	for _, e := range ends {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
}

func send(t *testing.T, topic *pubsub.Topic, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(body)}); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

func receive(t *testing.T, sub *pubsub.Subscription) *pubsub.Message {
	t.Helper()
	m, err := sub.Receive(t.Context())
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return m
}

func want(t *testing.T, m *pubsub.Message, body string) {
	t.Helper()
	if string(m.Body) != body {
		t.Errorf("received %q, want %q", m.Body, body)
	}
}

func TestMessagesComeInOrderEvenIfSentBeforeAnyoneListens(t *testing.T) {
	var b Broker
	topic, sub := openPair(t, &b, "", "")
	var bodies []string
	for i := range 200 {
		bodies = append(bodies, fmt.Sprint(i))
	}
	send(t, topic, bodies...)
	for _, body := range bodies {
		m := receive(t, sub)
		want(t, m, body)
		m.Ack()
	}
	shutdown(t, topic, sub)
}

func TestAnUnackedMessageComesBackAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Broker
		topic, sub := openPair(t, &b, "", "ackdeadline=5s")
		send(t, topic, "first", "second")
		m := receive(t, sub)
		want(t, m, "first")
		receive(t, sub).Ack()
		began := time.Now()
		again := receive(t, sub)
		want(t, again, "first")
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("came back after %v, want 5s", waited)
		}
		m.Ack() // late, and in vain
		again.Ack()
		shutdown(t, sub, topic)
	})
}

func TestALateAckStillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Broker
		topic, sub := openPair(t, &b, "", "ackdeadline=5s")
		send(t, topic, "slow", "next")
		slow := receive(t, sub)
		time.Sleep(6 * time.Second)
		next := receive(t, sub) // "slow" is back, and first in line
		want(t, next, "slow")
		slow.Ack()
		next.Nack()
		synctest.Wait()
		m := receive(t, sub)
		want(t, m, "next")
		m.Ack()
		shutdown(t, sub, topic)
	})
}

func TestANackedMessageComesBackAtOnceAndFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Broker
		topic, sub := openPair(t, &b, "", "")
		send(t, topic, "first", "second")
		began := time.Now()
		receive(t, sub).Nack()
		synctest.Wait()
		for _, body := range []string{"first", "second"} {
			m := receive(t, sub)
			want(t, m, body)
			m.Ack()
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("took %v, want no time", waited)
		}
		shutdown(t, sub, topic)
	})
}

func TestShutdownGivesUnackedMessagesToOthers(t *testing.T) {
	var b Broker
	topic, first := openPair(t, &b, "", "")
	_, second := openPair(t, &b, "", "")
	send(t, topic, "held")
	held := receive(t, first)
	shutdown(t, first)
	m := receive(t, second)
	want(t, m, "held")
	m.Ack()
	held.Ack() // the subscription is gone: no effect, no panic
	shutdown(t, second, topic)
}

func TestAFullQueueRefusesAndDropsNothing(t *testing.T) {
	var b Broker
	topic, sub := openPair(t, &b, "capacity=2", "")
	send(t, topic, "1", "2")
	err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("3")})
	if gcerrors.Code(err) != gcerrors.ResourceExhausted {
		t.Errorf("Send to a full queue = %v, want ResourceExhausted", err)
	}
	m := receive(t, sub)
	want(t, m, "1")
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("3")}); err == nil {
		t.Error("an unacked message made room")
	}
	m.Ack()
	shutdown(t, sub) // waits for the ack
	send(t, topic, "3")
	shutdown(t, topic)
}

func TestEachMessageGoesToOneOfManyReceivers(t *testing.T) {
	var b Broker
	const messages, receivers = 500, 4
	topic, _ := openPair(t, &b, "", "")
	var mu sync.Mutex
	seen := map[string]int{}
	all := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for range receivers {
		_, sub := openPair(t, &b, "", "")
		wg.Go(func() {
			defer sub.Shutdown(context.Background())
			for {
				m, err := sub.Receive(ctx)
				if err != nil {
					return
				}
				m.Ack()
				mu.Lock()
				seen[string(m.Body)]++
				if len(seen) == messages {
					close(all)
				}
				mu.Unlock()
			}
		})
	}
	for i := range messages {
		send(t, topic, fmt.Sprint(i))
	}
	<-all
	cancel()
	wg.Wait()
	for body, n := range seen {
		if n != 1 {
			t.Errorf("message %s came %d times", body, n)
		}
	}
	shutdown(t, topic)
}

func TestBadParametersAreRefused(t *testing.T) {
	var b Broker
	for _, q := range []string{"capacity=0", "capacity=many", "size=3"} {
		if _, err := b.OpenTopicURL(t.Context(), &url.URL{Scheme: Scheme, Host: "t", RawQuery: q}); err == nil {
			t.Errorf("topic with %s opened", q)
		}
	}
	for _, q := range []string{"ackdeadline=0s", "ackdeadline=soon", "prefetch=3"} {
		if _, err := b.OpenSubscriptionURL(t.Context(), &url.URL{Scheme: Scheme, Host: "t", RawQuery: q}); err == nil {
			t.Errorf("subscription with %s opened", q)
		}
	}
}
