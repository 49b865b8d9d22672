package process

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
)

// slotWithin is how long a pushed message waits for a free slot before it is sent back.
const slotWithin = time.Second

// PushOptions tunes PushRoutes.
type PushOptions struct {
	// Token is what a sender must show, as "Authorization: Bearer TOKEN" or "?token=TOKEN". Empty:
	// there are no routes.
	Token string

	Slots int             // messages worked on at once; default 1
	Stop  <-chan struct{} // closed when the process is to end; nil: it ends at once
	Grace time.Duration   // how long running work may go on after Stop, recording its end included
	Log   *slog.Logger    // default slog.Default
}

// PushRoutes lists where brokers push messages to, for processes that do not pull:
//
//	POST /push/pubsub      one message of a Google Pub/Sub push subscription, wrapped
//	POST /push/eventgrid   Azure Event Grid's events, in its own schema or as CloudEvents
//
// The answer is 204 when every message has done its duty; an unreadable one has, once it is
// recorded. It is 503 when one has not: the ledger does not answer, or no slot is free. The broker
// sends all of the request's messages again then, and the ledger refuses what is done. 401, 400 and
// 413 say that the request is no such push.
//
// The token is all that shows who sends. The signed identity (OIDC) that Pub/Sub can send along in
// Authorization is not verified here: let the platform do that in front (Cloud Run's "require
// authentication" does), and give the token in the address.
//
// A message is worked on to its end even if the sender loses patience: what it sends again is
// refused as long as the lease lives.
func PushRoutes(worker Processor, o PushOptions) []api.Route {
	if o.Token == "" {
		return nil
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	// Anyone as people and keys go: admitted asks for the token.
	p := &push{worker: worker, options: o, token: sha256.Sum256([]byte(o.Token)), slots: newSlots(o.Slots)}
	return []api.Route{
		{Method: http.MethodPost, Path: "/push/pubsub", Access: auth.Anyone, Handle: p.admitted(p.pubSub)},
		{Method: http.MethodPost, Path: "/push/eventgrid", Access: auth.Anyone, Handle: p.admitted(p.eventGrid)},
		{Method: http.MethodOptions, Path: "/push/eventgrid", Access: auth.Anyone, Handle: p.admitted(agree)},
	}
}

type push struct {
	worker  Processor
	options PushOptions
	token   [sha256.Size]byte // hashed, so that comparing tells nothing of its length either
	slots   slots
}

// admitted lets in who shows the token.
func (p *push) admitted(next api.Handler) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if p.is(bearer)|p.is(r.URL.Query().Get("token")) == 0 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			return fault.New(problem.Unauthorized, nil)
		}
		return next(w, r)
	}
}

func (p *push) is(token string) int {
	sent := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sent[:], p.token[:])
}

// take works on the messages of one request and answers it.
func (p *push) take(w http.ResponseWriter, r *http.Request, bodies [][]byte) error {
	ctx, cancel := p.working(r.Context())
	defer cancel()
	wait, done := context.WithTimeout(r.Context(), slotWithin)
	defer done()
	errs := p.slots.together(wait, len(bodies), func(i int) error { return p.worker.Process(ctx, bodies[i]) })
	switch err := errors.Join(errs...); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case wait.Err() != nil && errors.Is(err, wait.Err()):
		return fault.New(problem.Busy, err, "retry_after", 1)
	default:
		return problem.LedgerDown(err)
	}
}

// working returns the context of work that was begun: it outlives its request, and ends when the
// grace time after Stop is over, but for what recording the end takes. The work is handed back then.
func (p *push) working(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-p.options.Stop:
		}
		grace := time.NewTimer(p.options.Grace - recordWithin)
		defer grace.Stop()
		select {
		case <-ctx.Done():
		case <-grace.C:
			p.options.Log.WarnContext(ctx, "grace time is over, a pushed task is handed back")
			cancel()
		}
	}()
	return ctx, cancel
}

// readBody returns the body, which the api frame bounds.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); err != nil && !tooLarge {
		return nil, fault.New(problem.BadRequest, err) // it broke off
	}
	return body, err
}
