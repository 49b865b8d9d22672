package queue_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"idphoto/queue"
)

// postgresServer is a Postgres of the test's own, which it may kill.
type postgresServer struct {
	*testing.T
	bin, data, port string
	as              *syscall.Credential // Postgres does not run as root; nil: as we do
	server          *exec.Cmd
}

// newPostgres makes a database cluster and starts it. Without the programs the test is skipped.
func newPostgres(t *testing.T) *postgresServer {
	t.Helper()
	p := &postgresServer{T: t, bin: postgresPrograms(t), data: filepath.Join(t.TempDir(), "data"), port: freePort(t)}
	if os.Getuid() == 0 {
		p.as = credential(t, "postgres")
		if err := os.Mkdir(p.data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(p.data, int(p.as.Uid), int(p.as.Gid)); err != nil {
			t.Fatal(err)
		}
		passable(t, filepath.Dir(p.data))
	}
	if out, err := p.command("initdb", "-D", p.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// postgresPrograms returns the folder of Postgres's programs, which Debian keeps off the path.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		t.Fatal(err)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Skip("no Postgres to kill: initdb is not installed")
	}
	return filepath.Dir(found[0])
}

func credential(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Skipf("no Postgres to kill: it does not run as root, and %v", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// passable lets other users through the test's folders.
func passable(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (p *postgresServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

func (p *postgresServer) url() string {
	return "postgres://postgres@127.0.0.1:" + p.port + "/postgres?sslmode=disable"
}

// start starts the server and returns when it takes connections. After a kill, the server's
// children may still hold its memory for a moment: then it is started again.
func (p *postgresServer) start() {
	p.Helper()
	var log bytes.Buffer
	for deadline := time.Now().Add(tooLong); time.Now().Before(deadline); {
		log.Reset()
		p.server = p.command("postgres", "-D", p.data, "-p", p.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
		p.server.Stdout, p.server.Stderr = &log, &log
		if err := p.server.Start(); err != nil {
			p.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = p.server.Wait(); close(ended) }()
		if p.ready(ended) {
			return
		}
		_ = p.server.Process.Kill()
		<-ended
	}
	p.Fatalf("Postgres does not start:\n%s", log.String())
}

// ready waits until the server answers; false when it ends before.
func (p *postgresServer) ready(ended <-chan struct{}) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return false
		case <-tick.C:
			if p.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", p.port, "-U", "postgres").Run() == nil {
				return true
			}
		}
	}
}

// kill ends the server as a crash does: no checkpoint, no farewell.
func (p *postgresServer) kill() { _ = p.server.Process.Kill() }

// TestKillPostgresUnderLoad kills the ledger's own server while two workers are busy. They come
// back by themselves; nothing is lost, nothing is done twice.
func TestKillPostgresUnderLoad(t *testing.T) {
	const tasks, kills = 60, 3
	p := newPostgres(t)
	l := openEarly(t, p.url())
	ids := createNaps(t, l, tasks, 20, "")
	c := newCrew(t)
	o := hurried(p.url(), t.TempDir())
	c.start(o)
	c.start(o)
	starts := 0
	var back []time.Duration
	var killed time.Time
	c.await(allEnded(t, l, tasks), func(e event) {
		switch {
		case e.what == "gone":
			t.Error("a worker ended with its ledger")
			c.start(o)
		case e.what == "start":
			if !killed.IsZero() {
				back = append(back, round(e.at.Sub(killed)))
				killed = time.Time{}
			}
			if starts++; starts%15 == 0 && len(back) < kills {
				p.kill()
				p.start()
				killed = time.Now()
			}
		}
	})
	t.Logf("%d kills; the next task started after the server was back for %v", kills, back)
	if len(back) < kills {
		t.Errorf("only %d kills", len(back))
	}
	checkResults(t, l, o.Dir, ids)
	running, err := l.Counts(t.Context())
	if err != nil || running[queue.Running]+running[queue.Queued]+running[queue.Retrying] != 0 {
		t.Errorf("counts at the end: %s, %v", fmt.Sprint(running), err)
	}
}
