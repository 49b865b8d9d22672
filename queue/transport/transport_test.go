package transport

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"gocloud.dev/pubsub"
)

func openMemory(t *testing.T) (*Topic, *Subscription) {
	t.Helper()
	url := "mem://" + rand.Text()
	topic, err := OpenTopic(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := OpenSubscription(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return topic, sub
}

func shut(t *testing.T, ends ...interface{ Close(context.Context) error }) {
	t.Helper()
	for _, e := range ends {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := e.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		cancel()
	}
}

func send(t *testing.T, topic *Topic, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(body)}); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

// receive returns the next message, which must come within half a minute.
func receive(t *testing.T, sub *Subscription) *pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := sub.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return m
}

func TestUnknownSchemesAreNamed(t *testing.T) {
	for _, url := range []string{"carrier-pigeon://loft", "tasks", "://", "mem://t?capacity=-1"} {
		if _, err := OpenTopic(t.Context(), url); err == nil {
			t.Errorf("OpenTopic(%q) succeeded", url)
		}
	}
	_, err := OpenSubscription(t.Context(), "carrier-pigeon://user:secret@loft")
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "rabbit") {
		t.Errorf("OpenSubscription = %v; want the known schemes and no password", err)
	}
	if _, err := OpenSubscription(t.Context(), "awssns:///arn:aws:sns:us-east-1:1:t?region=us-east-1"); err == nil {
		t.Error("a subscription to SNS opened")
	}
}

func TestClosedEndsRefuse(t *testing.T) {
	topic, sub := openMemory(t)
	shut(t, sub, topic)
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("x")}); err == nil {
		t.Error("Send to a closed topic succeeded")
	}
	if _, err := sub.Receive(t.Context()); err == nil {
		t.Error("Receive from a closed subscription succeeded")
	}
	shut(t, sub, topic) // again: no error
}

func TestSystemsAreNamedAsTheConventionsSay(t *testing.T) {
	for url, want := range map[string]string{"mem://t": "mem", "rabbit://t": "rabbitmq", "awssqs://q": "aws_sqs", "gcppubsub://p/t": "gcp_pubsub", "nats://h": "nats", "kafka://t": "kafka", "other://": "gocdk"} {
		if got := System(url); got != want {
			t.Errorf("System(%q) = %q, want %q", url, got, want)
		}
	}
}

// TestAnAbandonedReceiveLosesNothing: a message fetched for a caller that left goes to the next
// one, and no goroutine stays behind.
func TestAnAbandonedReceiveLosesNothing(t *testing.T) {
	topic, sub := openMemory(t)
	gone, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := sub.Receive(gone)
		left <- err
	}()
	cancel()
	if err := <-left; err == nil {
		t.Error("the abandoned Receive returned a message that was not sent")
	}
	send(t, topic, "1", "2")
	for _, want := range []string{"1", "2"} {
		m := receive(t, sub)
		if string(m.Body) != want {
			t.Errorf("received %q, want %q", m.Body, want)
		}
		m.Ack()
	}
	shut(t, sub, topic)
}

func TestCloseEndsReceivers(t *testing.T) {
	topic, sub := openMemory(t)
	ended := make(chan error)
	for range 3 {
		go func() {
			_, err := sub.Receive(context.Background())
			ended <- err
		}()
	}
	shut(t, sub)
	for range 3 {
		if err := <-ended; err == nil {
			t.Error("a receiver got a message that was not sent")
		}
	}
	shut(t, topic)
}
