package process

import (
	"context"
	"sync"
)

// Processor handles one message. *queue.Worker is one.
type Processor interface {
	Process(ctx context.Context, body []byte) error
}

// slots bounds how many messages are worked on at once.
type slots chan struct{}

func newSlots(n int) slots { return make(slots, max(n, 1)) }

// take returns ctx's error when no slot is free until then.
func (s slots) take(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	default:
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) give() { <-s }

// together does n things, as many at once as there are slots, and returns their errors in order.
// wait bounds how long one waits for its slot.
func (s slots) together(wait context.Context, n int, do func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range errs {
		if errs[i] = s.take(wait); errs[i] != nil {
			continue
		}
		wg.Go(func() {
			defer s.give()
			errs[i] = do(i)
		})
	}
	wg.Wait()
	return errs
}
