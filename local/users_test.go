package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"idphoto/infra/auth"
)

// typed is a file that has what somebody pipes in.
func typed(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestUsersAreKeptFromTheCommandLine(t *testing.T) {
	data := t.TempDir() // without a ledger yet
	flags := storeFlags{Data: data}
	const password = "correct horse battery"
	add := userAddCmd{Name: "Ann", Role: "admin", Stores: flags, newPassword: newPassword{in: typed(t, password+"\r\nmore\n")}}
	if err := add.Run(t.Context(), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"users", "add", "bob", "--random", "--data", data}, &out); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`Password: [a-z0-9-]{23} `).Match(out.Bytes()) {
		t.Errorf("the random password is not shown: %s", &out)
	}
	passwd := userPasswdCmd{Name: "bob", Stores: flags, newPassword: newPassword{in: typed(t, password)}}
	if err := passwd.Run(t.Context(), &bytes.Buffer{}); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"role", "bob", "operator"}, {"disable", "bob"}, {"enable", "bob"}, {"disable", "bob"}} {
		if err := run(t.Context(), append(append([]string{"users"}, args...), "--data", data), &out); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"users", "disable", "ann", "--data", data}, &out); !errors.Is(err, auth.ErrLastAdmin) {
		t.Errorf("disabling the only admin = %v, want ErrLastAdmin", err)
	}
	out.Reset()
	if err := run(t.Context(), []string{"users", "list", "--data", data}, &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(out.String()), " "); !strings.HasSuffix(got, "ann admin active never bob operator disabled never") {
		t.Errorf("the list is %s", got)
	}
	l, err := flags.openLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	entries, err := l.AuditLog(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var deeds []string
	for _, e := range entries {
		deeds = append(deeds, e.Action+" "+e.Target)
	}
	if got := strings.Join(deeds, ", "); got != "person_disable bob, person_enable bob, person_disable bob, person_role bob operator, person_password bob, person_add bob viewer, person_add ann admin" {
		t.Errorf("audit: %s", got)
	}
}

func TestUsersNeedAPassword(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want string
	}{"none": {"\n", "--random"}, "weak": {"hunter2\n", "at least"}} {
		c := userAddCmd{Name: "ann", Role: "admin", Stores: storeFlags{Data: t.TempDir()}, newPassword: newPassword{in: typed(t, tc.in)}}
		if err := c.Run(t.Context(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if err := run(t.Context(), []string{"users", "list", "--data", t.TempDir()}, &bytes.Buffer{}); err == nil {
		t.Error("a ledger that is not there was listed")
	}
}

func TestAHashIsPrintedAlone(t *testing.T) {
	hash := userHashCmd{newPassword{in: typed(t, "correct horse battery\n")}}
	var out bytes.Buffer
	if err := hash.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if text, whole := strings.CutSuffix(out.String(), "\n"); !whole || strings.Contains(text, "\n") || auth.ValidHash(text) != nil {
		t.Errorf("printed %q", out.String())
	}
	hash.in = typed(t, "short\n")
	if err := hash.Run(t.Context(), &out); !errors.Is(err, auth.ErrPassword) {
		t.Errorf("a short password = %v, want ErrPassword", err)
	}
}
