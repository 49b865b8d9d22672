package folder

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"idphoto/functions/batch"
	"idphoto/functions/problem"
	"idphoto/functions/status"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// look is what is said of a photo in HeldFolder.
var look = map[problem.Language]problem.Text{
	problem.English: {Sentence: "The photo is made, but the cut around the person is doubtful: it lies in %s.",
		Advice: "Look at it. If it is good, move it up to the other photos; if not, remove it and take another picture in front of a plain wall."},
	problem.Chinese: {Sentence: "照片已生成，但人像边缘不够可靠：保存在 %s。",
		Advice: "请查看。如合格，请移到其他证件照旁边；否则请删除，并在纯色墙前重新拍摄。"},
}

// hold writes a photo where whoever runs this looks at it. The server hands it out then: what becomes of
// it is decided here.
func (r *run) hold(ctx context.Context, p *source, taskID string) error {
	if err := r.job.Release(ctx, taskID); err != nil && !errors.Is(err, queue.ErrNotHeld) { // an answer that was lost before
		return fmt.Errorf("a held photo: %w", err)
	}
	name := r.heldName(p)
	if err := r.download(ctx, taskID, name); err != nil {
		return err
	}
	text := look[r.job.Language]
	r.note(p, func(rec *record) {
		rec.end(held, batch.Item{Code: fault.MatteUncertain, Message: fmt.Sprintf(text.Sentence, filepath.ToSlash(name)), Advice: text.Advice})
		rec.Held = name
	})
	return nil
}

// heldName chooses the photo's place in HeldFolder, numbered when the name is taken.
func (r *run) heldName(p *source) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := filepath.Join(HeldFolder, r.state.Photos[p.key].Out)
	for name, n := first, 2; ; n++ {
		if !r.state.has(name) && !exists(filepath.Join(r.job.Out, name)) {
			return name
		}
		ext := filepath.Ext(first)
		name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(first, ext), n, ext)
	}
}

// decided finds out what became of a photo that an earlier run found held: rec says it then. It is false
// when nobody knows, and the photo must be made again.
func (r *run) decided(ctx context.Context, p *source, rec *record) (bool, error) {
	if rec.Held != "" {
		switch {
		case exists(filepath.Join(r.job.Out, rec.Out)): // moved there
			rec.end(done, batch.Item{})
		case !exists(filepath.Join(r.job.Out, rec.Held)): // removed
			text := problem.Explain(fault.MatteUncertain, nil, r.job.Language)
			rec.end(refused, batch.Item{Code: fault.MatteUncertain, Message: text.Sentence, Advice: text.Advice})
		}
		return true, nil
	}
	if rec.TaskID == "" {
		return false, nil
	}
	item, err := r.client.task(ctx, rec.TaskID)
	if gone, ok := errors.AsType[*refusal](err); ok && gone.Status < 500 {
		return false, nil // another server, or long ago
	}
	if err != nil {
		return false, err
	}
	if item.State == batch.Missing {
		return false, nil
	}
	if err := r.settle(ctx, p, item); err != nil {
		return false, err
	}
	return rec.State != failed, nil
}

// task asks what became of a task, as an item of its batch.
func (c *client) task(ctx context.Context, id string) (batch.Item, error) {
	var v status.View
	err := c.patiently(ctx, func(ctx context.Context) error {
		return c.short(ctx, http.MethodGet, "/status/"+id, http.StatusOK, &v)
	})
	item := batch.Item{TaskID: id, State: v.State, DownloadURL: v.DownloadURL}
	word := func(name string) string { s, _ := v.Error[name].(string); return s }
	item.Code, item.Message, item.Advice = word("code"), word("detail"), word("advice")
	switch {
	case v.Erased, v.Expired:
		item.State = batch.Missing
	case v.Held:
		item.State, item.Message, item.Advice = batch.Held, v.Message, ""
	}
	return item, err
}
