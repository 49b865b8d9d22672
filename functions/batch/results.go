package batch

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/queue"
)

// maxPhoto bounds what is read into memory of one photo: they have some 100 KB.
const maxPhoto = 32 << 20

// results streams the photos that are there as one archive, named after their sources, with a list
// of what failed or is held. It works before the batch has ended.
func (f *Function) results(w http.ResponseWriter, r *http.Request) error {
	b, err := f.batch(r)
	if err != nil {
		return err
	}
	items, err := f.items(r, b)
	if err != nil {
		return err
	}
	// The first photo is read before the answer begins: a store that is away is told as such.
	lang := problem.LanguageOf(r)
	photos := f.photos(r.Context(), items, lang)
	first, more, err := photos()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Disposition", attachment(b, "", ".zip"))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	archive := zip.NewWriter(w)
	names := taken{}
	for ; more && err == nil; first, more, err = photos() {
		prolong(w)
		if err = put(archive, names.name(stem(first.item.Name), photo.Extension(first.contentType)), first.item.task, first.data); err != nil {
			break
		}
	}
	if err == nil {
		err = finish(archive, names, items, lang)
	}
	if err != nil {
		problem.Note(r, err)
		panic(http.ErrAbortHandler) // half an archive is out: the client must not take it for a whole
	}
	return nil
}

// made is one photo on its way into the archive.
type made struct {
	item        *Item
	contentType string
	data        []byte
}

// photos returns a function that gives the items' photos one by one. One that is no longer there
// turns its item into a failure.
func (f *Function) photos(ctx context.Context, items []Item, lang problem.Language) func() (made, bool, error) {
	next := 0
	return func() (made, bool, error) {
		for next < len(items) {
			item := &items[next]
			next++
			if item.DownloadURL == "" {
				continue
			}
			data, err := f.blobs.Read(ctx, photo.Key(item.task.ResultPrefix, photo.Photo), maxPhoto)
			if errors.Is(err, blobs.ErrNotExist) {
				item.State = Missing
				item.explain(problem.Gone, nil, lang)
				continue
			}
			if err != nil {
				return made{}, false, problem.Unavailable("blobs", err)
			}
			return made{item, http.DetectContentType(data), data}, true, nil
		}
		return made{}, false, nil
	}
}

// put stores a photo as it is: it is compressed already.
func put(archive *zip.Writer, name string, t queue.Task, data []byte) error {
	w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: t.FinishedAt.UTC()})
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// finish adds the list of what has no photo, or none yet for want of a look, and closes the archive.
func finish(archive *zip.Writer, names taken, items []Item, lang problem.Language) error {
	var failed []Item
	for _, item := range items {
		if item.failed() || item.State == Held {
			failed = append(failed, item)
		}
	}
	if len(failed) > 0 {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: names.name("failures", ".csv"), Method: zip.Deflate, Modified: time.Now().UTC()})
		if err != nil {
			return err
		}
		var table bytes.Buffer
		if err := WriteReport(&table, failed, lang); err != nil {
			return err
		}
		if _, err := io.Copy(w, &table); err != nil {
			return err
		}
	}
	return archive.Close()
}

// attachment names a download after the batch, else after the end of its id.
func attachment(b queue.Batch, suffix, extension string) string {
	name := "idphoto-batch-" + b.ID[max(0, len(b.ID)-8):]
	if b.Name != "" {
		name = stem(b.Name + ".")
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name + suffix + extension})
}
