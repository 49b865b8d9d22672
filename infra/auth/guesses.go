package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// limit is how many guesses are free, and how the wait grows after them.
type limit struct {
	free    int64         // guesses without a wait
	first   time.Duration // wait before the next; doubles with each guess
	longest time.Duration
	forget  time.Duration // a pause this long starts the count anew
}

// A name is guessed at by its owner too, an address may be a whole office's. The longest wait
// leaves some hundred guesses a day at one name, and keeps nobody out for long whose name somebody
// else plays with.
var (
	nameLimit    = limit{free: 5, first: time.Second, longest: 15 * time.Minute, forget: 24 * time.Hour}
	addressLimit = limit{free: 20, first: time.Second, longest: 15 * time.Minute, forget: 24 * time.Hour}
)

// wait is how long after the n-th guess in a row the next one may come.
func (l limit) wait(n int64) time.Duration {
	if n < l.free {
		return 0
	}
	return min(l.longest, l.first<<min(n-l.free, 30))
}

// sql is wait(n) as SQL, in microseconds, of the column n.
func (l limit) sql() string {
	var b strings.Builder
	b.WriteString("CASE")
	for n := int64(0); l.wait(n) < l.longest; n++ {
		fmt.Fprintf(&b, " WHEN guesses.n <= %d THEN %d", n, l.wait(n).Microseconds())
	}
	fmt.Fprintf(&b, " ELSE %d END", l.longest.Microseconds())
	return b.String()
}

// LockedError says that too many guesses were made: the next may come after Wait.
type LockedError struct{ Wait time.Duration }

func (e *LockedError) Error() string {
	return fmt.Sprintf("auth: too many guesses; the next one in %v", e.Wait.Round(time.Second))
}

// guess counts a guess before it is looked at, so that many at once count as many. It returns a
// LockedError, and counts nothing, while an earlier guess's wait lasts.
func (s *Store) guess(ctx context.Context, who string, l limit) error {
	now := s.now()
	var n int64
	err := s.db.Returning(ctx, `INSERT INTO guesses (who, n, last_at) VALUES (?, 1, ?)
		ON CONFLICT (who) DO UPDATE SET last_at = excluded.last_at,
			n = CASE WHEN guesses.last_at < CAST(? AS BIGINT) THEN 1 ELSE guesses.n + 1 END
		WHERE guesses.last_at + `+l.sql()+` <= excluded.last_at RETURNING n`,
		who, micros(now), micros(now.Add(-l.forget))).Scan(&n)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var last int64
	err = s.db.QueryRow(ctx, `SELECT n, last_at FROM guesses WHERE who = ?`, who).Scan(&n, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // none: somebody got it right a moment ago
		return err
	}
	return &LockedError{Wait: max(time.Second, fromMicros(last).Add(l.wait(n)).Sub(now))}
}

// unguess forgets the guesses at a name whose owner has signed in, and takes the one that was right off the address's
// count. Its other guesses stay: whoever has one password must not guess at others for ever.
func (s *Store) unguess(ctx context.Context, name, address string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM guesses WHERE who = ?`, name); err != nil {
		return err
	}
	if _, err := s.db.Exec(ctx, `UPDATE guesses SET n = n - 1 WHERE who = ? AND n > 0`, address); err != nil {
		return err
	}
	_, err := s.db.Exec(ctx, `DELETE FROM guesses WHERE last_at < ?`, micros(s.now().Add(-nameLimit.forget)))
	return err
}

// The ledger keeps neither what strangers type nor where they are: both are hashed.
func guessName(name string) string { return "name " + hashed("name " + name)[:32] }

// guessAddress counts an IPv6 network as one: its customer has all of its addresses.
func guessAddress(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil {
		ip = ip.Unmap().WithZone("")
		if address = ip.String(); ip.Is6() {
			if network, err := ip.Prefix(64); err == nil {
				address = network.String()
			}
		}
	}
	return "address " + hashed("address " + address)[:32]
}
