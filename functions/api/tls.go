package api

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// TLS speaks TLS on ln, with the certificate chain and key of two PEM files. They are read again
// when they have changed, so that a renewed certificate needs no restart; one that cannot be read
// then leaves the old one in use.
func TLS(ln net.Listener, certFile, keyFile string) (net.Listener, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("TLS_CERT and TLS_KEY: %w", err)
	}
	return tls.NewListener(ln, &tls.Config{GetCertificate: c.current, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}), nil
}

// certificate is one of two files.
type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex // guards what follows
	pair    tls.Certificate
	written time.Time // when the chain's file was
	looked  time.Time
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = 10 * time.Second

func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > lookEvery {
		c.looked = time.Now()
		if info, err := os.Stat(c.certFile); err == nil && !info.ModTime().Equal(c.written) {
			_ = c.read() // half of the pair may be new already: the next look will do
		}
	}
	pair := c.pair
	return &pair, nil
}

// read replaces the pair, or changes nothing.
func (c *certificate) read() error {
	info, err := os.Stat(c.certFile)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.written = pair, info.ModTime()
	return nil
}
