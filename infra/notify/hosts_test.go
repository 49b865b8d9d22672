package notify

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// resolves is a resolver for which every name is at the address.
func resolves(to netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answer(theirs, to)
		return ours, nil
	}}
}

// answer answers one question by the protocol of DNS over a stream.
func answer(conn net.Conn, to netip.Addr) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		end := 12
		for question[end] != 0 {
			end += int(question[end]) + 1
		}
		end += 5
		reply := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[12:end]...)
		if kind := binary.BigEndian.Uint16(question[end-4:]); kind == 1 { // A
			reply[7] = 1
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			reply = append(reply, to.AsSlice()...)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// TestANameDoesNotLeadInside: what counts is the address that is dialled, so no name on the list
// reaches an internal address by resolving to it, at any time.
func TestANameDoesNotLeadInside(t *testing.T) {
	for name, tc := range map[string]struct {
		hosts []string
		to    string
		want  string // part of the error
	}{
		"the name alone":           {[]string{"example.com"}, "127.0.0.1", "internal address"},
		"another internal address": {[]string{"example.com", "10.0.0.0/8"}, "127.0.0.1", "internal address"},
		"the cloud's metadata":     {[]string{"example.com"}, "169.254.169.254", "internal address"},
		"the name and the address": {[]string{"example.com", "127.0.0.1"}, "127.0.0.1", ""},
		"the name and a prefix":    {[]string{"Example.com.", "127.0.0.0/8"}, "127.0.0.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			u, err := url.Parse(o.receiver.URL)
			if err != nil {
				t.Fatal(err)
			}
			o.opts.URL = "https://example.com:" + u.Port() + "/hook" // which the certificate is for
			o.opts.Hosts, o.opts.Resolver = tc.hosts, resolves(netip.MustParseAddr(tc.to))
			n := o.notifier(t)
			err = n.post(t.Context(), Event{ID: "1"})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("post = %v, want %q", err, tc.want)
			}
			if reached := len(o.receiver.got()) > 0; reached != (tc.want == "") {
				t.Errorf("the receiver was reached: %v", reached)
			}
		})
	}
}

func TestTheReceiverMustBeOnTheList(t *testing.T) {
	const key = "sixteen bytes and more"
	for name, tc := range map[string]struct {
		o    Options
		want string
	}{
		"listed name":     {Options{URL: "https://hooks.example/x", Secret: key, Hosts: []string{"hooks.example"}}, ""},
		"listed address":  {Options{URL: "http://10.1.2.3/x", Secret: key, Hosts: []string{"10.1.0.0/16"}}, ""},
		"no list":         {Options{URL: "https://hooks.example/x", Secret: key}, "does not have"},
		"another name":    {Options{URL: "https://evil.example/x", Secret: key, Hosts: []string{"hooks.example"}}, "does not have"},
		"a longer name":   {Options{URL: "https://a.hooks.example/x", Secret: key, Hosts: []string{"hooks.example"}}, "does not have"},
		"another address": {Options{URL: "https://10.2.2.3/x", Secret: key, Hosts: []string{"10.1.0.0/16"}}, "does not have"},
		"a pattern":       {Options{URL: "https://hooks.example/x", Secret: key, Hosts: []string{"*.example"}}, "no host name"},
		"not http":        {Options{URL: "file:///etc/passwd", Secret: key, Hosts: []string{"hooks.example"}}, "https URL"},
		"a password":      {Options{URL: "https://u:p@hooks.example/x", Secret: key, Hosts: []string{"hooks.example"}}, "no password"},
		"no secret":       {Options{URL: "https://hooks.example/x", Hosts: []string{"hooks.example"}}, "16 bytes"},
		"a short secret":  {Options{URL: "https://hooks.example/x", Secret: "hunter2", Hosts: []string{"hooks.example"}}, "16 bytes"},
		"not base64":      {Options{URL: "https://hooks.example/x", Secret: "whsec_???", Hosts: []string{"hooks.example"}}, "base64"},
		"strange event":   {Options{URL: "https://hooks.example/x", Secret: key, Hosts: []string{"hooks.example"}, Events: []string{"task.born"}}, "task.born"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(nil, nil, tc.o)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("New = %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows the secret")
			}
		})
	}
}

func TestInternalAddresses(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1",
		"255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "fec0::1"} {
		if (hosts{}).dial(net.JoinHostPort(a, "443"), false) == nil {
			t.Errorf("%s counts as public", a)
		}
	}
	for _, a := range []string{"93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"} {
		if err := (hosts{}).dial(net.JoinHostPort(a, "443"), false); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		if (hosts{}).dial(net.JoinHostPort(a, "80"), true) == nil {
			t.Errorf("%s is reached without TLS", a)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	o := newOffice(t)
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	redirecting := httptest.NewTLSServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	o.opts.URL = redirecting.URL
	if err := o.notifier(t).post(t.Context(), Event{ID: "1"}); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("post = %v, want that the answer was a redirect", err)
	}
}

// TestAnEndlessAnswerEnds: a receiver that keeps talking is listened to for 64 KiB and SendWithin.
func TestAnEndlessAnswerEnds(t *testing.T) {
	o := newOffice(t)
	talker := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	}))
	defer talker.Close()
	o.opts.URL, o.opts.RootCAs = talker.URL, x509.NewCertPool()
	o.opts.RootCAs.AddCert(talker.Certificate())
	if err := o.notifier(t).post(t.Context(), Event{ID: "1"}); err != nil {
		t.Errorf("post = %v", err)
	}
}
