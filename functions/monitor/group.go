package monitor

import (
	"context"
	"encoding/json"

	"idphoto/functions/batch"
	"idphoto/functions/photo"
	"idphoto/queue"
)

// member is somebody in a group picture. Who that is nobody here knows: only the place.
type member struct {
	Number int            `json:"number"`
	Row    int            `json:"row"`
	Seat   int            `json:"seat"`
	TaskID string         `json:"task_id,omitempty"` // of the photo
	State  string         `json:"state"`             // of the task; batch.Refused for who gets no photo, held
	Code   string         `json:"code,omitempty"`    // why there is no photo
	Why    map[string]any `json:"-"`                 // values for the code's sentence
}

// Of a group picture's tasks as many are read as it can have people, and some: others may be of the
// same millisecond.
const groupPage = 400

// members lists the people of a finished group picture by their number. Those whose row has gone are
// missing.
func (m *Monitor) members(ctx context.Context, t queue.Task) ([]member, error) {
	var result photo.GroupResult
	if t.Kind != photo.Group || len(t.Result) == 0 || json.Unmarshal(t.Result, &result) != nil {
		return nil, nil
	}
	tasks, _, err := m.list(ctx, queue.Filter{BatchID: t.BatchID, IDPrefix: momentOf(t.ID)}, "", groupPage)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]queue.Task, len(tasks))
	for _, child := range tasks {
		byID[child.ID] = child
	}
	all := make([]member, 0, result.People)
	refused := refusedOf(result)
	for n := 1; n <= result.People; n++ {
		if len(refused) > 0 && refused[0].Number == n {
			all, refused = append(all, refused[0]), refused[1:]
			continue
		}
		one := member{Number: n, State: string(batch.Missing)}
		if one.TaskID, err = queue.ChildID(t.ID, n); err != nil {
			return nil, err
		}
		if child, known := byID[one.TaskID]; known {
			one.State, one.Code = shownState(child), child.Code
			if p := photo.PersonOf(child.Options); p != nil {
				one.Row, one.Seat = p.Row, p.Seat
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// refusedOf lists who gets no photo, by their number.
func refusedOf(result photo.GroupResult) []member {
	var all []member
	for _, p := range result.Refused {
		all = append(all, member{Number: p.Number, Row: p.Row, Seat: p.Seat, State: string(batch.Refused), Code: p.Code, Why: p.Detail})
	}
	return all
}

// momentOf is the part of an id that a task and those it added have in common: its time.
func momentOf(id string) string { return id[:min(len(id), len("01234567-0123"))] }

// refusedIn lists who gets no photo from the group pictures of a batch.
func (m *Monitor) refusedIn(ctx context.Context, b queue.Batch) ([]member, error) {
	if b.Refused == 0 {
		return nil, nil
	}
	tasks, _, err := m.list(ctx, queue.Filter{BatchID: b.ID, Kind: photo.Group}, "", tasksPage)
	if err != nil {
		return nil, err
	}
	var all []member
	for _, t := range tasks {
		var result photo.GroupResult
		if len(t.Result) > 0 && json.Unmarshal(t.Result, &result) == nil {
			all = append(all, refusedOf(result)...)
		}
	}
	return all, nil
}

// shownState is the word for a task's state: strings.json "state.<word>".
func shownState(t queue.Task) string {
	if photo.Held(t) {
		return "held"
	}
	return string(t.State)
}
