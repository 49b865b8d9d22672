package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"idphoto/functions/api"
	"idphoto/functions/intake"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// accepted is the answer to a batch.
type accepted struct {
	BatchID   string `json:"batch_id"`
	Status    string `json:"status"` // always "submitted"
	Message   string `json:"message"`
	Total     int64  `json:"total"`   // tasks
	Refused   int64  `json:"refused"` // files that became none
	StatusURL string `json:"status_url"`
}

// fields are what a form says beside its files.
type fields struct {
	seen  []string
	kind  string // photo.Kind or photo.Group
	name  string
	order photo.Order
}

func (f *Function) create(w http.ResponseWriter, r *http.Request) error {
	key, err := intake.IdempotencyKey(r)
	if err != nil {
		return err
	}
	release, err := f.reserve(r)
	if err != nil {
		w.Header().Set("Connection", "close") // the body stays unread
		return err
	}
	defer release()
	a, name, err := f.receive(w, r)
	if err != nil {
		return err
	}
	if len(a.tasks) == 0 {
		items := a.f.refusals(a.entries, problem.LanguageOf(r))
		problem.WriteWith(w, r, fault.New(problem.NoPictures, nil), map[string]any{"items": items})
		return nil
	}
	b, created, err := a.submit(r.Context(), name, key)
	if err != nil || !created {
		a.forget(r.Context())
	}
	if err != nil {
		return err
	}
	return f.accept(w, r, b, created)
}

// reserve takes room for one picture before any of the body is read.
func (f *Function) reserve(r *http.Request) (release func(), err error) {
	if r.ContentLength > f.maxBody() {
		return nil, fault.New(problem.BatchTooLarge, nil, "limit", f.opts.MaxBytes)
	}
	if !f.opts.Memory.TryAcquire(f.opts.MaxImageBytes) {
		return nil, fault.New(problem.Busy, nil, "retry_after", 5)
	}
	return func() { f.opts.Memory.Release(f.opts.MaxImageBytes) }, nil
}

// maxBody is all files, the form's own lines for each, and the fields.
func (f *Function) maxBody() int64 { return f.opts.MaxBytes + 1<<10*int64(f.opts.MaxFiles) + 64<<10 }

// receive reads the form of r as a stream and stores its pictures. After an error nothing of them
// is left.
func (f *Function) receive(w http.ResponseWriter, r *http.Request) (a *arrival, name string, err error) {
	parts, err := intake.Parts(r, http.MaxBytesReader(w, patient(w, r.Body), f.maxBody()))
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil && a != nil {
			a.forget(r.Context())
		}
	}()
	var said fields
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return a, "", f.broken(err)
		}
		if field := part.FormName(); field != "image" && field != "archive" {
			if err := said.read(field, part, a != nil); err != nil {
				return a, "", f.broken(err)
			}
			continue
		}
		if a == nil {
			if a, err = said.arrival(f); err != nil {
				return nil, "", err
			}
		}
		if err := a.part(r.Context(), part); err != nil {
			return a, "", f.broken(err)
		}
	}
	if a == nil {
		return nil, "", fault.New(problem.MissingField, nil, "field", "image")
	}
	return a, said.name, nil
}

// read takes a field that is no file.
func (s *fields) read(name string, part io.Reader, late bool) error {
	if name != "kind" && name != "name" && !slices.Contains(photo.Fields, name) || slices.Contains(s.seen, name) {
		return intake.UnknownField(name)
	}
	if late {
		return fault.New(problem.LateField, nil, "field", name)
	}
	s.seen = append(s.seen, name)
	value, err := intake.Option(part)
	switch {
	case err != nil:
		return err
	case name == "kind":
		if value != photo.Kind && value != photo.Group {
			return fault.New(problem.BadOption, nil, "field", name)
		}
		s.kind = value
		return nil
	case name == "name":
		s.name = strings.TrimSpace(shown(decode(value)))
		return nil
	}
	return s.order.Set(name, value)
}

// arrival begins a batch with what the fields have said so far.
func (s *fields) arrival(f *Function) (*arrival, error) {
	chosen, err := photo.Choose(s.order)
	if err != nil {
		return nil, err
	}
	options, err := json.Marshal(chosen)
	if err != nil {
		return nil, err
	}
	return f.arrival(cmp.Or(s.kind, photo.Kind), chosen.Size, options), nil
}

// part takes a picture or an archive.
func (a *arrival) part(ctx context.Context, part *multipart.Part) error {
	if part.FormName() == "archive" {
		if a.kind == photo.Group {
			return fault.New(problem.BadOption, nil, "field", "archive") // one picture is a group, not many
		}
		return a.archive(ctx, part)
	}
	return a.add(ctx, base(shown(decode(fileName(part)))), part, -1)
}

// fileName is what the client calls the file. multipart.Part's own method would take the bytes of
// old encodings for separators.
func fileName(part *multipart.Part) string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return part.FileName()
	}
	return params["filename"]
}

// broken is the answer to a body that ends early, is no multipart form, or is too long. What has a
// code keeps it.
func (f *Function) broken(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(problem.BatchTooLarge, err, "limit", f.opts.MaxBytes)
	}
	return fault.New(problem.BadRequest, err)
}

func (f *Function) accept(w http.ResponseWriter, r *http.Request, b queue.Batch, created bool) error {
	url := f.url(b.ID)
	h := w.Header()
	h.Set("Location", url)
	h.Set("Retry-After", "1")
	message := map[problem.Language]string{
		problem.English: "The pictures are accepted and wait for their turn.",
		problem.Chinese: "照片已接收，正在排队处理。",
	}
	if !created {
		h.Set("Idempotency-Replayed", "true")
		message[problem.English] = "This batch was accepted before; nothing new was started."
		message[problem.Chinese] = "这批照片此前已提交，没有重复处理。"
	}
	return api.JSON(w, http.StatusAccepted, accepted{
		BatchID: b.ID, Status: "submitted", Message: message[problem.LanguageOf(r)], Total: b.Total, Refused: b.Refused, StatusURL: url,
	})
}

func (f *Function) url(batchID string) string {
	return f.opts.PublicURL + api.Prefix + "/batches/" + batchID
}
