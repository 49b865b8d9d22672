// Package transport opens Go CDK topics and subscriptions from URLs, for queue.Publisher and
// queue.Worker.
//
//	mem://tasks                              in this process (package memory)
//	rabbit://tasks                           RabbitMQ at $RABBIT_SERVER_URL
//	awssqs://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE?region=REGION
//	awssns:///arn:aws:sns:...?region=REGION  topics only; subscribe an SQS queue to it
//	gcppubsub://projects/P/topics/T          and gcppubsub://projects/P/subscriptions/S
//	nats://host:4222?jetstream=true&...      NATS JetStream
//
// Any other scheme is looked up among the Go CDK drivers that the program links in.
//
// A subscription fetches one message at a time, when Receive asks for it: the drivers' own
// read-ahead lets messages wait here, their acknowledgement clock running, while other workers
// are idle. RabbitMQ pushes instead: there prefetch_count bounds how many are on their way.
//
// Topics and subscriptions reconnect: when the driver gives up for good (a broken connection, in
// most), they are closed and opened anew.
package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strings"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/awssnssqs"
	"gocloud.dev/pubsub/gcppubsub"

	"idphoto/queue/transport/memory"
)

// link is an open topic or subscription and what to close with it.
type link[T any] struct {
	end   T
	close func() error // a connection of its own; nil when there is none
}

// scheme opens one kind of URL.
type scheme struct {
	system       string // messaging.system, as the tracing conventions call it
	topic        func(ctx context.Context, u *url.URL) (link[*pubsub.Topic], error)
	subscription func(ctx context.Context, u *url.URL) (link[*pubsub.Subscription], error) // nil when it has none
}

// inProcess holds the queues of mem URLs. It is one per process by its nature: a topic and a
// subscription opened by the same URL must meet.
var inProcess memory.Broker

var schemes = map[string]scheme{
	memory.Scheme:       plain("mem", &inProcess),
	"rabbit":            rabbit,
	awssnssqs.SQSScheme: plain("aws_sqs", awsURLs),
	awssnssqs.SNSScheme: {system: "aws.sns", topic: plain("", awsURLs).topic},
	gcppubsub.Scheme:    pubSub,
	natsScheme:          plain("nats", natsOpener{}),
}

// opener is what the drivers offer for URLs.
type opener interface {
	pubsub.TopicURLOpener
	pubsub.SubscriptionURLOpener
}

// plain is a scheme whose opener manages its own connections.
func plain(system string, o opener) scheme {
	return scheme{
		system: system,
		topic: func(ctx context.Context, u *url.URL) (link[*pubsub.Topic], error) {
			t, err := o.OpenTopicURL(ctx, u)
			return link[*pubsub.Topic]{end: t}, err
		},
		subscription: func(ctx context.Context, u *url.URL) (link[*pubsub.Subscription], error) {
			s, err := o.OpenSubscriptionURL(ctx, u)
			return link[*pubsub.Subscription]{end: s}, err
		},
	}
}

// linked is any Go CDK driver that the program imports.
var linked = plain("gocdk", pubsub.DefaultURLMux())

// parse finds the scheme of a URL. Errors do not show the URL: it may hold a password.
func parse(rawURL string) (*url.URL, scheme, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, scheme{}, errors.New("transport: the URL cannot be parsed")
	}
	if s, ok := schemes[u.Scheme]; ok {
		return u, s, nil
	}
	if !pubsub.DefaultURLMux().ValidTopicScheme(u.Scheme) && !pubsub.DefaultURLMux().ValidSubscriptionScheme(u.Scheme) {
		return nil, scheme{}, fmt.Errorf("transport: unknown scheme %q; known: %s", u.Scheme, strings.Join(known(), ", "))
	}
	return u, linked, nil
}

func known() []string {
	names := make([]string, 0, len(schemes))
	for name := range schemes {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// System returns what the tracing conventions call the system behind a URL, for the System field
// of queue's options.
func System(rawURL string) string {
	_, s, err := parse(rawURL)
	if err != nil {
		return linked.system
	}
	return s.system
}

// InProcess reports whether the transport forgets its messages when this process ends.
func InProcess(rawURL string) bool { return strings.HasPrefix(rawURL, memory.Scheme+":") }
