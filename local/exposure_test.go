package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idphoto/infra/auth"
)

func TestStrangersFindNoMonitorWithoutPeopleAndTLS(t *testing.T) {
	for name, environ := range map[string][]string{"nothing set": nil, "people only": {"ADMIN_PASSWORD_HASH=" + hashOf(t, crewPassword)}, "a proxy only": {"PROXY_TLS=true"}} {
		t.Run(name, func(t *testing.T) {
			s, err := Start(t.Context(), Config{Addr: "0.0.0.0:0", Memory: true, Environ: environ, Log: slog.New(slog.DiscardHandler)})
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, auth.ErrExposed) {
				t.Errorf("Start = %v, want ErrExposed", err)
			}
		})
	}
}

func hashOf(t *testing.T, password string) string {
	t.Helper()
	hash, err := auth.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestTheFirstPasswordIsShownOnce(t *testing.T) {
	data := t.TempDir()
	for i := range 2 {
		s, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Data: data, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := (&serveCmd{}).screen(&out, s); err != nil {
			t.Error(err)
		}
		if shown := strings.Contains(out.String(), "shown this once"); shown != (i == 0) || i == 0 && !strings.Contains(out.String(), s.FirstPassword) {
			t.Errorf("start %d shows\n%s", i+1, &out)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEverythingIsServedOverTLS: with a certificate the cookies of the monitor are for TLS only.
func TestEverythingIsServedOverTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := certify(t, certFile, keyFile)
	s := serve(t, Config{Memory: true, TLSCert: certFile, TLSKey: keyFile})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	if !strings.HasPrefix(s.URL, "https://") {
		t.Errorf("URL is %s", s.URL)
	}
	resp, err := client.PostForm(s.URL+"/monitor/login", map[string][]string{"name": {"admin"}, "password": {s.FirstPassword}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if c := resp.Cookies(); resp.StatusCode != http.StatusSeeOther || len(c) != 1 || !c[0].Secure || !strings.HasPrefix(c[0].Name, "__Host-") {
		t.Errorf("signing in: %d, cookies %v", resp.StatusCode, c)
	}
	if _, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Memory: true, TLSCert: certFile, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a certificate without its key is taken")
	}
}

// certify writes a certificate for 127.0.0.1 and its key, and returns who trusts it.
func certify(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	server := httptest.NewTLSServer(nil) // has one
	defer server.Close()
	secret, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return pool
}
