package process

import (
	"context"
	"encoding/json"
	"image"
	"strings"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/functions/photo"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/queue"
)

// dropped is a topic whose messages come nowhere: the tests carry them themselves.
type dropped struct{}

func (dropped) Send(context.Context, *pubsub.Message) error { return nil }

// crowd is what People finds in tests: three faces, the middle one too small.
func crowd(t *testing.T) *pipeline.Group {
	t.Helper()
	pic, err := picture.Decode(original(), nil)
	if err != nil {
		t.Fatal(err)
	}
	person := func(seat int, eyes float64) pipeline.Person {
		return pipeline.Person{Row: 1, Seat: seat, EyeDistance: eyes, Crop: image.Rect(0, 0, 30*seat, 90), At: geometry.Point{X: .5, Y: .25}}
	}
	small := person(2, 8)
	small.Refused = fault.New(fault.FaceTooSmall, nil, "pixels", 8, "need", 20)
	return &pipeline.Group{Picture: pic, People: []pipeline.Person{person(1, 40), small, person(3, 50)}}
}

// People finds nobody: tests of photos need none.
func (f runner) People(context.Context, []byte, pipeline.StageFunc) (*pipeline.Group, error) {
	return nil, fault.New(fault.NoFace, nil)
}

// party is a maker with a group.
type party struct {
	runner
	find func(ctx context.Context) (*pipeline.Group, error)
}

func (p party) People(ctx context.Context, _ []byte, stage pipeline.StageFunc) (group *pipeline.Group, err error) {
	err = stage(ctx, "detect", func(ctx context.Context) error { group, err = p.find(ctx); return err })
	return group, err
}

// submitGroup makes a batch of one group picture.
func (s *service) submitGroup(t *testing.T) (batch queue.Batch, message []byte) {
	t.Helper()
	id := queue.NewID()
	task := queue.Task{ID: id, Kind: photo.Group, Lane: queue.Bulk, Label: "us-51x51", MaxAttempts: 3, InputKey: photo.OriginalKey(id),
		Options: json.RawMessage(`{"size":"us-51x51","background":"#FFFFFF"}`)}
	if err := s.store.Write(t.Context(), task.InputKey, "image/png", original()); err != nil {
		t.Fatal(err)
	}
	batch, _, err := s.ledger.CreateBatch(t.Context(), queue.Batch{ID: queue.NewID()}, []queue.Task{task})
	if err != nil {
		t.Fatal(err)
	}
	return batch, queue.MessageOf(task).Encode()
}

// tasks returns the tasks of a batch that are photos, and the group's.
func (s *service) tasks(t *testing.T, batch string) (photos []queue.Task, group queue.Task) {
	t.Helper()
	all, _, err := s.ledger.List(t.Context(), queue.Filter{BatchID: batch}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range all {
		if task.Kind == photo.Group {
			group = task
		} else {
			photos = append([]queue.Task{task}, photos...) // they come newest first
		}
	}
	return photos, group
}

func (s *service) process(t *testing.T, message []byte) {
	t.Helper()
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
}

func TestAGroupBecomesATaskForEachPerson(t *testing.T) {
	s := startWith(t, party{photos, func(context.Context) (*pipeline.Group, error) { return crowd(t), nil }})
	batch, message := s.submitGroup(t)
	s.process(t, message)
	children, group := s.tasks(t, batch.ID)
	if group.State != queue.Succeeded ||
		string(group.Result) != `{"people":3,"refused":[{"number":2,"row":1,"seat":2,"code":"face_too_small","detail":{"need":20,"pixels":8}}]}` {
		t.Errorf("the group is %s with %s", group.State, group.Result)
	}
	if len(children) != 2 {
		t.Fatalf("%d tasks were added, want 2", len(children))
	}
	for i, child := range children {
		want := []photo.Person{{Number: 1, Row: 1, Seat: 1, At: geometry.Point{X: .5, Y: .25}}, {Number: 3, Row: 1, Seat: 3, At: geometry.Point{X: .5, Y: .25}}}[i]
		if p := photo.PersonOf(child.Options); p == nil || *p != want || child.Lane != queue.Bulk || child.Label != "us-51x51" || child.MaxAttempts < 1 {
			t.Errorf("task %d = %+v, want %+v", i, child, want)
		}
		data, err := s.store.Read(t.Context(), child.InputKey, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := picture.Inspect(data, &picture.Limits{MinSide: 1}); err != nil || info.Width != 30*want.Seat {
			t.Errorf("original %d is %+v, %v", i, info, err)
		}
	}
	if got, err := s.ledger.GetBatch(t.Context(), batch.ID); err != nil || got.Total != 3 || got.Refused != 1 {
		t.Errorf("batch = %+v, %v", got, err)
	}
}

func TestAPersonsTaskSaysWhoItIs(t *testing.T) {
	var asked *geometry.Point
	s := startWith(t, party{
		func(ctx context.Context, data []byte, req pipeline.Request) (*pipeline.Result, error) {
			asked = req.Person
			return photos(ctx, data, req)
		},
		func(context.Context) (*pipeline.Group, error) {
			g := crowd(t)
			g.People = g.People[2:] // wide enough for a picture's least side
			return g, nil
		},
	})
	batch, message := s.submitGroup(t)
	s.process(t, message)
	children, _ := s.tasks(t, batch.ID)
	s.process(t, queue.MessageOf(children[0]).Encode())
	if got := s.task(t, children[0].ID); got.State != queue.Succeeded || asked == nil || *asked != (geometry.Point{X: .5, Y: .25}) {
		t.Errorf("task is %s (%s), the pipeline was asked for %v", got.State, got.Code, asked)
	}
	if got, err := s.ledger.GetBatch(t.Context(), batch.ID); err != nil || got.FinishedAt.IsZero() {
		t.Errorf("batch = %+v, %v; want it finished", got, err)
	}
}

// TestAGroupThatIsRunAgainMakesNobodyTwice: the first attempt dies after it has added its tasks.
func TestAGroupThatIsRunAgainMakesNobodyTwice(t *testing.T) {
	s := startWith(t, party{photos, func(context.Context) (*pipeline.Group, error) { return crowd(t), nil }})
	batch, message := s.submitGroup(t)
	_, group := s.tasks(t, batch.ID)
	killed, err := s.ledger.Claim(t.Context(), group.ID, "killed", time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	var children []queue.Task
	for _, n := range []int{1, 3} {
		id, err := queue.ChildID(group.ID, n)
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Bulk, MaxAttempts: 2, InputKey: photo.OriginalKey(id)})
	}
	if _, err := s.ledger.Extend(t.Context(), killed, children, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.Erase(t.Context(), children[0].ID); err != nil { // somebody does not want to be kept
		t.Fatal(err)
	}
	s.process(t, message)
	after, _ := s.tasks(t, batch.ID)
	if len(after) != 2 || s.task(t, group.ID).State != queue.Succeeded || after[0].ID != children[0].ID || after[1].ID != children[1].ID {
		t.Errorf("after the second attempt there are %d tasks", len(after))
	}
	if files := s.files(t); strings.Contains(files, children[0].ID) {
		t.Errorf("the erased person's picture is back: %s", files)
	}
	if got, err := s.ledger.GetBatch(t.Context(), batch.ID); err != nil || got.Total != 3 || got.Refused != 1 {
		t.Errorf("batch = %+v, %v", got, err)
	}
}

func TestAGroupWithoutAUsableFaceIsRejected(t *testing.T) {
	for name, tc := range map[string]struct {
		find func(context.Context) (*pipeline.Group, error)
		code string
	}{
		"nobody": {func(context.Context) (*pipeline.Group, error) { return nil, fault.New(fault.NoFace, nil) }, fault.NoFace},
		"all too small": {func(context.Context) (*pipeline.Group, error) {
			g := crowd(t)
			g.People = g.People[1:2]
			return g, nil
		}, fault.FaceTooSmall},
	} {
		t.Run(name, func(t *testing.T) {
			s := startWith(t, party{photos, tc.find})
			batch, message := s.submitGroup(t)
			s.process(t, message)
			children, group := s.tasks(t, batch.ID)
			if group.State != queue.Rejected || group.Code != tc.code || len(children) != 0 {
				t.Errorf("the group is %s (%s) with %d tasks, want it rejected as %s", group.State, group.Code, len(children), tc.code)
			}
		})
	}
}

// TestACancelledOrErasedGroupAddsNobody: the batch is stopped while the faces are looked for.
func TestACancelledOrErasedGroupAddsNobody(t *testing.T) {
	for name, stop := range map[string]func(s *service, b queue.Batch, group queue.Task) error{
		"cancelled": func(s *service, _ queue.Batch, group queue.Task) error {
			_, err := s.ledger.Cancel(t.Context(), group.ID)
			return err
		},
		"erased": func(s *service, b queue.Batch, _ queue.Task) error {
			_, err := s.ledger.EraseBatch(t.Context(), b.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s *service
			var batch queue.Batch
			s = startWith(t, party{photos, func(context.Context) (*pipeline.Group, error) {
				_, group := s.tasks(t, batch.ID)
				return crowd(t), stop(s, batch, group)
			}})
			batch, message := s.submitGroup(t)
			s.process(t, message)
			children, group := s.tasks(t, batch.ID)
			if len(children) != 0 {
				t.Errorf("%d tasks were added", len(children))
			}
			if files := s.files(t); files != photo.OriginalKey(group.ID) {
				t.Errorf("beside the group's picture there is %s", files)
			}
			if group.State == queue.Succeeded {
				t.Error("the group has succeeded")
			}
		})
	}
}
