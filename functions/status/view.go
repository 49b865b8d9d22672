package status

import (
	"encoding/json"
	"time"

	"idphoto/functions/api"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/queue"
)

// View is a task as clients see it, in the answer of status and in every event.
type View struct {
	TaskID          string          `json:"task_id"`
	BatchID         string          `json:"batch_id,omitempty"`
	Status          string          `json:"status"` // the words that clients of such services know
	State           queue.State     `json:"state"`  // ours, finer
	Stage           string          `json:"stage,omitempty"`
	Options         json.RawMessage `json:"options,omitempty"`
	ResultAvailable bool            `json:"result_available"`
	Held            bool            `json:"held,omitempty"`    // the photo is made, and somebody looks at it before it is handed out
	Message         string          `json:"message,omitempty"` // says so, in the reader's language
	DownloadURL     string          `json:"download_url,omitempty"`
	Parts           []photo.Part    `json:"parts,omitempty"`
	Attempts        int             `json:"attempts"`
	MaxAttempts     int             `json:"max_attempts"`
	CancelRequested bool            `json:"cancel_requested,omitempty"`
	Erased          bool            `json:"erased,omitempty"`
	Expired         bool            `json:"expired,omitempty"` // the photo went when its time was over
	CreatedAt       time.Time       `json:"created_at"`
	DueAt           *time.Time      `json:"due_at,omitempty"` // while it waits for its next attempt
	StartedAt       *time.Time      `json:"started_at,omitempty"`
	FinishedAt      *time.Time      `json:"finished_at,omitempty"`
	Error           map[string]any  `json:"error,omitempty"` // as in a problem: code, detail, advice, values
}

// statusWords are the older words for our states.
var statusWords = map[queue.State]string{
	queue.Queued: "PENDING", queue.Running: "STARTED", queue.Retrying: "RETRY", queue.Succeeded: "SUCCESS",
	queue.Rejected: "FAILURE", queue.Dead: "FAILURE", queue.Cancelled: "REVOKED",
}

func (f *Function) view(t queue.Task, lang problem.Language) View {
	v := View{
		TaskID: t.ID, BatchID: t.BatchID, Status: statusWords[t.State], State: t.State, Options: t.Options,
		Attempts: t.Attempts, MaxAttempts: t.MaxAttempts, CancelRequested: t.CancelRequested, Erased: t.Erased, Expired: t.Expired,
		CreatedAt: t.CreatedAt, StartedAt: set(t.StartedAt), FinishedAt: set(t.FinishedAt),
	}
	switch t.State {
	case queue.Running:
		v.Stage = t.Stage
	case queue.Retrying:
		v.DueAt = set(t.DueAt)
	case queue.Succeeded:
		v.ResultAvailable = !t.Erased && !t.Expired
	case queue.Rejected, queue.Dead, queue.Cancelled:
		v.Error = failure(t, lang)
	}
	if v.Held = photo.Held(t); v.Held {
		v.Message = problem.Explain(problem.Held, nil, lang).Sentence
	}
	if v.ResultAvailable {
		v.DownloadURL = f.opts.PublicURL + api.Prefix + "/result/" + t.ID
		v.Parts = parts(t)
	}
	return v
}

// failure explains why a task ended without a photo.
func failure(t queue.Task, lang problem.Language) map[string]any {
	code, values := problem.OfTask(t)
	return problem.Body(code, values, lang)
}

// parts lists what the result has, in a fixed order.
func parts(t queue.Task) []photo.Part {
	result := photo.ResultOf(t)
	var names []photo.Part
	for _, p := range photo.Parts {
		if result.Parts[p] != "" {
			names = append(names, p)
		}
	}
	return names
}

func set(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
