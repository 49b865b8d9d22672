package transport

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/IBM/sarama"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/kafkapubsub"
)

// kafkaOpener opens kafka URLs as the driver does, at $KAFKA_BROKERS (host:port, comma separated,
// without TLS or a login), with one other default: a new consumer group begins with the oldest
// message (offset=oldest), not with what is sent from now on.
//
// Kafka has no acknowledgement of one message, only a position in each partition. The driver moves
// it past a message when that one and all that it received before are acknowledged: behind a slow
// task acknowledgements wait, and after a crash all of them come again. The ledger refuses what is
// done already. A partition belongs to one receiver of the group: what lies there waits while that
// receiver is busy, and a janitor sends it again, mostly into another partition.
type kafkaOpener struct{}

func (kafkaOpener) OpenTopicURL(ctx context.Context, u *url.URL) (*pubsub.Topic, error) {
	o, err := newKafka()
	if err != nil {
		return nil, err
	}
	return o.OpenTopicURL(ctx, u)
}

func (kafkaOpener) OpenSubscriptionURL(ctx context.Context, u *url.URL) (*pubsub.Subscription, error) {
	o, err := newKafka()
	if err != nil {
		return nil, err
	}
	return o.OpenSubscriptionURL(ctx, withDefaults(u, "offset", "oldest"))
}

// newKafka is one per end: the driver's opener keeps what a URL says.
func newKafka() (*kafkapubsub.URLOpener, error) {
	var brokers []string
	for broker := range strings.SplitSeq(os.Getenv("KAFKA_BROKERS"), ",") {
		if broker = strings.TrimSpace(broker); broker != "" {
			brokers = append(brokers, broker)
		}
	}
	if len(brokers) == 0 {
		return nil, errors.New("KAFKA_BROKERS is not set")
	}
	config := kafkapubsub.MinimalConfig()
	config.ClientID = "idphoto"
	config.Producer.RequiredAcks = sarama.WaitForAll
	return &kafkapubsub.URLOpener{Brokers: brokers, Config: config}, nil
}
