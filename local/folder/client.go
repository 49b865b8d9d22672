package folder

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"idphoto/functions/batch"
	"idphoto/functions/problem"
)

const (
	pollEvery    = 250 * time.Millisecond
	answerWithin = 30 * time.Second // of everything but a batch's upload
	keepTrying   = 2 * time.Minute  // while the server is away or busy
	retryAfter   = 2 * time.Second  // when the server names no time
	goodbye      = 3 * time.Second  // for telling the server that nobody waits any more
	maxAnswer    = 64 << 20
)

// client talks to a server's interface.
type client struct {
	url  string
	lang problem.Language
	http *http.Client
}

func newClient(url string, lang problem.Language) *client {
	return &client{strings.TrimSuffix(url, "/"), lang, &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// refusal is a problem that the server told.
type refusal struct {
	Status     int
	Code       string       `json:"code"`
	Detail     string       `json:"detail"`
	Advice     string       `json:"advice"`
	Items      []batch.Item `json:"items"`
	retryAfter time.Duration
}

func (r *refusal) Error() string {
	if r.Code == "" {
		return fmt.Sprintf("the server answers %d %s: is it one of ours?", r.Status, http.StatusText(r.Status))
	}
	return fmt.Sprintf("%s %s (%s)", r.Detail, r.Advice, r.Code)
}

// hello finds out at once when there is no server.
func (c *client) hello(ctx context.Context) error {
	err := c.short(ctx, http.MethodGet, "/openapi.json", http.StatusOK, nil)
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", c.url, err)
	}
	return nil
}

// submit sends pictures as one batch and returns its id. The same key each time makes it safe to
// send again when the answer got lost.
func (c *client) submit(ctx context.Context, job Job, pictures []*source) (batchID string, err error) {
	key := rand.Text()
	var accepted struct {
		BatchID string `json:"batch_id"`
	}
	err = c.patiently(ctx, func(ctx context.Context) error {
		body, write := io.Pipe()
		defer body.Close() // ends the writer, too
		form := multipart.NewWriter(write)
		go func() { write.CloseWithError(fill(form, job, pictures)) }()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/api/v1/batches", body)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", form.FormDataContentType())
		req.Header.Set("Idempotency-Key", key)
		return c.do(req, http.StatusAccepted, &accepted)
	})
	return accepted.BatchID, err
}

// fill writes a batch's form. A file that can no longer be read is sent as far as it goes: the
// server refuses it like any other that is cut short.
func fill(form *multipart.Writer, job Job, pictures []*source) error {
	fields := append([][2]string{{"name", job.Name}, {"size", job.Size}, {"background", job.Background}}, job.Wishes...)
	for _, field := range fields {
		if field[1] == "" {
			continue
		}
		if err := form.WriteField(field[0], field[1]); err != nil {
			return err
		}
	}
	for _, p := range pictures {
		part, err := form.CreateFormFile("image", filepath.Base(p.rel))
		if err != nil {
			return err
		}
		if err := copyFile(part, p.path); err != nil {
			return err
		}
	}
	return form.Close()
}

// copyFile returns the errors of writing only.
func copyFile(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	buf := make([]byte, 64<<10)
	for {
		n, readErr := file.Read(buf)
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if readErr != nil {
			return nil
		}
	}
}

// items returns all files of a batch. A chunk fits on one page.
func (c *client) items(ctx context.Context, batchID string) ([]batch.Item, error) {
	var v batch.View
	err := c.patiently(ctx, func(ctx context.Context) error {
		return c.short(ctx, http.MethodGet, "/batches/"+batchID, http.StatusOK, &v)
	})
	return v.Items, err
}

func (c *client) photo(ctx context.Context, taskID string) (data []byte, err error) {
	err = c.patiently(ctx, func(ctx context.Context) error {
		return c.short(ctx, http.MethodGet, "/result/"+taskID, http.StatusOK, &data)
	})
	return data, err
}

// cancel tells the server, if it is there, that nobody waits any more.
func (c *client) cancel(ctx context.Context, batchID string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer stop()
	_ = c.short(ctx, http.MethodPost, "/batches/"+batchID+"/cancel", http.StatusOK, new(json.RawMessage))
}

func (c *client) erase(ctx context.Context, batchID string) error {
	return c.patiently(ctx, func(ctx context.Context) error {
		return c.short(ctx, http.MethodDelete, "/batches/"+batchID, http.StatusNoContent, nil)
	})
}

// short is a call that needs no long upload.
func (c *client) short(ctx context.Context, method, path string, want int, into any) error {
	ctx, stop := context.WithTimeout(ctx, answerWithin)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, c.url+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	return c.do(req, want, into)
}

// do reads the wanted answer into a *[]byte, or as JSON; any other answer is a *refusal.
func (c *client) do(req *http.Request, want int, into any) error {
	req.Header.Set("Accept-Language", string(c.lang))
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		r := &refusal{Status: resp.StatusCode, retryAfter: retryAfter}
		if strings.Contains(resp.Header.Get("Content-Type"), "json") {
			_ = json.Unmarshal(data, r) // without a code it is shown by its status
		}
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			r.retryAfter = time.Duration(s) * time.Second
		}
		return r
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = data
		return nil
	}
	return json.NewDecoder(bytes.NewReader(data)).Decode(into)
}

// patiently calls f again while the server is busy or away, for a while.
func (c *client) patiently(ctx context.Context, f func(context.Context) error) error {
	start := time.Now()
	for {
		err := f(ctx)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		wait := retryAfter
		if r, ok := errors.AsType[*refusal](err); ok {
			if r.Status != http.StatusServiceUnavailable && r.Status != http.StatusTooManyRequests && r.Status != http.StatusBadGateway {
				return err
			}
			wait = r.retryAfter
		}
		if time.Since(start)+wait > keepTrying {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
