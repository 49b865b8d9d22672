package main

import (
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
	return c.post(ctx, "/api/v1/generate", picture, [2]string{"size", size})
}

// post sends a form, with a picture unless that is nil, and returns the id of the task that was
// accepted.
func (c *client) post(ctx context.Context, path string, picture []byte, fields ...[2]string) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return "", err
		}
	}
	if picture != nil {
		part, err := form.CreateFormFile("image", "picture")
		if err != nil {
			return "", err
		}
		if _, err := part.Write(picture); err != nil {
			return "", err
		}
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, &body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	var answer struct {
		TaskID string `json:"task_id"`
	}
	err = c.do(req, http.StatusAccepted, &answer)
	return answer.TaskID, err
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
	end, err := b.client.finished(ctx, id)
	return end.Sub(start), err
}

// again has count other photos made of one picture, one after the other, each in another colour than
// the one before, and returns how long each took, as one does, and the stages up to the first.
func (b *bencher) again(ctx context.Context, picture []byte, count int) (seconds []float64, before map[string]stageTimes, err error) {
	first, err := b.client.submit(ctx, picture, b.size)
	if err != nil {
		return nil, nil, err
	}
	if _, err := b.client.finished(ctx, first); err != nil {
		return nil, nil, err
	}
	if before, err = b.client.stages(ctx); err != nil {
		return nil, nil, err
	}
	colours := []string{"red", "white", "grey"}
	for i := range count {
		start := time.Now()
		id, err := b.client.post(ctx, "/api/v1/tasks/"+first+"/render", nil, [2]string{"size", b.size}, [2]string{"background", colours[i%len(colours)]})
		if err != nil {
			return nil, nil, err
		}
		end, err := b.client.finished(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		seconds = append(seconds, end.Sub(start).Seconds())
	}
	return seconds, before, nil
}

// finished waits until a task has its photo, and returns when that was.
func (c *client) finished(ctx context.Context, id string) (time.Time, error) {
	tick := time.NewTicker(100 * time.Millisecond) // the end is read from the answer: this rate only costs
	defer tick.Stop()
	for {
		s, err := c.status(ctx, id)
		if err != nil {
			return time.Time{}, err
		}
		switch s.State {
		case "succeeded":
			return s.FinishedAt, nil
		case "rejected", "dead", "cancelled":
			return time.Time{}, fmt.Errorf("%w: %s %s", errNotFinished, s.State, s.Error.Code)
		}
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
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
