package transport

import (
	"context"
	"net/url"
	"testing"
	"time"

	"gocloud.dev/pubsub"
)

// TestASilentBrokerEndsASendAtItsDeadline: a broker short of memory or disk takes nothing from
// senders and says so to none of them. A Send ends with its context, and once the broker answers
// again the next one succeeds.
func TestASilentBrokerEndsASendAtItsDeadline(t *testing.T) {
	for name, tc := range map[string]struct{ env, what, setting string }{
		"RabbitMQ": {"IDPHOTO_TEST_RABBIT", "an amqp:// URL", "RABBIT_SERVER_URL"},
		"NATS":     {"IDPHOTO_TEST_NATS", "a nats:// URL of a server with JetStream", ""},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(server(t, tc.env, tc.what))
			if err != nil {
				t.Fatal(err)
			}
			w := newWire(t, u.Host)
			u.Host = w.Addr().String()
			t.Setenv(tc.env, u.String())
			topicURL := silentTopic(t, name)
			topic, err := OpenTopic(t.Context(), topicURL)
			if err != nil {
				t.Fatal(err)
			}
			send(t, topic, "before")
			w.pause()
			for range 2 { // the second finds a new connection, or none
				ctx, cancel := context.WithTimeout(t.Context(), stuckAfter+100*time.Millisecond)
				began := time.Now()
				err := topic.Send(ctx, &pubsub.Message{Body: []byte("lost")})
				if took := time.Since(began); err == nil || took > stuckAfter+time.Second {
					t.Errorf("Send to a silent broker = %v after %v", err, took)
				}
				cancel()
			}
			w.resume()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for topic.Send(ctx, &pubsub.Message{Body: []byte("after")}) != nil {
				if ctx.Err() != nil {
					t.Fatal("the topic does not come back")
				}
			}
			shut(t, topic)
		})
	}
}

func silentTopic(t *testing.T, name string) string {
	if name == "NATS" {
		return natsBroker(t).topic
	}
	return rabbitBroker(t).topic
}
