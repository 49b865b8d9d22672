package queue_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
	"idphoto/queue/transport"
)

// victimEnv makes this test binary one of the processes that kill tests kill. It holds an order.
const victimEnv = "IDPHOTO_TEST_VICTIM"

// order tells a victim what to be.
type order struct {
	Worker, Janitor bool
	Ledger          string        // URL
	Dir             string        // where results go
	Nap             time.Duration // how long a task takes
	Lease, Renew    time.Duration // 0: the defaults
	Hurried         bool          // the janitor looks often, and back-offs are short
}

// napper sleeps, tells when it starts, and leaves a file per attempt as its result. The task's
// options may ask for trouble.
type napper struct {
	dir string
	nap time.Duration
}

const (
	crashes    = `"crash"` // kills the process
	failsTwice = `"flaky"` // fails twice
)

func (n napper) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	fmt.Println("start", j.Task.ID, j.Attempt)
	switch string(j.Task.Options) {
	case crashes:
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return nil, err
		}
		select {}
	case failsTwice:
		if j.Attempt <= 2 {
			return nil, errors.New("not yet")
		}
	}
	if err := j.Stage(ctx, "nap", func(context.Context) error { time.Sleep(n.nap); return nil }); err != nil {
		return nil, err
	}
	return nil, j.Stage(ctx, "store", func(context.Context) error {
		path := filepath.Join(n.dir, j.ResultPrefix, "photo")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return os.WriteFile(path, nil, 0o600)
	})
}

func (n napper) Discard(_ context.Context, prefix string) error {
	return os.RemoveAll(filepath.Join(n.dir, prefix))
}

// hintLines is a topic that writes its messages to standard output, for the parent to pass on.
type hintLines struct{}

func (hintLines) Send(_ context.Context, m *pubsub.Message) error {
	_, err := fmt.Printf("hint %s\n", m.Body)
	return err
}

// victim does what its order says until it is killed, or its parent ends.
func victim(text string) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	l, err := sqlledger.Open(ctx, o.Ledger, nil)
	if err != nil {
		log.Fatal(err)
	}
	topic, err := transport.OpenTopic(ctx, "mem://tasks")
	if err != nil {
		log.Fatal(err)
	}
	go followParent(ctx, topic)
	if o.Janitor {
		var hints queue.Topic = hintLines{}
		if o.Worker {
			hints = topic
		}
		go o.janitor(l, hints).Run(ctx)
	}
	if o.Worker {
		sub, err := transport.OpenSubscription(ctx, "mem://tasks")
		if err != nil {
			log.Fatal(err)
		}
		log.Fatal(o.worker(l).Run(ctx, pulls(sub)))
	}
	select {}
}

// followParent takes the messages that the parent writes, one a line, and ends with it.
func followParent(ctx context.Context, topic queue.Topic) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := topic.Send(ctx, &pubsub.Message{Body: []byte(lines.Text())}); err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(0)
}

func (o order) worker(l queue.Ledger) *queue.Worker {
	opts := &queue.WorkerOptions{Slots: 2, Lease: o.Lease, RenewEvery: o.Renew, Logger: quiet}
	if o.Hurried {
		opts.Retries.Default = queue.RetryPolicy{Base: 50 * time.Millisecond, Limit: time.Second}
	}
	return queue.NewWorker(l, map[string]queue.Handler{"nap": napper{o.Dir, o.Nap}}, opts)
}

func (o order) janitor(l queue.Ledger, topic queue.Topic) *queue.Janitor {
	opts := &queue.JanitorOptions{Forgetful: o.Worker, Logger: quiet}
	if o.Hurried {
		opts.ReapEvery, opts.StaleEvery, opts.UnclaimedAfter = 100*time.Millisecond, 50*time.Millisecond, 30*time.Millisecond
		opts.Backoff = queue.FullJitter(50*time.Millisecond, time.Second)
	}
	return queue.NewJanitor(l, queue.NewPublisher(l, express(topic), &queue.PublisherOptions{Logger: quiet}), opts)
}

// event is a line that a victim wrote: an attempt's start, a message, or its own end.
type event struct {
	from    *victimProcess
	what    string // "start", "hint" or "gone"
	text    string // task id, or the message
	attempt int
	at      time.Time
}

// victimProcess is a running victim.
type victimProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	gone   chan struct{} // closed when it has ended and all that it wrote was read
	starts map[string]int
	kill   func() // with SIGKILL; returns once it is gone
}

// crew is the victims of a test and what they tell.
type crew struct {
	*testing.T
	events chan event
}

func newCrew(t *testing.T) *crew { return &crew{t, make(chan event, 10_000)} }

// start starts a victim. It is killed with the test.
func (c *crew) start(o order) *victimProcess {
	c.Helper()
	exe, err := os.Executable()
	if err != nil {
		c.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		c.Fatal(err)
	}
	p := &victimProcess{cmd: exec.Command(exe), gone: make(chan struct{}), starts: make(map[string]int)}
	p.cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		c.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		c.Fatal(err)
	}
	go c.follow(p, out)
	p.kill = sync.OnceFunc(func() {
		_ = p.cmd.Process.Kill() // it may be gone already
		<-p.gone
		_ = p.cmd.Wait() // "signal: killed"
		p.stdin.Close()
	})
	c.Cleanup(p.kill)
	return p
}

func (c *crew) follow(p *victimProcess, out io.Reader) {
	defer close(p.gone)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		e := event{from: p, at: time.Now()}
		e.what, e.text, _ = strings.Cut(lines.Text(), " ")
		if e.what == "start" {
			if _, err := fmt.Sscan(e.text, &e.text, &e.attempt); err != nil {
				c.Errorf("a victim wrote %q", lines.Text())
			}
		}
		c.events <- e
	}
	c.events <- event{from: p, what: "gone", at: time.Now()}
}

// await passes events to f until done, which it asks after each and every 20 ms.
func (c *crew) await(done func() bool, f func(event)) {
	c.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	quietly := time.NewTimer(tooLong)
	defer quietly.Stop()
	for !done() {
		select {
		case e := <-c.events:
			quietly.Reset(tooLong)
			if e.what == "start" {
				e.from.starts[e.text] = e.attempt
			}
			f(e)
		case <-tick.C:
		case <-quietly.C:
			c.Fatal("not all tasks ended")
		}
	}
}
