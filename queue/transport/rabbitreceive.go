package transport

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub/driver"
)

// rabbitReceiver is the receiving end of a RabbitMQ queue that takes exactly as many messages as it
// is asked for.
//
// RabbitMQ pushes: a consumer gets messages up to its prefetch, whether anybody here has time for
// them or not, and unacknowledged ones count. With one consumer for all slots, a prefetch of 1
// would leave all slots but one idle, and a larger one would keep messages waiting here. So each
// request has a channel of its own: it consumes with a prefetch of 1, and cancels as soon as its
// message is there. The channel serves the next request once the message is acknowledged.
type rabbitReceiver struct {
	conn  *amqp.Connection
	queue string

	mu   sync.Mutex
	idle []*rabbitChannel // without a message
}

// rabbitChannel holds at most one message.
type rabbitChannel struct {
	*amqp.Channel
	closed <-chan *amqp.Error // tells why the broker closed it
}

// inHand identifies a message for its acknowledgement.
type inHand struct {
	channel *rabbitChannel
	tag     uint64
}

var _ driver.Subscription = (*rabbitReceiver)(nil)

const rabbitConsumer = "one" // names are unique within a channel only

// ReceiveBatch waits for a message for as long as ctx allows. (The driver interface asks for about
// a second at most, for the sake of drivers whose acknowledgements wait meanwhile; here they do not.)
func (r *rabbitReceiver) ReceiveBatch(ctx context.Context, _ int) ([]*driver.Message, error) {
	ch, err := r.channel()
	if err != nil {
		return nil, err
	}
	deliveries, err := ch.Consume(r.queue, rabbitConsumer, false, false, false, false, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("consuming: %w", err), ch.drop())
	}
	select {
	case d, ok := <-deliveries:
		if !ok {
			return nil, errors.Join(ch.reason(), ch.drop())
		}
		if err := ch.Cancel(rabbitConsumer, true); err != nil {
			return nil, errors.Join(fmt.Errorf("cancelling: %w", err), ch.drop())
		}
		return []*driver.Message{{
			LoggableID: strconv.FormatUint(d.DeliveryTag, 10), Body: d.Body, Metadata: texts(d.Headers),
			AckID: inHand{ch, d.DeliveryTag}, AsFunc: func(any) bool { return false },
		}}, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), ch.drop()) // a message that came just now goes back
	}
}

// channel returns one without a message.
func (r *rabbitReceiver) channel() (*rabbitChannel, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.idle); n > 0 {
		ch := r.idle[n-1]
		r.idle = r.idle[:n-1]
		return ch, nil
	}
	ch, err := r.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("opening a channel: %w", err)
	}
	c := &rabbitChannel{Channel: ch, closed: ch.NotifyClose(make(chan *amqp.Error, 1))}
	if err := ch.Qos(1, 0, false); err != nil {
		return nil, errors.Join(fmt.Errorf("setting the prefetch: %w", err), c.drop())
	}
	return c, nil
}

// drop closes a channel: the broker gives an unacknowledged message of it to others.
func (c *rabbitChannel) drop() error {
	if err := c.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
		return err
	}
	return nil
}

// reason tells why no more messages come.
func (c *rabbitChannel) reason() error {
	select {
	case err := <-c.closed:
		if err != nil {
			return fmt.Errorf("the broker closed the channel: %w", err)
		}
	default:
	}
	return errors.New("the broker ended the consumer")
}

func (r *rabbitReceiver) SendAcks(_ context.Context, ids []driver.AckID) error {
	return r.settle(ids, func(m inHand) error { return m.channel.Ack(m.tag, false) })
}

func (r *rabbitReceiver) SendNacks(_ context.Context, ids []driver.AckID) error {
	return r.settle(ids, func(m inHand) error { return m.channel.Nack(m.tag, false, true) })
}

// settle answers for messages and makes their channels idle. A second answer for a message would
// break its channel; Go CDK does not let that happen.
func (r *rabbitReceiver) settle(ids []driver.AckID, answer func(inHand) error) error {
	var errs []error
	for _, id := range ids {
		m := id.(inHand)
		if err := answer(m); err != nil {
			errs = append(errs, err)
			continue
		}
		r.mu.Lock()
		r.idle = append(r.idle, m.channel)
		r.mu.Unlock()
	}
	return errors.Join(errs...)
}

// Close leaves the channels to the closing of the connection.
func (r *rabbitReceiver) Close() error { return nil }

func (r *rabbitReceiver) CanNack() bool           { return true }
func (r *rabbitReceiver) IsRetryable(error) bool  { return false } // transport opens a new connection
func (r *rabbitReceiver) As(any) bool             { return false }
func (r *rabbitReceiver) ErrorAs(error, any) bool { return false }

func (r *rabbitReceiver) ErrorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, context.Canceled):
		return gcerrors.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return gcerrors.DeadlineExceeded
	}
	if e, ok := errors.AsType[*amqp.Error](err); ok && e.Code == amqp.NotFound {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}

// texts returns the headers that are text: the others are the broker's own.
func texts(headers amqp.Table) map[string]string {
	var out map[string]string
	for name, value := range headers {
		if s, ok := value.(string); ok {
			if out == nil {
				out = make(map[string]string, len(headers))
			}
			out[name] = s
		}
	}
	return out
}
