package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

const (
	heartbeat    = 15 * time.Second // a comment, so that proxies keep a quiet stream open
	streamWrite  = 30 * time.Second // a client that takes nothing for so long is gone
	reconnectMS  = 1000             // what a client waits before it asks again
	slowPollTime = 5                // times Poll, once a task has not moved for a minute
	quietAfter   = time.Minute
)

// events streams a task's view, once now and again whenever it changed, until the task is final.
// The ledger is looked at, not listened to: it may be changed from another process.
func (f *Function) events(w http.ResponseWriter, r *http.Request) error {
	task, err := f.task(r)
	if err != nil {
		return err
	}
	if !f.streams.TryAcquire(1) {
		return fault.New(problem.Busy, nil, "retry_after", 5)
	}
	defer f.streams.Release(1)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx holds events back otherwise
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	s := &stream{w: w, control: http.NewResponseController(w)}
	s.send(fmt.Appendf(nil, "retry: %d\n\n", reconnectMS))
	f.follow(r, s, task)
	return nil
}

// follow writes events until the task is final, the client or the ledger is gone, or time is up.
func (f *Function) follow(r *http.Request, s *stream, task queue.Task) {
	lang := problem.LanguageOf(r)
	start, moved := time.Now(), time.Now()
	for {
		if s.view(f.view(task, lang)) {
			moved = time.Now()
		}
		if task.State.Final() || s.err != nil || time.Since(start) > f.opts.StreamFor {
			return
		}
		poll := f.opts.Poll
		if time.Since(moved) > quietAfter {
			poll *= slowPollTime
		}
		select {
		case <-r.Context().Done():
			return
		case <-f.opts.Stop:
			return
		case <-time.After(poll):
		}
		var err error
		if task, err = f.tasks.Get(r.Context(), task.ID); err != nil {
			return // the client asks again and is told by a problem
		}
	}
}

// stream writes server-sent events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	last    []byte
	at      time.Time
	err     error // of the first write that failed
}

// view sends v when it differs from what was sent before, else a heartbeat when one is due. It
// reports whether v was sent.
func (s *stream) view(v View) bool {
	data, err := json.Marshal(v)
	if err != nil {
		s.err = err
		return false
	}
	if bytes.Equal(data, s.last) {
		if time.Since(s.at) > heartbeat {
			s.send([]byte(": still here\n\n"))
		}
		return false
	}
	s.last = data
	s.send(fmt.Appendf(nil, "event: state\ndata: %s\n\n", data))
	return true
}

func (s *stream) send(b []byte) {
	s.at = time.Now()
	s.note(s.control.SetWriteDeadline(s.at.Add(streamWrite)))
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
	if s.err == nil {
		s.note(s.control.Flush())
	}
}

// note keeps the first error. Runtimes without a connection (API Gateway events) know neither
// deadlines nor flushing: that is none.
func (s *stream) note(err error) {
	if s.err == nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
	}
}
