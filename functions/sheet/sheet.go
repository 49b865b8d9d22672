// Package sheet prints finished photos together: it reads them from the blobs, lays them on paper and
// answers with the file at once, since nothing has to be computed that a queue would be needed for.
//
// What it holds in memory is counted, all requests together; one that finds no room is answered as
// busy. Nothing is stored.
package sheet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/sync/semaphore"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/sheet"
	"idphoto/queue"
)

// Part asks for the sheet of one task's photo, as if it were a part of the result.
const Part photo.Part = "sheet"

// Tasks finds tasks. A queue.Ledger is one.
type Tasks interface {
	Get(ctx context.Context, id string) (queue.Task, error)
}

// Blobs hands out pictures. *blobs.Store is one.
type Blobs interface {
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
}

// defaultMemory is for one sheet of the most pixels, or a dozen usual ones, side by side.
const defaultMemory = 192 << 20

// maxPhoto bounds one photo's file.
const maxPhoto = 32 << 20

// Function makes sheets. Make one with New.
type Function struct {
	tasks  Tasks
	blobs  Blobs
	memory *semaphore.Weighted // bytes
}

// New returns the function.
func New(tasks Tasks, blobs Blobs) *Function {
	return &Function{tasks: tasks, blobs: blobs, memory: semaphore.NewWeighted(defaultMemory)}
}

// Routes lists what the function answers, beside the part of a result.
func (f *Function) Routes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: api.Prefix + "/sheets", Access: auth.Client, Handle: f.create},
		{Method: "GET", Path: api.Prefix + "/papers", Access: auth.Anyone, Handle: papers},
	}
}

// create answers with a sheet of several photos.
func (f *Function) create(w http.ResponseWriter, r *http.Request) error {
	o, err := readOrder(r)
	if err != nil {
		return err
	}
	return f.answer(w, r, o)
}

// OfTask answers with a sheet of one task's photo, as the query asks.
func (f *Function) OfTask(w http.ResponseWriter, r *http.Request, id string) error {
	o, err := readQuery(r.URL.Query(), id)
	if err != nil {
		return err
	}
	return f.answer(w, r, o)
}

// answer makes the sheet and writes it. Headers tell how many photos it has of each item.
func (f *Function) answer(w http.ResponseWriter, r *http.Request, o *order) error {
	room := &room{all: f.memory}
	defer room.release()
	data, plan, err := f.make(r.Context(), o, room)
	if err != nil {
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Code == problem.NotFinished {
			w.Header().Set("Retry-After", "1")
		}
		return err
	}
	counts := make([]string, len(plan.Placed))
	for i, n := range plan.Placed {
		counts[i] = strconv.Itoa(n)
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Type", o.format.contentType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "idphoto-sheet-"+strings.ToLower(plan.Paper.ID)+o.format.extension))
	h.Set("Sheet-Placed", strings.Join(counts, ","))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // the client may be gone: nobody is left to tell
	return nil
}

// make finds the photos, lays them out and draws the sheet. What it holds is taken from room.
func (f *Function) make(ctx context.Context, o *order, room *room) ([]byte, *sheet.Plan, error) {
	photos := make([]*sheet.Photo, len(o.wants))
	items := make([]sheet.Item, len(o.wants))
	read := make(map[source]*sheet.Photo)
	largest := 0
	for i, want := range o.wants {
		task, err := f.find(ctx, want.task)
		if err != nil {
			return nil, nil, err
		}
		if read[want.source] == nil {
			if read[want.source], err = f.read(ctx, task, want.part, room); err != nil {
				return nil, nil, err
			}
		}
		photos[i] = read[want.source]
		largest = max(largest, photos[i].Pixels())
		if items[i], err = itemOf(task, photos[i]); err != nil {
			return nil, nil, err
		}
		items[i].Count = want.count
	}
	plan, err := sheet.Layout(o.paper, items, o.options)
	if err != nil {
		return nil, nil, err
	}
	if err := plan.Complete(); err != nil {
		return nil, nil, err
	}
	data, err := o.format.draw(plan, photos, o.dpi, func(pixels int) error {
		return room.take(4*int64(pixels) + 8*int64(largest)) // the sheet, and a photo decoded and turned
	})
	return data, plan, err
}

// find returns the task, which has a result.
func (f *Function) find(ctx context.Context, id string) (queue.Task, error) {
	api.NameTask(ctx, id)
	task, err := f.tasks.Get(ctx, id)
	if err != nil {
		return task, problem.OfLedger(err)
	}
	return task, photo.Available(task)
}

// read fetches one part, which must be a picture.
func (f *Function) read(ctx context.Context, task queue.Task, part photo.Part, room *room) (*sheet.Photo, error) {
	kind := photo.ResultOf(task).Parts[part]
	if kind != "image/jpeg" && kind != "image/png" {
		return nil, fault.New(problem.UnknownPart, nil)
	}
	data, err := f.blobs.Read(ctx, photo.Key(task.ResultPrefix, part), maxPhoto)
	if errors.Is(err, blobs.ErrNotExist) {
		return nil, fault.New(problem.Gone, err)
	}
	if err != nil {
		return nil, problem.Unavailable("blobs", err)
	}
	if err := room.take(int64(len(data))); err != nil {
		return nil, err
	}
	p, err := sheet.OpenPhoto(data)
	if err != nil {
		return nil, fmt.Errorf("reading a finished photo: %v", err) // no fault of the client's: its code is not shown
	}
	return p, nil
}

// room is what one request has taken of the memory.
type room struct {
	all   *semaphore.Weighted
	taken int64
}

func (r *room) take(n int64) error {
	if !r.all.TryAcquire(n) {
		return fault.New(problem.Busy, nil, "retry_after", 2)
	}
	r.taken += n
	return nil
}

func (r *room) release() { r.all.Release(r.taken) }

// papers lists the papers that have names.
func papers(w http.ResponseWriter, r *http.Request) error {
	type paper struct {
		Name string `json:"name"`
		sheet.Paper
	}
	lang := problem.LanguageOf(r)
	var all []paper
	for _, p := range sheet.Papers() {
		all = append(all, paper{p.Names[string(lang)], p})
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Vary", "Accept-Language")
	return api.JSON(w, http.StatusOK, map[string]any{"default": sheet.DefaultPaper, "papers": all})
}
