// Package janitor is the function that a timer calls: it makes up for what got lost, once per call.
// Servers run the same work all the time, as queue.Janitor.Run.
package janitor

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
)

// Ticker does all the work there is, once. *queue.Janitor is one.
type Ticker interface {
	Tick(ctx context.Context) error
}

// Scheduled answers a timer's event on AWS Lambda. An error makes the invocation fail, which is
// counted there; the next tick tries again.
func Scheduled(janitor Ticker) func(context.Context, events.EventBridgeEvent) error {
	return func(ctx context.Context, _ events.EventBridgeEvent) error {
		if err := janitor.Tick(ctx); err != nil {
			return fmt.Errorf("janitor: %w", err)
		}
		return nil
	}
}
