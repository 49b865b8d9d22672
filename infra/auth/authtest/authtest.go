// Package authtest signs in for tests: as somebody of each role, by a session or by a key.
package authtest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"idphoto/infra/auth"
)

// Password is of all people that SignIn adds.
const Password = "correct horse battery"

// SignIn adds somebody of the role (viewer, operator or admin) to g's people, unless there is one
// from an earlier call, begins a session, and returns its cookie.
func SignIn(t testing.TB, g *auth.Guard, role auth.Role) *http.Cookie {
	t.Helper()
	name := "test-" + role.String()
	if _, err := g.Store.Person(t.Context(), name); err != nil {
		if _, err := g.Store.AddPerson(t.Context(), name, role, Password); err != nil {
			t.Fatalf("adding a %v: %v", role, err)
		}
	}
	return Session(t, g, name, Password)
}

// Session begins a session of somebody, and returns its cookie.
func Session(t testing.TB, g *auth.Guard, name, password string) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := g.SignIn(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), name, password); err != nil {
		t.Fatalf("signing in as %s: %v", name, err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("signing in set %d cookies, want one", len(cookies))
	}
	return cookies[0]
}

// Key makes a key of the role (client, viewer, operator or admin).
func Key(t testing.TB, g *auth.Guard, role auth.Role) string {
	t.Helper()
	_, key, err := g.Store.AddKey(t.Context(), "test "+role.String(), role, 0, "test")
	if err != nil {
		t.Fatalf("adding a key: %v", err)
	}
	return key
}

// As returns what makes a request come from somebody of the role: a session for those that people
// have, a key for a client, nothing for auth.Anyone.
func As(t testing.TB, g *auth.Guard, role auth.Role) func(*http.Request) {
	t.Helper()
	switch role {
	case auth.Anyone:
		return func(*http.Request) {}
	case auth.Client:
		key := Key(t, g, role)
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }
	}
	cookie := SignIn(t, g, role)
	return func(r *http.Request) { r.AddCookie(cookie) }
}
