package batch

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// View is a batch as clients see it.
type View struct {
	BatchID     string                `json:"batch_id"`
	Name        string                `json:"name"`
	Options     json.RawMessage       `json:"options,omitempty"`
	Total       int64                 `json:"total"`   // tasks
	Refused     int64                 `json:"refused"` // files that became none
	States      map[queue.State]int64 `json:"states"`  // tasks in each state that has any; Held ones are not among the rejected
	Done        int64                 `json:"done"`    // tasks that have ended
	Progress    float64               `json:"progress"`
	LeftSeconds *float64              `json:"left_seconds,omitempty"` // absent while nobody can tell
	Finished    bool                  `json:"finished"`
	Erased      bool                  `json:"erased,omitempty"`
	Expired     bool                  `json:"expired,omitempty"` // names and photos went when their time was over
	CreatedAt   time.Time             `json:"created_at"`
	FinishedAt  *time.Time            `json:"finished_at,omitempty"`
	ResultsURL  string                `json:"results_url,omitempty"` // there while there may be photos
	ReportURL   string                `json:"report_url,omitempty"`
	Items       []Item                `json:"items"`
	Next        string                `json:"next,omitempty"` // the page after this one
}

// Item is one file of a batch.
type Item struct {
	Index       int         `json:"index"` // in the order in which the files came, from 0; people of a group picture follow it
	Name        string      `json:"name"`
	Row         int         `json:"row,omitempty"`  // of somebody in a group picture, from 1: the uppermost
	Seat        int         `json:"seat,omitempty"` // in the row, from 1: the left one
	TaskID      string      `json:"task_id,omitempty"`
	State       queue.State `json:"state"` // of the task, Held, Refused or Missing
	Code        string      `json:"code,omitempty"`
	Message     string      `json:"message,omitempty"`
	Advice      string      `json:"advice,omitempty"`
	Seconds     *float64    `json:"seconds,omitempty"` // from submission to end
	DownloadURL string      `json:"download_url,omitempty"`

	task queue.Task
}

// Refused is the state of a file that became no task.
const Refused queue.State = "refused"

// Held is the state of a file whose photo is made and waits for somebody's look. Its task has ended: it
// counts as done, and a photo may still come of it.
const Held queue.State = "held"

// Missing is the state of a file whose task's row is gone.
const Missing queue.State = "missing"

// maxItems is how many items one answer has at most.
const maxItems = 200

func (f *Function) show(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	after, limit := -1, maxItems
	var err error
	if s := q.Get("after"); s != "" {
		if after, err = strconv.Atoi(s); err != nil || after < 0 {
			return fault.New(problem.BadOption, nil, "field", "after")
		}
	}
	if s := q.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 0 || limit > maxItems {
			return fault.New(problem.BadOption, nil, "field", "limit")
		}
	}
	failed := q.Get("failed") == "true"
	b, err := f.batch(r)
	if err != nil {
		return err
	}
	v, err := f.view(r.Context(), b)
	if err != nil {
		return err
	}
	if v.Erased || v.Expired || limit == 0 {
		return api.JSON(w, http.StatusOK, v)
	}
	items, err := f.items(r, b)
	if e, ok := err.(*fault.Error); ok && e.Code == problem.Gone {
		return api.JSON(w, http.StatusOK, v) // it is about to be erased
	}
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.Index <= after || failed && !item.failed() {
			continue
		}
		if len(v.Items) == limit {
			v.Next = f.url(b.ID) + "?after=" + strconv.Itoa(v.Items[limit-1].Index)
			if failed {
				v.Next += "&failed=true"
			}
			break
		}
		v.Items = append(v.Items, item)
	}
	return api.JSON(w, http.StatusOK, v)
}

// view is b without its items.
func (f *Function) view(ctx context.Context, b queue.Batch) (View, error) {
	v := View{
		BatchID: b.ID, Name: b.Name, Options: b.Options, Total: b.Total, Refused: b.Refused, States: make(map[queue.State]int64),
		Done: b.Done(), Progress: 1, Erased: b.Erased, Expired: b.ManifestKey == "" && !b.Erased, CreatedAt: b.CreatedAt.UTC(), Items: []Item{},
	}
	for s, n := range b.Counts {
		if n != 0 {
			v.States[s] = n
		}
	}
	if b.Counts[queue.Rejected] > 0 {
		held, err := f.held(ctx, b.ID)
		if err != nil {
			return v, err
		}
		if held = min(held, v.States[queue.Rejected]); held > 0 { // one may have been accepted between the two looks
			v.States[Held] = held
		}
		if v.States[queue.Rejected] -= held; v.States[queue.Rejected] == 0 {
			delete(v.States, queue.Rejected)
		}
	}
	if b.Total > 0 {
		v.Progress = float64(v.Done) / float64(b.Total)
	}
	v.Finished = v.Done >= b.Total
	if left, ok := b.Left(time.Now()); ok {
		v.LeftSeconds = new(math.Round(max(left, 0).Seconds()*10) / 10)
	}
	if !b.FinishedAt.IsZero() {
		v.FinishedAt = new(b.FinishedAt.UTC())
	}
	if !v.Erased && !v.Expired {
		v.ResultsURL, v.ReportURL = f.url(b.ID)+"/results.zip", f.url(b.ID)+"/report.csv"
	}
	return v, nil
}

// held counts the photos of a batch that wait for a look.
func (f *Function) held(ctx context.Context, batchID string) (n int64, err error) {
	err = f.list(ctx, queue.Filter{BatchID: batchID, Held: true}, func(queue.Task) { n++ })
	return n, err
}

// items puts the manifest's names and the ledger's tasks together.
func (f *Function) items(r *http.Request, b queue.Batch) ([]Item, error) {
	m, err := f.manifest(r.Context(), b)
	if err != nil {
		return nil, err
	}
	tasks, err := f.tasks(r.Context(), b.ID)
	if err != nil {
		return nil, err
	}
	lang := problem.LanguageOf(r)
	lines := m.Lines(tasks)
	items := make([]Item, len(lines))
	for i, e := range lines {
		items[i] = f.item(i, e, tasks, lang)
	}
	return items, nil
}

func (f *Function) item(index int, e Entry, tasks map[string]queue.Task, lang problem.Language) Item {
	item := Item{Index: index, Name: e.Name, TaskID: e.TaskID, Row: e.Row, Seat: e.Seat}
	if e.TaskID == "" {
		item.State = Refused
		item.explain(e.Code, e.Detail, lang)
		return item
	}
	t, ok := tasks[e.TaskID]
	if !ok {
		item.State = Missing
		item.explain(problem.Expired, nil, lang)
		return item
	}
	item.task, item.State = t, t.State
	if t.State.Final() {
		item.Seconds = new(math.Round(t.FinishedAt.Sub(t.CreatedAt).Seconds()*1000) / 1000)
	}
	switch {
	case t.Erased: // a name that outlives its pictures is not shown
		item.Name = ""
		item.explain(problem.Gone, nil, lang)
	case t.Expired:
		item.explain(problem.Expired, nil, lang)
	case t.Kind == photo.Group && t.State == queue.Succeeded: // its photos are those of its people
	case t.State == queue.Succeeded:
		item.DownloadURL = f.opts.PublicURL + api.Prefix + "/result/" + t.ID
	case photo.Held(t):
		item.State = Held
		item.explain(problem.Held, nil, lang)
		item.Code = t.Code // why
	case t.State.Final():
		code, detail := problem.OfTask(t)
		item.explain(code, detail, lang)
	}
	return item
}

func (i *Item) explain(code string, detail map[string]any, lang problem.Language) {
	text := problem.Explain(code, detail, lang)
	i.Code, i.Message, i.Advice = code, text.Sentence, text.Advice
}

// failed reports whether there is no photo of the file, and none will come. Of a held one it may.
func (i *Item) failed() bool {
	return i.State == Refused || i.State == Missing || i.State.Final() && i.State != queue.Succeeded
}

// refusals are the items of a batch that was not accepted.
func (f *Function) refusals(entries []Entry, lang problem.Language) []Item {
	items := make([]Item, 0, min(len(entries), maxItems))
	for i, e := range entries[:min(len(entries), maxItems)] {
		items = append(items, f.item(i, e, nil, lang))
	}
	return items
}
