package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"idphoto/infra/auth"
	"idphoto/queue/sqlledger"
	"idphoto/queue/sqlledger/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests move.
type clock struct{ at time.Time }

func newClock() *clock                    { return &clock{time.Now().Truncate(time.Microsecond)} }
func (c *clock) Now() time.Time           { return c.at }
func (c *clock) advance(by time.Duration) { c.at = c.at.Add(by) }

// databases runs a test on SQLite and, when IDPHOTO_TEST_POSTGRES has its URL, on Postgres.
func databases(t *testing.T, test func(t *testing.T, db auth.DB)) {
	t.Run("SQLite", func(t *testing.T) { test(t, ledger(t, "mem://")) })
	t.Run("Postgres", func(t *testing.T) { test(t, ledger(t, postgrestest.Schema(t))) })
}

func ledger(t *testing.T, url string) auth.DB {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.SQL()
}

const password = "correct horse battery"

func addPerson(t *testing.T, s *auth.Store, name string, role auth.Role) {
	t.Helper()
	if _, err := s.AddPerson(t.Context(), name, role, password); err != nil {
		t.Fatalf("AddPerson(%s) = %v", name, err)
	}
}

func TestPeopleAreAddedAndChanged(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		s := auth.NewStore(db, nil)
		addPerson(t, s, "Ann", auth.Admin)
		if _, err := s.AddPerson(t.Context(), "ANN", auth.Viewer, password); !errors.Is(err, auth.ErrTaken) {
			t.Errorf("a second Ann = %v, want ErrTaken", err)
		}
		random, err := s.AddPerson(t.Context(), "bob", auth.Viewer, "")
		if err != nil || len(random) < 20 {
			t.Errorf("without a password = %q, %v; want a random one", random, err)
		}
		if err := s.SetRole(t.Context(), "bob", auth.Operator); err != nil {
			t.Error(err)
		}
		people, err := s.People(t.Context())
		if err != nil || len(people) != 2 || people[0].Name != "ann" || people[0].Role != auth.Admin || people[1].Role != auth.Operator {
			t.Errorf("People = %+v, %v", people, err)
		}
		if p := people[0]; p.CreatedAt.IsZero() || !p.LoginAt.IsZero() || p.Disabled || p.Foreign {
			t.Errorf("Ann = %+v", p)
		}
	})
}

func TestNamesRolesAndPasswordsAreChecked(t *testing.T) {
	s := auth.NewStore(ledger(t, "mem://"), nil)
	for _, name := range []string{"", "a", "ann@example.org", "Ann Lee", "../x", "<b>", strings.Repeat("x", 65)} {
		if _, err := s.AddPerson(t.Context(), name, auth.Viewer, password); !errors.Is(err, auth.ErrName) {
			t.Errorf("the name %q = %v, want ErrName", name, err)
		}
	}
	for _, role := range []auth.Role{auth.Nobody, auth.Anyone, auth.Client, auth.Admin + 1} {
		if _, err := s.AddPerson(t.Context(), "ann", role, password); !errors.Is(err, auth.ErrRole) {
			t.Errorf("the role %v = %v, want ErrRole", role, err)
		}
	}
	if _, err := s.AddPerson(t.Context(), "ann", auth.Viewer, "hunter2"); !errors.Is(err, auth.ErrPassword) {
		t.Errorf("a weak password = %v, want ErrPassword", err)
	}
	for name, err := range map[string]error{
		"SetRole":     s.SetRole(t.Context(), "nobody", auth.Viewer),
		"SetDisabled": s.SetDisabled(t.Context(), "nobody", true),
		"RevokeKey":   s.RevokeKey(t.Context(), "nobody"),
	} {
		if !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s of nobody = %v, want ErrNotFound", name, err)
		}
	}
}

func TestOneAdminRemains(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		s := auth.NewStore(db, nil)
		addPerson(t, s, "ann", auth.Admin)
		addPerson(t, s, "bob", auth.Operator)
		if err := s.SetDisabled(t.Context(), "ann", true); !errors.Is(err, auth.ErrLastAdmin) {
			t.Errorf("disabling the only admin = %v, want ErrLastAdmin", err)
		}
		if err := s.SetRole(t.Context(), "ann", auth.Viewer); !errors.Is(err, auth.ErrLastAdmin) {
			t.Errorf("demoting the only admin = %v, want ErrLastAdmin", err)
		}
		if err := s.SetDisabled(t.Context(), "bob", true); err != nil {
			t.Errorf("disabling an operator = %v", err)
		}
		if err := errors.Join(s.SetRole(t.Context(), "bob", auth.Admin), s.SetDisabled(t.Context(), "ann", true)); !errors.Is(err, auth.ErrLastAdmin) {
			t.Errorf("a disabled admin counts as one: %v", err)
		}
		if err := errors.Join(s.SetDisabled(t.Context(), "bob", false), s.SetDisabled(t.Context(), "ann", true)); err != nil {
			t.Errorf("disabling one of two admins = %v", err)
		}
	})
}

func TestKeysAreListedWithoutTheirSecrets(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		now := newClock()
		s := auth.NewStore(db, now.Now)
		k, key, err := s.AddKey(t.Context(), "payroll 7", auth.Client, time.Hour, "ann")
		if err != nil || !strings.HasPrefix(key, "idp_"+k.ID+"_") || len(key) != 4+12+1+43 {
			t.Fatalf("AddKey = %+v, %q, %v", k, key, err)
		}
		secret := key[len("idp_")+len(k.ID)+1:]
		var stored string
		if err := db.QueryRow(t.Context(), `SELECT secret FROM api_keys WHERE id = ?`, k.ID).Scan(&stored); err != nil || strings.Contains(stored, secret) || len(stored) != 64 {
			t.Errorf("stored is %q (%v), want a hash", stored, err)
		}
		now.advance(time.Second)
		if err := s.RevokeKey(t.Context(), k.ID); err != nil {
			t.Error(err)
		}
		revoked := now.at
		now.advance(time.Minute)
		if err := s.RevokeKey(t.Context(), k.ID); err != nil {
			t.Errorf("revoking twice = %v", err)
		}
		keys, err := s.Keys(t.Context())
		if err != nil || len(keys) != 1 || keys[0].Name != "payroll 7" || keys[0].CreatedBy != "ann" || keys[0].RevokedAt.UnixMicro() != revoked.UnixMicro() {
			t.Errorf("Keys = %+v, %v", keys, err)
		}
		for _, name := range []string{"", "x", "a\nb", "<script>", strings.Repeat("x", 65)} {
			if _, _, err := s.AddKey(t.Context(), name, auth.Client, 0, "ann"); !errors.Is(err, auth.ErrKeyName) {
				t.Errorf("the name %q = %v, want ErrKeyName", name, err)
			}
		}
		if _, _, err := s.AddKey(t.Context(), "nobody", auth.Anyone, 0, "ann"); !errors.Is(err, auth.ErrRole) {
			t.Errorf("a key for anyone = %v, want ErrRole", err)
		}
	})
}

func TestAStartNeedsPeopleAndTLSWhereStrangersAre(t *testing.T) {
	for _, tc := range []struct {
		addr               string
		people, tls, proxy bool
		missing            []string
	}{
		{addr: "127.0.0.1:8080"},
		{addr: "[::1]:8080"},
		{addr: "localhost:8080"},
		{addr: ":8080", missing: []string{"ADMIN_PASSWORD_HASH", "TLS_CERT"}},
		{addr: "0.0.0.0:8080", people: true, missing: []string{"TLS_CERT"}},
		{addr: "192.0.2.1:8080", tls: true, missing: []string{"ADMIN_PASSWORD_HASH"}},
		{addr: "photo.example:443", missing: []string{"ADMIN_PASSWORD_HASH", "TLS_CERT"}},
		{addr: "[::]:8080", people: true, tls: true},
		{addr: ":8080", people: true, proxy: true},
	} {
		err := auth.CheckExposure(tc.addr, tc.people, tc.tls, tc.proxy)
		if (err != nil) != (tc.missing != nil) || err != nil && !errors.Is(err, auth.ErrExposed) {
			t.Errorf("%+v: %v", tc, err)
		}
		for _, want := range tc.missing {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: the error lacks %s: %v", tc, want, err)
			}
		}
	}
}

func TestTheFirstAdminIsMadeOnce(t *testing.T) {
	db := ledger(t, "mem://")
	if _, _, err := auth.Open(t.Context(), db, auth.Options{Addr: ":8080", TLS: true}); !errors.Is(err, auth.ErrExposed) {
		t.Errorf("with strangers and without people: %v, want ErrExposed", err)
	}
	g, first, err := auth.Open(t.Context(), db, auth.Options{Addr: "127.0.0.1:8080"})
	if err != nil || first == "" {
		t.Fatalf("on the loopback = %q, %v; want a password to show", first, err)
	}
	if _, again, err := auth.Open(t.Context(), db, auth.Options{Addr: "127.0.0.1:8080"}); again != "" || err != nil {
		t.Errorf("the second start = %q, %v; want no password", again, err)
	}
	people, err := g.Store.People(t.Context())
	if err != nil || len(people) != 1 || people[0].Name != "admin" || people[0].Role != auth.Admin {
		t.Errorf("People = %+v, %v", people, err)
	}
	if _, _, err := auth.Open(t.Context(), db, auth.Options{Addr: ":8080", Proxy: true}); err != nil {
		t.Errorf("with people and a proxy: %v", err)
	}
}

func TestTheFirstAdminCanBeGiven(t *testing.T) {
	hash, err := auth.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	g, first, err := auth.Open(t.Context(), ledger(t, "mem://"), auth.Options{Addr: ":8080", TLS: true, AdminHash: hash})
	if err != nil || first != "" {
		t.Fatalf("Open = %q, %v", first, err)
	}
	if _, err := signIn(t, g, "admin", password); err != nil {
		t.Errorf("the admin cannot sign in: %v", err)
	}
	if _, _, err := auth.Open(t.Context(), ledger(t, "mem://"), auth.Options{Addr: "127.0.0.1:0", AdminHash: "hunter2"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a bad hash = %v", err)
	}
}

func TestRolesAreGivenByAddressThenByDomain(t *testing.T) {
	m, err := auth.ParseRoleMap([]string{"Ann@Example.org=admin", " @example.org = viewer"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]auth.Role{
		"ann@example.org": auth.Admin, "bob@example.org": auth.Viewer, "eve@example.org.evil": auth.Nobody, "eve@evil@example.com": auth.Nobody, "example.org": auth.Nobody,
	} {
		if strings.Contains(address, "@") && m.Of(address) != want {
			t.Errorf("%s is %v, want %v", address, m.Of(address), want)
		}
	}
	for _, line := range []string{"", "ann@example.org", "ann@example.org=boss", "ann@example.org=client", "=admin", "@=admin", "ann=admin"} {
		if _, err := auth.ParseRoleMap([]string{line}); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	if roles := slices.Collect(func(yield func(string) bool) {
		for _, r := range []auth.Role{auth.Client, auth.Viewer, auth.Operator, auth.Admin} {
			if back, err := auth.ParseRole(r.String()); err != nil || back != r || !yield(r.String()) {
				return
			}
		}
	}); len(roles) != 4 {
		t.Errorf("roles that can be given: %v", roles)
	}
}
