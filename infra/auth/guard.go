package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Event is something for the audit log.
type Event struct {
	Actor  string // a person's or key's name; "unknown" for a name that nobody has
	Action string // "login", "login_failed", "logout"
	Target string // how: "password", "openid"
}

// Audit writes an event to the audit log.
type Audit func(ctx context.Context, e Event) error

// Options tunes a Guard.
type Options struct {
	Addr        string        // where the server listens, see CheckExposure; empty, as on Lambda: where strangers are
	TLS         bool          // this process serves TLS
	Proxy       bool          // a proxy in front does, and adds the client's address to X-Forwarded-For
	AdminHash   string        // password hash of the first admin; empty: on the loopback a random password
	RequireKeys bool          // routes for clients ask for a key (or a session) too
	NoSignIn    bool          // nobody signs in here: no first admin is made, and any address will do
	SessionTime time.Duration // longest session; default 12 h
	IdleTime    time.Duration // a session ends when nobody asks for this long; default 2 h
	OIDC        *OIDCOptions  // nil: passwords only

	Audit Audit            // default: none
	Now   func() time.Time // default time.Now
	Log   *slog.Logger     // default slog.Default

	Secure bool // set by Open: cookies go over TLS only
}

// Guard knows who asks, and signs people in and out. Make one with Open.
type Guard struct {
	Store *Store

	opts     Options
	sessions *scs.SessionManager
	cross    *http.CrossOriginProtection
	oidc     *oidcClient // nil without
}

// Open returns the guard of a server, with the people of db. Where there are none yet the first
// admin is made: with the hash of the settings, or, on the loopback, with a random password, which
// is returned to be shown once. It refuses a server that strangers could reach, see CheckExposure.
func Open(ctx context.Context, db DB, o Options) (g *Guard, firstPassword string, err error) {
	o.SessionTime = cmp.Or(o.SessionTime, 12*time.Hour)
	o.IdleTime = cmp.Or(o.IdleTime, 2*time.Hour)
	o.Secure = o.TLS || o.Proxy
	if o.Audit == nil {
		o.Audit = func(context.Context, Event) error { return nil }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	g = &Guard{Store: NewStore(db, o.Now), opts: o, cross: http.NewCrossOriginProtection()}
	g.sessions = newSessions(g.Store, o)
	if o.OIDC != nil {
		g.oidc = newOIDC(*o.OIDC)
	}
	if o.NoSignIn {
		return g, "", nil
	}
	firstPassword, err = g.Store.firstAdmin(ctx, o.AdminHash, loopback(o.Addr))
	if err != nil {
		return nil, "", err
	}
	people, err := g.Store.HasPeople(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := CheckExposure(o.Addr, people || o.OIDC != nil, o.TLS, o.Proxy); err != nil {
		return nil, "", err
	}
	return g, firstPassword, nil
}

// Errors of a Guard. Compare with errors.Is.
var (
	// ErrCredentials is the one answer to whatever is wrong with a sign-in or a key.
	ErrCredentials = errors.New("auth: not a valid name and password, key or sign-in")
	// ErrCrossSite refuses what another site makes a browser send.
	ErrCrossSite = errors.New("auth: the request comes from another site")
)

// Asks returns the role that a route of the given role asks for here.
func (g *Guard) Asks(role Role) Role {
	if role == Client && !g.opts.RequireKeys {
		return Anyone
	}
	return role
}

// Identify returns who asks: by a key where the request has one, else by its session. Without
// either, or when the session is over, it is a stranger; a key that is not valid is
// ErrCredentials. Other errors mean that the database is away.
func (g *Guard) Identify(r *http.Request) (Identity, error) {
	stranger := Identity{Role: Anyone}
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		k, err := g.Store.use(r.Context(), text)
		switch {
		case errors.Is(err, errBadKey):
			return stranger, ErrCredentials
		case err != nil:
			return stranger, err
		}
		return Identity{Name: "key:" + k.Name, Role: k.Role, By: ByKey}, nil
	}
	ctx, p, err := g.session(r)
	if err != nil || p == nil {
		return stranger, err
	}
	if _, _, err := g.sessions.Commit(ctx); err != nil { // not idle
		return stranger, fmt.Errorf("auth: prolonging a session: %w", err)
	}
	return Identity{Name: p.Name, Role: p.Role, By: BySession}, nil
}

// CheckOrigin refuses a request that changes something, comes by a session, and was made by
// another site's page.
func (g *Guard) CheckOrigin(r *http.Request, who Identity) error {
	if who.By != BySession {
		return nil
	}
	return g.sameOrigin(r)
}

func (g *Guard) sameOrigin(r *http.Request) error {
	if err := g.cross.Check(r); err != nil {
		return fmt.Errorf("%w: %w", ErrCrossSite, err)
	}
	return nil
}

// In a session: who, and the epoch of the person's sessions then.
const (
	sessionPerson = "person"
	sessionEpoch  = "epoch"
)

// session loads the request's session, and its person when it is still good.
func (g *Guard) session(r *http.Request) (context.Context, *Person, error) {
	c, err := r.Cookie(g.sessions.Cookie.Name)
	if err != nil {
		return r.Context(), nil, nil
	}
	ctx, err := g.sessions.Load(r.Context(), c.Value)
	if err != nil {
		return nil, nil, fmt.Errorf("auth: reading a session: %w", err)
	}
	name := g.sessions.GetString(ctx, sessionPerson)
	if name == "" {
		return ctx, nil, nil
	}
	p, err := g.Store.Person(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && (p.Disabled || p.epoch != g.sessions.GetInt64(ctx, sessionEpoch)):
		return ctx, nil, nil
	case err != nil:
		return nil, nil, err
	}
	return ctx, &p, nil
}

// begin starts a session of p under a new token, whatever token the browser had: one that somebody
// else has put there is worth nothing afterwards.
func (g *Guard) begin(w http.ResponseWriter, r *http.Request, p Person) error {
	var token string
	if c, err := r.Cookie(g.sessions.Cookie.Name); err == nil {
		token = c.Value
	}
	ctx, err := g.sessions.Load(r.Context(), token)
	if err != nil {
		return fmt.Errorf("auth: beginning a session: %w", err)
	}
	if err := errors.Join(g.sessions.Clear(ctx), g.sessions.RenewToken(ctx)); err != nil {
		return fmt.Errorf("auth: beginning a session: %w", err)
	}
	g.sessions.Put(ctx, sessionPerson, p.Name)
	g.sessions.Put(ctx, sessionEpoch, p.epoch)
	token, expiry, err := g.sessions.Commit(beginning(ctx))
	if err != nil {
		return fmt.Errorf("auth: beginning a session: %w", err)
	}
	g.sessions.WriteSessionCookie(ctx, w, token, expiry)
	return nil
}

// address is the client's, as guesses are counted by it.
func (g *Guard) address(r *http.Request) string {
	if g.opts.Proxy {
		// The proxy adds what it saw at the end; what stands before it, the client may have written.
		forwarded := r.Header.Values("X-Forwarded-For")
		if len(forwarded) > 0 {
			all := strings.Split(forwarded[len(forwarded)-1], ",")
			return strings.TrimSpace(all[len(all)-1])
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
