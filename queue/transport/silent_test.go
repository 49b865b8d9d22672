package transport_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/transporttest"
)

// stuckAfter is when transport blames the connection; queue.Publisher waits for longer.
const stuckAfter = 3 * time.Second

// TestASilentBrokerEndsASendAtItsDeadline: a broker short of memory or disk takes nothing from
// senders and says so to none of them. A Send ends with its context, and once the broker answers
// again the next one succeeds.
func TestASilentBrokerEndsASendAtItsDeadline(t *testing.T) {
	for name, tc := range map[string]struct {
		server string
		broker func(*testing.T) transporttest.Broker
	}{
		"RabbitMQ": {rabbitEnv, rabbitBroker},
		"NATS":     {natsEnv, jetStreamBroker},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(server(t, tc.server))
			if err != nil {
				t.Fatal(err)
			}
			w := newWire(t, u.Host)
			u.Host = w.Addr().String()
			t.Setenv(tc.server, u.String())
			topic := transporttest.Topic(t, tc.broker(t).Topics[queue.Express])
			transporttest.Send(t, topic, "before")
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
		})
	}
}
