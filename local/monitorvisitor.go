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
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"idphoto/functions/monitor"
)

// visitor is somebody who has signed in at a server's monitor.
type visitor struct {
	url  string
	http *http.Client
}

// enter signs in as the admin that the server has just made.
func enter(ctx context.Context, s *Server) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visitor{s.URL, &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	form := url.Values{"name": {"admin"}, "password": {s.FirstPassword}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+monitor.LoginPath, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || strings.HasSuffix(resp.Request.URL.Path, "/login") {
		return nil, fmt.Errorf("signing in: %s at %s", resp.Status, resp.Request.URL.Path)
	}
	return v, nil
}

func (v *visitor) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+path, nil)
	if err != nil {
		return nil, err
	}
	return v.http.Do(req)
}

// look opens a page and returns how long it took to its last byte.
func (v *visitor) look(ctx context.Context, page string) (time.Duration, error) {
	began := time.Now()
	resp, err := v.get(ctx, page)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", page, resp.Status)
	}
	return time.Since(began), nil
}

// idle returns when no task waits or runs.
func (v *visitor) idle(ctx context.Context) error {
	for {
		resp, err := v.get(ctx, "/api/v1/monitor/lanes")
		if err != nil {
			return err
		}
		var now struct {
			Lanes []struct{ Waiting, Running int64 } `json:"lanes"`
		}
		err = json.NewDecoder(resp.Body).Decode(&now)
		resp.Body.Close()
		if err != nil {
			return err
		}
		var open int64
		for _, l := range now.Lanes {
			open += l.Waiting + l.Running
		}
		if len(now.Lanes) > 0 && open == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// refreshes is what the pages of all who watch took.
type refreshes struct {
	mu    sync.Mutex
	times []float64
}

func (r *refreshes) add(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times = append(r.times, took.Seconds())
}

func (r *refreshes) count() int { return len(r.times) }

func (r *refreshes) p95() string {
	if len(r.times) == 0 {
		return "–"
	}
	return millis(r.times, .95)
}

// leastPause is between two refreshes of a page, as its script has it.
const leastPause = 1500 * time.Millisecond

// watch has people keep pages open until ctx is done: each page listens, and fetches itself again
// when something has changed.
func (v *visitor) watch(ctx context.Context, g *errgroup.Group, pages []string) *refreshes {
	r := &refreshes{}
	for i := range watchers {
		g.Go(func() error {
			err := v.follow(ctx, pages[i%len(pages)], r)
			if ctx.Err() != nil {
				return nil
			}
			return err
		})
	}
	return r
}

func (v *visitor) follow(ctx context.Context, page string, r *refreshes) error {
	resp, err := v.get(ctx, monitor.Base+"/live")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if lines.Text() != "event: changed" {
			continue
		}
		took, err := v.look(ctx, page)
		if err != nil {
			return err
		}
		r.add(took)
		select {
		case <-ctx.Done():
		case <-time.After(max(leastPause, 10*took)):
		}
	}
	return fmt.Errorf("the event stream has ended")
}

// flow hands in no-op tasks.
type flow struct {
	*visitor
	sent atomic.Int64
}

const flowSenders = 4

// run hands in so many tasks a second until ctx is done or, when most is above 0, so many are in.
func (f *flow) run(ctx context.Context, perSecond rate.Limit, most int64) error {
	limit := rate.NewLimiter(perSecond, 1)
	var begun atomic.Int64
	var g errgroup.Group
	for range flowSenders {
		g.Go(func() error {
			for most == 0 || begun.Add(1) <= most {
				if limit.Wait(ctx) != nil {
					return nil
				}
				if err := f.send(ctx); err != nil {
					if ctx.Err() != nil && most == 0 {
						return nil
					}
					return err
				}
				f.sent.Add(1)
			}
			return nil
		})
	}
	return g.Wait()
}

func (f *flow) send(ctx context.Context) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("kind", "noop"); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/api/v1/generate", &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("handing in a task: %s", resp.Status)
	}
	return nil
}

// await returns when so many are in.
func (f *flow) await(ctx context.Context, n int64) {
	for f.sent.Load() < n && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}
