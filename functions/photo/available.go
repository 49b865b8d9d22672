package photo

import (
	"encoding/json"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// Available returns why a task has no result to hand out; nil when it has one.
func Available(t queue.Task) error {
	switch {
	case t.Erased:
		return fault.New(problem.Gone, nil)
	case t.Expired:
		return fault.New(problem.Expired, nil)
	case !t.State.Final():
		return fault.New(problem.NotFinished, nil, "state", string(t.State))
	case Held(t):
		return fault.New(problem.Held, nil)
	case t.State != queue.Succeeded:
		return fault.New(problem.NoResult, nil, "state", string(t.State), "reason", t.Code)
	}
	return nil
}

// ResultOf reads what a finished task keeps about its files.
func ResultOf(t queue.Task) Result {
	var result Result
	_ = json.Unmarshal(t.Result, &result) // no parts then: each is answered as unknown
	return result
}
