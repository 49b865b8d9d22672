package transport_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"idphoto/queue"
	"idphoto/queue/transport"
	"idphoto/queue/transporttest"
)

// rabbitChannelOf opens a channel beside those of the transport.
func rabbitChannelOf(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(os.Getenv("RABBIT_SERVER_URL"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// TestWhatRabbitGivesUpIsKept: a message that is rejected, or returned too often, goes to NAME.dead.
func TestWhatRabbitGivesUpIsKept(t *testing.T) {
	url := rabbitBroker(t).Topics[queue.Express]
	transporttest.Send(t, transporttest.Topic(t, url), "unwanted")
	name := strings.TrimPrefix(url, "rabbit://")
	ch := rabbitChannelOf(t)
	d, ok, err := ch.Get(name, false)
	if err != nil || !ok {
		t.Fatalf("Get = %v, %v", ok, err)
	}
	dead, err := ch.Consume(name+".dead", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Reject(false); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-dead:
		if string(m.Body) != "unwanted" {
			t.Errorf("dead letter is %q", m.Body)
		}
	case <-time.After(10 * time.Second):
		t.Error("the message is lost")
	}
}

// TestEachRabbitRequestTakesOneMessage: a worker with several slots has that many messages in hand,
// and not one more, however long it takes over them.
func TestEachRabbitRequestTakesOneMessage(t *testing.T) {
	const sent, slots = 10, 3
	url := rabbitBroker(t).Topics[queue.Express]
	topic, sub := transporttest.Topic(t, url), transporttest.Subscription(t, url)
	var bodies []string
	for i := range sent {
		bodies = append(bodies, fmt.Sprint(i))
	}
	transporttest.Send(t, topic, bodies...)
	ch := rabbitChannelOf(t)
	name := strings.TrimPrefix(url, "rabbit://")
	for round := range 2 { // in the second the channels are used again
		var held []interface{ Ack() }
		for range slots {
			held = append(held, transporttest.Receive(t, sub))
		}
		rest, err := ch.QueuePurge(name, false) // takes what no receiver has
		if err != nil {
			t.Fatal(err)
		}
		if want := sent - slots; rest != want {
			t.Errorf("round %d: %d messages wait at the broker, want %d", round, rest, want)
		}
		for _, m := range held {
			m.Ack()
		}
		if round == 0 {
			transporttest.Send(t, topic, bodies...)
		}
	}
	transporttest.Close(t, sub)
	if q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil); err != nil || q.Messages != 0 {
		t.Errorf("afterwards the queue has %d messages, %v", q.Messages, err)
	}
}

func TestRabbitURLsHaveNoOtherParameters(t *testing.T) {
	t.Setenv("RABBIT_SERVER_URL", "amqp://127.0.0.1:1/")
	for _, url := range []string{"rabbit://t?prefetch_count=5", "rabbit://t?declare=maybe"} {
		if _, err := transport.OpenSubscription(t.Context(), url); err == nil || !strings.Contains(err.Error(), "parameter") {
			t.Errorf("OpenSubscription(%q) = %v", url, err)
		}
	}
}
