package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.uber.org/goleak"

	"idphoto/functions/photo"
	"idphoto/infra/blobs"
	"idphoto/infra/config"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runner answers as it is told, inside one stage.
type runner func(ctx context.Context, data []byte, req pipeline.Request) (*pipeline.Result, error)

func (f runner) Run(ctx context.Context, data []byte, req pipeline.Request, stage pipeline.StageFunc) (*pipeline.Result, error) {
	var result *pipeline.Result
	err := stage(ctx, "decode", func(ctx context.Context) (err error) {
		result, err = f(ctx, data, req)
		return err
	})
	return result, err
}

// photos is what a runner that succeeds returns.
func photos(context.Context, []byte, pipeline.Request) (*pipeline.Result, error) {
	return &pipeline.Result{Photo: []byte("photo"), PhotoType: "image/jpeg", Cutout: []byte("cutout"), Report: &pipeline.Report{Version: 1}}, nil
}

type service struct {
	ledger *sqlledger.Ledger
	store  *blobs.Store
	dir    string
	worker *queue.Worker
}

func start(t *testing.T, run runner, settings ...string) *service {
	t.Helper()
	return startWith(t, run, settings...)
}

func startWith(t *testing.T, run Maker, settings ...string) *service {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	dir := t.TempDir()
	store, err := blobs.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	publisher := queue.NewPublisher(ledger, map[string]queue.Topic{queue.Express: dropped{}}, &queue.PublisherOptions{Logger: slog.New(slog.DiscardHandler)})
	c, err := config.Read(settings)
	if err != nil {
		t.Fatal(err)
	}
	return &service{ledger, store, dir, NewWorker(ledger, publisher, store, run, c, About{System: "mem"}, slog.New(slog.DiscardHandler))}
}

func original() []byte {
	var out bytes.Buffer
	png.Encode(&out, image.NewNRGBA(image.Rect(0, 0, 100, 120)))
	return out.Bytes()
}

// submit makes a task as upload does and returns its message.
func (s *service) submit(t *testing.T) (id string, message []byte) {
	t.Helper()
	id = queue.NewID()
	task := queue.Task{ID: id, Kind: photo.Kind, Lane: queue.Express, MaxAttempts: 2, InputKey: photo.OriginalKey(id),
		Options: json.RawMessage(`{"size":"us-51x51","background":"#FFFFFF"}`)}
	if err := s.store.Write(t.Context(), task.InputKey, "image/png", original()); err != nil {
		t.Fatal(err)
	}
	task, _, err := s.ledger.Create(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	return id, queue.MessageOf(task).Encode()
}

func (s *service) task(t *testing.T, id string) queue.Task {
	t.Helper()
	task, err := s.ledger.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// files returns the keys in the store.
func (s *service) files(t *testing.T) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, s.dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(files, " ")
}

func TestATaskBecomesAPhoto(t *testing.T) {
	s := start(t, func(ctx context.Context, data []byte, req pipeline.Request) (*pipeline.Result, error) {
		if !bytes.Equal(data, original()) || req.Spec.ID != "us-51x51" || req.Background.String() != "#FFFFFF" {
			t.Errorf("the pipeline got %d bytes, %s, %s", len(data), req.Spec.ID, req.Background)
		}
		return photos(ctx, data, req)
	})
	id, message := s.submit(t)
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	task := s.task(t, id)
	if task.State != queue.Succeeded || string(task.Result) != `{"parts":{"cutout":"image/png","photo":"image/jpeg","report":"application/json"}}` {
		t.Errorf("task is %s with %s", task.State, task.Result)
	}
	for part, want := range map[photo.Part]string{photo.Photo: "photo", photo.Cutout: "cutout"} {
		if data, err := s.store.Read(t.Context(), photo.Key(task.ResultPrefix, part), 100); err != nil || string(data) != want {
			t.Errorf("%s is %q, %v", part, data, err)
		}
	}
	attempts, err := s.ledger.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 1 {
		t.Fatalf("attempts are %v, %v", attempts, err)
	}
	var stages []string
	for _, stage := range attempts[0].Stages {
		stages = append(stages, stage.Name)
	}
	if got := strings.Join(stages, " "); got != "fetch decode store" {
		t.Errorf("stages are %q", got)
	}
}

func TestAPhotoWithoutCutoutHasNone(t *testing.T) {
	s := start(t, func(context.Context, []byte, pipeline.Request) (*pipeline.Result, error) {
		return &pipeline.Result{Photo: []byte("photo"), PhotoType: "image/jpeg", Report: &pipeline.Report{}}, nil
	})
	id, message := s.submit(t)
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if task := s.task(t, id); strings.Contains(string(task.Result), "cutout") || strings.Contains(s.files(t), "cutout") {
		t.Errorf("result is %s, files are %s", task.Result, s.files(t))
	}
}

func TestAPicturesFaultRejectsTheTask(t *testing.T) {
	s := start(t, func(context.Context, []byte, pipeline.Request) (*pipeline.Result, error) {
		return nil, fault.New(fault.ManyFaces, errors.New("two candidates"), "count", 2)
	})
	id, message := s.submit(t)
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	task := s.task(t, id)
	if task.State != queue.Rejected || task.Code != "many_faces" || string(task.Detail) != `{"count":2}` || task.Attempts != 1 {
		t.Errorf("task is %s %s %s after %d attempts", task.State, task.Code, task.Detail, task.Attempts)
	}
}

func TestAnotherFailureIsTriedAgain(t *testing.T) {
	s := start(t, func(context.Context, []byte, pipeline.Request) (*pipeline.Result, error) {
		return nil, errors.New("out of luck")
	})
	id, message := s.submit(t)
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if task := s.task(t, id); task.State != queue.Retrying {
		t.Errorf("task is %s %s, want retrying", task.State, task.Code)
	}
	if files := s.files(t); files != photo.OriginalKey(id) {
		t.Errorf("files are %s, want the original only", files)
	}
}

func TestATaskWhoseOriginalIsGoneDiesAtOnce(t *testing.T) {
	s := start(t, photos)
	id, message := s.submit(t)
	if err := s.store.DeletePrefix(t.Context(), queue.TaskPrefix(id)); err != nil {
		t.Fatal(err)
	}
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if task := s.task(t, id); task.State != queue.Dead || task.Code != "original_gone" {
		t.Errorf("task is %s %s, want dead original_gone", task.State, task.Code)
	}
}

func TestACancelBeforeTheStoreLeavesNothing(t *testing.T) {
	var s *service
	var id string
	s = start(t, func(ctx context.Context, data []byte, req pipeline.Request) (*pipeline.Result, error) {
		if _, err := s.ledger.Cancel(ctx, id); err != nil {
			t.Error(err)
		}
		return photos(ctx, data, req)
	})
	var message []byte
	id, message = s.submit(t)
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if task := s.task(t, id); task.State != queue.Cancelled {
		t.Errorf("task is %s", task.State)
	}
	if files := s.files(t); files != photo.OriginalKey(id) {
		t.Errorf("files are %s, want the original only", files)
	}
}

// fullOnce is a store on a disk that is full the first time a photo is written.
type fullOnce struct {
	*blobs.Store
	full bool
}

func (f *fullOnce) Write(ctx context.Context, key, contentType string, data []byte) error {
	if path.Base(key) == string(photo.Cutout) && !f.full {
		f.full = true
		return fmt.Errorf("writing %s: %w", key, &fs.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC})
	}
	return f.Store.Write(ctx, key, contentType, data)
}

// TestAFullDiskFailsTheAttemptNotTheTask: nothing of the first attempt stays, and the second makes
// the photo.
func TestAFullDiskFailsTheAttemptNotTheTask(t *testing.T) {
	s := start(t, photos)
	handler := New(runner(photos), &fullOnce{Store: s.store}, nil)
	s.worker = queue.NewWorker(s.ledger, map[string]queue.Handler{photo.Kind: handler}, &queue.WorkerOptions{
		Logger: slog.New(slog.DiscardHandler), Retries: queue.Retries{Default: queue.RetryPolicy{Base: 1, Limit: 1}}})
	id, message := s.submit(t)
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if task := s.task(t, id); task.State != queue.Retrying || task.Code != queue.CodeNoSpace {
		t.Fatalf("task is %s with code %q, want retrying with no_space", task.State, task.Code)
	}
	if files := s.files(t); files != photo.OriginalKey(id) {
		t.Errorf("files are %s, want the original only", files)
	}
	if err := s.worker.Process(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if task := s.task(t, id); task.State != queue.Succeeded || task.Attempts != 2 {
		t.Errorf("task is %s after %d attempts", task.State, task.Attempts)
	}
}

// TestBigPicturesWaitForEachOther gives two pictures room for one and sees that they never meet.
func TestBigPicturesWaitForEachOther(t *testing.T) {
	var mu sync.Mutex
	var inside, most int
	var data = original()
	info, err := picture.Inspect(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := blobs.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	run := runner(func(ctx context.Context, data []byte, req pipeline.Request) (*pipeline.Result, error) {
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		time.Sleep(time.Second) // in the bubble's time: all the others come in or wait meanwhile
		mu.Lock()
		inside--
		mu.Unlock()
		return photos(ctx, data, req)
	})
	for name, tc := range map[string]struct {
		memory int64
		most   int
	}{
		"room for one":          {info.PeakBytes * 3 / 2, 1},
		"less room than needed": {info.PeakBytes / 2, 1},
		"room for all":          {info.PeakBytes * 8, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			most = 0
			h := New(run, store, &Options{DecodeMemory: tc.memory})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					id := queue.NewID()
					if err := store.Write(t.Context(), photo.OriginalKey(id), "", data); err != nil {
						t.Error(err)
					}
					task := queue.Task{ID: id, InputKey: photo.OriginalKey(id), Options: json.RawMessage(`{"size":"1-inch","background":"blue"}`)}
					stage := func(ctx context.Context, _ string, f func(context.Context) error) error { return f(ctx) }
					if _, err := h.make(t.Context(), task, queue.ResultPrefix(id, 1), stage); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if most != tc.most {
				t.Errorf("%s: %d pictures were inside at once, want at most %d", name, most, tc.most)
			}
		})
	}
}

// processor fails for bodies that say so.
type processor func(ctx context.Context, body []byte) error

func (f processor) Process(ctx context.Context, body []byte) error { return f(ctx, body) }

func TestEachSQSRecordIsAnsweredForByItself(t *testing.T) {
	worker := processor(func(_ context.Context, body []byte) error {
		if string(body) == "ledger is away" {
			return errors.New("away")
		}
		return nil
	})
	handle := SQS(worker, 2, slog.New(slog.DiscardHandler))
	resp, err := handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: "ok"}, {MessageId: "2", Body: "ledger is away"}, {MessageId: "3", Body: "ok"}, {MessageId: "4", Body: "ledger is away"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(resp)
	if string(got) != `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"4"}]}` {
		t.Errorf("answer is %s", got)
	}
	resp, err = handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: "ok"}}})
	if got, _ := json.Marshal(resp); err != nil || string(got) != `{"batchItemFailures":[]}` {
		t.Errorf("answer without failures is %s, %v", got, err)
	}
}

func TestWithoutTimeLeftAnSQSRecordIsNotBegun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), recordWithin/2)
	defer cancel()
	handle := SQS(processor(func(context.Context, []byte) error {
		t.Error("begun")
		return nil
	}), 1, slog.New(slog.DiscardHandler))
	resp, err := handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1"}}})
	if err != nil || len(resp.BatchItemFailures) != 1 {
		t.Errorf("answer is %v, %v; want the record back", resp, err)
	}
}
