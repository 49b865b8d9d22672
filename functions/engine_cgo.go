//go:build cgo

package main

import (
	"context"
	"errors"

	"idphoto/functions/process"
	"idphoto/pipeline"
	"idphoto/queue/transport"
)

func openEngine(p *program) (*engine, error) {
	photos, err := pipeline.Open(process.Engine(p.config))
	if err != nil {
		return nil, err
	}
	if err := process.Announce(context.Background(), photos.Status(), p.log); err != nil {
		return nil, errors.Join(err, photos.Close())
	}
	worker := process.NewWorker(p.parts.Ledger, p.parts.Blobs, photos, p.config, p.system(), p.log)
	return &engine{
		worker: worker,
		sqs:    process.SQS(worker, p.config.Workers, p.log),
		status: photos.Status(),
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
