package janitor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// topic counts messages, or refuses them.
type topic struct {
	sent int
	err  error
}

func (t *topic) Send(context.Context, *pubsub.Message) error {
	if t.err == nil {
		t.sent++
	}
	return t.err
}

// TestATickPublishesWhatHasNoMessage: a task whose message was lost gets one at the timer's event,
// and a broker that is away makes the invocation fail, so that it is seen.
func TestATickPublishesWhatHasNoMessage(t *testing.T) {
	now := time.Now()
	ledger, err := sqlledger.Open(t.Context(), "mem://", &sqlledger.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	if _, _, err := ledger.Create(t.Context(), queue.Task{ID: queue.NewID(), Kind: "photo", Lane: queue.Express, MaxAttempts: 1, Options: json.RawMessage("{}")}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	broker := &topic{err: errors.New("away")}
	quiet := slog.New(slog.DiscardHandler)
	publisher := queue.NewPublisher(ledger, map[string]queue.Topic{queue.Express: broker}, &queue.PublisherOptions{Logger: quiet})
	tick := Scheduled(queue.NewJanitor(ledger, publisher, &queue.JanitorOptions{Logger: quiet}))

	if err := tick(t.Context(), events.EventBridgeEvent{}); err == nil {
		t.Error("the tick succeeded without a broker")
	}
	broker.err = nil
	for range 2 { // the second tick has nothing to do
		if err := tick(t.Context(), events.EventBridgeEvent{}); err != nil {
			t.Fatal(err)
		}
	}
	if broker.sent != 1 {
		t.Errorf("%d messages were sent, want 1", broker.sent)
	}
}
