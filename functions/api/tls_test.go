package api

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair writes a self-signed certificate for 127.0.0.1 and its key, and returns the
// certificate.
func writePair(t *testing.T, certFile, keyFile string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, &x509.Certificate{SerialNumber: big.NewInt(serial)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTLSIsServedWithTheCertificateAsItIsNow(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert := writePair(t, certFile, keyFile, 1)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if ln, err = TLS(ln, certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }),
			time.Second, slog.New(slog.DiscardHandler))
	}()
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if proto, _ := io.ReadAll(resp.Body); string(proto) != "HTTP/2.0" {
		t.Errorf("answered over %s", proto)
	}
	plain, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP is answered with %d", plain.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	client.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestARenewedCertificateIsTakenOverAHalfWrittenOneIsNot(t *testing.T) {
	dir := t.TempDir()
	c := &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem")}
	first := writePair(t, c.certFile, c.keyFile, 1)
	if err := c.read(); err != nil {
		t.Fatal(err)
	}
	serve := func() []byte {
		c.looked = time.Time{}
		pair, err := c.current(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate[0]
	}
	otherCert, otherKey := filepath.Join(dir, "cert2.pem"), filepath.Join(dir, "key2.pem")
	second := writePair(t, otherCert, otherKey, 2)
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(otherCert, later, later); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(otherCert, c.certFile); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(serve(), first.Raw) {
		t.Error("a certificate is served without its key")
	}
	if err := os.Rename(otherKey, c.keyFile); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(serve(), second.Raw) {
		t.Error("the renewed certificate is not served")
	}
}

func TestFilesThatAreNoCertificateStopTheStart(t *testing.T) {
	if _, err := TLS(nil, filepath.Join(t.TempDir(), "none.pem"), ""); err == nil {
		t.Error("served without a certificate")
	}
}
