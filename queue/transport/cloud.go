package transport

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"gocloud.dev/gcp"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/awssnssqs"
	"gocloud.dev/pubsub/batcher"
	"gocloud.dev/pubsub/gcppubsub"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// one has a driver fetch one message per request.
var one = batcher.Options{MaxBatchSize: 1, MaxHandlers: 1}

// awsURLs opens awssqs and awssns URLs as the driver does, with other defaults: raw=true, since a body
// shaped like an SNS notice would be taken apart otherwise, and waittime=10s, a long poll, so that
// an idle worker starts at once. The queue's visibility timeout must be above the worker's
// deadline, or a slow task's message comes again (which is refused, but wakes a worker).
var awsURLs = &awsOpener{awssnssqs.URLOpener{SubscriptionOptions: awssnssqs.SubscriptionOptions{ReceiveBatcherOptions: one}}}

type awsOpener struct{ awssnssqs.URLOpener }

func (o *awsOpener) OpenSubscriptionURL(ctx context.Context, u *url.URL) (*pubsub.Subscription, error) {
	return o.URLOpener.OpenSubscriptionURL(ctx, withDefaults(u, "raw", "true", "waittime", "10s"))
}

// withDefaults returns u with the parameters that it lacks, given as name, value pairs.
func withDefaults(u *url.URL, pairs ...string) *url.URL {
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if !q.Has(pairs[i]) {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	v := *u
	v.RawQuery = q.Encode()
	return &v
}

// pubSub opens gcppubsub URLs as the driver does, one message at a time, each end with its own
// connection: to $PUBSUB_EMULATOR_HOST when that is set, else with the default credentials.
var pubSub = scheme{
	system: "gcp_pubsub",
	topic: func(ctx context.Context, u *url.URL) (link[*pubsub.Topic], error) {
		conn, err := dialPubSub(ctx)
		if err != nil {
			return link[*pubsub.Topic]{}, err
		}
		t, err := (&gcppubsub.URLOpener{Conn: conn}).OpenTopicURL(ctx, u)
		if err != nil {
			_ = conn.Close() // the first error says more
			return link[*pubsub.Topic]{}, err
		}
		return link[*pubsub.Topic]{end: t, close: conn.Close}, nil
	},
	subscription: func(ctx context.Context, u *url.URL) (link[*pubsub.Subscription], error) {
		conn, err := dialPubSub(ctx)
		if err != nil {
			return link[*pubsub.Subscription]{}, err
		}
		opener := &gcppubsub.URLOpener{Conn: conn, SubscriptionOptions: gcppubsub.SubscriptionOptions{ReceiveBatcherOptions: one}}
		s, err := opener.OpenSubscriptionURL(ctx, u)
		if err != nil {
			_ = conn.Close() // the first error says more
			return link[*pubsub.Subscription]{}, err
		}
		return link[*pubsub.Subscription]{end: s, close: conn.Close}, nil
	},
}

func dialPubSub(ctx context.Context) (*grpc.ClientConn, error) {
	if host := os.Getenv("PUBSUB_EMULATOR_HOST"); host != "" {
		return grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	creds, err := gcp.DefaultCredentials(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	conn, _, err := gcppubsub.Dial(ctx, creds.TokenSource)
	return conn, err
}
