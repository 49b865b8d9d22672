package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
)

// Check reports whether one part of the process can do its work. Its details are shown to those who
// may see metrics; its error is logged only.
type Check func(ctx context.Context) (details any, err error)

// Health is the routes for whoever runs the process.
type Health struct {
	Checks       map[string]Check // by part: models, ledger, queue, blobs; only those this process uses
	Metrics      http.Handler     // nil: no /metrics
	MetricsToken string           // bearer token; empty: direct loopback peers only, and who may see the monitor
	Log          *slog.Logger     // default slog.Default

	mu     sync.Mutex
	last   readiness
	lastAt time.Time
}

// checksFor is how long an answer of the checks counts: probes must not become load.
const checksFor = time.Second

// checkTimeout bounds one round of checks.
const checkTimeout = 5 * time.Second

type readiness struct {
	Ready bool            `json:"ready"`
	Parts map[string]part `json:"parts"`
}

type part struct {
	OK      bool `json:"ok"`
	Details any  `json:"details,omitempty"`
}

// Routes lists /healthz (the process answers), /readyz (its parts do) and /metrics.
func (h *Health) Routes() []Route {
	routes := []Route{
		{Method: "GET", Path: "/healthz", Access: auth.Anyone, Handle: func(w http.ResponseWriter, _ *http.Request) error {
			return JSON(w, http.StatusOK, map[string]string{"status": "ok"})
		}},
		{Method: "GET", Path: "/readyz", Access: auth.Anyone, Handle: h.ready},
	}
	if h.Metrics != nil {
		routes = append(routes, Route{Method: "GET", Path: "/metrics", Access: auth.Anyone, Handle: h.metrics})
	}
	return routes
}

func (h *Health) ready(w http.ResponseWriter, r *http.Request) error {
	state := h.check(r.Context())
	status := http.StatusOK
	if !state.Ready {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	if h.insider(r) != nil {
		state = state.brief()
	}
	return JSON(w, status, state)
}

// brief says which parts are ready and nothing else.
func (s readiness) brief() readiness {
	parts := make(map[string]part, len(s.Parts))
	for name, p := range s.Parts {
		parts[name] = part{OK: p.OK}
	}
	return readiness{Ready: s.Ready, Parts: parts}
}

// check asks all parts at once, at most once per checksFor. A caller that goes away does not spoil
// the answer for the others.
func (h *Health) check(ctx context.Context) readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.lastAt) < checksFor {
		return h.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		state = readiness{Ready: true, Parts: make(map[string]part)}
	)
	for name, check := range h.Checks {
		wg.Go(func() {
			details, err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			state.Parts[name] = part{OK: err == nil, Details: details}
			if err != nil {
				state.Ready = false
				h.log().WarnContext(ctx, "not ready", "part", name, "err", err)
			}
		})
	}
	wg.Wait()
	h.last, h.lastAt = state, time.Now()
	return state
}

func (h *Health) log() *slog.Logger {
	if h.Log == nil {
		return slog.Default()
	}
	return h.Log
}

func (h *Health) metrics(w http.ResponseWriter, r *http.Request) error {
	if err := h.insider(r); err != nil {
		if h.MetricsToken != "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		return err
	}
	h.Metrics.ServeHTTP(w, r)
	return nil
}

// insider returns an error for who may not see how the process does.
func (h *Health) insider(r *http.Request) error {
	switch {
	case auth.From(r.Context()).May(auth.Viewer):
	case h.MetricsToken != "":
		if !hasToken(r, h.MetricsToken) {
			return fault.New(problem.Unauthorized, nil)
		}
	case !fromLoopback(r):
		return fault.New(problem.Forbidden, nil)
	}
	return nil
}

// hasToken compares in constant time.
func hasToken(r *http.Request, token string) bool {
	sent, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// fromLoopback reports whether a process of this machine asks on its own behalf. What a proxy on
// this machine passes on comes from elsewhere.
func fromLoopback(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
