package config

import (
	"strings"
	"testing"

	"idphoto/infra/auth"
)

func TestPeopleAndTLS(t *testing.T) {
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	c, err := Read([]string{
		"ADMIN_PASSWORD_HASH=" + hash, "TLS_CERT=a", "TLS_KEY=b", "OIDC_ISSUER=https://id.example", "OIDC_CLIENT_ID=photo", "OIDC_ROLES=Ann@example.org=admin,@example.org=viewer",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.RolesByAddress.Of("ann@example.org") != auth.Admin || c.RolesByAddress.Of("bob@example.org") != auth.Viewer {
		t.Errorf("roles are %v", c.RolesByAddress)
	}

	_, err = Read([]string{
		"ADMIN_PASSWORD_HASH=hunter2", "TLS_CERT=a", "SESSION_TIME=0s", "OIDC_ISSUER=id.example", "OIDC_ROLES=ann@example.org=boss",
	})
	if err == nil {
		t.Fatal("bad settings were accepted")
	}
	for _, want := range []string{"ADMIN_PASSWORD_HASH: not an argon2id", "TLS_CERT: ", "SESSION_TIME: must", "OIDC_ISSUER: want", "OIDC_CLIENT_ID: is needed", "OIDC_ROLES: want"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats a secret:\n%v", err)
	}
	if _, err := Read([]string{"OIDC_CLIENT_SECRET=x"}); err == nil {
		t.Error("OpenID without an issuer was accepted")
	}
}
