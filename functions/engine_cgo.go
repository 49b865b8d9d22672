//go:build cgo

package main

import (
	"context"
	"errors"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/process"
	"idphoto/infra/config"
	"idphoto/pipeline"
	"idphoto/queue/transport"
)

func openEngine(p *program) (*engine, error) {
	began := time.Now()
	photos, err := pipeline.Open(process.Engine(p.config))
	if err != nil {
		return nil, err
	}
	if err := process.Announce(context.Background(), photos.Status(), p.log); err != nil {
		return nil, errors.Join(err, photos.Close())
	}
	status := photos.Status()
	worker := process.NewWorker(p.parts.Ledger, p.parts.Publisher, p.parts.Blobs, photos, p.config, process.About{
		System: p.system(), Version: config.Version(), Provider: status.Provider, LoadTime: time.Since(began), ColdStart: p.lambda,
	}, p.log)
	return &engine{
		worker: worker,
		pushes: func(stop <-chan struct{}) []api.Route {
			return process.PushRoutes(worker, process.PushOptions{Token: p.config.PushToken, Slots: p.config.Workers,
				Stop: stop, Grace: p.config.DrainTime, Log: p.log})
		},
		sqs:    process.SQS(worker, p.config.Workers, p.log),
		status: status,
		close: func() {
			if err := photos.Close(); err != nil {
				p.log.Warn("closing the networks", "err", err)
			}
		},
	}, nil
}

// system names the transport in traces.
func (p *program) system() string {
	if p.lambda {
		return "aws_sqs"
	}
	return transport.System(p.config.SubscriptionURL)
}
