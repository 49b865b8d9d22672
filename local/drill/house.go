package drill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"gocloud.dev/pubsub"

	"idphoto/functions/canary"
	"idphoto/functions/gauges"
	"idphoto/functions/photo"
	"idphoto/functions/process"
	"idphoto/infra/blobs"
	"idphoto/infra/telemetry"
	"idphoto/pipeline"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

const (
	step        = 30 * time.Second // of the drill's time, between two scrapes
	timeout     = time.Minute      // of one attempt
	canaryEvery = 5 * time.Minute
	workerName  = "drill-worker"
)

// house is the whole service in this process: ledger, worker with the real handler, janitor, canaries,
// gauges, and /metrics on a port. What is not real is the time, which stands still between two steps,
// the network that makes photos, and the transport, whose messages lie in a list until they are
// delivered. The exported knobs of knobs.go break it.
type house struct {
	knobs
	now     time.Time
	ledger  *brittle
	store   *blobs.Store
	tel     *telemetry.Telemetry
	worker  *queue.Worker
	publish *queue.Publisher
	janitor *queue.Janitor
	canary  *canary.Sender
	alarms  *alarms
	url     string // of the metrics
	waiting map[string][][]byte
	work    sync.WaitGroup // deliveries that have not ended
	close   []func(context.Context) error
}

// open builds it. The caller calls shut.
func open(ctx context.Context, log *slog.Logger) (_ *house, err error) {
	h := &house{now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), waiting: make(map[string][][]byte)}
	h.knobs.reset()
	defer func() {
		if err != nil {
			err = errors.Join(err, h.shut(ctx))
		}
	}()
	if h.alarms, err = newAlarms(); err != nil {
		return nil, err
	}
	if h.tel, err = telemetry.Setup(ctx, telemetry.Options{Service: "idphoto-drill"}); err != nil {
		return nil, err
	}
	h.close = append(h.close, h.tel.Shutdown)
	clock := func() time.Time { return h.now }
	real, err := sqlledger.Open(ctx, "mem://", &sqlledger.Options{Now: clock})
	if err != nil {
		return nil, err
	}
	h.ledger = &brittle{Ledger: real, knobs: &h.knobs}
	h.close = append(h.close, func(context.Context) error { return real.Close() })
	if h.store, err = blobs.Open(ctx, "mem://"); err != nil {
		return nil, err
	}
	h.close = append(h.close, func(context.Context) error { return h.store.Close() })

	topics := make(map[string]queue.Topic)
	for _, lane := range queue.Lanes {
		topics[lane] = topic{h, lane}
	}
	h.publish = queue.NewPublisher(h.ledger, topics, &queue.PublisherOptions{Logger: log})
	h.worker = queue.NewWorker(h.ledger, map[string]queue.Handler{photo.Kind: process.New(maker{&h.knobs}, h.store, nil)},
		&queue.WorkerOptions{Name: workerName, Lease: 24 * time.Hour, Deadline: 10 * timeout, Logger: log})
	h.janitor = queue.NewJanitor(h.ledger, h.publish, &queue.JanitorOptions{Kinds: []string{photo.Kind}, Logger: log})
	h.canary = canary.New(h.publish, h.ledger, h.store, &canary.Options{Every: canaryEvery, Now: clock, Log: log})
	shown, err := gauges.Register(h.tel.Meters, h.ledger, &gauges.Options{AttemptTimeout: timeout, CanaryEvery: canaryEvery, MaxAge: 1, Now: clock, Log: log})
	if err != nil {
		return nil, err
	}
	h.close = append(h.close, func(context.Context) error { return shown.Unregister() })
	return h, h.serve(ctx)
}

// serve puts the metrics on a free port of the loopback.
func (h *house) serve(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h.url = "http://" + ln.Addr().String() + "/metrics"
	server := &http.Server{Handler: h.tel.Metrics, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	h.close = append(h.close, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		http.DefaultClient.CloseIdleConnections()
		return err
	})
	return nil
}

func (h *house) shut(ctx context.Context) error {
	h.release()
	h.work.Wait()
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for i := len(h.close) - 1; i >= 0; i-- {
		errs = append(errs, h.close[i](ctx))
	}
	return errors.Join(errs...)
}

// advance lets the drill's time go by, does what the service does in it, scrapes and evaluates.
func (h *house) advance(ctx context.Context, d time.Duration) error {
	h.now = h.now.Add(d)
	if err := h.beat(ctx); err != nil {
		return err
	}
	for _, lane := range queue.Lanes {
		for range h.perStep {
			if err := h.submit(ctx, lane); err != nil && !h.broken() {
				return err
			}
		}
	}
	if h.janitorWorks {
		if err := h.janitor.Tick(ctx); err != nil && !h.broken() {
			return err
		}
	}
	if h.canariesFly {
		if err := h.canary.Send(ctx); err != nil && !h.broken() {
			return err
		}
	}
	h.deliver(ctx)
	scraped, err := h.scrape(ctx)
	if err != nil {
		return err
	}
	h.alarms.samples.add(h.now, scraped)
	return h.alarms.evaluate(ctx, h.now)
}

// submit takes a picture in as the upload function does.
func (h *house) submit(ctx context.Context, lane string) error {
	t, err := h.task(ctx, lane)
	if err != nil {
		return err
	}
	_, _, err = h.publish.Submit(ctx, t)
	return err
}

// task stores a picture and makes its task.
func (h *house) task(ctx context.Context, lane string) (queue.Task, error) {
	t := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Lane: lane, Label: "1-inch", Options: []byte(`{"size":"1-inch","background":"blue"}`), MaxAttempts: queue.DefaultMaxAttempts}
	t.InputKey = photo.OriginalKey(t.ID)
	return t, h.store.Write(ctx, t.InputKey, "image/png", onePicture)
}

// beat is the worker's registration, by the drill's time.
func (h *house) beat(ctx context.Context) error {
	w := queue.WorkerInfo{Name: workerName, State: queue.Online, Slots: 2, StartedAt: h.now}
	if !h.workerRuns {
		w.State = queue.Stopped
	}
	if !h.hungSince.IsZero() {
		w.Tasks = []queue.WorkerTask{{ID: "hung", Kind: photo.Kind, Attempt: 1, StartedAt: h.hungSince}}
	}
	_, err := h.ledger.Ledger.Heartbeat(ctx, w)
	return err
}

// deliver gives the waiting messages to the worker. What it does not take comes again.
func (h *house) deliver(ctx context.Context) {
	if !h.workerRuns {
		return
	}
	for _, lane := range queue.Lanes {
		if h.held[lane] {
			continue
		}
		bodies := h.waiting[lane]
		h.waiting[lane] = nil
		for _, body := range bodies {
			for range h.copies {
				if err := h.hand(ctx, body); err != nil {
					h.waiting[lane] = append(h.waiting[lane], body)
				}
			}
		}
	}
}

// hand gives one message to the worker and waits, unless the worker is to hang on it.
func (h *house) hand(ctx context.Context, body []byte) error {
	if h.hang == nil || !h.hungSince.IsZero() {
		return h.worker.Process(ctx, body)
	}
	h.hungSince = h.now
	begun := make(chan struct{})
	h.hangs = begun
	h.work.Go(func() { _ = h.worker.Process(ctx, body) }) // its outcome is in the ledger
	<-begun
	return nil
}

// scrape reads the metrics over HTTP, as Prometheus does, and adds whether they could be read.
func (h *house) scrape(ctx context.Context) (model.Vector, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	all := model.Vector{{Metric: model.Metric{model.MetricNameLabel: "up", "job": "idphoto", "instance": "drill"}, Value: 1}}
	for _, f := range families {
		v, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(h.now.UnixNano())}, f)
		if err != nil {
			return nil, err
		}
		all = append(all, v...)
	}
	return all, nil
}

// topic is one lane of the transport.
type topic struct {
	house *house
	lane  string
}

func (t topic) Send(_ context.Context, m *pubsub.Message) error {
	if t.house.transportDown {
		return errDown
	}
	t.house.waiting[t.lane] = append(t.house.waiting[t.lane], m.Body)
	return nil
}

var _ process.Runner = maker{}

// maker stands in for the networks.
type maker struct{ knobs *knobs }

func (m maker) Run(ctx context.Context, _ []byte, _ pipeline.Request, stage pipeline.StageFunc) (*pipeline.Result, error) {
	made := &pipeline.Result{Photo: []byte("photo"), PhotoType: "image/jpeg", Report: &pipeline.Report{Version: 1}}
	return made, stage(ctx, "decode", func(context.Context) error { return m.knobs.answer() })
}
