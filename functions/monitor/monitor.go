// Package monitor is the operators' console: what runs, what waits, what failed and why, and what
// can be done about it.
//
// Every page is a view: a function that loads a model from the ledger, a template that shows it at
// /monitor, and the same model as JSON under /api/v1/monitor. Every deed is an action: a form of a
// page, and a POST of the JSON interface. Both name the role that they ask for, and both are
// listed in one place (routes.go), from which the routes, the navigation and the table of roles in
// the tests are made.
//
// Pages work without script. With it they refresh themselves: the server says over one event
// stream that something changed, and the page fetches itself again and takes over what differs.
//
// # Privacy
//
// The ledger holds nothing of a person, so neither do the pages; pictures are shown only when
// somebody asks for one by name, which is written to the audit log before the picture is sent.
package monitor

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"idphoto/functions/api"
	"idphoto/infra/auth"
	"idphoto/queue"
)

// Blobs keeps pictures. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	Write(ctx context.Context, key, contentType string, data []byte) error
	DeletePrefix(ctx context.Context, prefix string) error
}

// Options tunes a Monitor. Zero values mean the defaults.
type Options struct {
	TraceURL string                   // of a task's trace in a tracing back end, with {trace} in it; empty: no link
	Version  string                   // of the program, shown at the foot of every page
	Promises map[string]time.Duration // by lane: how long a task may wait; default queue.Promises
	Deadline time.Duration            // how long an attempt may take; default 60 s, as workers have it
	Poll     time.Duration            // how often the event streams look at the ledger; default 1 s
	Streams  int64                    // open event streams; default 64
	Stop     <-chan struct{}          // ends all streams when closed
	Now      func() time.Time         // default time.Now
	Log      *slog.Logger             // default slog.Default
	Guard    *auth.Guard              // signs people in; nil: the pages for that are not found
	Frozen   bool                     // the process stands still between requests, as on Lambda: no event streams, and an action on many ends before its answer
	Retries  queue.Retries            // how many attempts a task gets that is run again
}

// Monitor is the console. Make one with New.
type Monitor struct {
	ledger queue.Ledger
	blobs  Blobs
	opts   Options
	shell  *shell
	live   *live
	memory *memory
	began  time.Time
	bulks  bulkJobs
}

// New returns the console for what is in the ledger. It panics when the embedded pages contradict
// each other, which the tests of this package rule out.
func New(ledger queue.Ledger, blobs Blobs, opts *Options) *Monitor {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.fill()
	m := &Monitor{ledger: ledger, blobs: blobs, opts: o, shell: newShell(o.Version, o.Now)}
	m.live, m.memory, m.began = newLive(ledger, o), newMemory(ledger, o.Now), o.Now()
	return m
}

func (o *Options) fill() {
	if o.Promises == nil {
		o.Promises = queue.Promises()
	}
	if o.Deadline <= 0 {
		o.Deadline = time.Minute
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Streams <= 0 {
		o.Streams = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// view is one page, and the call of the JSON interface that gives the same model.
type view struct {
	path  string // below /monitor and /api/v1/monitor: "/tasks/{id}"; "/" is the overview
	page  string // the template pages/<page>.html, and its title in strings.json: "title.<page>"
	menu  bool   // whether the navigation lists it
	role  auth.Role
	model func(m *Monitor, r *http.Request) (any, error)
}

// action is one deed. Its form comes as POST /monitor<path>, answered with a redirect back to
// where it came from; as JSON it is POST /api/v1/monitor<path>.
type action struct {
	path string
	role auth.Role
	// do acts and says what it did. Values are the form's fields or the JSON object's members.
	do func(m *Monitor, r *http.Request, in values) (outcome, error)
}

// outcome is what an action did.
type outcome struct {
	Audit   string `json:"action"`           // the deed, as the audit log has it: "retry", "pause", ...
	Target  string `json:"target,omitempty"` // on what: a task's id, a lane, a filter
	Count   int64  `json:"count"`            // tasks, lanes, ... it changed
	Message string `json:"-"`                // the sentence shown after the redirect: strings.json "done.<Message>"
	Next    string `json:"-"`                // page to go to; default: back
	Page    string `json:"-"`                // shown instead of a redirect, with Body: for what is shown once
	Body    any    `json:"result,omitempty"`
}

// raw is a route of the console that is neither: pictures, event streams, downloads.
type raw struct {
	method, path string // whole path
	role         auth.Role
	handle       func(m *Monitor, w http.ResponseWriter, r *http.Request) error
}

// Routes lists what the console answers.
func (m *Monitor) Routes() []api.Route {
	var routes []api.Route
	for _, v := range views {
		routes = append(routes,
			api.Route{Method: "GET", Path: pagePath(v.path), Access: v.role, Handle: m.page(v), Refuse: m.failed},
			api.Route{Method: "GET", Path: jsonPath(v.path), Access: v.role, Handle: m.json(v)})
	}
	for _, a := range actions {
		routes = append(routes,
			api.Route{Method: "POST", Path: pagePath(a.path), Access: a.role, Handle: m.form(a), Refuse: m.failed},
			api.Route{Method: "POST", Path: jsonPath(a.path), Access: a.role, Handle: m.call(a)})
	}
	for _, x := range raws {
		routes = append(routes, api.Route{Method: x.method, Path: x.path, Access: x.role,
			Handle: func(w http.ResponseWriter, r *http.Request) error { return x.handle(m, w, r) }})
	}
	return routes
}

// Base is where the pages lie.
const Base = "/monitor"

func pagePath(path string) string {
	if path == "/" {
		return Base + "/{$}"
	}
	return Base + path
}

func jsonPath(path string) string {
	if path == "/" {
		return api.Prefix + "/monitor/overview"
	}
	return api.Prefix + "/monitor" + path
}
