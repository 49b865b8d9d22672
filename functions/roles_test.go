package main

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"idphoto/functions/api"
	"idphoto/functions/parts"
	"idphoto/functions/process"
	"idphoto/infra/auth"
	"idphoto/infra/auth/authtest"
	"idphoto/infra/config"
	"idphoto/infra/telemetry"
	"idphoto/queue"
)

// rule says who may ask a route, and what those who may get from an empty ledger for a request
// without a body: an error of the request's own, mostly, for what acts.
type rule struct {
	role  auth.Role
	open  int
	other int // what all others get; default: 401 or the way to the sign-in for strangers, 403
	in    int // what those with a session get, where it is something else
}

// rules are all routes of all functions. A new route is refused by the test until it is here: who
// may ask it is for somebody to decide, not for the code to imply.
var rules = map[string]rule{
	// Pictures: clients, which is everybody unless REQUIRE_KEYS is set.
	"POST /api/v1/generate":                {role: auth.Client, open: 400},
	"GET /api/v1/status/{id}":              {role: auth.Client, open: 404},
	"GET /api/v1/result/{id}":              {role: auth.Client, open: 404},
	"GET /api/v1/tasks/{id}/events":        {role: auth.Client, open: 404},
	"POST /api/v1/tasks/{id}/cancel":       {role: auth.Client, open: 404},
	"POST /api/v1/tasks/{id}/render":       {role: auth.Client, open: 404},
	"DELETE /api/v1/tasks/{id}":            {role: auth.Client, open: 404},
	"POST /api/v1/batches":                 {role: auth.Client, open: 400},
	"GET /api/v1/batches/{id}":             {role: auth.Client, open: 404},
	"DELETE /api/v1/batches/{id}":          {role: auth.Client, open: 404},
	"GET /api/v1/batches/{id}/results.zip": {role: auth.Client, open: 404},
	"GET /api/v1/batches/{id}/report.csv":  {role: auth.Client, open: 404},
	"POST /api/v1/batches/{id}/cancel":     {role: auth.Client, open: 404},
	"POST /api/v1/batches/{id}/retry":      {role: auth.Client, open: 404},
	"POST /api/v1/sheets":                  {role: auth.Client, open: 400},
	"GET /api/v1/papers":                   {role: auth.Anyone, open: 200},
	"GET /api/v1/specs":                    {role: auth.Anyone, open: 200},
	"GET /api/v1/specs/{id}":               {role: auth.Anyone, open: 404},
	"GET /api/v1/problems":                 {role: auth.Anyone, open: 200},
	"GET /api/v1/problems/{code}":          {role: auth.Anyone, open: 404},
	"GET /api/v1/openapi.json":             {role: auth.Anyone, open: 200},

	// For whoever runs the process. Metrics are for the loopback too, which this client is not.
	"GET /healthz": {role: auth.Anyone, open: 200},
	"GET /readyz":  {role: auth.Anyone, open: 200},
	"GET /metrics": {role: auth.Viewer, open: 200, other: 403},

	// Brokers show a token of their own, which no role has.
	"POST /push/pubsub":       {role: auth.Anyone, open: 401},
	"POST /push/eventgrid":    {role: auth.Anyone, open: 401},
	"OPTIONS /push/eventgrid": {role: auth.Anyone, open: 401},

	// Signing in, and what the page for it needs.
	"GET /monitor/assets/{sum}/{name}": {role: auth.Anyone, open: 404},
	"GET /monitor/login":               {role: auth.Anyone, open: 200, in: 303},
	"POST /monitor/login":              {role: auth.Anyone, open: 401},
	"POST /monitor/logout":             {role: auth.Anyone, open: 303},
	"GET /monitor/login/openid":        {role: auth.Anyone, open: 404},
	"GET /monitor/login/openid/back":   {role: auth.Anyone, open: 404},
	"GET /monitor/language":            {role: auth.Anyone, open: 303},

	// The console's routes that are no pages and no deeds.
	"GET /monitor":                           {role: auth.Anyone, open: 301},
	"GET /monitor/{$}":                       {role: auth.Viewer, open: 200},
	"GET /api/v1/monitor/overview":           {role: auth.Viewer, open: 200},
	"GET /monitor/live":                      {role: auth.Viewer, open: 200},
	"GET /monitor/tasks/{id}/picture/{part}": {role: auth.Operator, open: 404},
	"POST /monitor/account/password":         {role: auth.Viewer, open: 422},
}

// consoleRules are of pages and deeds: each is below /monitor, and below /api/v1/monitor for
// programs.
var consoleRules = map[string]rule{
	"GET /tasks":              {role: auth.Viewer, open: 200},
	"GET /tasks/{id}":         {role: auth.Viewer, open: 404},
	"GET /tasks/bulk":         {role: auth.Operator, open: 422},
	"GET /batches":            {role: auth.Viewer, open: 200},
	"GET /batches/{id}":       {role: auth.Viewer, open: 404},
	"GET /batches/{id}/names": {role: auth.Operator, open: 404},
	"GET /lanes":              {role: auth.Viewer, open: 200},
	"GET /workers":            {role: auth.Viewer, open: 200},
	"GET /rejections":         {role: auth.Viewer, open: 200},
	"GET /audit":              {role: auth.Operator, open: 200},
	"GET /people":             {role: auth.Admin, open: 200},
	"GET /account":            {role: auth.Viewer, open: 200},

	"POST /tasks/{id}/retry":       {role: auth.Operator, open: 404},
	"POST /tasks/{id}/accept":      {role: auth.Operator, open: 404},
	"POST /tasks/{id}/refuse":      {role: auth.Operator, open: 404},
	"POST /tasks/{id}/again":       {role: auth.Operator, open: 404},
	"POST /tasks/{id}/cancel":      {role: auth.Operator, open: 404},
	"POST /tasks/{id}/erase":       {role: auth.Operator, open: 422},
	"POST /tasks/bulk":             {role: auth.Operator, open: 422},
	"POST /batches/{id}/retry":     {role: auth.Operator, open: 404},
	"POST /batches/{id}/cancel":    {role: auth.Operator, open: 404},
	"POST /lanes/{lane}/pause":     {role: auth.Operator, open: 404},
	"POST /lanes/{lane}/resume":    {role: auth.Operator, open: 404},
	"POST /workers/{name}/drain":   {role: auth.Operator, open: 404},
	"POST /people":                 {role: auth.Admin, open: 422},
	"POST /people/{name}/role":     {role: auth.Admin, open: 422},
	"POST /people/{name}/disable":  {role: auth.Admin, open: 404},
	"POST /people/{name}/enable":   {role: auth.Admin, open: 404},
	"POST /people/{name}/password": {role: auth.Admin, open: 404},
	"POST /keys":                   {role: auth.Admin, open: 422},
	"POST /keys/{id}/revoke":       {role: auth.Admin, open: 404},
}

func init() {
	for name, r := range consoleRules {
		method, path, _ := strings.Cut(name, " ")
		rules[method+" /monitor"+path], rules[method+" /api/v1/monitor"+path] = r, r
	}
}

// crew is one of each role, and how they ask.
type crew struct {
	guard  *auth.Guard
	ledger queue.Ledger
	as     map[auth.Role]func(*http.Request)
}

var roles = []auth.Role{auth.Anyone, auth.Client, auth.Viewer, auth.Operator, auth.Admin}

// everything opens all functions in one handler, with their routes.
func everything(t *testing.T, environ ...string) (http.Handler, []api.Route, *crew) {
	t.Helper()
	c, err := config.Read(append([]string{"LEDGER_URL=mem://", "BLOBS_URL=mem://", "TOPIC_URL=mem://" + t.Name()}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{config: c, log: slog.New(slog.DiscardHandler)}
	if p.telemetry, err = telemetry.Setup(t.Context(), telemetry.Options{Service: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.telemetry.Shutdown(t.Context()) })
	if p.parts, err = parts.Open(t.Context(), c, parts.Need{Blobs: true, Topic: true}, p.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.parts.Close(t.Context()) })
	if p.guard, _, err = p.parts.Guard(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	close(stop) // event streams end as they begin
	routes := process.PushRoutes(nil, process.PushOptions{Token: "a broker's"})
	seen := map[string]bool{}
	for _, p.function = range slices.Sorted(maps.Keys(needs)) {
		for _, r := range p.routes(p.parts.Checks(), -1, stop) {
			if name := r.Method + " " + r.Path; !seen[name] { // each function has health
				seen[name] = true
				routes = append(routes, r)
			}
		}
	}
	team := &crew{guard: p.guard, ledger: p.parts.Ledger, as: map[auth.Role]func(*http.Request){}}
	for _, role := range roles {
		team.as[role] = authtest.As(t, p.guard, role)
	}
	return api.New(api.Options{Log: p.log, Guard: p.guard, SignIn: "/monitor/login"}, routes...), routes, team
}

// wildcards fills a route's path with what nobody has.
var wildcards = strings.NewReplacer("{$}", "", "{id}", "01930000-0000-7000-8000-000000000000", "{lane}", "slow", "{name}", "nobody",
	"{code}", "none", "{sum}", "0", "{part}", "photo")

// want is what somebody of the role gets.
func (r rule) want(route api.Route, role auth.Role, keys bool) int {
	needs := r.role
	if needs == auth.Client && !keys {
		needs = auth.Anyone
	}
	page := strings.HasPrefix(route.Path, "/monitor") && route.Method == http.MethodGet
	switch {
	case role >= auth.Viewer && role >= needs && r.in != 0:
		return r.in
	case role >= needs:
		return r.open
	case r.other != 0:
		return r.other
	case role == auth.Anyone && page:
		return http.StatusSeeOther
	case role == auth.Anyone:
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

func TestEveryRouteIsOpenToThoseItIsMeantForOnly(t *testing.T) {
	for name, keys := range map[string]bool{"pictures are open": false, "pictures need keys": true} {
		t.Run(name, func(t *testing.T) {
			handler, routes, team := everything(t, fmt.Sprintf("REQUIRE_KEYS=%v", keys))
			left := maps.Clone(rules)
			for _, route := range routes {
				name := route.Method + " " + route.Path
				rule, known := rules[name]
				if !known {
					t.Errorf("%s has no rule here: who may ask it?", name)
					continue
				}
				delete(left, name)
				for _, role := range roles {
					r := httptest.NewRequestWithContext(t.Context(), route.Method, wildcards.Replace(route.Path), nil)
					team.as[role](r)
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, r)
					if want := rule.want(route, role, keys); w.Code != want {
						t.Errorf("%s as %v: %d, want %d", name, role, w.Code, want)
					}
					if name == "POST /monitor/logout" {
						team.as[role] = authtest.As(t, team.guard, role) // that session is over
					}
				}
			}
			for name := range left {
				t.Errorf("%s has a rule and is not there", name)
			}
		})
	}
}
