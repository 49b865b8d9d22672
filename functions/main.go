// Command functions is every function of the service in one binary.
//
//	functions upload    takes pictures in                  (HTTP)
//	functions batch     takes many in at once, hands them out (HTTP)
//	functions status    tells about tasks, hands out photos (HTTP)
//	functions api       all three of them                  (HTTP)
//	functions process   makes the photos                   (pulls from the queue)
//	functions janitor   makes up for what got lost         (all the time, or at a timer's event)
//	functions monitor   shows it all to those who sign in  (HTTP)
//
// The first argument, else FUNCTION, picks the function. Where AWS_LAMBDA_RUNTIME_API is set it
// takes Lambda's events (API Gateway HTTP API, SQS, EventBridge); elsewhere it is a server that
// listens at ADDR (Cloud Run: PORT), also in process, for health and metrics. Package infra/config
// lists all settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"idphoto/functions/monitor"
	"idphoto/functions/parts"
	"idphoto/infra/auth"
	"idphoto/infra/config"
	"idphoto/infra/telemetry"
)

func main() {
	config.LimitHeap()
	if err := run(context.Background(), os.Args[1:], os.Environ(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "idphoto:", err)
		os.Exit(1)
	}
}

// program is one function, ready to be given a runtime.
type program struct {
	function  string
	config    *config.Config
	log       *slog.Logger
	telemetry *telemetry.Telemetry
	parts     *parts.Parts
	guard     *auth.Guard // who asks
	lambda    bool
}

// needs says what each function opens beside the ledger.
var needs = map[string]parts.Need{
	"upload":  {Blobs: true, Topic: true},
	"batch":   {Blobs: true, Topic: true},
	"status":  {Blobs: true},
	"api":     {Blobs: true, Topic: true},
	"process": {Blobs: true, Topic: true},
	"janitor": {Blobs: true, Topic: true},
	"monitor": {Blobs: true},
}

// run is main with everything it takes from outside as arguments.
func run(ctx context.Context, args, environ []string, stderr io.Writer) (err error) {
	c, err := config.Read(environ)
	if err != nil {
		return err
	}
	p := &program{function: c.Function, config: c, lambda: c.LambdaAPI != ""}
	if len(args) > 0 {
		p.function = args[0]
	}
	need, ok := needs[p.function]
	if !ok || len(args) > 1 {
		return errors.New("which function? Give one of upload, batch, status, api, process, janitor, monitor as the argument or in FUNCTION")
	}
	p.log = telemetry.NewLogger(stderr, telemetry.Level(c.LogLevel)).With("function", p.function)
	slog.SetDefault(p.log)

	// The first signal stops in order, a second one at once.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	p.telemetry, err = telemetry.Setup(ctx, parts.Telemetry(c, "idphoto-"+p.function))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.telemetry.Shutdown(context.WithoutCancel(ctx))) }()
	if p.lambda && p.function == "process" {
		need.Topic = false // the timer's function publishes there
	}
	if p.parts, err = parts.Open(ctx, c, need, p.log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.parts.Close(ctx)) }()
	if err := p.openGuard(ctx, stderr); err != nil {
		return err
	}
	if p.lambda {
		return p.takeEvents(ctx)
	}
	return p.serve(ctx)
}

// openGuard opens who asks. Only at the monitor people sign in; the password of an admin made there
// just now is shown this once, in a line that is no log.
func (p *program) openGuard(ctx context.Context, stderr io.Writer) (err error) {
	if p.function != "monitor" {
		p.guard, err = p.parts.KeyGuard(ctx)
		return err
	}
	addr, first := p.config.Addr, ""
	if p.lambda {
		addr = "" // a gateway is there instead
	}
	if p.guard, first, err = p.parts.Guard(ctx, addr); err == nil && first != "" {
		_, err = fmt.Fprintf(stderr, "First sign-in at %s: admin, password %s (shown this once)\n", monitor.LoginPath, first)
	}
	return err
}
