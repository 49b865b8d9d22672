package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/rabbitpubsub"
)

// rabbit opens rabbit://NAME at $RABBIT_SERVER_URL (amqp://...). NAME is a fanout exchange and a
// quorum queue bound to it, which are declared unless declare=false; what the queue gives up goes
// to NAME.dead and stays there.
//
// Each end has a connection of its own, closed after the end: acknowledgements still on their way
// are lost when the process just exits.
var rabbit = scheme{system: "rabbitmq", topic: openRabbitTopic, subscription: openRabbitSubscription}

func openRabbitTopic(_ context.Context, u *url.URL) (link[*pubsub.Topic], error) {
	name, conn, err := dialRabbit(u)
	if err != nil {
		return link[*pubsub.Topic]{}, err
	}
	return link[*pubsub.Topic]{end: rabbitpubsub.OpenTopic(conn, name, nil), close: closeRabbit(conn)}, nil
}

func openRabbitSubscription(_ context.Context, u *url.URL) (link[*pubsub.Subscription], error) {
	name, conn, err := dialRabbit(u)
	if err != nil {
		return link[*pubsub.Subscription]{}, err
	}
	sub := pubsub.NewSubscription(&rabbitReceiver{conn: conn, queue: name}, &one, nil)
	return link[*pubsub.Subscription]{end: sub, close: closeRabbit(conn)}, nil
}

func dialRabbit(u *url.URL) (name string, conn *amqp.Connection, err error) {
	name, declare := path.Join(u.Host, u.Path), true
	for param, values := range u.Query() {
		if param != "declare" {
			return "", nil, fmt.Errorf("a rabbit URL has no parameter %q", param)
		}
		if declare, err = strconv.ParseBool(values[0]); err != nil {
			return "", nil, errors.New("parameter declare of a rabbit URL is neither true nor false")
		}
	}
	server := os.Getenv("RABBIT_SERVER_URL")
	if server == "" {
		return "", nil, errors.New("RABBIT_SERVER_URL is not set")
	}
	conn, err = amqp.Dial(server)
	if err != nil {
		if _, bad := errors.AsType[*url.Error](err); bad {
			return "", nil, errors.New("RABBIT_SERVER_URL is no amqp URL") // the error would show the password
		}
		return "", nil, err
	}
	if declare {
		if err := declareRabbit(conn, name); err != nil {
			return "", nil, errors.Join(fmt.Errorf("declaring %s: %w", name, err), closeRabbit(conn)())
		}
	}
	return name, conn, nil
}

// declareRabbit makes the exchange and the queue, and those for dead letters. It does nothing to
// ones that are there already and alike.
func declareRabbit(conn *amqp.Connection, name string) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	dead := deadLetters(name)
	for _, end := range []struct {
		name string
		args amqp.Table
	}{
		{dead, amqp.Table{"x-queue-type": "quorum"}},
		{name, amqp.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": dead}},
	} {
		if err := ch.ExchangeDeclare(end.name, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
			return err
		}
		if _, err := ch.QueueDeclare(end.name, true, false, false, false, end.args); err != nil {
			return err
		}
		if err := ch.QueueBind(end.name, "", end.name, false, nil); err != nil {
			return err
		}
	}
	return nil
}

// deadLetters names the queue for messages that a queue gives up: its delivery limit (20 from
// RabbitMQ 4 on, none before) is used up, or somebody rejected them.
func deadLetters(name string) string { return name + ".dead" }

// closeRabbit closes a connection within closeWithin: a blocked broker reads no goodbye.
func closeRabbit(conn *amqp.Connection) func() error {
	return func() error {
		if err := conn.CloseDeadline(time.Now().Add(closeWithin)); err != nil && !errors.Is(err, amqp.ErrClosed) {
			return err
		}
		return nil
	}
}
