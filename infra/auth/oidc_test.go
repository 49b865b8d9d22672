package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"idphoto/infra/auth"
)

// provider is an OpenID provider in this process, whose tokens are really signed. It answers every
// question of its authorization page with yes.
type provider struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	claims map[string]any // beside, or instead of, the right ones
	forge  bool           // tokens are signed by another key
	down   bool
	asked  url.Values // what the browser brought
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, claims: map[string]any{"email": "Ann@Example.org", "email_verified": true}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/ask", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { p.token(t, w, r) })
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// token trades the code, once the verifier is that of the challenge.
func (p *provider) token(t *testing.T, w http.ResponseWriter, r *http.Request) {
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	if id != "photo" || secret != "s3cret" || r.FormValue("code") != "the-code" || r.FormValue("redirect_uri") != p.asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != p.asked.Get("code_challenge") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": "photo", "sub": "4711", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": p.asked.Get("nonce")}
	maps.Copy(claims, p.claims)
	key := p.key
	if p.forge {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Error(err)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Error(err)
		return
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Error(err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		t.Error(err)
		return
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": text})
}

func openidGuard(t *testing.T, p *provider, db auth.DB, log *diary) *auth.Guard {
	t.Helper()
	roles, err := auth.ParseRoleMap([]string{"ann@example.org=admin", "@example.org=viewer"})
	if err != nil {
		t.Fatal(err)
	}
	return newGuard(t, db, auth.Options{Audit: log.record, OIDC: &auth.OIDCOptions{
		Issuer: p.URL, ClientID: "photo", ClientSecret: "s3cret", Roles: roles, Callback: "/monitor/login/openid/back", Client: p.Client(),
	}})
}

// leave sends a browser to the provider, and returns the cookie that it takes along.
func leave(t *testing.T, g *auth.Guard, p *provider) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	page, err := g.BeginOIDC(w, request(t, "GET"), "/monitor/tasks?state=dead")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(page)
	if err != nil || !strings.HasPrefix(page, p.URL+"/ask?") {
		t.Fatalf("the browser is sent to %s (%v)", page, err)
	}
	p.asked = u.Query()
	return w.Result().Cookies()[0]
}

// comeBack is the provider's answer; it returns the session's cookie, nil when there is none.
func comeBack(t *testing.T, g *auth.Guard, state, code string, cookies ...*http.Cookie) (session *http.Cookie, next string, err error) {
	t.Helper()
	r := request(t, "GET", cookies...)
	r.URL.RawQuery = url.Values{"state": {state}, "code": {code}}.Encode()
	w := httptest.NewRecorder()
	next, err = g.FinishOIDC(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == "idphoto" {
			session = c
		}
	}
	return session, next, err
}

func TestAProviderVouchesForPeople(t *testing.T) {
	databases(t, func(t *testing.T, db auth.DB) {
		var log diary
		p := newProvider(t)
		g := openidGuard(t, p, db, &log)
		journey := leave(t, g, p)
		if !journey.HttpOnly || journey.SameSite != http.SameSiteLaxMode || journey.MaxAge <= 0 || journey.MaxAge > 600 {
			t.Errorf("the cookie on the way is %s", journey.Raw)
		}
		for name, want := range map[string]string{
			"client_id": "photo", "response_type": "code", "code_challenge_method": "S256", "redirect_uri": "http://photo.example/monitor/login/openid/back", "scope": "openid email",
		} {
			if got := p.asked.Get(name); got != want {
				t.Errorf("the provider is asked with %s=%q, want %q", name, got, want)
			}
		}
		session, next, err := comeBack(t, g, p.asked.Get("state"), "the-code", journey)
		if err != nil || next != "/monitor/tasks?state=dead" {
			t.Fatalf("FinishOIDC = %q, %v", next, err)
		}
		if got := who(t, g, session); got != (auth.Identity{Name: "ann@example.org", Role: auth.Admin, By: auth.BySession}) {
			t.Errorf("asks %+v", got)
		}
		p.claims = map[string]any{"email": "bob@example.org", "email_verified": "true"}
		journey = leave(t, g, p)
		session, _, err = comeBack(t, g, p.asked.Get("state"), "the-code", journey)
		if err != nil || who(t, g, session).Role != auth.Viewer {
			t.Errorf("somebody of the domain: %v", err)
		}
		if want := []string{"ann@example.org login openid", "bob@example.org login openid"}; !slices.Equal(log.events, want) {
			t.Errorf("audit: %q, want %q", log.events, want)
		}
		if _, err := signIn(t, g, "ann@example.org", ""); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("signing in without a password = %v, want ErrCredentials", err)
		}
		if _, err := g.Store.SetPassword(t.Context(), "bob@example.org", password); !errors.Is(err, auth.ErrForeign) {
			t.Errorf("SetPassword = %v, want ErrForeign", err)
		}
		if err := g.Store.SetDisabled(t.Context(), "bob@example.org", true); err != nil {
			t.Fatal(err)
		}
		journey = leave(t, g, p)
		if session, _, err = comeBack(t, g, p.asked.Get("state"), "the-code", journey); !errors.Is(err, auth.ErrCredentials) || session != nil {
			t.Errorf("while disabled = %v, want ErrCredentials", err)
		}
	})
}

func TestWhatTheProviderDoesNotVouchForIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		claims map[string]any
		forge  bool
		code   string
		state  string
		cookie string // instead of the right one
	}{
		"not verified":            {claims: map[string]any{"email_verified": false}},
		"verification not told":   {claims: map[string]any{"email_verified": nil}},
		"no address":              {claims: map[string]any{"email": nil}},
		"an odd address":          {claims: map[string]any{"email": "a b@example.org\n"}},
		"nobody we know":          {claims: map[string]any{"email": "eve@evil.example"}},
		"another nonce":           {claims: map[string]any{"nonce": "x"}},
		"for another client":      {claims: map[string]any{"aud": "other"}},
		"of another provider":     {claims: map[string]any{"iss": "https://evil.example"}},
		"expired":                 {claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}},
		"forged":                  {forge: true},
		"another code":            {code: "other"},
		"no code":                 {code: "-"},
		"another state":           {state: "other"},
		"no cookie":               {cookie: "-"},
		"somebody else's journey": {cookie: "bm9uc2Vuc2U"},
	} {
		t.Run(name, func(t *testing.T) {
			var log diary
			p := newProvider(t)
			g := openidGuard(t, p, ledger(t, "mem://"), &log)
			journey := leave(t, g, p)
			maps.Copy(p.claims, tc.claims)
			p.forge = tc.forge
			state, code := p.asked.Get("state"), "the-code"
			if tc.state != "" {
				state = tc.state
			}
			if tc.code != "" {
				code = strings.TrimPrefix(tc.code, "-")
			}
			cookies := []*http.Cookie{journey}
			switch tc.cookie {
			case "":
			case "-":
				cookies = nil
			default:
				cookies = []*http.Cookie{{Name: journey.Name, Value: tc.cookie}}
			}
			session, _, err := comeBack(t, g, state, code, cookies...)
			if !errors.Is(err, auth.ErrCredentials) || session != nil {
				t.Errorf("FinishOIDC = %v, %v; want ErrCredentials", session, err)
			}
			if len(log.events) != 1 || !strings.HasSuffix(log.events[0], "unknown login_failed openid") {
				t.Errorf("audit: %q", log.events)
			}
		})
	}
}

// TestAStolenCodeIsWorthNothing: the verifier stays in the browser that asked.
func TestAStolenCodeIsWorthNothing(t *testing.T) {
	p := newProvider(t)
	g := openidGuard(t, p, ledger(t, "mem://"), &diary{})
	leave(t, g, p) // the victim
	victim := p.asked
	thief := leave(t, g, p)
	state := p.asked.Get("state")
	p.asked = victim
	if session, _, err := comeBack(t, g, state, "the-code", thief); !errors.Is(err, auth.ErrCredentials) || session != nil {
		t.Errorf("FinishOIDC = %v, %v; want ErrCredentials", session, err)
	}
}

func TestAProviderThatIsAwayKeepsNobodyElseOut(t *testing.T) {
	p := newProvider(t)
	p.down = true
	g := openidGuard(t, p, ledger(t, "mem://"), &diary{})
	addPerson(t, g.Store, "bob", auth.Viewer)
	enter(t, g, "bob")
	if _, err := g.BeginOIDC(httptest.NewRecorder(), request(t, "GET"), ""); !errors.Is(err, auth.ErrProvider) {
		t.Errorf("BeginOIDC = %v, want ErrProvider", err)
	}
	p.down = false
	journey := leave(t, g, p)
	p.down = true
	if _, _, err := comeBack(t, g, p.asked.Get("state"), "the-code", journey); !errors.Is(err, auth.ErrProvider) {
		t.Errorf("FinishOIDC = %v, want ErrProvider", err)
	}
}
