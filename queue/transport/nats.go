package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/pitabwire/natspubsub"
	"github.com/pitabwire/natspubsub/connections"
	"gocloud.dev/pubsub"
)

// natsServer opens nats://[USER:PASSWORD@]HOST:PORT at that server, with the credentials in
// $NATS_CREDENTIALS_FILE when that is set. Parameters, named as by the driver:
//
//	subject        where a topic sends
//	jetstream      true: JetStream; else core NATS
//	stream_...     the stream's configuration by its JSON names, as stream_name; made when missing
//	consumer_...   the consumer's, as consumer_durable_name; made or updated. For core NATS only
//	               consumer_durable_name counts: it names the queue group
//
// Each end has a connection of its own. (The driver would share one, with its options, among all
// URLs of a server, and not wait at the end until the last acknowledgements are sent.)
var natsServer = scheme{
	system: "nats",
	topic: func(ctx context.Context, u *url.URL) (link[*pubsub.Topic], error) {
		return openNATS(u, func(c *natsConnection, o *natsOptions) (*pubsub.Topic, error) {
			return natspubsub.OpenTopic(ctx, c, &connections.TopicOptions{Subject: o.subscription.Subject, StreamConfig: o.subscription.StreamConfig})
		})
	},
	subscription: func(ctx context.Context, u *url.URL) (link[*pubsub.Subscription], error) {
		return openNATS(u, func(c *natsConnection, o *natsOptions) (*pubsub.Subscription, error) {
			sub, err := natspubsub.OpenSubscription(ctx, c, &o.subscription)
			if err != nil {
				return nil, err
			}
			return sub, c.client.FlushTimeout(openWithin) // the server knows of it, and drops no message any more
		})
	},
}

const (
	openWithin = 5 * time.Second

	// natsPoll is how long one request for a message waits. The driver does not end it when the
	// subscription closes.
	natsPoll = time.Second
)

func openNATS[T any](u *url.URL, open func(*natsConnection, *natsOptions) (T, error)) (link[T], error) {
	o, err := parseNATS(u)
	if err != nil {
		return link[T]{}, err
	}
	c, err := dialNATS(u, o.jetStream)
	if err != nil {
		return link[T]{}, err
	}
	end, err := open(c, o)
	if err != nil {
		return link[T]{}, errors.Join(err, c.shut())
	}
	return link[T]{end: end, close: c.shut}, nil
}

// natsOptions is what the parameters of a URL say.
type natsOptions struct {
	jetStream    bool
	subscription connections.SubscriptionOptions
}

func parseNATS(u *url.URL) (*natsOptions, error) {
	o := &natsOptions{}
	sub := &o.subscription
	sub.ReceiveWaitTimeOut = natsPoll
	sub.ReceiveBatchConfig = connections.BatchOptions{MaxBatchSize: one.MaxBatchSize, MaxHandlers: one.MaxHandlers}
	for name, values := range u.Query() {
		err := errors.New("unknown")
		stream, isStream := strings.CutPrefix(name, natspubsub.StreamConfigPrefix)
		consumer, isConsumer := strings.CutPrefix(name, natspubsub.ConsumerConfigPrefix)
		switch {
		case name == natspubsub.QueryParameterJetstream:
			o.jetStream, err = strconv.ParseBool(values[0])
		case name == natspubsub.QueryParamSubject:
			sub.Subject, err = values[0], nil
		case isStream:
			err = setField(&sub.StreamConfig, stream, values[0])
		case isConsumer:
			err = setField(&sub.ConsumerConfig, consumer, values[0])
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %q of a nats URL is bad: %w", name, err)
		}
	}
	if o.jetStream && sub.StreamConfig.Name == "" {
		return nil, errors.New("a nats URL with jetstream=true needs stream_name")
	}
	if !o.jetStream && sub.Subject == "" {
		return nil, errors.New("a nats URL without jetstream=true needs a subject")
	}
	return o, nil
}

// setField sets the field of config that has this name in JSON. The value is taken as what fits: a
// text, a comma separated list, a number, a duration (2m) or a boolean.
func setField(config any, name, value string) error {
	readings := []any{value, strings.Split(value, ",")}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		readings = append(readings, n)
	}
	if d, err := time.ParseDuration(value); err == nil {
		readings = append(readings, d)
	}
	if b, err := strconv.ParseBool(value); err == nil {
		readings = append(readings, b)
	}
	var first error
	for _, reading := range readings {
		field, err := json.Marshal(map[string]any{name: reading})
		if err != nil {
			return err
		}
		decoder := json.NewDecoder(bytes.NewReader(field))
		decoder.DisallowUnknownFields()
		if err = decoder.Decode(config); err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// natsConnection is a connection of one end. It is the driver's Connector.
type natsConnection struct {
	client *nats.Conn
	driver connections.Connection
}

var _ connections.Connector = (*natsConnection)(nil)

func dialNATS(u *url.URL, jetStream bool) (*natsConnection, error) {
	options := []nats.Option{nats.Name("idphoto"), nats.MaxReconnects(-1)}
	if file := os.Getenv("NATS_CREDENTIALS_FILE"); file != "" {
		options = append(options, nats.UserCredentials(file))
	}
	client, err := nats.Connect((&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String(), options...)
	if err != nil {
		return nil, err
	}
	c := &natsConnection{client: client}
	if jetStream {
		c.driver, err = connections.NewJetstream(client)
	} else {
		c.driver, err = connections.NewPlain(client)
	}
	if err != nil {
		return nil, errors.Join(err, c.shut())
	}
	return c, nil
}

// shut waits until the server has what was sent, acknowledgements above all, and closes.
func (c *natsConnection) shut() error {
	err := c.client.FlushTimeout(closeWithin)
	c.client.Close()
	if errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}

func (c *natsConnection) Connection() connections.Connection { return c.driver }
func (c *natsConnection) ConfirmOpen() int32                 { return 1 }

// ConfirmClose leaves the connection open for the last acknowledgements: shut closes it.
func (c *natsConnection) ConfirmClose() error { return nil }
