package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"idphoto/infra/auth"
)

// diary is an audit log.
type diary struct{ events []string }

func (d *diary) record(_ context.Context, e auth.Event) error {
	d.events = append(d.events, strings.TrimSpace(e.Actor+" "+e.Action+" "+e.Target))
	return nil
}

func newGuard(t *testing.T, db auth.DB, o auth.Options) *auth.Guard {
	t.Helper()
	o.Addr = "127.0.0.1:0"
	g, _, err := auth.Open(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func request(t *testing.T, method string, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), method, "http://photo.example/monitor/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

// signIn returns the session's cookie.
func signIn(t *testing.T, g *auth.Guard, name, password string, had ...*http.Cookie) (*http.Cookie, error) {
	t.Helper()
	w := httptest.NewRecorder()
	if err := g.SignIn(w, request(t, "POST", had...), name, password); err != nil {
		if len(w.Result().Cookies()) > 0 {
			t.Error("a refused sign-in set a cookie")
		}
		return nil, err
	}
	return w.Result().Cookies()[0], nil
}

func enter(t *testing.T, g *auth.Guard, name string, had ...*http.Cookie) *http.Cookie {
	t.Helper()
	c, err := signIn(t, g, name, password, had...)
	if err != nil {
		t.Fatalf("signing in as %s: %v", name, err)
	}
	return c
}

// who returns who asks with these cookies.
func who(t *testing.T, g *auth.Guard, cookies ...*http.Cookie) auth.Identity {
	t.Helper()
	id, err := g.Identify(request(t, "GET", cookies...))
	if err != nil {
		t.Errorf("Identify = %v", err)
	}
	return id
}

var stranger = auth.Identity{Role: auth.Anyone}

func TestASessionBeginsAndEnds(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		var log diary
		g := newGuard(t, db, auth.Options{Audit: log.record})
		addPerson(t, g.Store, "ann", auth.Operator)
		if got := who(t, g); got != stranger {
			t.Errorf("without a cookie asks %+v", got)
		}
		c := enter(t, g, " Ann ")
		if got := who(t, g, c); got != (auth.Identity{Name: "ann", Role: auth.Operator, By: auth.BySession}) {
			t.Errorf("with the cookie asks %+v", got)
		}
		if p, err := g.Store.Person(t.Context(), "ann"); err != nil || p.LoginAt.IsZero() {
			t.Errorf("the sign-in is not noted: %+v, %v", p, err)
		}
		if err := g.Store.SetRole(t.Context(), "ann", auth.Viewer); err != nil || who(t, g, c).Role != auth.Viewer {
			t.Errorf("another role does not count at once: %+v, %v", who(t, g, c), err)
		}
		w := httptest.NewRecorder()
		if err := g.SignOut(w, request(t, "POST", c)); err != nil {
			t.Fatal(err)
		}
		if gone := w.Result().Cookies()[0]; gone.Name != c.Name || gone.MaxAge >= 0 {
			t.Errorf("signing out leaves the cookie: %v", gone)
		}
		if got := who(t, g, c); got != stranger {
			t.Errorf("after signing out asks %+v", got)
		}
		if got := strings.Join(log.events, ", "); got != "ann login password, ann logout" {
			t.Errorf("audit: %s", got)
		}
		if err := g.SignOut(httptest.NewRecorder(), request(t, "POST", c)); err != nil || len(log.events) != 2 {
			t.Errorf("signing out twice: %v, %v", err, log.events)
		}
	})
}

func TestCookiesAreForThisServerOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		opts   auth.Options
		secure bool
		cookie string
	}{
		"plain HTTP on the loopback": {auth.Options{}, false, "idphoto"},
		"TLS":                        {auth.Options{TLS: true}, true, "__Host-idphoto"},
		"a proxy with TLS":           {auth.Options{Proxy: true}, true, "__Host-idphoto"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, ledger(t, "mem://"), tc.opts)
			addPerson(t, g.Store, "ann", auth.Viewer)
			c := enter(t, g, "ann")
			if c.Name != tc.cookie || c.Secure != tc.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
				t.Errorf("the cookie is %s", c.Raw)
			}
			if len(c.Value) < 40 {
				t.Errorf("the token %q can be guessed", c.Value)
			}
		})
	}
}

func TestATokenFromElsewhereIsWorthNothing(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		g := newGuard(t, db, auth.Options{})
		addPerson(t, g.Store, "ann", auth.Admin)
		addPerson(t, g.Store, "eve", auth.Viewer)
		for name, planted := range map[string]*http.Cookie{
			"made up":      {Name: "idphoto", Value: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
			"a session":    enter(t, g, "eve"),
			"Ann's before": enter(t, g, "ann"),
		} {
			c := enter(t, g, "ann", planted)
			if c.Value == planted.Value {
				t.Errorf("%s: the token stays", name)
			}
			if got := who(t, g, planted); got != stranger {
				t.Errorf("%s: the planted token is %+v", name, got)
			}
			if got := who(t, g, c); got.Name != "ann" {
				t.Errorf("%s: the new token is %+v", name, got)
			}
		}
		var stored int
		if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM sessions WHERE token = ?`, enter(t, g, "ann").Value).Scan(&stored); err != nil || stored != 0 {
			t.Errorf("the database has the token itself (%v)", err)
		}
	})
}

func TestSessionsAreOverWhenTheirPersonChanges(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		g := newGuard(t, db, auth.Options{})
		addPerson(t, g.Store, "ann", auth.Viewer)
		addPerson(t, g.Store, "bob", auth.Viewer)
		other := enter(t, g, "bob")
		for name, change := range map[string]func() error{
			"disabled": func() error {
				return errors.Join(g.Store.SetDisabled(t.Context(), "ann", true), g.Store.SetDisabled(t.Context(), "ann", false))
			},
			"password": func() error { _, err := g.Store.SetPassword(t.Context(), "ann", password); return err },
		} {
			c := enter(t, g, "ann")
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if got := who(t, g, c); got != stranger {
				t.Errorf("%s: the session goes on as %+v", name, got)
			}
		}
		if got := who(t, g, other); got.Name != "bob" {
			t.Errorf("somebody else's session is %+v", got)
		}
		if err := g.Store.SetDisabled(t.Context(), "ann", true); err != nil {
			t.Fatal(err)
		}
		if _, err := signIn(t, g, "ann", password); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("signing in while disabled = %v, want ErrCredentials", err)
		}
	})
}

func TestPeopleChangeTheirOwnPassword(t *testing.T) {
	g := newGuard(t, ledger(t, "mem://"), auth.Options{})
	addPerson(t, g.Store, "ann", auth.Viewer)
	here, there := enter(t, g, "ann"), enter(t, g, "ann")
	const chosen = "staple battery horse"
	change := func(old, chosen string) (*http.Cookie, error) {
		w := httptest.NewRecorder()
		err := g.ChangePassword(w, request(t, "POST", here), old, chosen)
		if err != nil {
			return nil, err
		}
		return w.Result().Cookies()[0], nil
	}
	if _, err := change("not the old one", chosen); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("a wrong old password = %v, want ErrCredentials", err)
	}
	for _, weak := range []string{"", "short"} {
		if _, err := change(password, weak); !errors.Is(err, auth.ErrPassword) {
			t.Errorf("the password %q = %v, want ErrPassword", weak, err)
		}
	}
	next, err := change(password, chosen)
	if err != nil {
		t.Fatal(err)
	}
	if who(t, g, here) != stranger || who(t, g, there) != stranger || who(t, g, next).Name != "ann" {
		t.Errorf("sessions: this one's old token %v, another %v, the new token %v", who(t, g, here), who(t, g, there), who(t, g, next))
	}
	if _, err := signIn(t, g, "ann", chosen); err != nil {
		t.Errorf("the new password = %v", err)
	}
}

func TestSessionsEndByThemselves(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		now := newClock()
		g := newGuard(t, db, auth.Options{SessionTime: 12 * time.Hour, IdleTime: time.Hour, Now: now.Now})
		addPerson(t, g.Store, "ann", auth.Viewer)
		c := enter(t, g, "ann")
		now.advance(59 * time.Minute)
		if got := who(t, g, c); got.Name != "ann" {
			t.Errorf("after 59 minutes asks %+v", got)
		}
		now.advance(2 * time.Minute) // the request before was at the real time, an hour ago for this clock
		if got := who(t, g, c); got != stranger {
			t.Errorf("after an idle hour asks %+v", got)
		}
		enter(t, g, "ann")
		var left int
		if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM sessions`).Scan(&left); err != nil || left != 1 {
			t.Errorf("%d sessions are kept (%v), want the live one", left, err)
		}
	})
}

// TestASessionThatWasEndedStaysEnded: a request that was under way when its session ended must not
// write the session back.
func TestASessionThatWasEndedStaysEnded(t *testing.T) {
	db := ledger(t, "mem://")
	g := newGuard(t, db, auth.Options{})
	addPerson(t, g.Store, "ann", auth.Viewer)
	c := enter(t, g, "ann")
	if _, err := db.Exec(t.Context(), `UPDATE sessions SET expires_at = expires_at - 600000000`); err != nil { // so that the next look prolongs it
		t.Fatal(err)
	}
	slow := cut{DB: db, before: func() {
		if err := g.SignOut(httptest.NewRecorder(), request(t, "POST", c)); err != nil {
			t.Error(err)
		}
	}}
	_ = who(t, newGuard(t, &slow, auth.Options{}), c)
	if !slow.done {
		t.Fatal("the session was not to be prolonged")
	}
	if got := who(t, g, c); got != stranger {
		t.Errorf("after signing out asks %+v", got)
	}
}

// cut calls before once, just before a session is prolonged.
type cut struct {
	auth.DB
	before func()
	done   bool
}

func (d *cut) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if !d.done && strings.HasPrefix(query, "UPDATE sessions") {
		d.done = true
		d.before()
	}
	return d.DB.Exec(ctx, query, args...)
}

func TestLooksAreNotWrites(t *testing.T) {
	db := &counting{DB: ledger(t, "mem://")}
	g := newGuard(t, db, auth.Options{})
	addPerson(t, g.Store, "ann", auth.Viewer)
	c := enter(t, g, "ann")
	_, key, err := g.Store.AddKey(t.Context(), "payroll", auth.Client, 0, "ann")
	if err != nil {
		t.Fatal(err)
	}
	byKey := func() {
		r := request(t, "GET")
		r.Header.Set("Authorization", "Bearer "+key)
		if _, err := g.Identify(r); err != nil {
			t.Error(err)
		}
	}
	byKey()
	before := db.writes
	for range 5 {
		who(t, g, c)
		byKey()
	}
	if db.writes != before {
		t.Errorf("ten looks wrote %d times", db.writes-before)
	}
}

type counting struct {
	auth.DB
	writes int
}

func (d *counting) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	d.writes++
	return d.DB.Exec(ctx, query, args...)
}

func TestAnotherSiteCannotSignInOrOut(t *testing.T) {
	g := newGuard(t, ledger(t, "mem://"), auth.Options{})
	addPerson(t, g.Store, "ann", auth.Viewer)
	c := enter(t, g, "ann")
	for name, from := range map[string][2]string{
		"told by the browser": {"Sec-Fetch-Site", "cross-site"},
		"told by the origin":  {"Origin", "http://evil.example"},
	} {
		r := request(t, "POST", c)
		r.Header.Set(from[0], from[1])
		if err := g.SignIn(httptest.NewRecorder(), r, "ann", password); !errors.Is(err, auth.ErrCrossSite) {
			t.Errorf("%s: SignIn = %v, want ErrCrossSite", name, err)
		}
		if err := g.SignOut(httptest.NewRecorder(), r); !errors.Is(err, auth.ErrCrossSite) {
			t.Errorf("%s: SignOut = %v, want ErrCrossSite", name, err)
		}
		if err := g.CheckOrigin(r, who(t, g, c)); !errors.Is(err, auth.ErrCrossSite) {
			t.Errorf("%s: CheckOrigin = %v, want ErrCrossSite", name, err)
		}
		if err := g.CheckOrigin(r, auth.Identity{By: auth.ByKey}); err != nil {
			t.Errorf("%s: a key, which no browser sends by itself = %v", name, err)
		}
		r.Method = "GET"
		if err := g.CheckOrigin(r, who(t, g, c)); err != nil {
			t.Errorf("%s: a link = %v", name, err)
		}
	}
	own := request(t, "POST", c)
	own.Header.Set("Origin", "http://photo.example")
	if err := g.CheckOrigin(own, who(t, g, c)); err != nil {
		t.Errorf("our own form = %v", err)
	}
}

func TestKeysOpenUntilTheyEnd(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		now := newClock()
		g := newGuard(t, db, auth.Options{Now: now.Now, RequireKeys: true})
		add := func(validFor time.Duration) (auth.Key, string) {
			k, key, err := g.Store.AddKey(t.Context(), "payroll", auth.Operator, validFor, "ann")
			if err != nil {
				t.Fatal(err)
			}
			return k, key
		}
		identify := func(key string) (auth.Identity, error) {
			r := request(t, "POST")
			r.Header.Set("Authorization", "Bearer "+key)
			return g.Identify(r)
		}
		k, key := add(time.Hour)
		ever, forever := add(0)
		if id, err := identify(key); err != nil || id != (auth.Identity{Name: "key:payroll", Role: auth.Operator, By: auth.ByKey}) {
			t.Errorf("Identify = %+v, %v", id, err)
		}
		for name, wrong := range map[string]string{
			"nothing": "", "another's secret": "idp_" + k.ID + forever[len("idp_")+12:], "no secret": "idp_" + k.ID + "_", "unknown": "idp_aaaaaaaaaaaa_x",
			"no id": "idp__x", "the hash": "idp_" + k.ID, "another token": "s3cret",
		} {
			if id, err := identify(wrong); !errors.Is(err, auth.ErrCredentials) || id != stranger {
				t.Errorf("%s: Identify = %+v, %v; want ErrCredentials", name, id, err)
			}
		}
		now.advance(time.Hour)
		if _, err := identify(key); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("an expired key = %v, want ErrCredentials", err)
		}
		if _, err := identify(forever); err != nil {
			t.Errorf("a key without an end = %v", err)
		}
		used := now.at
		now.advance(30 * time.Second)
		identify(forever)
		keys, err := g.Store.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k.ID == ever.ID && k.UsedAt.UnixMicro() != used.UnixMicro() {
				t.Errorf("last used %v, want %v", k.UsedAt, used)
			}
		}
		if err := g.Store.RevokeKey(t.Context(), ever.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := identify(forever); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("a revoked key = %v, want ErrCredentials", err)
		}
		if g.Asks(auth.Client) != auth.Client || newGuard(t, db, auth.Options{}).Asks(auth.Client) != auth.Anyone || g.Asks(auth.Viewer) != auth.Viewer {
			t.Error("REQUIRE_KEYS does not decide about clients alone")
		}
	})
}

func TestWhereNobodySignsInKeysStillCount(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		g, password, err := auth.Open(t.Context(), db, auth.Options{Addr: "0.0.0.0:80", NoSignIn: true, RequireKeys: true})
		if err != nil || password != "" {
			t.Fatalf("Open = %q, %v", password, err)
		}
		if people, err := g.Store.People(t.Context()); err != nil || len(people) > 0 {
			t.Errorf("People = %v, %v; want nobody", people, err)
		}
		_, key, err := g.Store.AddKey(t.Context(), "robot", auth.Client, 0, "test")
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, "GET")
		r.Header.Set("Authorization", "Bearer "+key)
		if id, err := g.Identify(r); err != nil || !id.May(g.Asks(auth.Client)) {
			t.Errorf("Identify = %+v, %v", id, err)
		}
		if who(t, g).May(g.Asks(auth.Client)) {
			t.Error("a stranger may do what asks for a key")
		}
	})
}
