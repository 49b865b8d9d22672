package process

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Processor handles one message. *queue.Worker is one.
type Processor interface {
	Process(ctx context.Context, body []byte) error
}

// recordWithin is kept of an invocation's time for recording how its attempts ended.
const recordWithin = 3 * time.Second

// SQS takes batches of messages on AWS Lambda: at most slots at once, each answered for by itself.
// A record comes back (as a batch item failure) when its message did not do its duty: the ledger
// did not answer, or there was no time left to begin.
func SQS(worker Processor, slots int, log *slog.Logger) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-recordWithin))
			defer cancel()
		}
		failed := make([]bool, len(event.Records))
		free := make(chan struct{}, max(slots, 1))
		var wg sync.WaitGroup
		for i, record := range event.Records {
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				if err := process(ctx, worker, record.Body); err != nil {
					log.WarnContext(ctx, "message not processed, it will come again", "message", record.MessageId, "err", err)
					failed[i] = true
				}
			})
		}
		wg.Wait()
		// Not nil, so that the answer has its list even when that is empty.
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, record := range event.Records {
			if failed[i] {
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
			}
		}
		return response, nil
	}
}

// process does not begin what has no time left: the attempt would be counted for nothing.
func process(ctx context.Context, worker Processor, body string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return worker.Process(ctx, []byte(body))
}
