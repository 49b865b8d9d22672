// Package transport opens Go CDK topics and subscriptions from URLs, for queue.Publisher and
// queue.Worker.
//
// A lane has a topic and a subscription of its own. For each scheme, those of the two lanes, and
// what its messages go through:
//
//	mem://express
//	mem://bulk
//
// In this process (package memory): first in, first out; lost with the process.
//
//	rabbit://express
//	rabbit://bulk
//
// RabbitMQ at $RABBIT_SERVER_URL, at least once. A message that its receiver did not acknowledge
// comes again as soon as the connection is gone. See rabbit for the queues it declares.
//
//	awssqs://sqs.REGION.amazonaws.com/ACCOUNT/express?region=REGION
//	awssqs://sqs.REGION.amazonaws.com/ACCOUNT/bulk?region=REGION
//	awssns:///arn:aws:sns:REGION:ACCOUNT:express?region=REGION   topics only: subscribe an SQS queue
//
// At least once, in any order. A message comes again after the queue's visibility timeout, which
// must be above the worker's deadline.
//
//	gcppubsub://projects/P/topics/express           gcppubsub://projects/P/subscriptions/express
//	gcppubsub://projects/P/topics/bulk              gcppubsub://projects/P/subscriptions/bulk
//
// At least once, in any order. A message comes again after the subscription's deadline, 600 s at most.
//
//	nats://HOST?jetstream=true&stream_name=tasks&stream_retention=workqueue&stream_subjects=tasks.*&subject=tasks.express
//	nats://HOST?jetstream=true&stream_name=tasks&stream_retention=workqueue&stream_subjects=tasks.*&subject=tasks.bulk
//	nats://HOST?jetstream=true&stream_name=tasks&stream_retention=workqueue&stream_subjects=tasks.*
//	   &consumer_durable_name=express&consumer_filter_subject=tasks.express&consumer_ack_policy=explicit&consumer_ack_wait=2m
//	the same with &consumer_durable_name=bulk&consumer_filter_subject=tasks.bulk
//
// JetStream: at least once. One stream has both lanes, each a subject and a durable consumer. A
// message comes again after consumer_ack_wait, which must be above the worker's deadline.
//
//	nats://HOST?subject=tasks.express               the same and &consumer_durable_name=workers
//	nats://HOST?subject=tasks.bulk                  the same and &consumer_durable_name=workers
//
// Core NATS: at most once. What is sent while nobody listens is lost, and so is what a receiver
// held that died; messages wait at receivers that are busy. A janitor makes up for it all, after
// its UnclaimedAfter: tasks are late, not lost.
//
//	kafka://express                                 kafka://workers?topic=express
//	kafka://bulk                                    kafka://workers-bulk?topic=bulk
//
// At least once, in order within a partition, which one receiver has to itself: give a topic more
// partitions than there are workers. See kafkaOpener for what acknowledging means there.
//
// Any other scheme is looked up among the Go CDK drivers that the program links in.
//
// A subscription fetches one message at a time, when Receive asks for it: the drivers' own
// read-ahead lets messages wait here, their acknowledgement clock running, while other workers
// are idle. Kafka and core NATS know no better than to let them wait.
//
// Topics and subscriptions reconnect: when the driver gives up for good (a broken connection, in
// most), they are closed and opened anew. A broker that keeps silent ends a Send with its context.
package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strings"

	"github.com/pitabwire/natspubsub"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/awssnssqs"
	"gocloud.dev/pubsub/gcppubsub"
	"gocloud.dev/pubsub/kafkapubsub"

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
	natspubsub.Scheme:   natsServer,
	kafkapubsub.Scheme:  plain("kafka", kafkaOpener{}),
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
