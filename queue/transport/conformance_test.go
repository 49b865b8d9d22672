package transport_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"idphoto/queue"
	"idphoto/queue/transporttest"
)

// Variables that name the servers to test with.
const (
	rabbitEnv = "IDPHOTO_TEST_RABBIT" // an amqp:// URL
	natsEnv   = "IDPHOTO_TEST_NATS"   // a nats:// URL of a server with JetStream
	sqsEnv    = "IDPHOTO_TEST_SQS"    // the http:// URL of an SQS server
)

func TestMain(m *testing.M) {
	transporttest.Hold()
	goleak.VerifyTestMain(m,
		// The AWS client keeps its connections for the next call; the Go CDK gives no way to close them.
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		// The last request for a message waits for another second: natsPoll.
		goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*pullConsumer).fetch.func1"),
		// The Kafka client's meters share one goroutine, for ever.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// server returns the value of a variable that names a server, or skips the test.
func server(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Skipf("no server: %s is not set", name)
	}
	return v
}

func TestMemory(t *testing.T)    { transporttest.Run(t, transporttest.Harness{New: memoryBroker}) }
func TestRabbitMQ(t *testing.T)  { transporttest.Run(t, transporttest.Harness{New: rabbitBroker}) }
func TestJetStream(t *testing.T) { transporttest.Run(t, transporttest.Harness{New: jetStreamBroker}) }
func TestSQS(t *testing.T)       { transporttest.Run(t, transporttest.Harness{New: sqsBroker}) }
func TestPubSub(t *testing.T)    { transporttest.Run(t, transporttest.Harness{New: pubSubBroker}) }

func TestCoreNATS(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{New: coreNATSBroker, AtMostOnce: true, Hoards: true, NoPutBack: true})
}

func TestKafka(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{New: kafkaBroker, Hoards: true, NoPutBack: true})
}

// newBroker has the URLs that topic and sub return for the lane and a name that is new.
func newBroker(topic, sub func(lane, name string) string) transporttest.Broker {
	b := transporttest.Broker{Topics: map[string]string{}, Subscriptions: map[string]string{}}
	name := strings.ToLower(rand.Text())
	for _, lane := range queue.Lanes {
		b.Topics[lane], b.Subscriptions[lane] = topic(lane, name), sub(lane, name)
	}
	return b
}

func memoryBroker(*testing.T) transporttest.Broker {
	url := func(lane, name string) string { return "mem://" + lane + name }
	b := newBroker(url, url)
	b.InProcess = true
	return b
}

func rabbitBroker(t *testing.T) transporttest.Broker {
	t.Setenv("RABBIT_SERVER_URL", server(t, rabbitEnv))
	url := func(lane, name string) string { return "rabbit://test-" + lane + "-" + name }
	return newBroker(url, url)
}

func jetStreamBroker(t *testing.T) transporttest.Broker {
	base := server(t, natsEnv) + "?jetstream=true&stream_retention=workqueue"
	stream := func(name string) string { return base + "&stream_name=" + name + "&stream_subjects=" + name + ".*" }
	b := newBroker(func(lane, name string) string {
		return stream(name) + "&subject=" + name + "." + lane
	}, func(lane, name string) string {
		return stream(name) + "&consumer_durable_name=" + lane + "&consumer_filter_subject=" + name + "." + lane +
			"&consumer_ack_policy=explicit&consumer_ack_wait=2s"
	})
	b.Redelivery = 2 * time.Second
	return b
}

func coreNATSBroker(t *testing.T) transporttest.Broker {
	topic := func(lane, name string) string { return server(t, natsEnv) + "?subject=" + name + "." + lane }
	b := newBroker(topic, func(lane, name string) string { return topic(lane, name) + "&consumer_durable_name=workers" })
	return b
}

func sqsBroker(t *testing.T) transporttest.Broker {
	endpoint := server(t, sqsEnv)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(endpoint) })
	topic := func(lane, name string) string {
		made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("test-" + lane + "-" + name),
			Attributes: map[string]string{"VisibilityTimeout": "2"}})
		if err != nil {
			t.Fatal(err)
		}
		_, path, _ := strings.Cut(strings.TrimPrefix(*made.QueueUrl, "http://"), "/")
		return "awssqs://" + strings.TrimPrefix(endpoint, "http://") + "/" + path + "?region=us-east-1&endpoint=" + endpoint
	}
	b := newBroker(topic, func(lane, name string) string { return topic(lane, name) + "&waittime=1s" }) // making it again finds it
	b.Redelivery = 3 * time.Second
	return b
}

func pubSubBroker(t *testing.T) transporttest.Broker {
	fake := pstest.NewServer()
	t.Cleanup(func() { fake.Close() })
	t.Setenv("PUBSUB_EMULATOR_HOST", fake.Addr)
	topic := func(lane, name string) string { return "projects/p/topics/" + lane + name }
	sub := func(lane, name string) string { return "projects/p/subscriptions/" + lane + name }
	b := newBroker(func(lane, name string) string {
		if _, err := fake.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic(lane, name)}); err != nil {
			t.Fatal(err)
		}
		return "gcppubsub://" + topic(lane, name)
	}, func(lane, name string) string {
		const shortest = 10 // seconds
		if _, err := fake.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{
			Name: sub(lane, name), Topic: topic(lane, name), AckDeadlineSeconds: shortest}); err != nil {
			t.Fatal(err)
		}
		return "gcppubsub://" + sub(lane, name)
	})
	b.Redelivery = 11 * time.Second
	return b
}

func kafkaBroker(t *testing.T) transporttest.Broker {
	const partitions = 3
	name := strings.ToLower(rand.Text())
	var topics []string
	for _, lane := range queue.Lanes {
		topics = append(topics, lane+name)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	t.Setenv("KAFKA_BROKERS", strings.Join(cluster.ListenAddrs(), ","))
	b := newBroker(func(lane, _ string) string { return "kafka://" + lane + name },
		func(lane, _ string) string { return fmt.Sprintf("kafka://workers-%s?topic=%s", lane, lane+name) })
	b.Redelivery = 11 * time.Second // the group waits 10 s for a member that is silent
	return b
}
