package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
)

// client talks to a server's interface, as any integrator's program would.
type client struct {
	url  string
	http *http.Client
}

func newClient(url string) *client {
	return &client{url, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// submit sends a picture and returns the task's id.
func (c *client) submit(ctx context.Context, picture []byte, size string) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("size", size); err != nil {
		return "", err
	}
	part, err := form.CreateFormFile("image", "picture")
	if err != nil {
		return "", err
	}
	if _, err := part.Write(picture); err != nil {
		return "", err
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/api/v1/generate", &body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	var answer struct {
		TaskID string `json:"task_id"`
	}
	return answer.TaskID, c.do(req, http.StatusAccepted, &answer)
}

// taskStatus is what the bench reads of a status answer.
type taskStatus struct {
	State      string    `json:"state"`
	FinishedAt time.Time `json:"finished_at"`
	Error      struct {
		Code string `json:"code"`
	} `json:"error"`
}

func (c *client) status(ctx context.Context, id string) (taskStatus, error) {
	var s taskStatus
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api/v1/status/"+id, nil)
	if err != nil {
		return s, err
	}
	return s, c.do(req, http.StatusOK, &s)
}

func (c *client) do(req *http.Request, want int, answer any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, data)
	}
	return json.Unmarshal(data, answer)
}

// bencher sends pictures and times them.
type bencher struct {
	client *client
	size   string
}

// one submits a picture and waits until its photo is finished. The time is from before the
// request to the end that the ledger recorded, on one clock.
func (b *bencher) one(ctx context.Context, picture []byte) (time.Duration, error) {
	start := time.Now()
	id, err := b.client.submit(ctx, picture, b.size)
	if err != nil {
		return 0, err
	}
	tick := time.NewTicker(100 * time.Millisecond) // the end is read from the answer: this rate only costs
	defer tick.Stop()
	for {
		s, err := b.client.status(ctx, id)
		if err != nil {
			return 0, err
		}
		switch s.State {
		case "succeeded":
			return s.FinishedAt.Sub(start), nil
		case "rejected", "dead", "cancelled":
			return 0, fmt.Errorf("%w: %s %s", errNotFinished, s.State, s.Error.Code)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// result is one line of the table; memory in MiB.
type result struct {
	seconds                  []float64
	elapsed                  time.Duration
	peak, after100, afterAll float64
}

// run makes count photos of the pictures in turn, so many in flight.
func (b *bencher) run(ctx context.Context, pictures [][]byte, count, inFlight int) (result, error) {
	resetPeak()
	var r result
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	start := time.Now()
	for i := range count {
		g.Go(func() error {
			d, err := b.one(ctx, pictures[i%len(pictures)])
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.seconds = append(r.seconds, d.Seconds())
			if len(r.seconds) == min(100, count) {
				r.after100 = memory("VmRSS")
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	r.elapsed, r.peak, r.afterAll = time.Since(start), memory("VmHWM"), memory("VmRSS")
	return r, nil
}

// resetPeak starts a new peak of resident memory, where the system allows it.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// memory reads a line of this process's status, in MiB; 0 where the system has none.
func memory(name string) float64 { return memoryOf("self", name) }

// memoryOf reads it of a process by its id.
func memoryOf(process, name string) float64 {
	data, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == name+":" {
			kb, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				return 0
			}
			return kb / 1024
		}
	}
	return 0
}

// stageTable prints the mean time of each stage over the whole run, from the server's own metrics.
func (b *bencher) stageTable(ctx context.Context, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.client.url+"/metrics", nil)
	if err != nil {
		return err
	}
	resp, err := b.client.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sums, counts := make(map[string]float64), make(map[string]float64)
	var order []string
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok || !strings.HasPrefix(name, "idphoto_task_stage_seconds_") {
			continue
		}
		_, stage, _ := strings.Cut(name, `stage="`)
		stage, _, _ = strings.Cut(stage, `"`)
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("metric %s: %w", name, err)
		}
		switch {
		case strings.HasPrefix(name, "idphoto_task_stage_seconds_sum"):
			sums[stage] += v
			order = append(order, stage)
		case strings.HasPrefix(name, "idphoto_task_stage_seconds_count"):
			counts[stage] += v
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nstage\tmean ms\t")
	for _, stage := range order {
		fmt.Fprintf(w, "%s\t%.1f\t\n", stage, 1000*sums[stage]/counts[stage])
	}
	return w.Flush()
}
