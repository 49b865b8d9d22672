package status

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/functions/sheet"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// maxPart bounds what is read into memory of one part: photos have some 100 KB.
const maxPart = 32 << 20

// result hands out one part. The answer to If-None-Match needs no blob: an attempt's files never
// change, so their key says whether the client has them.
func (f *Function) result(w http.ResponseWriter, r *http.Request) error {
	part := photo.Part(r.URL.Query().Get("part"))
	if part == sheet.Part {
		return f.sheet(w, r)
	}
	task, err := f.task(r)
	if err != nil {
		return err
	}
	if err := photo.Available(task); err != nil {
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Code == problem.NotFinished {
			w.Header().Set("Retry-After", "1")
		}
		return err
	}
	if part == "" {
		part = photo.Photo
	}
	contentType, ok := photo.ResultOf(task).Parts[part]
	if !ok {
		return fault.New(problem.UnknownPart, nil)
	}
	h := w.Header()
	h.Set("ETag", etag(task, part))
	h.Set("Cache-Control", "private, no-store")
	if matches(r, h.Get("ETag")) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	data, err := f.blobs.Read(r.Context(), photo.Key(task.ResultPrefix, part), maxPart)
	if errors.Is(err, blobs.ErrNotExist) {
		return fault.New(problem.Gone, err)
	}
	if err != nil {
		return problem.Unavailable("blobs", err)
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fileName(task, part, contentType)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // the client may be gone: nobody is left to tell
	return nil
}

// sheet hands out a sheet of the task's photo, made now.
func (f *Function) sheet(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	return f.sheets.OfTask(w, r, id)
}

// etag is of the attempt that finished: another attempt's photo is another photo.
func etag(t queue.Task, p photo.Part) string {
	sum := sha256.Sum256([]byte(photo.Key(t.ResultPrefix, p)))
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

func matches(r *http.Request, tag string) bool {
	for _, value := range r.Header.Values("If-None-Match") {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

// fileName is idphoto-1-inch-1a2b3c4d.jpg: what it is, and the end of the task's id, which is its
// random part. Whose photo it is we do not know.
func fileName(t queue.Task, p photo.Part, contentType string) string {
	words := []string{"idphoto"}
	if _, s, _, err := photo.Read(t.Options); err == nil {
		words = append(words, s.ID)
	}
	if p != photo.Photo {
		words = append(words, string(p))
	}
	return strings.Join(append(words, t.ID[max(0, len(t.ID)-8):]), "-") + photo.Extension(contentType)
}
