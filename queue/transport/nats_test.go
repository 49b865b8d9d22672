package transport

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestNATSParametersAreTakenAsWhatTheyMean(t *testing.T) {
	u, err := url.Parse("nats://h?jetstream=true&subject=tasks.a&stream_name=1&stream_subjects=tasks.a,tasks.b&stream_retention=workqueue" +
		"&stream_num_replicas=3&consumer_durable_name=w&consumer_ack_policy=explicit&consumer_ack_wait=2m&consumer_mem_storage=true")
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseNATS(u)
	if err != nil {
		t.Fatal(err)
	}
	s, c := o.subscription.StreamConfig, o.subscription.ConsumerConfig
	if !o.jetStream || o.subscription.Subject != "tasks.a" || s.Name != "1" || strings.Join(s.Subjects, " ") != "tasks.a tasks.b" ||
		s.Retention != jetstream.WorkQueuePolicy || s.Replicas != 3 {
		t.Errorf("stream is %+v", s)
	}
	if c.Durable != "w" || c.AckPolicy != jetstream.AckExplicitPolicy || c.AckWait != 2*time.Minute || !c.MemoryStorage {
		t.Errorf("consumer is %+v", c)
	}
}

func TestBadNATSParametersAreNamed(t *testing.T) {
	for query, name := range map[string]string{
		"subject=a&queue=w":                 "queue",
		"jetstream=perhaps":                 "jetstream",
		"jetstream=true":                    "stream_name",
		"":                                  "subject",
		"subject=a&consumer_ack_wait=long":  "consumer_ack_wait",
		"subject=a&stream_colour=red":       "stream_colour",
		"subject=a&stream_num_replicas=1.5": "stream_num_replicas",
	} {
		_, err := OpenTopic(t.Context(), "nats://user:secret@127.0.0.1:1?"+query)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("OpenTopic with %q = %v; want it to name %s and no password", query, err, name)
		}
	}
}

func TestAnAbsentNATSServerIsNoSecret(t *testing.T) {
	_, err := OpenTopic(t.Context(), "nats://user:secret@127.0.0.1:1?subject=a")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("OpenTopic = %v", err)
	}
}
