package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"idphoto/infra/deploy/monitoring"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// The programs of Debian's packages.
const (
	prometheusProgram   = "prometheus"
	alertmanagerProgram = "prometheus-alertmanager"
)

func findPrometheus() error {
	for _, p := range []string{prometheusProgram, alertmanagerProgram} {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("%s is not installed", p)
		}
	}
	return nil
}

// wholeWayWithin bounds each wait for an alert's message.
const wholeWayWithin = time.Minute

// notice is an alert as a webhook gets it.
type notice struct {
	Status string            `json:"status"`
	Labels map[string]string `json:"labels"`
}

// wholeWay drains the only worker of a real server while a task waits, and follows the alert through
// Prometheus and Alertmanager to a webhook, and its end after another worker has come. The files are
// the deployed ones, with seconds where they have minutes and with this process's addresses.
func wholeWay(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "idphoto-drill-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	addr, err := freePort(ctx)
	if err != nil {
		return err
	}
	config := Config{Addr: addr, Data: dir, Workers: 1, Environ: []string{"TEST_KINDS=true"}, Log: slog.New(slog.DiscardHandler)}
	server, err := Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	notices, close, err := receiveNotices(ctx)
	if err != nil {
		return err
	}
	defer close()
	stop, err := startPrometheus(ctx, dir, addr, notices.addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	if err := notices.await(ctx, "firing", "Watchdog"); err != nil {
		return err
	}
	fmt.Fprintln(out, "Prometheus and Alertmanager: the Watchdog came through")
	if err := drainAll(ctx, filepath.Join(dir, "ledger.db")); err != nil {
		return err
	}
	if err := submitNoop(ctx, server.URL); err != nil {
		return err
	}
	if err := notices.await(ctx, "firing", "TaskQueueNoWorkers"); err != nil {
		return err
	}
	fmt.Fprintln(out, "Prometheus and Alertmanager: the worker drains while a task waits, TaskQueueNoWorkers came through")
	if err := server.Close(); err != nil {
		return err
	}
	again, err := Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, again.Close()) }()
	if err := notices.await(ctx, "resolved", "TaskQueueNoWorkers"); err != nil {
		return err
	}
	if notices.seen["firing TaskQueueNotDraining"] {
		return errors.New("TaskQueueNotDraining came through although TaskQueueNoWorkers says why")
	}
	_, err = fmt.Fprintln(out, "Prometheus and Alertmanager: a worker is there again, its end came through; TaskQueueNotDraining was held back all the time")
	return err
}

func freePort(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// drainAll asks every worker of the ledger to take no more, as the monitor does.
func drainAll(ctx context.Context, file string) (err error) {
	l, err := sqlledger.Open(ctx, "sqlite:"+file, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for {
		workers, err := l.Workers(ctx)
		if err != nil {
			return err
		}
		online := 0
		for _, w := range workers {
			if w.State == queue.Online {
				online++
				if err := l.Drain(ctx, w.Name); err != nil {
					return err
				}
			}
		}
		if online == 0 && len(workers) > 0 {
			return nil
		}
		if wait(ctx, 200*time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func submitNoop(ctx context.Context, url string) error {
	const boundary = "drill"
	body := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nnoop\r\n--" + boundary + "--\r\n"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/generate", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("a task was answered with %s", resp.Status)
	}
	return nil
}

// noticeBoard is the webhook.
type noticeBoard struct {
	addr string
	came chan notice
	seen map[string]bool // "firing TaskQueueNoWorkers"; of await's goroutine
}

func receiveNotices(ctx context.Context) (*noticeBoard, func(), error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	b := &noticeBoard{addr: ln.Addr().String(), came: make(chan notice, 1000), seen: make(map[string]bool)}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct{ Alerts []notice }
		if json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&message) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, n := range message.Alerts {
			select {
			case b.came <- n:
			default: // nobody reads: the drill is over
			}
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }() // ends with Close
	return b, func() { server.Close(); <-done }, nil
}

// await waits for an alert's message.
func (b *noticeBoard) await(ctx context.Context, status, alert string) error {
	limit := time.After(wholeWayWithin)
	for {
		select {
		case n := <-b.came:
			b.seen[n.Status+" "+n.Labels["alertname"]] = true
			if n.Status == status && n.Labels["alertname"] == alert {
				return nil
			}
		case <-limit:
			return fmt.Errorf("no message that %s is %s came through within %v; %v did", alert, status, wholeWayWithin, b.seen)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var (
	holdFor    = regexp.MustCompile(`(?m)^(\s+for: ).*$`)
	grouping   = regexp.MustCompile(`(group_wait|group_interval): \S+`)
	webhook    = regexp.MustCompile(`http://127\.0\.0\.1:9099`)
	scrapeTime = regexp.MustCompile(`(scrape_interval|evaluation_interval): \S+`)
)

// startPrometheus starts both programs on free ports. stop ends them and waits.
func startPrometheus(ctx context.Context, dir, target, hook string) (stop func() error, err error) {
	server, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	manager, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	prometheus := scrapeTime.ReplaceAll(monitoring.PrometheusFile(), []byte("$1: 1s"))
	prometheus = bytes.ReplaceAll(prometheus, []byte("127.0.0.1:8080\"]"), []byte(target+`"]`))
	prometheus = bytes.ReplaceAll(prometheus, []byte("127.0.0.1:9093"), []byte(manager))
	for name, content := range map[string][]byte{
		"rules.yml":      holdFor.ReplaceAll(monitoring.RulesFile(), []byte("${1}2s")),
		"prometheus.yml": prometheus,
		"alertmanager.yml": webhook.ReplaceAll(grouping.ReplaceAll(monitoring.AlertmanagerFile(), []byte("$1: 1s")),
			[]byte("http://"+hook)),
		"mail.tmpl": monitoring.MailTemplate(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	var running []*exec.Cmd
	stop = func() error {
		var errs []error
		for _, c := range running {
			errs = append(errs, end(c))
		}
		return errors.Join(errs...)
	}
	for _, args := range [][]string{
		{alertmanagerProgram, "--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address=", "--web.listen-address=" + manager},
		{prometheusProgram, "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--web.listen-address=" + server,
			"--rules.alert.resend-delay=1s"}, // the first message finds no Alertmanager yet
	} {
		c := exec.Command(args[0], args[1:]...)
		c.Dir = dir
		if err := c.Start(); err != nil {
			return nil, errors.Join(err, stop())
		}
		running = append(running, c)
	}
	return stop, nil
}

// end stops a program in order.
func end(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s had ended: %w", c.Path, errors.Join(err, c.Wait()))
	}
	err := c.Wait()
	if _, status := errors.AsType[*exec.ExitError](err); status {
		return nil // the signal, as asked
	}
	return err
}
