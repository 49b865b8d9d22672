package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"idphoto/functions/problem"
)

// TaskAttribute is on every span that works for a task, so that a search for it finds all.
const TaskAttribute = attribute.Key("idphoto.task.id")

type taskKey struct{}

// NameTask marks the request's span and log line with its task. Only ids that we gave may be
// named: what else a client writes into a path is not ours to log.
func NameTask(ctx context.Context, id string) {
	trace.SpanFromContext(ctx).SetAttributes(TaskAttribute.String(id))
	if task, ok := ctx.Value(taskKey{}).(*string); ok {
		*task = id
	}
}

// logged writes one line per request: the route's pattern and the task, never the path or the
// query, which a client may fill with anything. Problems are counted by code.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	problems, err := otel.Meter("idphoto/functions/api").Int64Counter("idphoto.http.problems",
		metric.WithDescription("Requests answered with a problem, by route and code."))
	if err != nil {
		panic(err) // only a malformed name makes it fail
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, record := problem.WithRecord(r.Context())
		var task string
		outer := r
		r = r.WithContext(context.WithValue(ctx, taskKey{}, &task)) // the mux notes its pattern in this very request
		sent := &sentWriter{ResponseWriter: w}
		start := time.Now()
		defer func() {
			outer.Pattern = r.Pattern // for span and metrics, which surround this
			if record.Code != "" {
				problems.Add(ctx, 1, metric.WithAttributes(attribute.String("route", route(r)), attribute.String("code", record.Code)))
			}
			log.LogAttrs(ctx, level(sent.status, r.Pattern), "request", line(r, sent, record, task, time.Since(start))...)
		}()
		next.ServeHTTP(sent, r)
	})
}

// route is the pattern that took r; what none took is one case, whatever its path.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

func line(r *http.Request, sent *sentWriter, record *problem.Record, task string, took time.Duration) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("route", route(r)), slog.Int("status", sent.status), slog.Int64("bytes", sent.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if task != "" {
		attrs = append(attrs, slog.String("task", task))
	}
	if record.Code != "" {
		attrs = append(attrs, slog.String("code", record.Code))
	}
	if sent.status >= 500 && record.Err != nil {
		attrs = append(attrs, slog.String("err", record.Err.Error()))
	}
	return attrs
}

// level keeps probes out of the way and lifts our own failures.
func level(status int, pattern string) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelError
	case strings.HasSuffix(pattern, "/healthz"), strings.HasSuffix(pattern, "/readyz"), strings.HasSuffix(pattern, "/metrics"):
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// recovered turns a panic into a problem, keeping value and stack for the log.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // net/http's own way to cut a connection
			}
			err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			if sent, ok := w.(*sentWriter); ok && sent.status != 0 {
				problem.Note(r, err)
				panic(http.ErrAbortHandler) // half an answer is out: the client must not take it for a whole
			}
			problem.Write(w, r, err)
		}()
		next.ServeHTTP(w, r)
	})
}

// sentWriter remembers what was sent. http.ResponseController reaches through it.
type sentWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (s *sentWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *sentWriter) WriteHeader(status int) {
	if s.status == 0 && status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *sentWriter) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	n, err := s.ResponseWriter.Write(b)
	s.bytes += int64(n)
	return n, err
}
