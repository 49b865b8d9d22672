package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// ErrExposed refuses a start that would open the monitor to strangers.
var ErrExposed = errors.New("auth: not started")

// CheckExposure says whether a server may listen at addr. On the loopback always: whoever is there
// has the machine. Anywhere else there must be people who can sign in, so that nobody else is the
// first, and TLS, here or at a proxy, so that nobody reads their passwords on the way.
func CheckExposure(addr string, people, tls, proxy bool) error {
	if loopback(addr) {
		return nil
	}
	var missing []error
	if !people {
		missing = append(missing, errors.New("there is nobody who could sign in: set ADMIN_PASSWORD_HASH, or add people while it listens on 127.0.0.1, or with the command users add"))
	}
	if !tls && !proxy {
		missing = append(missing, errors.New("passwords would travel in the open: set TLS_CERT and TLS_KEY, or PROXY_TLS=true where a proxy in front does TLS"))
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %q can be reached from other machines, and\n%w", ErrExposed, addr, errors.Join(missing...))
}

// loopback reports whether only this machine reaches addr.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// firstAdminName is who may add the others.
const firstAdminName = "admin"

// firstAdmin makes one where there are no people: with a hash that somebody has set, else, when
// random is true, with a random password, which it returns.
func (s *Store) firstAdmin(ctx context.Context, hash string, random bool) (password string, err error) {
	people, err := s.People(ctx)
	if err != nil || len(people) > 0 || hash == "" && !random {
		return "", err
	}
	if hash != "" {
		if err := ValidHash(hash); err != nil {
			return "", fmt.Errorf("ADMIN_PASSWORD_HASH: %w", err)
		}
		err = s.insertPerson(ctx, firstAdminName, Admin, hash)
	} else {
		password, err = s.AddPerson(ctx, firstAdminName, Admin, "")
	}
	if errors.Is(err, ErrTaken) { // another process has just done it
		return "", nil
	}
	return password, err
}
