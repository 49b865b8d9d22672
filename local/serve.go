package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/monitor"
	"idphoto/functions/parts"
	"idphoto/functions/process"
	"idphoto/infra/auth"
	"idphoto/infra/config"
	"idphoto/infra/telemetry"
	"idphoto/local/web"
	"idphoto/pipeline"
	"idphoto/queue"
	"idphoto/queue/transport"
)

// Config says what Start starts. The zero value keeps everything in ./data.
type Config struct {
	Addr      string // default 127.0.0.1:8080; port 0 takes a free one
	Data      string // folder of ledger and pictures; default ./data
	Memory    bool   // nothing on disk
	Queue     string // URL of topic and subscription; default in memory
	QueueBulk string // URL of those for tasks of batches; default in memory, or shared where Queue is given
	Blobs     string // URL
	Ledger    string // URL
	OTLP      string // URL; default: traces go nowhere
	TLSCert   string // file of a certificate chain; with TLSKey everything is served over TLS
	TLSKey    string // file of its key
	Workers   int    // photos at once; default: one per CPU

	Engine  *pipeline.Options // how photos are computed; its Limits come from the settings when nil
	Environ []string          // further settings, as in package infra/config; default none
	Log     *slog.Logger      // default slog.Default
}

// Where says what a Server uses, for people: no passwords.
type Where struct {
	Ledger, Blobs, Queue, OTLP string
	Workers                    int
}

// Server is everything in one process. Close it.
type Server struct {
	Addr  string // host:port it listens on
	URL   string // http://host:port, or https
	Where Where

	FirstPassword string // of the admin, when this start has made one; kept nowhere else

	photos *pipeline.Pipeline
	stuck  bool // a network is computing and does not end
	cancel context.CancelFunc
	done   chan struct{} // closed when all has stopped
	err    error         // valid once done is closed
}

// Start starts everything and returns when it answers. It stops when ctx is done or Close is called.
func Start(ctx context.Context, c Config) (_ *Server, err error) {
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	var undo cleanup
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.run(ctx))
		}
	}()
	tel, err := telemetry.Setup(ctx, parts.Telemetry(settings, "idphoto-local"))
	if err != nil {
		return nil, err
	}
	undo.add(tel.Shutdown)
	began := time.Now()
	photos, err := pipeline.Open(engine(c.Engine, settings))
	if err != nil {
		return nil, err
	}
	loaded := time.Since(began)
	s := &Server{photos: photos, done: make(chan struct{})}
	undo.add(s.closePhotos)
	if err := process.Announce(ctx, photos.Status(), c.Log); err != nil {
		return nil, err
	}
	p, err := parts.Open(ctx, settings, parts.Need{Blobs: true, Topic: true}, c.Log)
	if err != nil {
		return nil, err
	}
	undo.add(p.Close)
	guard, first, err := p.Guard(ctx, settings.Addr)
	if err != nil {
		return nil, err
	}
	s.FirstPassword = first
	if err := p.Gauges(tel.Meters); err != nil {
		return nil, err
	}
	subs, err := parts.OpenSubscriptions(ctx, settings)
	if err != nil {
		return nil, err
	}
	undo.add(subs.Close)
	ln, err := listen(ctx, settings)
	if err != nil {
		return nil, err
	}
	s.Addr, s.Where = ln.Addr().String(), where(settings)
	s.URL = scheme(settings) + s.Addr
	ctx, s.cancel = context.WithCancel(ctx)
	worker := process.NewWorker(p.Ledger, p.Publisher, p.Blobs, photos, settings, process.About{
		System: transport.System(settings.SubscriptionURL), Version: config.Version(), Provider: photos.Status().Provider, LoadTime: loaded,
	}, c.Log)
	go s.run(ctx, &undo, work{p, guard, tel, worker, subs, ln, settings, c.Log})
	return s, nil
}

// listen listens where the settings say, with TLS where they do.
func listen(ctx context.Context, c *config.Config) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if err != nil || c.TLSCert == "" {
		return ln, err
	}
	secure, err := api.TLS(ln, c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return secure, nil
}

func scheme(c *config.Config) string {
	if c.TLSCert != "" {
		return "https://"
	}
	return "http://"
}

// work is what run keeps going.
type work struct {
	parts    *parts.Parts
	guard    *auth.Guard
	tel      *telemetry.Telemetry
	worker   *queue.Worker
	subs     *parts.Subscriptions
	ln       net.Listener
	settings *config.Config
	log      *slog.Logger
}

// run serves, works and tidies until ctx is done or one of them fails, then closes everything.
func (s *Server) run(ctx context.Context, undo *cleanup, w work) {
	defer close(s.done)
	var wg sync.WaitGroup
	var served, worked error
	wg.Go(func() {
		defer s.cancel()
		served = api.Serve(ctx, w.ln, s.handler(ctx, w), w.settings.DrainTime, w.log)
	})
	wg.Go(func() {
		defer s.cancel()
		worked = w.worker.Run(ctx, w.subs.Lanes)
	})
	wg.Go(func() { w.parts.Janitor().Run(ctx) })
	wg.Go(func() { w.parts.SendCanaries(ctx) })
	wg.Wait()
	s.stuck = errors.Is(worked, queue.ErrStuck)
	s.err = errors.Join(served, worked, undo.run(context.WithoutCancel(ctx)))
}

// closePhotos closes the networks, unless one of them computes for ever: then only the end of the
// process helps, and the error that Close returns says so.
func (s *Server) closePhotos(context.Context) error {
	if s.stuck {
		return nil
	}
	return s.photos.Close()
}

// handler puts the page and all functions on one address.
func (s *Server) handler(ctx context.Context, w work) http.Handler {
	checks := w.parts.Checks()
	maps.Copy(checks, map[string]api.Check{"models": func(context.Context) (any, error) { return s.photos.Status(), nil }})
	health := &api.Health{Checks: checks, Metrics: w.tel.Metrics, MetricsToken: w.settings.MetricsToken, Log: w.log}
	routes := slices.Concat(w.parts.Upload().Routes(), w.parts.Batch().Routes(), w.parts.Status(0, ctx.Done()).Routes())
	routes = slices.Concat(routes, w.parts.Monitor(w.guard, ctx.Done()).Routes(), health.Routes())
	return api.New(api.Options{Log: w.log, Guard: w.guard, SignIn: monitor.LoginPath, Fallback: web.Handler()}, routes...)
}

// Engine tells what computes the photos.
func (s *Server) Engine() pipeline.Status { return s.photos.Status() }

// Done is closed when the server has stopped, by itself or not.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close stops everything: requests and running photos are finished, or handed back after the
// drain time. It may be called more than once.
func (s *Server) Close() error {
	s.cancel()
	<-s.done
	return s.err
}

// settings are the environment's, with what c says instead where it says something.
func (c *Config) settings() (*config.Config, error) {
	s, err := config.Read(c.Environ)
	if err != nil {
		return nil, err
	}
	data, err := filepath.Abs(cmp.Or(c.Data, "data"))
	if err != nil {
		return nil, err
	}
	stores := storeFlags{Data: data, Ledger: c.Ledger, Blobs: c.Blobs}
	if c.Memory {
		stores.Ledger, stores.Blobs = cmp.Or(c.Ledger, "mem://"), cmp.Or(c.Blobs, "mem://")
	}
	s.Addr = cmp.Or(c.Addr, "127.0.0.1:8080")
	s.LedgerURL, s.BlobsURL = stores.ledgerURL(), stores.blobsURL()
	// A name of its own, because queues in memory are shared by the whole process.
	own := rand.Text()
	s.TopicURL = cmp.Or(c.Queue, "mem://express-"+own)
	s.BulkTopicURL = c.QueueBulk
	if s.BulkTopicURL == "" && c.Queue == "" {
		s.BulkTopicURL = "mem://bulk-" + own
	}
	s.SubscriptionURL, s.BulkSubscriptionURL = s.TopicURL, s.BulkTopicURL
	s.OTLPURL = cmp.Or(c.OTLP, s.OTLPURL)
	if c.TLSCert != "" || c.TLSKey != "" {
		s.TLSCert, s.TLSKey = c.TLSCert, c.TLSKey
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return nil, errors.New("a certificate and its key come together: --tls-cert and --tls-key")
	}
	if c.Workers > 0 {
		s.Workers = c.Workers
	}
	return s, nil
}

// engine are the pipeline's options: given, the settings' limits where they have none.
func engine(given *pipeline.Options, s *config.Config) *pipeline.Options {
	o := process.Engine(s)
	if given == nil {
		return o
	}
	chosen := *given
	if chosen.Limits == nil {
		chosen.Limits = o.Limits
	}
	return &chosen
}

func where(s *config.Config) Where {
	w := Where{Ledger: shown(s.LedgerURL), Blobs: shown(s.BlobsURL), Queue: shown(s.TopicURL), OTLP: "not sent (--otlp URL)", Workers: s.Workers}
	if s.OTLPURL != "" {
		w.OTLP = shown(s.OTLPURL)
	}
	if transport.InProcess(s.TopicURL) {
		w.Queue = "in memory"
	}
	if s.BulkTopicURL != "" && shown(s.BulkTopicURL) != shown(s.TopicURL) {
		w.Queue += ", for batches " + shown(s.BulkTopicURL)
	}
	return w
}

// shown is a URL without what may be secret.
func shown(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "(not shown)"
	case u.Scheme == "mem":
		return "in memory"
	case u.Scheme == "file", u.Scheme == "sqlite" && u.Opaque == "":
		return u.Path
	case u.Opaque != "":
		return u.Opaque
	}
	u.RawQuery = ""
	return u.Redacted()
}

// cleanup is what to undo, the last first.
type cleanup struct{ steps []func(context.Context) error }

func (c *cleanup) add(f func(context.Context) error) { c.steps = append(c.steps, f) }

func (c *cleanup) run(ctx context.Context) error {
	var errs []error
	for i := len(c.steps) - 1; i >= 0; i-- {
		errs = append(errs, c.steps[i](ctx))
	}
	c.steps = nil
	return errors.Join(errs...)
}
