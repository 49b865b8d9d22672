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

// fail notes why there is no photo. What the rules say about the picture is final; the rest is
// worth another run.
func (rec *record) fail(item batch.Item) {
	rec.State, rec.Code, rec.Message, rec.Advice = failed, item.Code, item.Message, item.Advice
	if item.State == batch.Refused || item.State == queue.Rejected {
		rec.State = refused
	}
}

// item is a failure as the report lists it.
func (rec *record) item(p *source) batch.Item {
	state := queue.Dead
	if rec.State == refused {
		state = queue.Rejected
	}
	return batch.Item{Name: p.shown(), State: state, Code: rec.Code, Message: rec.Message, Advice: rec.Advice}
}

// writeFailures writes the list of failures, or removes that of an earlier run.
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
