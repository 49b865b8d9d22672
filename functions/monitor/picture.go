package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// originalPart names the uploaded picture beside the parts of a result.
const originalPart = "original"

// maxPicture bounds what is read into memory: intake takes 20 MiB unless it is set otherwise.
const maxPicture = 64 << 20

// picture sends one picture of a task. Who asked is written down before it is sent, and without
// that nothing is sent.
func (m *Monitor) picture(w http.ResponseWriter, r *http.Request) error {
	t, err := m.taskOf(r)
	if err != nil {
		return known(err)
	}
	part := r.PathValue("part")
	key, err := pictureKey(t, part)
	if err != nil {
		return err
	}
	data, err := m.blobs.Read(r.Context(), key, maxPicture)
	switch {
	case errors.Is(err, blobs.ErrNotExist):
		return fault.New(problem.Gone, err)
	case err != nil:
		return problem.Unavailable("blobs", err)
	}
	if err := m.record(r, "look", t.ID+" "+part, 1); err != nil {
		return known(err)
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox") // whatever its sender made of the file
	h.Set("Content-Type", pictureType(data))
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", part+"-"+t.ID[len(t.ID)-8:]+photo.Extension(pictureType(data))))
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(data) // the reader may be gone: nobody is left to tell
	return nil
}

// pictureKey is where a part lies. Only names of ours lead anywhere.
func pictureKey(t queue.Task, part string) (string, error) {
	switch {
	case t.Erased:
		return "", fault.New(problem.Gone, nil)
	case part == originalPart && t.InputKey == "":
		return "", fault.New(problem.OriginalGone, nil)
	case part == originalPart:
		return t.InputKey, nil
	case t.Expired:
		return "", fault.New(problem.Expired, nil)
	case resultOf(t).Parts[photo.Part(part)] == "" || part == string(photo.Report):
		return "", fault.New(problem.UnknownPart, nil)
	}
	return photo.Key(t.ResultPrefix, photo.Part(part)), nil
}

// resultOf is empty for a task that has none. A held photo is there to be looked at.
func resultOf(t queue.Task) photo.Result {
	var r photo.Result
	if t.State == queue.Succeeded || photo.Held(t) {
		_ = json.Unmarshal(t.Result, &r) // other kinds keep what they like
	}
	return r
}

// pictureType is the type of a picture by its bytes; never one that a browser would run.
func pictureType(data []byte) string {
	if shown := http.DetectContentType(data); strings.HasPrefix(shown, "image/") {
		return shown
	}
	if info, err := picture.Inspect(data, nil); err == nil {
		return "image/" + info.Format // browsers cannot show all of these
	}
	return "application/octet-stream"
}
