package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"idphoto/functions/api"
	"idphoto/functions/batch"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// batchModel is one batch with a page of its tasks. Names is only there when they were asked for.
type batchModel struct {
	Batch   batchView       `json:"batch"`
	Options json.RawMessage `json:"options,omitempty"`
	Tasks   []taskView      `json:"tasks"`
	Failed  bool            `json:"failed"` // only tasks that ended without a photo
	Next    string          `json:"next,omitempty"`
	Files   []batchFile     `json:"files,omitempty"`
	Refused []member        `json:"refused_people,omitempty"` // of its group pictures

	Named     bool        `json:"-"`
	States    []stateChip `json:"-"`
	First     string      `json:"-"`
	More      string      `json:"-"`
	All, Bad  string      `json:"-"` // addresses of all tasks and of the failed ones
	NamesPath string      `json:"-"` // address that asks for the names; empty when the reader may not, or they are gone
	Results   string      `json:"-"`
	Report    string      `json:"-"`
	MayRetry  bool        `json:"-"`
	MayCancel bool        `json:"-"`
}

// batchFile is a line of the manifest: personal data.
type batchFile struct {
	Name   string      `json:"name"` // empty once the task is erased: a name does not outlive its pictures
	TaskID string      `json:"task_id,omitempty"`
	State  queue.State `json:"state"`          // of the task; batch.Refused for a file that became none, batch.Missing when the row is gone
	Code   string      `json:"code,omitempty"` // why there is no photo
	Row    int         `json:"row,omitempty"`  // of somebody in a group picture
	Seat   int         `json:"seat,omitempty"`
	Shown  string      `json:"-"` // word for the state
}

var failedStates = []queue.State{queue.Rejected, queue.Dead, queue.Cancelled}

// batch shows a batch by the ids of its tasks.
func (m *Monitor) batch(r *http.Request) (any, error) {
	b, err := m.batchAt(r)
	if err != nil {
		return nil, err
	}
	return m.batchPage(r, b)
}

func (m *Monitor) batchAt(r *http.Request) (queue.Batch, error) {
	id, err := pathID(r)
	if err != nil {
		return queue.Batch{}, err
	}
	return m.ledger.GetBatch(r.Context(), id)
}

func (m *Monitor) batchPage(r *http.Request, b queue.Batch) (batchModel, error) {
	q := r.URL.Query()
	after := queue.Cursor(word(q, "after"))
	if len(after) > maxFilterWord {
		return batchModel{}, badField("after")
	}
	page := Base + "/batches/" + b.ID
	p := batchModel{Batch: batchOf(b, m.opts.Now()), Options: b.Options, Failed: q.Get("failed") == "true", Tasks: []taskView{},
		All: page, Bad: page + "?failed=true"}
	f := queue.Filter{BatchID: b.ID}
	if p.Failed {
		f.States = failedStates
	}
	tasks, next, err := m.list(r.Context(), f, after, tasksPage)
	if err != nil {
		return batchModel{}, err
	}
	for _, t := range tasks {
		p.Tasks = append(p.Tasks, viewOf(t, m.opts.Now()))
	}
	if p.Refused, err = m.refusedIn(r.Context(), b); err != nil {
		return batchModel{}, err
	}
	here := p.All
	if p.Failed {
		here = p.Bad
	}
	if after != "" {
		p.First = here
	}
	if p.Next = string(next); p.Next != "" {
		if p.More, err = query(here, "after", p.Next); err != nil {
			return batchModel{}, err
		}
	}
	p.addDeeds(b, auth.From(r.Context()))
	return p, m.addHeld(r.Context(), b, &p)
}

// addHeld leads to those of the rejected tasks whose photos wait for a look.
func (m *Monitor) addHeld(ctx context.Context, b queue.Batch, p *batchModel) error {
	if b.Counts[queue.Rejected] == 0 {
		return nil
	}
	held, _, err := m.list(ctx, queue.Filter{BatchID: b.ID, Held: true}, "", maxTasksPage)
	if len(held) > 0 {
		p.States = append(p.States, stateChip{State: batch.Held, Count: int64(len(held)), Path: listOf("batch", b.ID, "held", "true")})
	}
	return err
}

func (p *batchModel) addDeeds(b queue.Batch, who auth.Identity) {
	for _, s := range taskStates {
		if n := p.Batch.Counts[s]; n > 0 {
			p.States = append(p.States, stateChip{State: s, Count: n, Path: listOf("batch", b.ID, "state", string(s))})
		}
	}
	if !who.May(auth.Operator) {
		return
	}
	p.MayRetry = p.Batch.Counts[queue.Dead] > 0 && !b.Erased
	p.MayCancel = !p.Batch.Finished()
	if b.ManifestKey != "" && !b.Erased {
		one := api.Prefix + "/batches/" + b.ID
		p.NamesPath, p.Results, p.Report = Base+"/batches/"+b.ID+"/names", one+"/results.zip", one+"/report.csv"
	}
}

// maxManifest bounds what is read into memory: some 200 bytes per file are usual.
const maxManifest = 64 << 20

// batchNames shows a batch by the names of its files. Who asked is written down first.
func (m *Monitor) batchNames(r *http.Request) (any, error) {
	b, err := m.batchAt(r)
	switch {
	case err != nil:
		return nil, err
	case b.Erased:
		return nil, fault.New(problem.Gone, nil)
	case b.ManifestKey == "":
		return nil, fault.New(problem.Expired, nil)
	}
	data, err := m.blobs.Read(r.Context(), b.ManifestKey, maxManifest)
	if errors.Is(err, blobs.ErrNotExist) {
		return nil, fault.New(problem.Gone, err) // it goes before its row says so
	}
	if err != nil {
		return nil, problem.Unavailable("blobs", err)
	}
	var manifest batch.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("reading the manifest of batch %s: %w", b.ID, err)
	}
	if err := m.record(r, "look_names", b.ID, int64(len(manifest.Entries))); err != nil {
		return nil, err
	}
	p, err := m.batchPage(r, b)
	if err != nil {
		return nil, err
	}
	tasks, err := m.tasksOfBatch(r.Context(), b.ID)
	p.addFiles(manifest, tasks)
	return p, err
}

// tasksOfBatch returns all tasks of a batch by their id: as many as one submission may have.
func (m *Monitor) tasksOfBatch(ctx context.Context, id string) (map[string]queue.Task, error) {
	all := make(map[string]queue.Task)
	var after queue.Cursor
	for {
		tasks, next, err := m.ledger.List(ctx, queue.Filter{BatchID: id}, after, bulkPage)
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			all[t.ID] = t
		}
		if next == "" {
			return all, nil
		}
		after = next
	}
}

// addFiles puts the manifest's names and the ledger's tasks together.
func (p *batchModel) addFiles(manifest batch.Manifest, tasks map[string]queue.Task) {
	p.Files, p.Named = []batchFile{}, true
	for _, e := range manifest.Lines(tasks) {
		file := batchFile{Name: e.Name, TaskID: e.TaskID, State: batch.Refused, Code: e.Code, Row: e.Row, Seat: e.Seat}
		if t, ok := tasks[e.TaskID]; ok {
			file.State, file.Code = t.State, t.Code
			if t.Erased {
				file.Name = ""
			}
		} else if e.TaskID != "" {
			file.State = batch.Missing
		}
		if file.Shown = string(file.State); photo.Held(tasks[e.TaskID]) {
			file.Shown = "held"
		}
		if !p.Failed || file.State.Final() && file.State != queue.Succeeded || file.State == batch.Refused || file.State == batch.Missing {
			p.Files = append(p.Files, file)
		}
	}
	p.Refused = nil                           // they are among the files
	p.NamesPath, p.First, p.More = "", "", "" // all names are on one page
	p.All, p.Bad = p.All+"/names", p.All+"/names?failed=true"
}

// retryBatch lets the dead tasks of a batch run again.
func (m *Monitor) retryBatch(r *http.Request, _ values) (outcome, error) {
	return m.onBatch(r, "retry", queue.Dead)
}

// cancelBatch stops the tasks of a batch that have not ended.
func (m *Monitor) cancelBatch(r *http.Request, _ values) (outcome, error) {
	return m.onBatch(r, "cancel")
}

// onBatch does a deed to all tasks of a batch that are in these states, in the background.
func (m *Monitor) onBatch(r *http.Request, name string, states ...queue.State) (outcome, error) {
	b, err := m.batchAt(r)
	if err != nil {
		return outcome{}, err
	}
	d, err := findDeed(name)
	if err != nil {
		return outcome{}, err
	}
	return m.begin(r, d, taskFilter{queue.Filter{BatchID: b.ID, States: states}}, m.bulkNow(), "")
}
