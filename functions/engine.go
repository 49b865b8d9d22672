package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"idphoto/functions/api"
	"idphoto/queue"
)

// engine is what makes photos. Only a binary built with cgo has one (engine_cgo.go): the networks
// run in a C library, and a function that merely takes pictures in should not need it.
type engine struct {
	worker *queue.Worker
	pushes func(stop <-chan struct{}) []api.Route // where brokers push messages to; none without a token
	sqs    func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	status any // which networks, where they compute
	close  func()
}
