package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"idphoto/infra/auth"
)

// guard takes whoever the header As names at their word.
type guard struct {
	keys bool  // clients need one
	away error // nobody can tell who asks
	site bool  // requests come from another site
}

func (g guard) Asks(role auth.Role) auth.Role {
	if role == auth.Client && !g.keys {
		return auth.Anyone
	}
	return role
}

func (g guard) Identify(r *http.Request) (auth.Identity, error) {
	stranger := auth.Identity{Role: auth.Anyone}
	switch as := r.Header.Get("As"); {
	case g.away != nil:
		return stranger, g.away
	case as == "":
		return stranger, nil
	default:
		role, err := auth.ParseRole(as)
		if err != nil {
			return stranger, auth.ErrCredentials
		}
		return auth.Identity{Name: as, Role: role, By: auth.BySession}, nil
	}
}

func (g guard) CheckOrigin(_ *http.Request, who auth.Identity) error {
	if g.site && who.By == auth.BySession {
		return auth.ErrCrossSite
	}
	return nil
}

// doors has one route for each role, which tells who asks.
func doors(o Options) http.Handler {
	o.Log = slog.New(slog.DiscardHandler)
	var routes []Route
	for _, role := range []auth.Role{auth.Anyone, auth.Client, auth.Viewer, auth.Operator, auth.Admin} {
		for _, method := range []string{"GET", "POST"} {
			for _, prefix := range []string{"/", "/api/v1/"} {
				routes = append(routes, Route{Method: method, Path: prefix + role.String(), Access: role, Handle: func(w http.ResponseWriter, r *http.Request) error {
					_, err := io.WriteString(w, auth.From(r.Context()).Name)
					return err
				}})
			}
		}
	}
	return New(o, routes...)
}

func TestARoleOpensItsDoorsAndThoseBelow(t *testing.T) {
	h := doors(Options{Guard: guard{keys: true}, SignIn: "/sign-in"})
	names := []string{"anyone", "client", "viewer", "operator", "admin"}
	for have, as := range names {
		for need, door := range names {
			for _, method := range []string{"GET", "POST"} {
				want := http.StatusOK
				switch {
				case need > have && have == 0:
					want = http.StatusUnauthorized
				case need > have:
					want = http.StatusForbidden
				}
				if have == 0 {
					as = ""
				}
				w := ask(h, method, "/api/v1/"+door, "As", as)
				if w.Code != want || want == http.StatusOK && w.Body.String() != as {
					t.Errorf("%s of %q by %q = %d %s, want %d", method, door, as, w.Code, w.Body, want)
				}
			}
		}
	}
}

func TestWithoutAGuardOnlyPicturesAreOpen(t *testing.T) {
	h := doors(Options{})
	for door, want := range map[string]int{"anyone": 200, "client": 200, "viewer": 403, "operator": 403, "admin": 403} {
		if w := ask(h, "GET", "/api/v1/"+door, "As", "admin"); w.Code != want {
			t.Errorf("%s is answered by %d, want %d", door, w.Code, want)
		}
	}
}

func TestClientsNeedAKeyOnlyWhereTheSettingsSaySo(t *testing.T) {
	for keys, want := range map[bool]int{false: 200, true: 401} {
		if w := ask(doors(Options{Guard: guard{keys: keys}}), "POST", "/api/v1/client"); w.Code != want {
			t.Errorf("keys %v: answered by %d, want %d", keys, w.Code, want)
		}
	}
}

// TestStrangersAreShownTheWayIn: people are sent to the page, programs and scripts are told.
func TestStrangersAreShownTheWayIn(t *testing.T) {
	for name, tc := range map[string]struct {
		signIn, method, path string
		headers              []string
		location             string // empty: 401
	}{
		"page":                   {"/in", "GET", "/viewer?a=b&c=d", []string{"Accept", "text/html,*/*;q=0.8", "Sec-Fetch-Mode", "navigate"}, "/in?next=%2Fviewer%3Fa%3Db%26c%3Dd"},
		"page, old browser":      {"/in", "GET", "/viewer", []string{"Accept", "text/html"}, "/in?next=%2Fviewer"},
		"form":                   {"/in", "POST", "/operator", []string{"Sec-Fetch-Mode", "navigate"}, "/in"},
		"form, not by a browser": {"/in", "POST", "/operator", nil, ""},
		"script":                 {"/in", "GET", "/viewer", []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors"}, ""},
		"events":                 {"/in", "GET", "/viewer", []string{"Accept", "text/event-stream"}, ""},
		"interface":              {"/in", "GET", "/api/v1/viewer", []string{"Accept", "text/html"}, ""},
		"key":                    {"/in", "GET", "/viewer", []string{"Authorization", "Bearer x", "As", "nobody"}, ""},
		"no page to sign in at":  {"", "GET", "/viewer", []string{"Accept", "text/html"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(doors(Options{Guard: guard{}, SignIn: tc.signIn}), tc.method, tc.path, tc.headers...)
			got := w.Header().Get("Location")
			if got != tc.location || (w.Code == http.StatusSeeOther) != (tc.location != "") {
				t.Errorf("answer is %d to %q, want to %q", w.Code, got, tc.location)
			}
			if tc.location == "" && (w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer") {
				t.Errorf("answer is %d %v, want 401 with WWW-Authenticate", w.Code, w.Header())
			}
		})
	}
}

func TestNobodyGetsInWhileNobodyCanTellWhoTheyAre(t *testing.T) {
	h := doors(Options{Guard: guard{away: errors.New("disk full")}, SignIn: "/in"})
	for door, want := range map[string]int{"anyone": 200, "viewer": 503} {
		if w := ask(h, "GET", "/"+door, "As", "admin"); w.Code != want || w.Body.String() == "admin" {
			t.Errorf("%s is answered by %d %s, want %d", door, w.Code, w.Body, want)
		}
	}
}

func TestAnotherSiteCannotUseASession(t *testing.T) {
	h := doors(Options{Guard: guard{site: true}})
	for _, door := range []string{"anyone", "client", "operator"} {
		if w := ask(h, "POST", "/"+door, "As", "admin"); w.Code != http.StatusForbidden {
			t.Errorf("%s is answered by %d", door, w.Code)
		}
	}
}

func TestARefusalCanBeAPage(t *testing.T) {
	h := New(Options{Guard: guard{}, Log: slog.New(slog.DiscardHandler)}, Route{Method: "GET", Path: "/x", Access: auth.Admin, Handle: ok,
		Refuse: func(w http.ResponseWriter, _ *http.Request, err error) error {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "a page")
			return nil
		}})
	if w := ask(h, "GET", "/x", "As", "viewer"); w.Code != http.StatusForbidden || w.Body.String() != "a page" {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
}

func TestARouteThatForgetsToSayWhoMayIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was taken")
		}
	}()
	New(Options{}, Route{Method: "GET", Path: "/x", Handle: ok})
}

func TestWhoMaySeeTheMonitorMayReadMetrics(t *testing.T) {
	health := &Health{Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), MetricsToken: "s3cret"}
	h := New(Options{Guard: guard{}, Log: slog.New(slog.DiscardHandler)}, health.Routes()...)
	for as, want := range map[string]int{"viewer": 200, "client": 401, "": 401} {
		if w := ask(h, "GET", "/metrics", "As", as); w.Code != want {
			t.Errorf("%q is answered by %d, want %d", as, w.Code, want)
		}
	}
}
