package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"idphoto/functions/photo"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// Finder finds the people of a group picture. *pipeline.Pipeline is one.
type Finder interface {
	People(ctx context.Context, data []byte, stage pipeline.StageFunc) (*pipeline.Group, error)
}

// GroupHandler finds the people of a group picture, and adds a task for each of them who can get a
// photo to the picture's batch. Make one with NewGroup.
//
// A person's task has an original of its own, cut from the picture before the task is stored, and an
// id that follows from the group's: so an attempt that repeats a killed one makes nobody twice.
type GroupHandler struct {
	finder Finder
	photos *Handler // its limits and blobs
}

var _ queue.Handler = (*GroupHandler)(nil)

// NewGroup returns the handler for photo.Group. It shares the memory of photos.
func NewGroup(finder Finder, photos *Handler) *GroupHandler { return &GroupHandler{finder, photos} }

// Handle finds the people and adds their tasks.
func (h *GroupHandler) Handle(ctx context.Context, j *queue.Job) (json.RawMessage, error) {
	stage := rejecting(j.Stage)
	var data []byte
	err := stage(ctx, "fetch", func(ctx context.Context) (err error) { data, err = h.photos.original(ctx, j.Task); return err })
	if err != nil {
		return nil, err
	}
	release, err := h.photos.reserve(ctx, data, stage)
	if err != nil {
		return nil, err
	}
	defer release()
	group, err := h.finder.People(ctx, data, stage)
	if err != nil {
		return nil, rejection(err)
	}
	result, usable := sorted(group.People)
	if len(usable) == 0 {
		return nil, rejection(largest(group.People).Refused)
	}
	children := make([]queue.Task, 0, len(usable))
	err = stage(ctx, "cut", func(ctx context.Context) error {
		for _, i := range usable {
			child, err := h.cut(ctx, j, group, i)
			if err != nil {
				return err
			}
			children = append(children, child)
		}
		return nil
	})
	if err == nil {
		err = stage(ctx, "hand out", func(ctx context.Context) error { return j.Extend(ctx, children, len(result.Refused)) })
	}
	if errors.Is(err, queue.ErrCancelled) {
		return nil, errors.Join(err, h.forget(ctx, j, group))
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// Discard has nothing to do: a group's attempt writes nothing of its own, and what it wrote for
// others is theirs, or in the end nobody's, which a janitor finds.
func (*GroupHandler) Discard(context.Context, string) error { return nil }

// sorted tells who gets a photo from who does not.
func sorted(people []pipeline.Person) (result photo.GroupResult, usable []int) {
	result.People = len(people)
	for i, p := range people {
		if p.Refused == nil {
			usable = append(usable, i)
			continue
		}
		result.Refused = append(result.Refused, photo.Member{Number: i + 1, Row: p.Row, Seat: p.Seat, Code: p.Refused.Code, Detail: p.Refused.Detail})
	}
	return result, usable
}

// largest is the person whose face has most pixels: why that one gets no photo says most about the
// picture.
func largest(people []pipeline.Person) pipeline.Person {
	best := pipeline.Person{Refused: fault.New(fault.NoFace, nil)}
	for _, p := range people {
		if p.EyeDistance > best.EyeDistance {
			best = p
		}
	}
	return best
}

// cut stores person i's picture, and returns the task that makes a photo of it. A task that an
// earlier attempt has added keeps the picture that it has, or lost.
func (h *GroupHandler) cut(ctx context.Context, j *queue.Job, group *pipeline.Group, i int) (queue.Task, error) {
	id, err := queue.ChildID(j.Task.ID, i+1)
	if err != nil {
		return queue.Task{}, queue.Permanent(err)
	}
	p := group.People[i]
	options, err := photo.OfPerson(j.Task.Options, photo.Person{Number: i + 1, Row: p.Row, Seat: p.Seat, At: p.At})
	if err != nil {
		return queue.Task{}, queue.Permanent(err)
	}
	data, contentType, err := group.Cut(i)
	if err != nil {
		return queue.Task{}, fmt.Errorf("cutting out a person: %w", err)
	}
	t := queue.Task{ID: id, Kind: photo.Kind, Lane: j.Task.Lane, Label: j.Task.Label, Options: options,
		InputKey: photo.OriginalKey(id), Digest: photo.Digest(data, options)}
	known, err := j.Known(ctx, id)
	if err != nil || known {
		return t, err
	}
	return t, h.photos.blobs.Write(ctx, t.InputKey, contentType, data)
}

// forget removes the pictures of people whose tasks were not added, when nobody will add them any
// more.
func (h *GroupHandler) forget(ctx context.Context, j *queue.Job, group *pipeline.Group) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for i := range group.People {
		id, err := queue.ChildID(j.Task.ID, i+1)
		if err != nil {
			return err
		}
		known, err := j.Known(ctx, id)
		if err == nil && !known {
			err = h.photos.blobs.DeletePrefix(ctx, queue.TaskPrefix(id))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
