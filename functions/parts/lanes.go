package parts

import (
	"context"
	"errors"
	"fmt"

	"idphoto/infra/config"
	"idphoto/queue"
	"idphoto/queue/transport"
)

// openPublisher opens the lanes' topics. A bulk lane without a URL, or with the express lane's,
// shares that topic.
func (p *Parts) openPublisher(ctx context.Context) error {
	c := p.config
	topics := make(map[string]queue.Topic)
	for _, lane := range []struct{ name, variable, url string }{
		{queue.Express, "TOPIC_URL", c.TopicURL}, {queue.Bulk, "BULK_TOPIC_URL", c.BulkTopicURL},
	} {
		if lane.name != queue.Express && (lane.url == "" || lane.url == c.TopicURL) {
			continue
		}
		topic, err := transport.OpenTopic(ctx, lane.url)
		if err != nil {
			return fmt.Errorf("%s: %w", lane.variable, err)
		}
		p.onClose(topic.Close)
		watched := &watchedTopic{Topic: topic}
		p.topics[lane.name], topics[lane.name] = watched, watched
	}
	p.Publisher = queue.NewPublisher(p.Ledger, topics, &queue.PublisherOptions{
		Retries: Retries(c), System: transport.System(c.TopicURL), Logger: p.log,
	})
	return nil
}

// Retries returns how often each kind of task is tried, as the settings say.
func Retries(c *config.Config) queue.Retries {
	r := queue.Retries{
		Default: queue.RetryPolicy{Attempts: c.MaxAttempts, Base: c.RetryBase, Limit: c.RetryLimit},
		Kinds:   make(map[string]queue.RetryPolicy),
	}
	for kind, p := range c.Retries {
		r.Kinds[kind] = queue.RetryPolicy{Attempts: p.Attempts, Base: p.Base, Limit: p.Limit}
	}
	return r
}

// Subscriptions are the lanes to pull. Close them when the worker has ended: that sends its last
// acknowledgements.
type Subscriptions struct {
	Lanes map[string]queue.Subscription // as queue.Worker.Run takes them

	close []func(context.Context) error
}

// OpenSubscriptions opens the lanes' subscriptions. A bulk lane without a URL, or with the express
// lane's, has no subscription of its own.
func OpenSubscriptions(ctx context.Context, c *config.Config) (_ *Subscriptions, err error) {
	s := &Subscriptions{Lanes: make(map[string]queue.Subscription)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	for _, lane := range []struct{ name, variable, url string }{
		{queue.Express, "SUBSCRIPTION_URL", c.SubscriptionURL}, {queue.Bulk, "BULK_SUBSCRIPTION_URL", c.BulkSubscriptionURL},
	} {
		if lane.name != queue.Express && (lane.url == "" || lane.url == c.SubscriptionURL) {
			continue
		}
		sub, err := transport.OpenSubscription(ctx, lane.url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", lane.variable, err)
		}
		s.Lanes[lane.name] = sub
		s.close = append(s.close, sub.Close)
	}
	return s, nil
}

// Close sends the last acknowledgements and closes, for as long as ctx allows.
func (s *Subscriptions) Close(ctx context.Context) error {
	var errs []error
	for _, f := range s.close {
		errs = append(errs, f(ctx))
	}
	s.close = nil
	return errors.Join(errs...)
}
