// Package api is the frame of the HTTP interface: it puts the routes of the functions behind one
// mux, and around it what every request gets: a span, a log line, recovery from panics, limits,
// and an application/problem+json for whatever goes wrong, a wrong path or method included.
//
// A function is a list of Routes; which ones a process serves is its own affair.
package api

import (
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
)

// Prefix is where the versioned interface lies.
const Prefix = "/api/v1"

// Handler answers a request, or returns what is wrong before it has written anything.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP calls h and writes its error as a problem.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		problem.Write(w, r, err)
	}
}

// Route is one call of the interface. Path may have {wildcards} as http.ServeMux takes them.
type Route struct {
	Method, Path string
	Access       auth.Role // who may; auth.Nobody, the zero value, is refused by New
	Handle       Handler
	OwnLimits    bool // the handler bounds the body itself; others get smallBody

	// Refuse shows who has signed in that this is not open to them. Default: a problem.
	Refuse func(w http.ResponseWriter, r *http.Request, err error) error
}

// smallBody is enough for requests that carry no picture.
const smallBody = 64 << 10

// Options frames the routes. The zero value is ready to use.
type Options struct {
	Log      *slog.Logger // default slog.Default
	Guard    Guard        // knows who asks; nil: what asks for more than auth.Client is closed, the rest open
	SignIn   string       // page where people sign in; empty: there is none
	Fallback http.Handler // gets what no route takes and is not under /api/; default: a problem
}

// New returns the handler of these routes. It panics, as http.ServeMux does, for a route that is
// written wrongly: two of the same method and path, or one without Access.
func New(o Options, routes ...Route) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	mux := http.NewServeMux()
	for _, r := range routes {
		if r.Access == auth.Nobody {
			panic("api: " + r.Method + " " + r.Path + " does not say who may ask")
		}
		var h http.Handler = o.guarded(r)
		if !r.OwnLimits {
			h = http.MaxBytesHandler(h, smallBody)
		}
		mux.Handle(r.Method+" "+r.Path, h)
	}
	var h http.Handler = &dispatcher{mux: mux, fallback: o.Fallback}
	h = recovered(h)
	h = logged(o.Log, h)
	return otelhttp.NewHandler(h, "http", otelhttp.WithSpanNameFormatter(spanName), otelhttp.WithFilter(notProbe))
}

// notProbe keeps out of traces what asks every few seconds.
func notProbe(r *http.Request) bool {
	return r.URL.Path != "/healthz" && r.URL.Path != "/readyz" && r.URL.Path != "/metrics"
}

// spanName is known only once the mux has found the route; until then it is the method.
func spanName(_ string, r *http.Request) string {
	if r.Pattern != "" {
		return r.Pattern
	}
	return r.Method
}

// dispatcher is the mux with problems instead of its plain text errors.
type dispatcher struct {
	mux      *http.ServeMux
	fallback http.Handler
}

func (d *dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	refuse, pattern := d.mux.Handler(r)
	if pattern != "" {
		d.mux.ServeHTTP(w, r) // again, because only this sets the path's values
		return
	}
	if d.fallback != nil && !strings.HasPrefix(r.URL.Path, "/api/") && !d.knows(r) {
		d.fallback.ServeHTTP(w, r)
		return
	}
	answer := &header{values: http.Header{}}
	refuse.ServeHTTP(answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", answer.values.Get("Allow"))
		problem.Write(w, r, fault.New(problem.MethodNotAllowed, nil))
		return
	}
	problem.Write(w, r, fault.New(problem.NotFound, nil))
}

// knows reports whether some other method has a route at r's path.
func (d *dispatcher) knows(r *http.Request) bool {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := d.mux.Handler(other); pattern != "" {
			return true
		}
	}
	return false
}

// header is a response writer that keeps the head of what the mux would have answered.
type header struct {
	values http.Header
	status int
}

func (h *header) Header() http.Header         { return h.values }
func (h *header) WriteHeader(status int)      { h.status = status }
func (h *header) Write(b []byte) (int, error) { return len(b), nil }
