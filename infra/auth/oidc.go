package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/semaphore"
)

// OIDCOptions say which OpenID provider vouches for whom.
type OIDCOptions struct {
	Issuer       string // URL
	ClientID     string
	ClientSecret string
	Roles        RoleMap      // who has which role; nobody else gets in
	Callback     string       // path of the page to come back to
	BaseURL      string       // scheme and host that browsers see; empty: as the request says
	Client       *http.Client // default: one with a time limit
}

// RoleMap gives people their roles by e-mail address, or by the domain of it.
type RoleMap map[string]Role

// ParseRoleMap reads lines of address=role or @domain=role.
func ParseRoleMap(lines []string) (RoleMap, error) {
	m := RoleMap{}
	for _, line := range lines {
		who, name, _ := strings.Cut(line, "=")
		role, err := ParseRole(strings.TrimSpace(name))
		if err == nil {
			err = personRole(role)
		}
		who = strings.ToLower(strings.TrimSpace(who))
		if err != nil || !email.MatchString(strings.Replace(who, "@", "x@", 1)) {
			return nil, errors.New("want address=role or @domain=role, comma separated; roles: viewer, operator, admin")
		}
		m[who] = role
	}
	return m, nil
}

// email is loose: the provider has verified it. It keeps control characters out of logs and pages.
var email = regexp.MustCompile(`^[^\s@\pC]{1,64}@[^\s@\pC]{1,190}$`)

// Of returns the role of an address: its own, else its domain's, else Nobody.
func (m RoleMap) Of(address string) Role {
	if role, ok := m[address]; ok {
		return role
	}
	return m[address[strings.LastIndex(address, "@"):]]
}

// oidcClient talks to the provider. It asks for the provider's description when somebody first
// signs in, so that a provider that is away keeps nobody from starting.
type oidcClient struct {
	opts     OIDCOptions
	turn     *semaphore.Weighted // guards what follows
	provider *oidc.Provider
}

func newOIDC(o OIDCOptions) *oidcClient {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	return &oidcClient{opts: o, turn: semaphore.NewWeighted(1)}
}

// ErrProvider says that the OpenID provider does not answer as it should.
var ErrProvider = errors.New("auth: the OpenID provider is away")

// connect returns what the provider says of itself.
func (c *oidcClient) connect(ctx context.Context) (*oidc.Provider, error) {
	if err := c.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.turn.Release(1)
	if c.provider == nil {
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, c.opts.Client), c.opts.Issuer)
		if err != nil {
			return nil, fmt.Errorf("%w: asking for its description: %w", ErrProvider, err)
		}
		c.provider = p
	}
	return c.provider, nil
}

// config is of this request, because the way back leads to the host that the browser asked.
func (c *oidcClient) config(r *http.Request, p *oidc.Provider, secure bool) *oauth2.Config {
	base := c.opts.BaseURL
	if base == "" {
		u := url.URL{Scheme: "http", Host: r.Host}
		if secure {
			u.Scheme = "https"
		}
		base = u.String()
	}
	return &oauth2.Config{ClientID: c.opts.ClientID, ClientSecret: c.opts.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: base + c.opts.Callback, Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// journey is what a browser keeps while it is at the provider.
type journey struct {
	State    string `json:"s"` // the provider hands it back: the answer belongs to this browser
	Nonce    string `json:"n"` // stands in the token: it was made for this sign-in
	Verifier string `json:"v"` // of PKCE: nobody else can use the code
	Next     string `json:"to"`
}

const journeyTime = 10 * time.Minute

// HasOIDC reports whether people may sign in at an OpenID provider.
func (g *Guard) HasOIDC() bool { return g.oidc != nil }

// BeginOIDC returns the provider's page to send the browser to. next is handed back at the end.
func (g *Guard) BeginOIDC(w http.ResponseWriter, r *http.Request, next string) (page string, err error) {
	p, err := g.oidc.connect(r.Context())
	if err != nil {
		return "", err
	}
	j := journey{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next}
	data, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	http.SetCookie(w, g.journeyCookie(base64.RawURLEncoding.EncodeToString(data), int(journeyTime.Seconds())))
	return g.oidc.config(r, p, g.opts.Secure).AuthCodeURL(j.State, oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier)), nil
}

func (g *Guard) journeyCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: cookieName("idphoto-openid", g.opts.Secure), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: g.opts.Secure, SameSite: http.SameSiteLaxMode}
}

// FinishOIDC begins the session of somebody who comes back from the provider, and returns the next
// of BeginOIDC. Whatever is wrong with the answer, or with the person's permission, is
// ErrCredentials.
func (g *Guard) FinishOIDC(w http.ResponseWriter, r *http.Request) (next string, err error) {
	j, err := g.journeyOf(r)
	http.SetCookie(w, g.journeyCookie("", -1))
	if err != nil {
		return "", g.refuseOIDC(r, "unknown", err)
	}
	address, err := g.oidc.verify(r, j, g.opts.Secure)
	switch {
	case errors.Is(err, ErrProvider):
		return "", err
	case err != nil:
		return "", g.refuseOIDC(r, "unknown", err)
	}
	role := g.oidc.opts.Roles.Of(address)
	if role == Nobody {
		return "", g.refuseOIDC(r, "unknown", errors.New("the settings give this address no role"))
	}
	p, err := g.Store.vouched(r.Context(), address, role)
	switch {
	case err != nil:
		return "", err
	case p.Disabled, !p.Foreign:
		return "", g.refuseOIDC(r, p.Name, errors.New("this person is disabled"))
	}
	return j.Next, g.enter(w, r, p, "openid")
}

// journeyOf returns the journey that the answer in r ends.
func (g *Guard) journeyOf(r *http.Request) (j journey, err error) {
	c, err := r.Cookie(g.journeyCookie("", 0).Name)
	if err != nil {
		return j, errors.New("this browser did not ask, or asked long ago")
	}
	data, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err == nil {
		err = json.Unmarshal(data, &j)
	}
	if err != nil || j.State == "" || subtle.ConstantTimeCompare([]byte(j.State), []byte(r.FormValue("state"))) != 1 {
		return j, errors.New("the answer is to another question than this browser's")
	}
	return j, nil
}

// verify trades the answer's code for a token, and returns the address that it vouches for, in
// lower case. ErrProvider says that the provider did not answer; other errors are refusals.
func (c *oidcClient) verify(r *http.Request, j journey, secure bool) (address string, err error) {
	if r.FormValue("code") == "" {
		return "", errors.New("the provider refused") // its own words are in the address: not ours to log
	}
	provider, err := c.connect(r.Context())
	if err != nil {
		return "", err
	}
	ctx := oidc.ClientContext(r.Context(), c.opts.Client)
	token, err := c.config(r, provider, secure).Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(j.Verifier))
	if err != nil {
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < 500 {
			return "", errors.New("the provider refused the code")
		}
		return "", fmt.Errorf("%w: trading the code: %w", ErrProvider, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: c.opts.ClientID}).Verify(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("verifying the token: %w", err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // some providers write it as a string
	}
	if err := id.Claims(&claims); err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(j.Nonce)) != 1:
		return "", errors.New("the token was made for another sign-in")
	case claims.Verified != true && claims.Verified != "true":
		return "", errors.New("the provider has not verified the address")
	case !email.MatchString(claims.Email):
		return "", errors.New("the token has no usable address")
	}
	return strings.ToLower(claims.Email), nil
}

func (g *Guard) refuseOIDC(r *http.Request, actor string, cause error) error {
	g.opts.Log.InfoContext(r.Context(), "OpenID sign-in refused", "err", cause)
	return g.refuse(r.Context(), actor, "openid")
}
