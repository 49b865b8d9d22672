// Package auth knows who asks and what they may do: people with a password and a session, programs
// with a key, and, where it is set up, people whom an OpenID provider vouches for.
//
// A Role includes every role before it. Each route of the HTTP interface names the role it asks
// for; the zero value is Nobody, so a route that forgot to say is closed to all.
package auth

import (
	"context"
	"fmt"
	"slices"
)

// Role is what somebody may do.
type Role int

const (
	Nobody   Role = iota // nobody has it: what asks for it is closed
	Anyone               // without signing in
	Client               // hand pictures in, fetch their own results by id
	Viewer               // look at the monitor
	Operator             // act on tasks, lanes, workers and batches; look at pictures
	Admin                // people and keys
)

var roleNames = []string{"nobody", "anyone", "client", "viewer", "operator", "admin"}

// String returns the role's stored name.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		return fmt.Sprintf("role(%d)", int(r))
	}
	return roleNames[r]
}

// MarshalText is the stored name, for JSON.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRole does.
func (r *Role) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRole(string(text))
	return err
}

// ParseRole reads one of client, viewer, operator, admin: the roles that can be given.
func ParseRole(name string) (Role, error) {
	i := slices.Index(roleNames, name)
	if Role(i) < Client {
		return Nobody, fmt.Errorf("auth: unknown role %q; want client, viewer, operator or admin", name)
	}
	return Role(i), nil
}

// Identity is who asks.
type Identity struct {
	Name string // of the person or key, as the audit log has it; empty for a stranger
	Role Role
	By   string // BySession, ByKey or empty
}

// How somebody has shown who they are.
const (
	BySession = "session"
	ByKey     = "key"
)

// May reports whether the identity covers the role that something asks for.
func (i Identity) May(role Role) bool { return role != Nobody && i.Role >= role }

type identityKey struct{}

// With returns a context in which i asks.
func With(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// From returns who asks: a stranger (role Anyone) when nobody has signed in.
func From(ctx context.Context) Identity {
	if i, ok := ctx.Value(identityKey{}).(Identity); ok {
		return i
	}
	return Identity{Role: Anyone}
}
