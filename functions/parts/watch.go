package parts

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"idphoto/functions/canary"
	"idphoto/functions/gauges"
)

// Gauges shows how the ledger stands in the process's metrics, until Close.
func (p *Parts) Gauges(meters metric.MeterProvider) error {
	registration, err := gauges.Register(meters, p.Ledger, &gauges.Options{
		AttemptTimeout: p.config.AttemptTimeout, CanaryEvery: p.config.CanaryEvery, Log: p.log,
	})
	if err != nil {
		return fmt.Errorf("making gauges: %w", err)
	}
	p.onClose(func(context.Context) error { return registration.Unregister() })
	return nil
}

// SendCanaries sends them until ctx is done; it returns at once when none are wanted. It needs
// blobs and topic.
func (p *Parts) SendCanaries(ctx context.Context) {
	if p.config.CanaryEvery > 0 {
		p.canaries().Run(ctx)
	}
}

// SendCanary sends those that are due, for a function that a timer calls.
func (p *Parts) SendCanary(ctx context.Context) error {
	if p.config.CanaryEvery <= 0 {
		return nil
	}
	return p.canaries().Send(ctx)
}

func (p *Parts) canaries() *canary.Sender {
	return canary.New(p.Publisher, p.Ledger, p.Blobs, &canary.Options{Every: p.config.CanaryEvery, Log: p.log})
}
