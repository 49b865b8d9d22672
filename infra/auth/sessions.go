package auth

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// sessionStore keeps sessions for scs, which hands over hashed tokens only.
type sessionStore struct{ *Store }

var _ scs.CtxStore = sessionStore{}

// touchEvery is how exactly the end of an idle session is kept: every look at a page would be a
// write otherwise.
const touchEvery = time.Minute

type beginningKey struct{}

// beginning marks a Commit that may make a session. Every other one only prolongs what is there:
// a request that was under way during a sign-out must not bring the session back.
func beginning(ctx context.Context) context.Context {
	return context.WithValue(ctx, beginningKey{}, true)
}

// CommitCtx stores a new session, or prolongs one.
func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if ctx.Value(beginningKey{}) == nil {
		var until int64
		err := s.db.QueryRow(ctx, `SELECT expires_at FROM sessions WHERE token = ?`, token).Scan(&until)
		if errors.Is(err, sql.ErrNoRows) || err == nil && expiry.Sub(fromMicros(until)) < touchEvery {
			return nil
		}
		if err == nil {
			_, err = s.db.Exec(ctx, `UPDATE sessions SET expires_at = ? WHERE token = ?`, micros(expiry), token)
		}
		return err
	}
	if _, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE expires_at < ?`, micros(s.now())); err != nil {
		return err
	}
	_, err := s.db.Exec(ctx, `INSERT INTO sessions (token, data, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`,
		token, base64.StdEncoding.EncodeToString(data), micros(expiry))
	return err
}

// FindCtx returns a session that is not over.
func (s sessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	var text string
	err = s.db.QueryRow(ctx, `SELECT data FROM sessions WHERE token = ? AND expires_at > ?`, token, micros(s.now())).Scan(&text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	data, err = base64.StdEncoding.DecodeString(text)
	return data, err == nil, err
}

// DeleteCtx ends a session.
func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE token = ?`, token)
	return err
}

// The methods without a context are part of scs's interface; it calls those with one.

// Commit is CommitCtx.
func (s sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Find is FindCtx.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Delete is DeleteCtx.
func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// newSessions sets scs up. The cookie ends with the browser; SameSite is Lax because the way back
// from an OpenID provider crosses sites, and Strict would ask for another sign-in after every link
// from a mail.
func newSessions(s *Store, o Options) *scs.SessionManager {
	return &scs.SessionManager{ // not scs.New, which starts a goroutine that nothing ends
		Store: sessionStore{s}, HashTokenInStore: true, Codec: scs.GobCodec{},
		Lifetime: o.SessionTime, IdleTimeout: min(o.IdleTime, o.SessionTime),
		Cookie: scs.SessionCookie{Name: cookieName("idphoto", o.Secure), Path: "/", HttpOnly: true, Secure: o.Secure, SameSite: http.SameSiteLaxMode},
	}
}

// cookieName keeps other hosts of the domain from setting our cookies, where the browser allows
// that: the prefix __Host- demands Secure.
func cookieName(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}
