package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"runtime"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/rabbitpubsub"
)

// rabbit opens rabbit://NAME at $RABBIT_SERVER_URL (amqp://...). NAME is a fanout exchange and a
// quorum queue bound to it, which are declared unless declare=false; what the queue gives up goes
// to NAME.dead and stays there. prefetch_count, for subscriptions, is how many messages may be on
// their way here unacknowledged: set it to the worker's slots; the default is the number of CPUs,
// as it is for slots. (The driver's own default is unlimited: one worker hoards all.)
//
// Each end has a connection of its own, closed after the end: acknowledgements still on their way
// are lost when the process just exits.
var rabbit = scheme{system: "rabbitmq", topic: openRabbitTopic, subscription: openRabbitSubscription}

func openRabbitTopic(_ context.Context, u *url.URL) (link[*pubsub.Topic], error) {
	name, _, conn, err := dialRabbit(u)
	if err != nil {
		return link[*pubsub.Topic]{}, err
	}
	return link[*pubsub.Topic]{end: rabbitpubsub.OpenTopic(conn, name, nil), close: closeRabbit(conn)}, nil
}

func openRabbitSubscription(_ context.Context, u *url.URL) (link[*pubsub.Subscription], error) {
	name, prefetch, conn, err := dialRabbit(u)
	if err != nil {
		return link[*pubsub.Subscription]{}, err
	}
	sub := rabbitpubsub.OpenSubscription(conn, name, &rabbitpubsub.SubscriptionOptions{PrefetchCount: &prefetch})
	return link[*pubsub.Subscription]{end: sub, close: closeRabbit(conn)}, nil
}

func dialRabbit(u *url.URL) (name string, prefetch int, conn *amqp.Connection, err error) {
	name, prefetch, declare := path.Join(u.Host, u.Path), runtime.NumCPU(), true
	for param, values := range u.Query() {
		switch param {
		case "prefetch_count":
			prefetch, err = strconv.Atoi(values[0])
		case "declare":
			declare, err = strconv.ParseBool(values[0])
		default:
			err = errors.New("unknown")
		}
		if err != nil || prefetch < 1 {
			return "", 0, nil, fmt.Errorf("parameter %q of a rabbit URL is bad", param)
		}
	}
	server := os.Getenv("RABBIT_SERVER_URL")
	if server == "" {
		return "", 0, nil, errors.New("RABBIT_SERVER_URL is not set")
	}
	conn, err = amqp.Dial(server)
	if err != nil {
		if _, bad := errors.AsType[*url.Error](err); bad {
			return "", 0, nil, errors.New("RABBIT_SERVER_URL is no amqp URL") // the error would show the password
		}
		return "", 0, nil, err
	}
	if declare {
		if err := declareRabbit(conn, name); err != nil {
			return "", 0, nil, errors.Join(fmt.Errorf("declaring %s: %w", name, err), conn.Close())
		}
	}
	return name, prefetch, conn, nil
}

// declareRabbit makes the exchange and the queue, and those for dead letters. It does nothing to
// ones that are there already and alike.
func declareRabbit(conn *amqp.Connection, name string) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	dead := name + ".dead"
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

func closeRabbit(conn *amqp.Connection) func() error {
	return func() error {
		if err := conn.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
			return err
		}
		return nil
	}
}
