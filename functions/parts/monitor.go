package parts

import (
	"context"
	"fmt"
	"net/url"

	"idphoto/functions/monitor"
	"idphoto/infra/auth"
	"idphoto/infra/config"
)

// Guard opens who asks: the people and keys of the ledger. addr is where people sign in, empty
// where a gateway in front decides who gets here and does TLS, as on Lambda. firstPassword is of
// the admin made just now; show it once. It refuses an address that is open to strangers, see
// auth.CheckExposure.
func (p *Parts) Guard(ctx context.Context, addr string) (_ *auth.Guard, firstPassword string, err error) {
	c := p.config
	o := auth.Options{
		Addr: addr, TLS: c.TLSCert != "", Proxy: c.ProxyTLS || addr == "", AdminHash: c.AdminPasswordHash,
		RequireKeys: c.RequireKeys, SessionTime: c.SessionTime, Audit: monitor.AuditTo(p.Ledger), Log: p.log,
	}
	if c.OIDCIssuer != "" {
		o.OIDC = &auth.OIDCOptions{Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: c.OIDCClientSecret,
			Roles: c.RolesByAddress, Callback: monitor.OpenIDBack, BaseURL: origin(c)}
	}
	g, firstPassword, err := auth.Open(ctx, p.people, o)
	if err != nil {
		return nil, "", fmt.Errorf("opening the monitor: %w", err)
	}
	return g, firstPassword, nil
}

// KeyGuard is for functions where nobody signs in: it knows keys, and the sessions that began at the
// monitor.
func (p *Parts) KeyGuard(ctx context.Context) (*auth.Guard, error) {
	c := p.config
	g, _, err := auth.Open(ctx, p.people, auth.Options{
		NoSignIn: true, TLS: c.TLSCert != "", Proxy: c.ProxyTLS || c.LambdaAPI != "", RequireKeys: c.RequireKeys,
		SessionTime: c.SessionTime, Log: p.log,
	})
	return g, err
}

// Monitor returns the console. It needs blobs, and guard to sign people in. Closing stop ends its
// event streams.
func (p *Parts) Monitor(guard *auth.Guard, stop <-chan struct{}) *monitor.Monitor {
	return monitor.New(p.Ledger, p.Blobs, &monitor.Options{
		TraceURL: p.config.TraceURL, Version: config.Version(), Streams: p.config.EventStreams, Stop: stop,
		Frozen: p.config.LambdaAPI != "", Guard: guard, Retries: Retries(p.config), Log: p.log,
	})
}

// origin is where browsers see us, when the settings say so.
func origin(c *config.Config) string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
