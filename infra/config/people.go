package config

import (
	"net/url"

	"idphoto/infra/auth"
)

// checkPeople covers the settings of who may look.
func (c *Config) checkPeople(check func(name string, ok bool, want string)) {
	check("SESSION_TIME", c.SessionTime > 0, "must be above 0")
	check("TLS_CERT", (c.TLSCert == "") == (c.TLSKey == ""), "TLS_CERT and TLS_KEY come together")
	if c.AdminPasswordHash != "" {
		err := auth.ValidHash(c.AdminPasswordHash)
		check("ADMIN_PASSWORD_HASH", err == nil, "not an argon2id hash in PHC form")
	}
	if c.OIDCIssuer == "" {
		check("OIDC_ISSUER", c.OIDCClientID == "" && c.OIDCClientSecret == "" && len(c.OIDCRoles) == 0, "is missing, but other settings of OpenID are there")
		return
	}
	u, err := url.Parse(c.OIDCIssuer)
	check("OIDC_ISSUER", err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http"), "want an http or https URL")
	check("OIDC_CLIENT_ID", c.OIDCClientID != "", "is needed with OIDC_ISSUER")
	check("OIDC_ROLES", len(c.OIDCRoles) > 0, "nobody could sign in: want address=role or @domain=role")
	if c.RolesByAddress, err = auth.ParseRoleMap(c.OIDCRoles); err != nil {
		check("OIDC_ROLES", false, err.Error())
	}
}
