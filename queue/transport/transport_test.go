package transport

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"
	"gocloud.dev/pubsub"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The AWS client keeps its connections for the next call; the Go CDK gives no way to close them.
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// broker is one transport with a fresh queue.
type broker struct{ topic, sub string }

// brokers returns those that can be tested here. Servers are named by environment variables.
func brokers(t *testing.T) map[string]func(t *testing.T) broker {
	return map[string]func(t *testing.T) broker{
		"Memory":   memoryBroker,
		"PubSub":   pubSubBroker,
		"RabbitMQ": rabbitBroker,
		"NATS":     natsBroker,
		"SQS":      sqsBroker,
	}
}

// server returns the value of an environment variable that names a server, or skips the test.
func server(t *testing.T, name, what string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Skipf("no server: %s is not set to %s", name, what)
	}
	return v
}

func memoryBroker(*testing.T) broker {
	url := "mem://" + rand.Text()
	return broker{url, url}
}

func rabbitBroker(t *testing.T) broker {
	t.Setenv("RABBIT_SERVER_URL", server(t, "IDPHOTO_TEST_RABBIT", "an amqp:// URL"))
	url := "rabbit://test-" + strings.ToLower(rand.Text())
	return broker{url, url + ""}
}

func natsBroker(t *testing.T) broker {
	base := server(t, "IDPHOTO_TEST_NATS", "a nats:// URL of a server with JetStream")
	name := strings.ToLower(rand.Text())
	url := fmt.Sprintf("%s?jetstream=true&stream_name=%s&stream_retention=workqueue&stream_subjects=%s.*&subject=%s.a", base, name, name, name)
	return broker{url, url + "&consumer_durable_name=w&consumer_ack_policy=explicit&consumer_ack_wait=2s&consumer_filter_subject=" + name + ".*"}
}

func sqsBroker(t *testing.T) broker {
	endpoint := server(t, "IDPHOTO_TEST_SQS", "the http:// URL of an SQS server")
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(endpoint) })
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("test-" + rand.Text()),
		Attributes: map[string]string{"VisibilityTimeout": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(*made.QueueUrl, "http://"), "/")
	url := "awssqs://" + strings.TrimPrefix(endpoint, "http://") + "/" + path + "?region=us-east-1&endpoint=" + endpoint
	return broker{url, url + "&waittime=1s"}
}

func pubSubBroker(t *testing.T) broker {
	fake := pstest.NewServer()
	t.Cleanup(func() { fake.Close() })
	t.Setenv("PUBSUB_EMULATOR_HOST", fake.Addr)
	if _, err := fake.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/t"}); err != nil {
		t.Fatal(err)
	}
	if _, err := fake.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: "projects/p/subscriptions/s", Topic: "projects/p/topics/t", AckDeadlineSeconds: 10}); err != nil {
		t.Fatal(err)
	}
	return broker{"gcppubsub://projects/p/topics/t", "gcppubsub://projects/p/subscriptions/s"}
}

func (b broker) open(t *testing.T) (*Topic, *Subscription) {
	t.Helper()
	topic, err := OpenTopic(t.Context(), b.topic)
	if err != nil {
		t.Fatal(err)
	}
	return topic, b.receiver(t)
}

func (b broker) receiver(t *testing.T) *Subscription {
	t.Helper()
	sub, err := OpenSubscription(t.Context(), b.sub)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func shut(t *testing.T, ends ...interface{ Close(context.Context) error }) {
	t.Helper()
	for _, e := range ends {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := e.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		cancel()
	}
}

func send(t *testing.T, topic *Topic, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(body)}); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

// receive returns the next message, which must come within half a minute.
func receive(t *testing.T, sub *Subscription) *pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := sub.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return m
}

func TestSentMessagesAreReceived(t *testing.T) {
	for name, make := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			topic, sub := make(t).open(t)
			var sent, got []string
			for i := range 20 {
				sent = append(sent, fmt.Sprintf(`{"n":%02d}`, i))
			}
			send(t, topic, sent...)
			for len(got) < len(sent) {
				m := receive(t, sub)
				if !slices.Contains(got, string(m.Body)) { // most brokers may deliver twice
					got = append(got, string(m.Body))
				}
				m.Ack()
			}
			slices.Sort(got)
			if !slices.Equal(got, sent) {
				t.Errorf("received %v", got)
			}
			shut(t, sub, topic)
		})
	}
}

func TestAMessageOfAReceiverThatEndedComesAgain(t *testing.T) {
	for name, make := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			topic, first := b.open(t)
			send(t, topic, "held")
			held := receive(t, first)
			shut(t, first)
			second := b.receiver(t)
			m := receive(t, second)
			if string(m.Body) != "held" {
				t.Errorf("received %q", m.Body)
			}
			m.Ack()
			shut(t, second, topic)
			runtime.KeepAlive(held) // neither acked nor nacked: its receiver is gone
		})
	}
}

// TestABusyReceiverLeavesTheRestToOthers: read-ahead would keep messages from idle workers.
func TestABusyReceiverLeavesTheRestToOthers(t *testing.T) {
	for name, make := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			topic, busy := b.open(t)
			send(t, topic, "0", "1", "2", "3", "4")
			held := receive(t, busy)
			idle := b.receiver(t)
			got := map[string]bool{string(held.Body): true}
			began := time.Now()
			for len(got) < 5 {
				m := receive(t, idle)
				got[string(m.Body)] = true
				m.Ack()
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the idle receiver got the rest only after %v", took)
			}
			held.Ack()
			shut(t, busy, idle, topic)
		})
	}
}

func TestUnknownSchemesAreNamed(t *testing.T) {
	for _, url := range []string{"carrier-pigeon://loft", "tasks", "://", "mem://t?capacity=-1"} {
		if _, err := OpenTopic(t.Context(), url); err == nil {
			t.Errorf("OpenTopic(%q) succeeded", url)
		}
	}
	_, err := OpenSubscription(t.Context(), "carrier-pigeon://user:secret@loft")
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "rabbit") {
		t.Errorf("OpenSubscription = %v; want the known schemes and no password", err)
	}
	if _, err := OpenSubscription(t.Context(), "awssns:///arn:aws:sns:us-east-1:1:t?region=us-east-1"); err == nil {
		t.Error("a subscription to SNS opened")
	}
}

func TestClosedEndsRefuse(t *testing.T) {
	topic, sub := memoryBroker(t).open(t)
	shut(t, sub, topic)
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("x")}); err == nil {
		t.Error("Send to a closed topic succeeded")
	}
	if _, err := sub.Receive(t.Context()); err == nil {
		t.Error("Receive from a closed subscription succeeded")
	}
	shut(t, sub, topic) // again: no error
}

func TestSystemsAreNamedAsTheConventionsSay(t *testing.T) {
	for url, want := range map[string]string{"mem://t": "mem", "rabbit://t": "rabbitmq", "awssqs://q": "aws_sqs", "gcppubsub://p/t": "gcp_pubsub", "nats://h": "nats", "other://": "gocdk"} {
		if got := System(url); got != want {
			t.Errorf("System(%q) = %q, want %q", url, got, want)
		}
	}
}

// TestAnAbandonedReceiveLosesNothing: a message fetched for a caller that left goes to the next
// one, and no goroutine stays behind.
func TestAnAbandonedReceiveLosesNothing(t *testing.T) {
	topic, sub := memoryBroker(t).open(t)
	gone, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := sub.Receive(gone)
		left <- err
	}()
	cancel()
	if err := <-left; err == nil {
		t.Error("the abandoned Receive returned a message that was not sent")
	}
	send(t, topic, "1", "2")
	for _, want := range []string{"1", "2"} {
		m := receive(t, sub)
		if string(m.Body) != want {
			t.Errorf("received %q, want %q", m.Body, want)
		}
		m.Ack()
	}
	shut(t, sub, topic)
}

func TestCloseEndsReceivers(t *testing.T) {
	topic, sub := memoryBroker(t).open(t)
	ended := make(chan error)
	for range 3 {
		go func() {
			_, err := sub.Receive(context.Background())
			ended <- err
		}()
	}
	shut(t, sub)
	for range 3 {
		if err := <-ended; err == nil {
			t.Error("a receiver got a message that was not sent")
		}
	}
	shut(t, topic)
}
