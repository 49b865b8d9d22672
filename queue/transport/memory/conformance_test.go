package memory

import (
	"context"
	"errors"
	"testing"

	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub/driver"
	"gocloud.dev/pubsub/drivertest"
)

// harness runs the Go CDK's own conformance suite on this driver.
type harness struct{ broker Broker }

func (h *harness) CreateTopic(_ context.Context, name string) (driver.Topic, func(), error) {
	return &topic{q: h.broker.queue(name), capacity: DefaultCapacity}, func() {}, nil
}

func (h *harness) CreateSubscription(_ context.Context, t driver.Topic, _ string) (driver.Subscription, func(), error) {
	return &subscription{q: t.(*topic).q, deadline: DefaultAckDeadline}, func() {}, nil
}

// A queue is there once it is named, so the suite's missing ends have to be made up.
var errMissing = errors.New("missing")

type missingTopic struct{ topic }

func (*missingTopic) SendBatch(context.Context, []*driver.Message) error { return errMissing }
func (*missingTopic) ErrorCode(error) gcerrors.ErrorCode                 { return gcerrors.NotFound }

type missingSubscription struct{ subscription }

func (*missingSubscription) ReceiveBatch(context.Context, int) ([]*driver.Message, error) {
	return nil, errMissing
}
func (*missingSubscription) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.NotFound }
func (*missingSubscription) Close() error                       { return nil }

func (h *harness) MakeNonexistentTopic(context.Context) (driver.Topic, error) {
	return &missingTopic{}, nil
}

func (h *harness) MakeNonexistentSubscription(context.Context) (driver.Subscription, func(), error) {
	return &missingSubscription{}, func() {}, nil
}

func (h *harness) Close()                              {}
func (h *harness) MaxBatchSizes() (int, int)           { return 0, 0 }
func (h *harness) SupportsMultipleSubscriptions() bool { return false } // they share one queue

func TestConformance(t *testing.T) {
	drivertest.RunConformanceTests(t, func(context.Context, *testing.T) (drivertest.Harness, error) { return &harness{}, nil }, nil)
}
