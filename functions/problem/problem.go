// Package problem turns an error into what a client sees: one table (table.go) gives every stable
// code its HTTP status, a sentence a clerk understands and advice, in English and Chinese.
//
// Answers are application/problem+json (RFC 9457). The language follows Accept-Language. An error
// without a code of the table is shown as "internal"; its text never leaves the process, it goes to
// the request's Record and from there to the log.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// coded is what an error with a stable code offers. *fault.Error does.
type coded interface {
	error
	ErrorCode() string
	ErrorDetail() map[string]any
}

// Record keeps what went wrong in one request, for whoever logs the request.
type Record struct {
	Code string // empty when the request succeeded
	Err  error  // the private cause
}

type recordKey struct{}

// WithRecord returns a context whose problems are noted in the Record.
func WithRecord(ctx context.Context) (context.Context, *Record) {
	rec := &Record{}
	return context.WithValue(ctx, recordKey{}, rec), rec
}

// Of returns the code, the values for its sentence and the cause of err. An unknown error is
// Internal; a request body above an http.MaxBytesReader's limit is fault.TooLarge.
func Of(err error) *fault.Error {
	if c, ok := errors.AsType[coded](err); ok {
		if _, known := table[c.ErrorCode()]; known {
			return &fault.Error{Code: c.ErrorCode(), Detail: c.ErrorDetail(), Err: err}
		}
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, err, "limit", tooLarge.Limit)
	}
	return fault.New(Internal, err)
}

// Unavailable says that a part we depend on (ledger, blobs, queue) does not answer: try again.
func Unavailable(part string, cause error) error {
	return fault.New(Unreachable, cause, "part", part, "retry_after", 5)
}

// LedgerDown says that the ledger, without which nothing can be told about a task, does not answer.
func LedgerDown(cause error) error { return fault.New(LedgerAway, cause, "retry_after", 5) }

// OfLedger gives the errors of a ledger their codes. One that it does not name means that the ledger
// is away.
func OfLedger(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, queue.ErrNotFound):
		return fault.New(NotFound, err)
	case errors.Is(err, queue.ErrFinal):
		return fault.New(AlreadyFinal, err)
	case errors.Is(err, context.Canceled):
		return fault.New(BadRequest, err) // the client left
	}
	return LedgerDown(err)
}

// Write answers r with err's problem. The caller writes nothing more.
func Write(w http.ResponseWriter, r *http.Request, err error) { WriteWith(w, r, err, nil) }

// WriteWith is Write with members that only the client may see: unlike an error's values they are
// noted nowhere, so file names may be in them.
func WriteWith(w http.ResponseWriter, r *http.Request, err error, members map[string]any) {
	Note(r, err)
	e := Of(err)
	entry, lang := table[e.Code], LanguageOf(r)
	body := Body(e.Code, e.Detail, lang)
	maps.Copy(body, members)
	body["type"] = "/api/v1/problems/" + e.Code
	body["title"] = http.StatusText(entry.Status)
	body["status"] = entry.Status

	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Disposition", "ETag"} {
		h.Del(name) // meant for the success that did not come
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Language", string(lang))
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language")
	if seconds, ok := e.Detail["retry_after"].(int); ok {
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	w.WriteHeader(entry.Status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone: nobody is left to tell
}

// Body returns the members of a problem that stand for themselves: code, detail (the sentence),
// advice and the values of the sentence. A task's status shows these for a task that failed.
func Body(code string, values map[string]any, lang Language) map[string]any {
	body := make(map[string]any, len(values)+4)
	for name, v := range values {
		body[name] = v
	}
	text := Explain(code, values, lang)
	body["code"] = code
	body["detail"] = text.Sentence
	body["advice"] = text.Advice
	return body
}

// OfTask returns the code, and the values for its sentence, of a task that ended without a photo.
func OfTask(t queue.Task) (code string, values map[string]any) {
	code = t.Code
	switch {
	case code == "" && t.State == queue.Cancelled:
		code = queue.CodeCancelled
	case code == "":
		code = queue.CodeInternal
	}
	if len(t.Detail) > 0 {
		_ = json.Unmarshal(t.Detail, &values) // without its values the sentence still says what is wrong
	}
	return code, values
}

// Note keeps err in the request's Record without answering: for when an answer has begun.
func Note(r *http.Request, err error) {
	if rec, ok := r.Context().Value(recordKey{}).(*Record); ok {
		rec.Code, rec.Err = Of(err).Code, err
	}
}
