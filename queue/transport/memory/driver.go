package memory

import (
	"context"
	"errors"
	"strconv"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub/driver"
)

// topic is the sending end of a queue.
type topic struct {
	q        *queue
	capacity int
}

var _ driver.Topic = (*topic)(nil)

func (t *topic) SendBatch(ctx context.Context, ms []*driver.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, m := range ms {
		if m.BeforeSend != nil {
			if err := m.BeforeSend(noAs); err != nil {
				return err
			}
		}
	}
	if err := t.q.send(ms, t.capacity); err != nil {
		return err
	}
	for _, m := range ms {
		if m.AfterSend != nil {
			if err := m.AfterSend(noAs); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *topic) IsRetryable(error) bool                 { return false }
func (t *topic) As(any) bool                            { return false }
func (t *topic) ErrorAs(error, any) bool                { return false }
func (t *topic) ErrorCode(err error) gcerrors.ErrorCode { return codeOf(err) }
func (t *topic) Close() error                           { return nil }

// subscription is a receiving end of a queue.
type subscription struct {
	q        *queue
	deadline time.Duration
}

var _ driver.Subscription = (*subscription)(nil)

// ReceiveBatch waits for a message for as long as ctx allows. (The driver interface asks for about
// a second at most, for the sake of drivers that cannot be interrupted; this one can.)
func (s *subscription) ReceiveBatch(ctx context.Context, limit int) ([]*driver.Message, error) {
	taken, err := s.q.receive(ctx, s, limit)
	if err != nil {
		return nil, err
	}
	ms := make([]*driver.Message, len(taken))
	for i, m := range taken {
		ms[i] = &driver.Message{LoggableID: strconv.FormatUint(m.id, 10), Body: m.body, Metadata: m.metadata, AckID: m.id, AsFunc: noAs}
	}
	return ms, nil
}

func (s *subscription) SendAcks(_ context.Context, ids []driver.AckID) error {
	s.q.ack(ids)
	return nil
}

func (s *subscription) SendNacks(_ context.Context, ids []driver.AckID) error {
	s.q.nack(ids)
	return nil
}

func (s *subscription) CanNack() bool                          { return true }
func (s *subscription) IsRetryable(error) bool                 { return false }
func (s *subscription) As(any) bool                            { return false }
func (s *subscription) ErrorAs(error, any) bool                { return false }
func (s *subscription) ErrorCode(err error) gcerrors.ErrorCode { return codeOf(err) }

// Close gives what was received and not acknowledged back to the queue.
func (s *subscription) Close() error {
	s.q.release(s)
	return nil
}

func noAs(any) bool { return false }

func codeOf(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, errFull):
		return gcerrors.ResourceExhausted
	case errors.Is(err, context.Canceled):
		return gcerrors.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return gcerrors.DeadlineExceeded
	}
	return gcerrors.Unknown
}
