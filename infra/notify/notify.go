// Package notify tells another program, by a webhook, what the people who run the service want to
// hear of: a task died, a batch ended, a lane breaks its promise or keeps it again.
//
// The ledger notes such an event in the transaction in which it happens, and forgets it once the
// receiver has answered with 2xx. So no crash loses one; a crash between the answer and the
// forgetting, or an answer that got lost, has it sent again: a receiver that must not act twice
// remembers the ids of the last day. What cannot be delivered is tried again with growing pauses, up
// to an hour long, and given up after a day.
//
// # The request
//
// A POST with an Event as JSON and headers as in the Standard Webhooks specification, so that its
// libraries can check it:
//
//	webhook-id: task.dead/0199.../4            the event's id, the same in each try
//	webhook-timestamp: 1764010800              when this try was signed, Unix seconds
//	webhook-signature: v1,K5oZ...              base64 of HMAC-SHA256(secret, id "." timestamp "." body)
//
// Verify is a receiver's side of it.
//
// # Where it may go
//
// The receiver's host must be on a list, see Options.Hosts. Addresses that are not public are
// refused unless the list names them, and it is the dialled address that counts, so that no name
// leads inside by resolving to something else later. Redirects and proxies are not followed.
//
// An event tells of tasks, batches and lanes by their ids; nothing in it is of a person.
package notify

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"idphoto/queue"
)

// DB is the database with the notices. Queries have ? for values. sqlledger.SQL is one.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) (changed int64, err error)
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Ledger is what notices are filled in from, and lanes are watched by.
type Ledger interface {
	GetBatch(ctx context.Context, id string) (queue.Batch, error)
	LaneStates(ctx context.Context) ([]queue.LaneState, error)
}

// Options says where events go. Without a URL nothing is sent, and events are forgotten after Keep.
type Options struct {
	URL    string   // of the receiver; https, or http where it is on an address that Hosts names
	Secret string   // signs the requests; 16 bytes or more. "whsec_" and base64 stands for bytes
	Hosts  []string // host names that requests may go to; addresses and prefixes ("10.1.0.0/16") name internal ones
	Events []string // of Events; default all

	Promises map[string]time.Duration // by lane: how long a task may wait; a lane without one is never late
	Hold     time.Duration            // how long a lane is late before that is told; default 1 min
	Console  string                   // URL of the monitor, for links; empty: no links

	SendWithin time.Duration // bound on one request; default 10 s
	Keep       time.Duration // how long an event is tried to be told; default 24 h
	Batch      int           // requests in one Tick; default 100

	Now           func() time.Time // default time.Now
	Resolver      *net.Resolver    // default the system's
	RootCAs       *x509.CertPool   // default the system's
	Logger        *slog.Logger
	MeterProvider metric.MeterProvider // default the global one
}

// Notifier sends what the ledger has noted. Several at once, in any processes, share the work.
type Notifier struct {
	db     DB
	ledger Ledger
	opts   Options
	key    []byte
	client *http.Client // nil: nothing is sent
	sent   metric.Int64Counter
}

// New returns a Notifier. It reports everything that is wrong with the options, and never shows the
// secret.
func New(db DB, ledger Ledger, o Options) (*Notifier, error) {
	o.fill()
	n := &Notifier{db: db, ledger: ledger, opts: o}
	// Names are constants and valid, so there are no errors.
	n.sent, _ = o.MeterProvider.Meter("idphoto/notify").Int64Counter("idphoto.notices",
		metric.WithDescription("Tries to tell a receiver of an event, by outcome: sent, failed (comes again), given_up."))
	for _, outcome := range []string{"sent", "failed", "given_up"} {
		n.sent.Add(context.Background(), 0, metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	if o.URL == "" {
		return n, nil
	}
	var errs []error
	for _, e := range o.Events {
		if !slices.Contains(Events, e) {
			errs = append(errs, fmt.Errorf("notify: %q is none of the events %q", e, Events))
		}
	}
	var err error
	if n.key, err = secretKey(o.Secret); err != nil {
		errs = append(errs, err)
	}
	if n.client, err = newClient(o); err != nil {
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

func (o *Options) fill() {
	for field, standard := range map[*time.Duration]time.Duration{&o.Hold: time.Minute, &o.SendWithin: 10 * time.Second, &o.Keep: 24 * time.Hour} {
		if *field == 0 {
			*field = standard
		}
	}
	if o.Batch == 0 {
		o.Batch = 100
	}
	if len(o.Events) == 0 {
		o.Events = Events
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
}

// Every is how often Tick is to be called.
const Every = 2 * time.Second

// Tick watches the lanes and sends what is due, once. A receiver that does not take an event ends
// the round: it would not take the others either, or not in time.
func (n *Notifier) Tick(ctx context.Context) error {
	err := n.forget(ctx)
	if n.client == nil {
		return err
	}
	return errors.Join(err, n.watch(ctx), n.sendDue(ctx))
}

func (n *Notifier) sendDue(ctx context.Context) error {
	due, err := n.due(ctx)
	if err != nil {
		return err
	}
	for _, w := range due {
		if end, bounded := ctx.Deadline(); ctx.Err() != nil || bounded && time.Until(end) < n.opts.SendWithin {
			return nil
		}
		ours, err := n.take(ctx, w, n.opts.SendWithin+pause(w.tries))
		if err != nil {
			return err
		}
		if !ours {
			continue
		}
		if delivered, err := n.tell(ctx, w); err != nil || !delivered {
			return err
		}
	}
	return nil
}

// tell sends one event, unless nobody wants it, and has the ledger forget it then.
func (n *Notifier) tell(ctx context.Context, w notice) (delivered bool, err error) {
	if !slices.Contains(n.opts.Events, w.event) {
		return true, n.drop(ctx, w)
	}
	event, err := n.describe(ctx, w)
	if err != nil {
		return false, err
	}
	if err := n.post(ctx, event); err != nil {
		n.count(ctx, w.event, "failed")
		n.opts.Logger.WarnContext(ctx, "a webhook was not taken, it comes again", "event", w.event, "id", w.id, "try", w.tries+1, "err", err)
		return false, nil
	}
	n.count(ctx, w.event, "sent")
	return true, n.drop(ctx, w)
}

func (n *Notifier) count(ctx context.Context, event, outcome string) {
	n.sent.Add(ctx, 1, metric.WithAttributes(attribute.String("event", event), attribute.String("outcome", outcome)))
}

const (
	firstPause = 5 * time.Second
	maxPause   = time.Hour
)

// pause is the wait after a try that failed: it doubles, and its second half is at random.
func pause(tries int) time.Duration {
	d := min(firstPause<<min(tries, 20), maxPause)
	return d/2 + rand.N(d/2)
}
