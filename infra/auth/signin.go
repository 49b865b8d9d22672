package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// noHash stands in for the password of a name that nobody has: comparing with it takes as long and
// never succeeds.
var noHash = phc{newCost, make([]byte, saltBytes), make([]byte, hashBytes)}.String()

// SignIn begins a session for name and password. ErrCredentials does not tell whether the name, the
// password or the person's permission is wrong, and neither does the time it takes; a *LockedError
// is for names that exist and for those that do not.
func (g *Guard) SignIn(w http.ResponseWriter, r *http.Request, name, password string) error {
	if err := g.sameOrigin(r); err != nil {
		return err
	}
	name = strings.ToLower(strings.TrimSpace(name))
	p, err := g.checkPassword(r, name, password)
	if err != nil {
		return err
	}
	return g.enter(w, r, p, "password")
}

// checkPassword counts the guess, then compares. Failures are recorded, under the name only when
// somebody has it: a stranger's text may be a password typed into the wrong field.
func (g *Guard) checkPassword(r *http.Request, name, password string) (Person, error) {
	ctx, who, where := r.Context(), guessName(name), guessAddress(g.address(r))
	for _, counted := range []struct {
		who string
		limit
	}{{where, addressLimit}, {who, nameLimit}} {
		if err := g.Store.guess(ctx, counted.who, counted.limit); err != nil {
			return Person{}, wrapUnlessLocked(err)
		}
	}
	p, err := g.Store.Person(ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Person{}, err
	}
	actor, hash := "unknown", noHash
	if err == nil {
		actor = p.Name
		if !p.Foreign {
			hash = p.password
		}
	}
	same, err := matches(ctx, hash, password)
	switch {
	case err != nil:
		return Person{}, err
	case !same, p.Disabled:
		return Person{}, g.refuse(ctx, actor, "password")
	}
	return p, errors.Join(g.Store.unguess(ctx, who, where), g.Store.renewHash(ctx, p, password))
}

// refuse records a failed sign-in.
func (g *Guard) refuse(ctx context.Context, actor, how string) error {
	if err := g.opts.Audit(ctx, Event{Actor: actor, Action: "login_failed", Target: how}); err != nil {
		return err
	}
	return ErrCredentials
}

func wrapUnlessLocked(err error) error {
	if _, locked := errors.AsType[*LockedError](err); locked {
		return err
	}
	return fmt.Errorf("auth: counting a guess: %w", err)
}

// renewHash replaces a hash of another cost than those made here, so that all take the same time.
func (s *Store) renewHash(ctx context.Context, p Person, password string) error {
	if h, err := parsePHC(p.password); err != nil || h.cost == newCost {
		return err
	}
	hash, err := Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `UPDATE people SET password = ? WHERE name = ? AND password = ?`, hash, p.Name, p.password)
	return err
}

// enter begins the session of somebody who has shown who they are.
func (g *Guard) enter(w http.ResponseWriter, r *http.Request, p Person, how string) error {
	if err := g.Store.welcome(r.Context(), p.Name); err != nil {
		return fmt.Errorf("auth: noting a sign-in: %w", err)
	}
	if err := g.opts.Audit(r.Context(), Event{Actor: p.Name, Action: "login", Target: how}); err != nil {
		return err
	}
	return g.begin(w, r, p)
}

// SignOut ends the request's session. Without one it only removes the cookie.
func (g *Guard) SignOut(w http.ResponseWriter, r *http.Request) error {
	if err := g.sameOrigin(r); err != nil {
		return err
	}
	c, err := r.Cookie(g.sessions.Cookie.Name)
	if err != nil {
		return nil
	}
	ctx, p, err := g.session(r)
	if err != nil {
		return err
	}
	if err := g.sessions.Destroy(ctx); err != nil {
		return fmt.Errorf("auth: ending a session: %w", err)
	}
	http.SetCookie(w, &http.Cookie{Name: c.Name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: g.opts.Secure, SameSite: http.SameSiteLaxMode})
	if p == nil {
		return nil
	}
	return g.opts.Audit(r.Context(), Event{Actor: p.Name, Action: "logout"})
}

// ChangePassword lets the person who asks choose another password. All sessions of the person are
// over, but for the one that asks, which goes on under a new token. A wrong old password is
// ErrCredentials, and counts as a guess.
func (g *Guard) ChangePassword(w http.ResponseWriter, r *http.Request, old, chosen string) error {
	_, p, err := g.session(r)
	switch {
	case err != nil:
		return err
	case p == nil:
		return ErrCredentials
	case p.Foreign:
		return ErrForeign
	case chosen == "":
		return ErrPassword
	}
	if err := checkPassword(p.Name, chosen); err != nil {
		return err
	}
	if _, err := g.checkPassword(r, p.Name, old); err != nil {
		return err
	}
	if _, err := g.Store.SetPassword(r.Context(), p.Name, chosen); err != nil {
		return err
	}
	now, err := g.Store.Person(r.Context(), p.Name)
	if err != nil {
		return err
	}
	return g.begin(w, r, now)
}
