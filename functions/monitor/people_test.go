package monitor

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"idphoto/functions/api"
	"idphoto/infra/auth"
	"idphoto/infra/auth/authtest"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// guarded is a console behind its guard, on a ledger of its own.
type guarded struct {
	*testing.T
	http.Handler
	guard  *auth.Guard
	ledger queue.Ledger
}

func newGuarded(t *testing.T, o auth.Options) *guarded {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	log := slog.New(slog.DiscardHandler)
	o.Addr, o.Audit, o.Log = "127.0.0.1:0", AuditTo(ledger), log
	guard, _, err := auth.Open(t.Context(), ledger.SQL(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := New(ledger, nil, &Options{Guard: guard, Log: log})
	return &guarded{t, api.New(api.Options{Guard: guard, SignIn: LoginPath, Log: log}, m.Routes()...), guard, ledger}
}

// send sends a form, or asks for a page when form is nil.
func (g *guarded) send(path string, form url.Values, as func(*http.Request)) *httptest.ResponseRecorder {
	g.Helper()
	r := httptest.NewRequestWithContext(g.Context(), "GET", path, nil)
	if form != nil {
		r = httptest.NewRequestWithContext(g.Context(), "POST", path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if as != nil {
		as(r)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func (g *guarded) as(role auth.Role) func(*http.Request) { return authtest.As(g, g.guard, role) }

// deeds returns the audit log, the oldest first.
func (g *guarded) deeds() string {
	g.Helper()
	entries, err := g.ledger.AuditLog(g.Context(), 0, 100)
	if err != nil {
		g.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append([]string{strings.TrimSpace(e.Actor + " " + e.Action + " " + e.Target)}, all...)
	}
	return strings.Join(all, ", ")
}

// kept returns the cookies that an answer leaves in a browser, as what a request brings.
func kept(w *httptest.ResponseRecorder) func(*http.Request) {
	return func(r *http.Request) {
		for _, c := range w.Result().Cookies() {
			if c.MaxAge >= 0 {
				r.AddCookie(c)
			}
		}
	}
}

func TestSigningInLeadsToWhereOneWasGoing(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	if _, err := g.guard.Store.AddPerson(t.Context(), "ann", auth.Admin, authtest.Password); err != nil {
		t.Fatal(err)
	}
	w := g.send("/monitor/people?x=1", nil, nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/monitor/login?next=%2Fmonitor%2Fpeople%3Fx%3D1" {
		t.Fatalf("a stranger is answered %d %q", w.Code, w.Header().Get("Location"))
	}
	w = g.send(w.Header().Get("Location"), nil, nil)
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, `name="next" value="/monitor/people?x=1"`) || strings.Contains(body, "openid") {
		t.Errorf("the page is %d %s", w.Code, body)
	}
	w = g.send("/monitor/login", url.Values{"name": {"ann"}, "password": {authtest.Password}, "next": {"/monitor/people?x=1"}}, nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/monitor/people?x=1" {
		t.Fatalf("signing in is answered %d %q", w.Code, w.Header().Get("Location"))
	}
	signedIn := kept(w)
	if w := g.send("/monitor/people?x=1", nil, signedIn); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ann") {
		t.Errorf("the page is answered %d", w.Code)
	}
	if w := g.send("/monitor/login?next=/monitor/account", nil, signedIn); w.Header().Get("Location") != "/monitor/account" {
		t.Errorf("who has signed in is asked again: %d", w.Code)
	}
	if w := g.send("/monitor/logout", url.Values{}, signedIn); w.Header().Get("Location") != LoginPath {
		t.Errorf("signing out is answered %d", w.Code)
	}
	if w := g.send("/monitor/people", nil, signedIn); w.Code != http.StatusSeeOther {
		t.Errorf("after signing out the page is answered %d", w.Code)
	}
	if got := g.deeds(); got != "ann login password, ann logout" {
		t.Errorf("audit: %s", got)
	}
}

func TestSigningInNeverLeadsElsewhere(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	if _, err := g.guard.Store.AddPerson(t.Context(), "ann", auth.Viewer, authtest.Password); err != nil {
		t.Fatal(err)
	}
	for _, next := range []string{"", "https://evil.example/monitor/", "//evil.example/monitor/", "/other", `/\evil.example`, "javascript:alert(1)", "/monitor", ":"} {
		w := g.send("/monitor/login", url.Values{"name": {"ann"}, "password": {authtest.Password}, "next": {next}}, nil)
		if got := w.Header().Get("Location"); got != "/monitor/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestAWrongPasswordTellsNothingAndLocks(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	if _, err := g.guard.Store.AddPerson(t.Context(), "ann", auth.Viewer, authtest.Password); err != nil {
		t.Fatal(err)
	}
	try := func(name, password string) *httptest.ResponseRecorder {
		return g.send("/monitor/login", url.Values{"name": {name}, "password": {password}}, nil)
	}
	known, unknown := try("ann", "wrong"), try("nob", "wrong")
	if known.Code != http.StatusUnauthorized || strings.ReplaceAll(known.Body.String(), "ann", "nob") != unknown.Body.String() || unknown.Code != known.Code {
		t.Errorf("a known name is told from an unknown one: %d %s, %d %s", known.Code, known.Body, unknown.Code, unknown.Body)
	}
	if !strings.Contains(known.Body.String(), "could not be signed in") || strings.Contains(known.Body.String(), "wrong") {
		t.Errorf("the page is %s", known.Body)
	}
	for range 4 {
		try("ann", "wrong")
	}
	w := try("ann", authtest.Password)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "Too many attempts") {
		t.Errorf("the sixth attempt is answered %d %q %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	admin := g.as(auth.Admin)
	elsewhere := func(r *http.Request) {
		admin(r)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	for _, path := range []string{"/monitor/people", "/monitor/login", "/monitor/logout", "/monitor/account/password", "/api/v1/monitor/people"} {
		if w := g.send(path, url.Values{"name": {"eve"}, "role": {"admin"}}, elsewhere); w.Code != http.StatusForbidden {
			t.Errorf("%s is answered %d", path, w.Code)
		}
	}
	if _, err := g.guard.Store.Person(t.Context(), "eve"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Eve was added: %v", err)
	}
}

var shown = regexp.MustCompile(`id="secret"[^>]* value="([^"]+)"`)

func TestPeopleAreAddedChangedAndDisabled(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	admin := g.as(auth.Admin)
	w := g.send("/monitor/people", url.Values{"name": {"Bob"}, "role": {"viewer"}}, admin)
	found := shown.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || found == nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("adding somebody is answered %d %s", w.Code, w.Body)
	}
	bob := authtest.Session(t, g.guard, "bob", found[1])
	asBob := func(r *http.Request) { r.AddCookie(bob) }
	for path, form := range map[string]url.Values{"/monitor/people": nil, "/monitor/people/bob/role": {"role": {"admin"}}, "/monitor/keys": {"name": {"x"}, "role": {"admin"}, "days": {"0"}}} {
		if w := g.send(path, form, asBob); w.Code != http.StatusForbidden || !strings.Contains(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("a viewer at %s is answered %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	w = g.send("/monitor/people/bob/role", url.Values{"role": {"operator"}, "back": {"/monitor/people"}}, admin)
	if w.Header().Get("Location") != "/monitor/people" {
		t.Errorf("another role is answered %d %s", w.Code, w.Body)
	}
	if w := g.send("/monitor/people", nil, func(r *http.Request) { admin(r); kept(w)(r) }); !strings.Contains(w.Body.String(), "The role was changed.") {
		t.Errorf("the next page does not say what was done: %s", w.Body)
	}
	w = g.send("/monitor/people/bob/password", url.Values{}, admin)
	if again := shown.FindStringSubmatch(w.Body.String()); again == nil || again[1] == found[1] {
		t.Errorf("another password is answered %d %s", w.Code, w.Body)
	}
	g.send("/monitor/people/bob/disable", url.Values{}, admin)
	if p, err := g.guard.Store.Person(t.Context(), "bob"); err != nil || !p.Disabled || p.Role != auth.Operator {
		t.Errorf("Bob is %+v, %v", p, err)
	}
	g.send("/monitor/people/bob/enable", url.Values{}, admin)
	want := "test-admin login password, test-admin person_add bob viewer, bob login password, test-admin person_role bob operator, " +
		"test-admin person_password bob, test-admin person_disable bob, test-admin person_enable bob"
	if got := g.deeds(); got != want {
		t.Errorf("audit: %s, want %s", got, want)
	}
	if strings.Contains(g.deeds(), found[1]) {
		t.Error("the audit log has a password")
	}
}

func TestWhatCannotBeDoneIsSaidInWords(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	admin := g.as(auth.Admin)
	for name, tc := range map[string]struct {
		path   string
		form   url.Values
		status int
		code   string
	}{
		"taken":      {"/people", url.Values{"name": {"test-admin"}, "role": {"viewer"}}, 409, "name_taken"},
		"bad name":   {"/people", url.Values{"name": {"<b>"}, "role": {"viewer"}}, 422, "bad_name"},
		"bad role":   {"/people", url.Values{"name": {"bob"}, "role": {"client"}}, 422, "bad_option"},
		"no role":    {"/people", url.Values{"name": {"bob"}}, 422, "bad_option"},
		"nobody":     {"/people/bob/disable", url.Values{}, 404, "not_found"},
		"key's name": {"/keys", url.Values{"name": {"<script>"}, "role": {"client"}, "days": {"30"}}, 422, "bad_name"},
		"key's days": {"/keys", url.Values{"name": {"payroll"}, "role": {"client"}, "days": {"-1"}}, 422, "bad_option"},
		"no key":     {"/keys/x/revoke", url.Values{}, 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			if w := g.send("/monitor"+tc.path, tc.form, admin); w.Code != tc.status || !strings.Contains(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("the form is answered %d %s", w.Code, w.Body)
			}
			members := map[string]string{}
			for name := range tc.form {
				members[name] = tc.form.Get(name)
			}
			if w := g.call("/api/v1/monitor"+tc.path, members, admin); w.Code != tc.status || !strings.Contains(w.Body.String(), `"code":"`+tc.code+`"`) {
				t.Errorf("the call is answered %d %s, want %d %s", w.Code, w.Body, tc.status, tc.code)
			}
		})
	}
}

// call posts JSON.
func (g *guarded) call(path string, members map[string]string, as func(*http.Request)) *httptest.ResponseRecorder {
	g.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		g.Fatal(err)
	}
	r := httptest.NewRequestWithContext(g.Context(), "POST", path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	as(r)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestAKeyIsShownOnceAndWorksUntilRevoked(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	admin := g.as(auth.Admin)
	var made struct {
		Result struct{ Kind, ID, Secret string }
	}
	w := g.call("/api/v1/monitor/keys", map[string]string{"name": "payroll", "role": "admin", "days": "30"}, admin)
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusOK || made.Result.Kind != "key" || !strings.HasPrefix(made.Result.Secret, "idp_") {
		t.Fatalf("making a key is answered %d %s", w.Code, w.Body)
	}
	byKey := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+made.Result.Secret) }
	w = g.send("/api/v1/monitor/people", nil, byKey)
	var list people
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), made.Result.Secret) || strings.Contains(w.Body.String(), "argon2") {
		t.Errorf("the list is answered %d %s", w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Keys) != 1 || !list.Keys[0].Works || list.Keys[0].ExpiresAt.IsZero() {
		t.Errorf("the list has the keys %+v (%v)", list.Keys, err)
	}
	if w := g.send("/monitor/people", nil, admin); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "payroll") || strings.Contains(w.Body.String(), made.Result.Secret) {
		t.Errorf("the page is answered %d %s", w.Code, w.Body)
	}
	if w := g.call("/api/v1/monitor/keys/"+made.Result.ID+"/revoke", nil, byKey); w.Code != http.StatusOK {
		t.Errorf("a key that revokes itself is answered %d %s", w.Code, w.Body)
	}
	if w := g.send("/api/v1/monitor/people", nil, byKey); w.Code != http.StatusUnauthorized {
		t.Errorf("the revoked key is answered %d", w.Code)
	}
	if got := g.deeds(); !strings.Contains(got, "test-admin key_add "+made.Result.ID+" payroll admin") || !strings.HasSuffix(got, "key:payroll key_revoke "+made.Result.ID) {
		t.Errorf("audit: %s", got)
	}
}

func TestEverybodyChangesTheirOwnPassword(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	viewer := g.as(auth.Viewer)
	if w := g.send("/monitor/account", nil, viewer); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "test-viewer") {
		t.Errorf("the page is answered %d %s", w.Code, w.Body)
	}
	const chosen = "staple battery horse"
	for name, tc := range map[string]struct {
		old, chosen string
	}{"wrong": {"wrong", chosen}, "weak": {authtest.Password, "short"}} {
		if w := g.send("/monitor/account/password", url.Values{"old": {tc.old}, "new": {tc.chosen}}, viewer); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: answered %d %s", name, w.Code, w.Body)
		}
	}
	w := g.send("/monitor/account/password", url.Values{"old": {authtest.Password}, "new": {chosen}}, viewer)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/monitor/account" {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if now := g.send("/monitor/account", nil, kept(w)); now.Code != http.StatusOK || !strings.Contains(now.Body.String(), "Your password was changed") {
		t.Errorf("the session does not go on: %d %s", now.Code, now.Body)
	}
	if w := g.send("/monitor/account", nil, viewer); w.Code != http.StatusSeeOther {
		t.Errorf("the old session goes on: %d", w.Code)
	}
	authtest.Session(t, g.guard, "test-viewer", chosen)
}

func TestSignInPagesSpeakBothLanguages(t *testing.T) {
	g := newGuarded(t, auth.Options{OIDC: &auth.OIDCOptions{Issuer: "http://127.0.0.1:1", Callback: OpenIDBack}})
	admin := g.as(auth.Admin)
	authtest.Key(t, g.guard, auth.Client)
	for path, words := range map[string][2]string{
		"/monitor/login":   {"Sign in with your organisation", "使用组织账号登录"},
		"/monitor/people":  {"Keys for programs", "程序密钥"},
		"/monitor/account": {"Change your password", "修改密码"},
	} {
		for i, lang := range []string{"en", "zh"} {
			w := g.send(path, nil, func(r *http.Request) {
				r.AddCookie(&http.Cookie{Name: "lang", Value: lang})
				if path != "/monitor/login" {
					admin(r)
				}
			})
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), words[i]) {
				t.Errorf("%s in %s is %d and lacks %q: %s", path, lang, w.Code, words[i], w.Body)
			}
		}
	}
	if w := g.send("/monitor/login/openid", nil, nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a provider that is away is answered %d", w.Code)
	}
	if w := g.send(OpenIDBack+"?state=x&code=y", nil, nil); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "could not be signed in") {
		t.Errorf("an answer that nobody asked for is answered %d %s", w.Code, w.Body)
	}
}

func TestWithoutAGuardNobodySignsIn(t *testing.T) {
	g := newGuarded(t, auth.Options{})
	m := New(g.ledger, nil, &Options{Log: slog.New(slog.DiscardHandler)})
	h := api.New(api.Options{Log: slog.New(slog.DiscardHandler)}, m.Routes()...)
	for path, want := range map[string]int{"/monitor/login": 404, "/monitor/people": 403, "/monitor/account": 403, "/monitor/login/openid": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s is answered %d, want %d", path, w.Code, want)
		}
	}
}
