package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"idphoto/models"
)

// folder holds the binary for all tests of this package; TestMain removes it.
var folder string

// build makes the binary as it is deployed, once.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(folder, "bootstrap")
	out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

func built(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the binary")
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// onDisk returns the settings for processes that share a ledger and pictures on disk, and where
// the ledger is.
func onDisk(t *testing.T) (ledger string, environ []string) {
	t.Helper()
	library, err := models.FindLibrary()
	if err != nil {
		t.Fatal(err)
	}
	networks, err := models.FindDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ledger = filepath.Join(dir, "ledger.db")
	return ledger, []string{
		"LEDGER_URL=sqlite:" + ledger, "BLOBS_URL=file://" + filepath.Join(dir, "blobs"), "TOPIC_URL=mem://tasks", "SUBSCRIPTION_URL=mem://tasks",
		models.LibraryVar + "=" + library, models.DirVar + "=" + networks, "WORKERS=2", "ADDR=127.0.0.1:0",
	}
}

// server is one function of the binary, running as a server.
type server struct {
	url     string
	process *exec.Cmd
	log     *bytes.Buffer
	read    chan struct{} // closed when the log has been read to its end
}

// runServer starts a function and waits until it says where it listens.
func runServer(t *testing.T, binary, function string, environ []string) *server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &server{process: exec.CommandContext(ctx, binary, function), log: new(bytes.Buffer), read: make(chan struct{})}
	s.process.Env = append(os.Environ(), environ...)
	stderr, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	addr := make(chan string, 1)
	go s.readLog(stderr, addr)
	t.Cleanup(func() {
		stop()
		<-s.read
		s.process.Wait() // an error by now is what the test did to it
		if t.Failed() {
			t.Logf("log of %s:\n%s", function, s.log)
		}
	})
	select {
	case a := <-addr:
		s.url = "http://" + a
	case <-s.read:
		t.Fatalf("%s did not start", function)
	}
	return s
}

// readLog keeps the log and passes the address on when it is told.
func (s *server) readLog(r io.Reader, addr chan<- string) {
	defer close(s.read)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fmt.Fprintln(s.log, lines.Text())
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
			addr <- line.Addr
		}
	}
}

// end sends a signal and waits for the process to end.
func (s *server) end(sig os.Signal) error {
	if err := s.process.Process.Signal(sig); err != nil {
		return err
	}
	<-s.read
	return s.process.Wait()
}

// view is what the tests read of a task.
type view struct {
	Status   string
	Attempts int
}

// await polls a task until ok says so.
func (s *server) await(t *testing.T, id string, ok func(view) bool) view {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		var v view
		resp, err := http.Get(s.url + "/api/v1/status/" + id)
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(resp.Body).Decode(&v)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if ok(v) {
			return v
		}
	}
	t.Fatalf("task %s did not get there", id)
	return view{}
}

func succeeded(v view) bool { return v.Status == "SUCCESS" }

// TestKilledInMidTask runs the functions as processes of their own and kills the one that makes the
// photos, as the kernel does, while it works. Another one finishes everything; the task that was
// under way took a second attempt. Then both are asked to stop, and do so in order.
func TestKilledInMidTask(t *testing.T) {
	binary := built(t)
	_, environ := onDisk(t)
	environ = append(environ, "WORKERS=1", "LEASE=1s", "RENEW_EVERY=300ms")
	defer http.DefaultClient.CloseIdleConnections()

	front := runServer(t, binary, "api", environ)
	var ids []string
	for range 3 {
		form := submission(t, nil)
		resp, err := http.Post(front.url+"/api/v1/generate", form.Header.Get("Content-Type"), form.Body)
		if err != nil {
			t.Fatal(err)
		}
		var accepted struct {
			TaskID string `json:"task_id"`
		}
		err = json.NewDecoder(resp.Body).Decode(&accepted)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusAccepted {
			t.Fatalf("answer is %d, %v", resp.StatusCode, err)
		}
		ids = append(ids, accepted.TaskID)
	}

	first := runServer(t, binary, "process", environ)
	killed := ""
	front.await(t, ids[0], func(view) bool {
		for _, id := range ids {
			if front.await(t, id, func(view) bool { return true }).Status == "STARTED" {
				killed = id
			}
		}
		return killed != ""
	})
	if err := first.end(syscall.SIGKILL); err == nil {
		t.Fatal("the process ended by itself")
	}

	second := runServer(t, binary, "process", environ)
	for _, id := range ids {
		if v := front.await(t, id, succeeded); id == killed && v.Attempts != 2 {
			t.Errorf("the task that was killed took %d attempts, want 2", v.Attempts)
		}
	}
	resp, err := http.Get(second.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	ready, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	for _, part := range []string{"models", "ledger", "blobs", "queue"} {
		if !strings.Contains(string(ready), `"`+part+`":{"ok":true`) {
			t.Errorf("readiness of process lacks %s: %s", part, ready)
		}
	}
	for name, s := range map[string]*server{"api": front, "process": second} {
		if err := s.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	}
}

// TestTakingPicturesInNeedsNoCLibrary: upload and status are deployed without cgo.
func TestTakingPicturesInNeedsNoCLibrary(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "idphoto/functions/upload") {
		t.Fatalf("upload is not in the list:\n%s", out)
	}
	for _, pkg := range []string{"idphoto/pipeline\n", "idphoto/models\n", "github.com/yalue/onnxruntime_go\n"} {
		if strings.Contains(string(out), pkg) {
			t.Errorf("without cgo the binary still needs %s", pkg)
		}
	}
}
