package transport_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/transporttest"
)

// wire is a TCP connection to a broker that a test can cut.
type wire struct {
	net.Listener
	target string

	flow sync.RWMutex // held for writing while paused

	mu    sync.Mutex
	conns []net.Conn
	wg    sync.WaitGroup
}

// pause keeps every byte from passing, until resume; connections stay open.
func (w *wire) pause()  { w.flow.Lock() }
func (w *wire) resume() { w.flow.Unlock() }

// paced is an end of the wire that is written to while the wire is not paused.
type paced struct {
	net.Conn
	wire *wire
}

func (p paced) Write(b []byte) (int, error) {
	p.wire.flow.RLock()
	defer p.wire.flow.RUnlock()
	return p.Conn.Write(b)
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, target: target}
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.cut()
		w.wg.Wait()
	})
	return w
}

func (w *wire) accept() {
	for {
		here, err := w.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", w.target)
		if err != nil {
			here.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, here, there)
		w.mu.Unlock()
		w.wg.Go(func() { _, _ = io.Copy(paced{here, w}, there); here.Close() })
		w.wg.Go(func() { _, _ = io.Copy(paced{there, w}, here); there.Close() })
	}
}

// cut breaks every connection there is; new ones may be made.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// TestABrokenRabbitConnectionIsReplaced: the driver gives up for good when its connection breaks.
func TestABrokenRabbitConnectionIsReplaced(t *testing.T) {
	u, err := url.Parse(server(t, rabbitEnv))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, u.Host)
	b := rabbitBroker(t)
	u.Host = w.Addr().String()
	t.Setenv("RABBIT_SERVER_URL", u.String())
	topic, sub := transporttest.Topic(t, b.Topics[queue.Express]), transporttest.Subscription(t, b.Subscriptions[queue.Express])
	transporttest.Send(t, topic, "before")
	transporttest.Receive(t, sub).Ack()
	for range 2 {
		w.cut()
		failures := 0
		for topic.Send(t.Context(), &pubsub.Message{Body: []byte("after")}) != nil {
			if failures++; failures > 3 {
				t.Fatal("the topic does not come back")
			}
		}
		for {
			m := transporttest.Receive(t, sub)
			m.Ack()
			if string(m.Body) == "after" { // "before" may come again: its ack was on the wire
				break
			}
		}
	}
}
