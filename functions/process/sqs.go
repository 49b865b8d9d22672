package process

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// recordWithin is kept of an invocation's time for recording how its attempts ended.
const recordWithin = 3 * time.Second

// SQS takes batches of messages on AWS Lambda: at most workers at once, each answered for by itself.
// A record comes back (as a batch item failure) when its message did not do its duty: the ledger
// did not answer, or there was no time left to begin.
func SQS(worker Processor, workers int, log *slog.Logger) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-recordWithin))
			defer cancel()
		}
		errs := newSlots(workers).together(ctx, len(event.Records), func(i int) error {
			return process(ctx, worker, event.Records[i].Body)
		})
		// Not nil, so that the answer has its list even when that is empty.
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, err := range errs {
			if err != nil {
				id := event.Records[i].MessageId
				log.WarnContext(ctx, "message not processed, it will come again", "message", id, "err", err)
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
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
