package parts

import (
	"strings"

	"idphoto/infra/config"
	"idphoto/infra/notify"
	"idphoto/infra/telemetry"
	"idphoto/queue"
)

// Telemetry is how a process measures itself and what it sends of that.
func Telemetry(c *config.Config, service string) telemetry.Options {
	return telemetry.Options{Service: service, Version: config.Version(), OTLPURL: c.OTLPURL, SpanID: queue.SpanID,
		Sampling: &telemetry.Sampling{Ratio: c.SampleRatio, Slow: c.SlowTask}}
}

// notifier tells others what happened, beside the janitor.
func (p *Parts) notifier() (*notify.Notifier, error) {
	c := p.config
	o := notify.Options{URL: c.WebhookURL, Secret: c.WebhookSecret, Hosts: c.WebhookHosts, Events: c.WebhookEvents,
		Promises: queue.Promises(), Logger: p.log}
	if c.PublicURL != "" {
		o.Console = strings.TrimSuffix(c.PublicURL, "/") + "/monitor"
	}
	return notify.New(p.people, p.Ledger, o)
}
