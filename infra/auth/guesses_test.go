package auth_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"idphoto/infra/auth"
)

// guessing signs in from an address.
func guessing(t *testing.T, g *auth.Guard, from, name, password string) error {
	r := request(t, "POST")
	r.RemoteAddr = from
	return g.SignIn(httptest.NewRecorder(), r, name, password)
}

const (
	office = "192.0.2.1:1000"
	home   = "198.51.100.7:2000"
)

// lockedFor returns how long the next guess has to wait; 0 when it may come now.
func lockedFor(t *testing.T, err error) time.Duration {
	t.Helper()
	if locked, ok := errors.AsType[*auth.LockedError](err); ok {
		return locked.Wait
	}
	if !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("a wrong guess = %v, want ErrCredentials", err)
	}
	return 0
}

// TestANameIsLockedLongerAndLonger, whether somebody has it or not, and after a restart too.
func TestANameIsLockedLongerAndLonger(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		now := newClock()
		g := newGuard(t, db, auth.Options{Now: now.Now})
		addPerson(t, g.Store, "ann", auth.Viewer)
		for _, name := range []string{"ann", "nobody"} {
			from := func(i int) string { return fmt.Sprintf("203.0.113.%d:1", i+len(name)*10) } // another address each time
			for i := range 5 {
				if wait := lockedFor(t, guessing(t, g, from(i), name, "wrong")); wait != 0 {
					t.Errorf("%s: guess %d is locked for %v", name, i+1, wait)
				}
			}
			want := time.Second
			for i := range 12 {
				if wait := lockedFor(t, guessing(t, g, from(i), name, password)); wait != want {
					t.Errorf("%s: after guess %d locked for %v, want %v, even with the right password", name, i+5, wait, want)
				}
				g = newGuard(t, db, auth.Options{Now: now.Now})
				now.advance(want)
				if wait := lockedFor(t, guessing(t, g, from(i), name, "wrong")); wait != 0 {
					t.Errorf("%s: when the wait is over, locked for %v", name, wait)
				}
				want = min(2*want, 15*time.Minute)
			}
		}
		now.advance(15 * time.Minute)
		if err := guessing(t, g, home, "ann", password); err != nil {
			t.Errorf("the right password when the wait is over = %v", err)
		}
		for i := range 5 {
			if wait := lockedFor(t, guessing(t, g, home, "ann", "wrong")); wait != 0 {
				t.Errorf("guess %d after a sign-in is locked for %v", i+1, wait)
			}
		}
	})
}

func TestAnAddressIsLockedWhateverNamesItTries(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		now := newClock()
		g := newGuard(t, db, auth.Options{Now: now.Now})
		addPerson(t, g.Store, "eve", auth.Viewer)
		for i := range 20 {
			if wait := lockedFor(t, guessing(t, g, office, fmt.Sprint("name", i), "wrong")); wait != 0 {
				t.Errorf("guess %d is locked for %v", i+1, wait)
			}
		}
		if wait := lockedFor(t, guessing(t, g, office, "eve", password)); wait != time.Second {
			t.Errorf("after 20 guesses locked for %v, want a second", wait)
		}
		if err := guessing(t, g, home, "eve", password); err != nil {
			t.Errorf("from elsewhere = %v", err)
		}
		now.advance(time.Second)
		if err := guessing(t, g, office, "eve", password); err != nil {
			t.Errorf("when the wait is over = %v", err)
		}
		// One right password must not buy many more guesses at others.
		if wait := lockedFor(t, guessing(t, g, office, "name20", "wrong")); wait == 0 {
			t.Error("somebody's own sign-in made the address's guesses forgotten")
		}
		now.advance(24*time.Hour + time.Second)
		if wait := lockedFor(t, guessing(t, g, office, "name21", "wrong")); wait != 0 {
			t.Errorf("a day later locked for %v", wait)
		}
	})
}

func TestManyGuessesAtOnceCountAsMany(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		now := newClock()
		g := newGuard(t, db, auth.Options{Now: now.Now})
		addPerson(t, g.Store, "ann", auth.Viewer)
		var (
			wg     sync.WaitGroup
			mu     sync.Mutex
			looked int
		)
		for i := range 15 {
			wg.Go(func() {
				err := guessing(t, g, fmt.Sprintf("203.0.113.%d:1", i), "ann", "wrong")
				mu.Lock()
				defer mu.Unlock()
				if lockedFor(t, err) == 0 {
					looked++
				}
			})
		}
		wg.Wait()
		if looked != 5 {
			t.Errorf("%d of 15 guesses at once were looked at, want 5", looked)
		}
	})
}

func TestAddressesAreThoseOfClients(t *testing.T) {
	for name, tc := range map[string]struct {
		proxy bool
		same  bool // the two guesses count together
		peers [2]string
		via   [2]string
	}{
		"two peers":                         {peers: [2]string{office, home}},
		"one peer, two ports":               {same: true, peers: [2]string{"192.0.2.1:1", "192.0.2.1:2"}},
		"one IPv6 network":                  {same: true, peers: [2]string{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:1"}},
		"two IPv6 networks":                 {peers: [2]string{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1"}},
		"IPv4 in IPv6":                      {same: true, peers: [2]string{"192.0.2.1:1", "[::ffff:192.0.2.1]:1"}},
		"a header that anybody can write":   {same: true, peers: [2]string{office, office}, via: [2]string{"203.0.113.1", "203.0.113.2"}},
		"a proxy's clients":                 {proxy: true, peers: [2]string{office, office}, via: [2]string{"203.0.113.1", "203.0.113.2"}},
		"a client that writes before proxy": {proxy: true, same: true, peers: [2]string{office, office}, via: [2]string{"1.1.1.1, 203.0.113.1", "2.2.2.2, 203.0.113.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			now := newClock()
			db := ledger(t, "mem://")
			g := newGuard(t, db, auth.Options{Now: now.Now, Proxy: tc.proxy})
			for i := range 2 {
				r := request(t, "POST")
				r.RemoteAddr = tc.peers[i]
				if tc.via[i] != "" {
					r.Header.Set("X-Forwarded-For", tc.via[i])
				}
				if err := g.SignIn(httptest.NewRecorder(), r, fmt.Sprint("name", i), "wrong"); !errors.Is(err, auth.ErrCredentials) {
					t.Fatal(err)
				}
			}
			var most int
			if err := db.QueryRow(t.Context(), `SELECT MAX(n) FROM guesses`).Scan(&most); err != nil || (most == 2) != tc.same {
				t.Errorf("the most guesses of one are %d (%v); count together: want %v", most, err, tc.same)
			}
		})
	}
}

// TestStrangersLeaveNoTrace of what they typed or where they are.
func TestStrangersLeaveNoTrace(t *testing.T) {
	var log diary
	db := ledger(t, "mem://")
	g := newGuard(t, db, auth.Options{Audit: log.record})
	addPerson(t, g.Store, "ann", auth.Viewer)
	for _, name := range []string{"ann", "zhang.san@example.org", "MyPassword!"} {
		if err := guessing(t, g, office, name, "wrong"); !errors.Is(err, auth.ErrCredentials) || err.Error() != auth.ErrCredentials.Error() {
			t.Errorf("%s: %v tells more than that it was refused", name, err)
		}
	}
	if want := []string{"ann login_failed password", "unknown login_failed password", "unknown login_failed password"}; !slices.Equal(log.events, want) {
		t.Errorf("audit: %q, want %q", log.events, want)
	}
	rows, err := db.Query(t.Context(), `SELECT who FROM guesses`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var who string
		if err := rows.Scan(&who); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(who, "zhang") || strings.Contains(strings.ToLower(who), "password") || strings.Contains(who, "192.0.2") {
			t.Errorf("the database has %q", who)
		}
	}
}

func TestAHashOfAnotherCostIsRenewed(t *testing.T) {
	db := ledger(t, "mem://")
	g := newGuard(t, db, auth.Options{})
	addPerson(t, g.Store, "ann", auth.Viewer)
	// argon2id of the test's password, 8 MiB and one pass, salt "saltsaltsaltsalt".
	const cheap = "$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$exh/RmO17fS7g1zxmN2BVBL7yNsQG0lrq3yrukpnUx8"
	if _, err := db.Exec(t.Context(), `UPDATE people SET password = ?`, cheap); err != nil {
		t.Fatal(err)
	}
	c := enter(t, g, "ann")
	var hash string
	if err := db.QueryRow(t.Context(), `SELECT password FROM people WHERE name = 'ann'`).Scan(&hash); err != nil || !strings.Contains(hash, "m=19456,t=2") {
		t.Errorf("the hash is %s (%v), want one of the usual cost", hash, err)
	}
	if who(t, g, c).Name != "ann" {
		t.Error("renewing the hash ended the session")
	}
	enter(t, g, "ann")
}
