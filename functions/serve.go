package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/monitor"
	"idphoto/functions/parts"
	"idphoto/queue"
	"idphoto/queue/transport"
)

// handler answers the function's routes, and more.
func (p *program) handler(checks map[string]api.Check, streamFor time.Duration, stop <-chan struct{}, more ...api.Route) http.Handler {
	o := api.Options{Log: p.log, SignIn: p.signIn()}
	if p.guard != nil {
		o.Guard = p.guard
	}
	return api.New(o, append(p.routes(checks, streamFor, stop), more...)...)
}

// signIn is the page for that, where the function has one.
func (p *program) signIn() string {
	if p.function != "monitor" {
		return ""
	}
	return monitor.LoginPath
}

// routes lists what the function answers. streamFor and stop are as in status.Options.
func (p *program) routes(checks map[string]api.Check, streamFor time.Duration, stop <-chan struct{}) []api.Route {
	var routes []api.Route
	if p.function == "upload" || p.function == "api" {
		routes = append(routes, p.parts.Upload().Routes()...)
	}
	if p.function == "batch" || p.function == "api" {
		routes = append(routes, p.parts.Batch().Routes()...)
	}
	if p.function == "status" || p.function == "api" {
		routes = append(routes, p.parts.Status(streamFor, stop).Routes()...)
	}
	if p.function == "monitor" {
		routes = append(routes, p.parts.Monitor(p.guard, stop).Routes()...)
	}
	health := &api.Health{Checks: checks, MetricsToken: p.config.MetricsToken, Log: p.log}
	if !p.lambda {
		health.Metrics = p.telemetry.Metrics
	}
	return append(routes, health.Routes()...)
}

// serve runs the function as a server until ctx is done.
func (p *program) serve(ctx context.Context) (err error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", p.config.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	if p.config.TLSCert != "" {
		secure, failed := api.TLS(ln, p.config.TLSCert, p.config.TLSKey)
		if failed != nil {
			return errors.Join(failed, ln.Close())
		}
		ln = secure
	}
	checks := p.parts.Checks()
	var pushes []api.Route
	work := func(ctx context.Context) error { <-ctx.Done(); return nil }
	switch p.function {
	case "process":
		e, failed := openEngine(p)
		if failed != nil {
			return errors.Join(failed, ln.Close())
		}
		defer func() {
			if !errors.Is(err, queue.ErrStuck) { // then one of its networks is still computing
				e.close()
			}
		}()
		maps.Copy(checks, map[string]api.Check{"models": func(context.Context) (any, error) { return e.status, nil }})
		pushes = e.pushes(ctx.Done())
		work = func(ctx context.Context) error { return p.pull(ctx, e.worker) }
	case "janitor":
		work = func(ctx context.Context) error { p.tidy(ctx); return nil }
	case "upload", "batch", "api":
		if transport.InProcess(p.config.TopicURL) {
			p.log.WarnContext(ctx, "TOPIC_URL is a queue inside this process: workers elsewhere hear of tasks late, from their janitor")
		}
	}
	if p.function == "monitor" || p.function == "janitor" || p.function == "api" { // few processes: each reads the ledger
		if err := p.parts.Gauges(p.telemetry.Meters); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	p.log.InfoContext(ctx, "started", "addr", ln.Addr().String())

	// Either one's end is the other's: a worker that gave up must not look alive, nor a server
	// that fell leave the work running unseen. Health is answered until the work has ended.
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	working, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var wg sync.WaitGroup
	var served error
	wg.Go(func() {
		defer giveUp()
		served = api.Serve(serving, ln, p.handler(checks, 0, ctx.Done(), pushes...), p.config.DrainTime, p.log)
	})
	worked := work(working)
	end()
	wg.Wait()
	p.log.InfoContext(ctx, "stopped")
	return errors.Join(worked, served)
}

// tidy does the janitor's work, and sends canaries, until ctx is done.
func (p *program) tidy(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { p.parts.Janitor().Run(ctx) })
	wg.Go(func() { p.parts.SendCanaries(ctx) })
	wg.Wait()
}

// pull does tasks of both lanes, and the janitor's work beside them, until ctx is done.
func (p *program) pull(ctx context.Context, worker *queue.Worker) error {
	subs, err := parts.OpenSubscriptions(ctx, p.config)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	wg.Go(func() { p.tidy(ctx) })
	err = worker.Run(ctx, subs.Lanes)
	cancel()
	wg.Wait()
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), p.config.DrainTime)
	defer done()
	return errors.Join(err, subs.Close(closing))
}
