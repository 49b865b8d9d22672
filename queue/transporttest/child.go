package transporttest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue/transport"
)

// holdEnv holds the URL of the subscription from which a child process takes its message.
const holdEnv = "IDPHOTO_TRANSPORTTEST_HOLD"

// Hold makes this process the receiver that the suite kills, if it was started as that: it does not
// return then. It takes one message and holds it until the end.
func Hold() {
	url := os.Getenv(holdEnv)
	if url == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	sub, err := transport.OpenSubscription(ctx, url)
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("listening")
	if _, err := sub.Receive(ctx); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("holding")
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or the test is gone
	os.Exit(0)
}

// holder is a receiver that holds one message, or will.
type holder interface {
	hold(t *testing.T) // returns when it has its message
	kill(t *testing.T)
}

// newHolder returns a process that listens, or a subscription when no process can.
func newHolder(t *testing.T, b Broker, url string) holder {
	t.Helper()
	if b.InProcess {
		return &idler{sub: Subscription(t, url)}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(program)}
	p.Env = append(os.Environ(), holdEnv+"="+url)
	p.Stderr = os.Stderr
	stdin, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = p.Process.Kill() // it is dead already when all went well
		_ = p.Wait()
	})
	p.lines = make(chan string)
	go func() {
		defer close(p.lines)
		for in := bufio.NewScanner(stdout); in.Scan(); {
			p.lines <- in.Text()
		}
	}()
	p.await(t, "listening")
	return p
}

type process struct {
	*exec.Cmd
	lines chan string
}

// await returns when the process says so. Go CDK too writes lines.
func (p *process) await(t *testing.T, what string) {
	t.Helper()
	late := time.After(soon)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok || strings.HasPrefix(line, "failed:") {
				t.Fatalf("the receiver ended before %s: %s", what, line)
			}
			if line == what {
				return
			}
		case <-late:
			t.Fatalf("the receiver is not %s", what)
		}
	}
}

func (p *process) hold(t *testing.T) { t.Helper(); p.await(t, "holding") }

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range p.lines { // until the end of its output, which is its own
		continue
	}
}

// idler is the next best in one process: a subscription that is closed with its message in hand.
type idler struct {
	sub  *transport.Subscription
	held *pubsub.Message // never acknowledged
}

func (i *idler) hold(t *testing.T) { t.Helper(); i.held = Receive(t, i.sub) }
func (i *idler) kill(t *testing.T) { t.Helper(); Close(t, i.sub) }
