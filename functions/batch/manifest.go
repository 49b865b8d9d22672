package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/blobs"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// Manifest says which file became which task. It is kept as a blob, because of the names.
type Manifest struct {
	Entries []Entry `json:"entries"` // in the order in which the files came
}

// Entry is one file of a batch: a task, or the code why it did not become one.
type Entry struct {
	Name   string         `json:"name"` // valid UTF-8 without control characters; may have folders, as text
	TaskID string         `json:"task_id,omitempty"`
	Code   string         `json:"code,omitempty"`
	Detail map[string]any `json:"detail,omitempty"` // values for the code's sentence

	// Of somebody in a group picture, see Lines; 0 for a file.
	Person, Row, Seat int `json:"-"`
}

// Lines are the manifest's entries and, after those, the people of its group pictures by their number:
// tasks that the manifest does not name were added by a group's. tasks are all of the batch.
func (m *Manifest) Lines(tasks map[string]queue.Task) []Entry {
	lines := slices.Clone(m.Entries)
	named := make(map[string]bool, len(lines))
	for _, e := range lines {
		named[e.TaskID] = true
	}
	var people []Entry
	for id, t := range tasks {
		if p := photo.PersonOf(t.Options); p != nil && !named[id] {
			people = append(people, Entry{Name: p.Name(), TaskID: id, Person: p.Number, Row: p.Row, Seat: p.Seat})
		}
		if t.Kind == photo.Group {
			people = append(people, refusedOf(t)...)
		}
	}
	slices.SortFunc(people, func(a, b Entry) int { return cmp.Compare(a.Person, b.Person) })
	return append(lines, people...)
}

// refusedOf are the people who get no photo out of a group picture; none before it is done, nor when
// its result is gone.
func refusedOf(t queue.Task) (people []Entry) {
	var result photo.GroupResult
	if len(t.Result) == 0 || json.Unmarshal(t.Result, &result) != nil {
		return nil
	}
	for _, m := range result.Refused {
		people = append(people, Entry{Name: photo.PersonName(m.Number), Code: m.Code, Detail: m.Detail, Person: m.Number, Row: m.Row, Seat: m.Seat})
	}
	return people
}

// Prefix is the blob key prefix of what belongs to a batch beside its tasks.
func Prefix(batchID string) string { return "batches/" + batchID + "/" }

// ManifestKey is where a batch's manifest lies.
func ManifestKey(batchID string) string { return Prefix(batchID) + "manifest.json" }

// maxManifest bounds what is read into memory: some 200 bytes per file are usual.
const maxManifest = 64 << 20

// manifest reads the manifest of b; *fault.Error Gone or Expired when it is no longer there.
func (f *Function) manifest(ctx context.Context, b queue.Batch) (*Manifest, error) {
	switch {
	case b.Erased:
		return nil, fault.New(problem.Gone, nil)
	case b.ManifestKey == "":
		return nil, fault.New(problem.Expired, nil)
	}
	data, err := f.blobs.Read(ctx, b.ManifestKey, maxManifest)
	if errors.Is(err, blobs.ErrNotExist) {
		return nil, fault.New(problem.Gone, err) // it goes before its row says so
	}
	if err != nil {
		return nil, problem.Unavailable("blobs", err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading the manifest of batch %s: %w", b.ID, err)
	}
	return &m, nil
}
