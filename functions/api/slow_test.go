package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections live in memory, where time can be made to pass.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestWhoIsSlowIsCutOff: a peer that dribbles its header, its body, or that takes no answer does
// not keep its connection for ever.
func TestWhoIsSlowIsCutOff(t *testing.T) {
	for name, tc := range map[string]struct {
		send   []string // one piece a second
		within time.Duration
	}{
		"nothing at all":  {nil, headerTimeout},
		"half a header":   {strings.SplitAfter("GET / HTTP/1.1\r\nHost: photo.example\r\nX-One: 1\r\n"+strings.Repeat("X-More: 1\r\n", 200), "\n"), headerTimeout},
		"half a body":     {[]string{"POST / HTTP/1.1\r\nHost: photo.example\r\nContent-Length: 1000\r\n\r\n", "half"}, readTimeout},
		"an idle channel": {[]string{"GET / HTTP/1.1\r\nHost: photo.example\r\n\r\n"}, idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := &pipes{make(chan net.Conn), make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() {
					served <- Serve(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if _, err := io.ReadAll(r.Body); err != nil {
							w.WriteHeader(http.StatusBadRequest)
						}
					}), time.Second, slog.New(slog.DiscardHandler))
				}()
				ours, theirs := net.Pipe()
				ln.conns <- theirs
				var sending sync.WaitGroup
				sending.Go(func() {
					for _, piece := range tc.send {
						if _, err := io.WriteString(ours, piece); err != nil {
							return
						}
						time.Sleep(time.Second)
					}
				})
				began := time.Now()
				if _, err := io.Copy(io.Discard, ours); err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
				if took := time.Since(began); took > tc.within+2*time.Second {
					t.Errorf("the connection lasted %v, want at most %v", took, tc.within)
				}
				ours.Close()
				sending.Wait()
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestALongHeaderIsRefused(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, ln, http.NotFoundHandler(), time.Second, slog.New(slog.DiscardHandler))
	}()
	defer func() {
		stop()
		<-served
	}()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: photo.example\r\nCookie: "+strings.Repeat("x", 2*maxHeader)+"\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes is answered with %d", 2*maxHeader, resp.StatusCode)
	}
}
