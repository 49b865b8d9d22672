package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

const (
	maxAnswer        = 64 << 10 // bytes read of an answer; its content is of no interest
	maxAnswerHeaders = 16 << 10
)

// newClient returns a client that reaches the receiver and nothing else.
func newClient(o Options) (*http.Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("notify: the receiver's address must be an https URL, or http to an address on the list")
	}
	if u.User != nil {
		return nil, errors.New("notify: no password belongs into the receiver's address: requests are signed")
	}
	listed, err := parseHosts(o.Hosts)
	if err != nil {
		return nil, err
	}
	if !listed.host(u.Hostname()) {
		return nil, fmt.Errorf("notify: the list of hosts does not have the receiver's, %q", u.Hostname())
	}
	plain := u.Scheme == "http"
	dialer := &net.Dialer{Timeout: o.SendWithin, Resolver: o.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		return listed.dial(address, plain) // the address after the name was resolved, for each one tried
	}}
	return &http.Client{
		Timeout:       o.SendWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // it would choose the address
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs},
			TLSHandshakeTimeout:    o.SendWithin,
			MaxResponseHeaderBytes: maxAnswerHeaders,
			DisableKeepAlives:      true, // events are rare, and each dial is checked
		},
	}, nil
}

// post sends an event; nil means that the receiver has it.
func (n *Notifier) post(ctx context.Context, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding the event: %w", err)
	}
	// A stop of this process does not break off what may have arrived.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.opts.SendWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.opts.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("making the request")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "idphoto-webhook/1")
	sign(req.Header, n.key, e.ID, n.opts.Now(), body)
	began := time.Now()
	res, err := n.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // the status has said it
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the receiver answered %d after %v", res.StatusCode, time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// withoutURL is a client's error without the address, in which people put tokens.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
