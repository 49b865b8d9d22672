package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"idphoto/functions/batch"
	"idphoto/functions/problem"
	"idphoto/queue"
)

// fail notes why there is no photo, or none yet. What the rules say about the picture is final; the rest
// is worth another run.
func (rec *record) fail(item batch.Item) {
	switch item.State {
	case batch.Refused, queue.Rejected:
		rec.end(refused, item)
	case batch.Held:
		rec.end(held, item)
		rec.TaskID = item.TaskID
	default:
		rec.end(failed, item)
	}
}

// end notes what became of the picture, and why.
func (rec *record) end(state string, item batch.Item) {
	rec.State, rec.Code, rec.Message, rec.Advice, rec.Held, rec.TaskID = state, item.Code, item.Message, item.Advice, "", ""
}

// item is a failure as the report lists it.
func (rec *record) item(p *source) batch.Item {
	state := queue.Dead
	switch rec.State {
	case refused:
		state = queue.Rejected
	case held:
		state = batch.Held
	}
	return batch.Item{Name: p.shown(), State: state, Code: rec.Code, Message: rec.Message, Advice: rec.Advice}
}

// writeFailures writes the list of what has no photo, or none yet, or removes that of an earlier run.
func writeFailures(out string, failures []batch.Item, lang problem.Language) error {
	name := filepath.Join(out, FailuresFile)
	if len(failures) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	slices.SortFunc(failures, func(a, b batch.Item) int { return strings.Compare(a.Name, b.Name) })
	var table strings.Builder
	if err := batch.WriteReport(&table, failures, lang); err != nil {
		return err
	}
	return replace(name, []byte(table.String()))
}
