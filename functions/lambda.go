package main

import (
	"context"
	"errors"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"idphoto/functions/janitor"
)

// takeEvents runs the function on AWS Lambda. It ends only with the process: the library's loop
// waits for the next event and does not hear of ctx, so a signal ends the process from here.
func (p *program) takeEvents(ctx context.Context) error {
	context.AfterFunc(ctx, func() {
		if err := errors.Join(p.parts.Close(ctx), p.telemetry.Shutdown(context.WithoutCancel(ctx))); err != nil {
			p.log.Warn("stopping", "err", err)
		}
		os.Exit(0)
	})
	switch p.function {
	case "process":
		e, err := openEngine(p)
		if err != nil {
			return err
		}
		lambda.StartWithOptions(flushed(p, e.sqs), lambda.WithContext(ctx))
	case "janitor":
		tick := janitor.Scheduled(p.parts.Janitor())
		lambda.StartWithOptions(flushed(p, func(ctx context.Context, e events.EventBridgeEvent) (any, error) {
			return nil, errors.Join(tick(ctx, e), p.parts.SendCanary(ctx))
		}), lambda.WithContext(ctx))
	default:
		// API Gateway takes an answer as a whole: an event stream ends with its first event, and
		// the client asks again.
		adapter := httpadapter.NewV2(p.handler(p.parts.Checks(), -1, ctx.Done()))
		lambda.StartWithOptions(flushed(p, adapter.ProxyWithContext), lambda.WithContext(ctx))
	}
	return nil
}

// flushed sends the traces of each event before its answer: afterwards the process is frozen.
func flushed[In, Out any](p *program, handle func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		defer func() {
			if err := p.telemetry.Flush(ctx); err != nil {
				p.log.WarnContext(ctx, "traces not sent", "err", err)
			}
		}()
		return handle(ctx, in)
	}
}
