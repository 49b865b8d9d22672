package folder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/pubsub"

	"idphoto/functions/api"
	"idphoto/functions/batch"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/functions/status"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is the real interface over a real ledger. Its worker acts whenever somebody asks for a
// batch: dark pictures have no face, middling ones find it broken, the others become photos, of which the
// less bright are held.
type server struct {
	t      *testing.T
	ledger *sqlledger.Ledger
	store  *blobs.Store
	url    string
	tasks  atomic.Int64  // done so far
	refuse atomic.Int64  // submissions to answer by 503
	asked  chan struct{} // gets a value when somebody asks for a batch; nil: nobody cares
	idle   atomic.Bool   // the worker does nothing
}

const jpegData = "\xff\xd8\xff\xe0 a photo"

func serve(t *testing.T, opts batch.Options) *server {
	t.Helper()
	ledger, err := sqlledger.Open(t.Context(), "mem://", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	store, err := blobs.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	quiet := slog.New(slog.DiscardHandler)
	opts.Log = quiet
	publisher := queue.NewPublisher(ledger, map[string]queue.Topic{queue.Express: nowhere{}}, &queue.PublisherOptions{Logger: quiet})
	functions := api.New(api.Options{Log: quiet}, append(batch.New(publisher, ledger, store, &opts).Routes(), status.New(ledger, store, nil).Routes()...)...)
	s := &server{t: t, ledger: ledger, store: store}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && s.refuse.Add(-1) >= 0:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/batches/"):
			if !s.idle.Load() {
				s.work()
			}
			if s.asked != nil {
				s.asked <- struct{}{}
			}
		}
		functions.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

type nowhere struct{}

func (nowhere) Send(context.Context, *pubsub.Message) error { return nil }

// work does all tasks that wait.
func (s *server) work() {
	ctx := context.Background()
	tasks, _, err := s.ledger.List(ctx, queue.Filter{States: []queue.State{queue.Queued}}, "", 100)
	if err != nil {
		s.t.Error(err)
	}
	for _, task := range tasks {
		claim, err := s.ledger.Claim(ctx, task.ID, "worker", time.Minute)
		if err != nil {
			continue // another request works on it
		}
		data, err := s.store.Read(ctx, task.InputKey, 1<<20)
		if err != nil {
			s.t.Error(err)
		}
		s.tasks.Add(1)
		if err := s.ledger.Finish(ctx, claim, s.outcome(ctx, claim, data)); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *server) outcome(ctx context.Context, claim *queue.Claim, data []byte) queue.Outcome {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		s.t.Error(err)
	}
	r, _, _, _ := m.At(0, 0).RGBA()
	switch {
	case r < 0x4000:
		return queue.Outcome{State: queue.Rejected, Code: "no_face"}
	case r < 0xc000:
		return queue.Outcome{State: queue.Dead, Code: "internal"}
	}
	prefix := queue.ResultPrefix(claim.Task.ID, claim.Attempt)
	if err := s.store.Write(ctx, photo.Key(prefix, photo.Photo), "image/jpeg", []byte(jpegData)); err != nil {
		s.t.Error(err)
	}
	o := queue.Outcome{State: queue.Succeeded, ResultPrefix: prefix, Result: json.RawMessage(`{"parts":{"photo":"image/jpeg"}}`)}
	if r < 0xe000 {
		o.State, o.Code = queue.Rejected, "matte_uncertain"
	}
	return o
}

const (
	face     = 0xff
	doubtful = 0xd0
	broken   = 0x80
	noFace   = 0x00
)

// write makes a picture whose brightness is its fate.
func write(t *testing.T, path string, grey byte) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 80, 80))
	for i := range m.Pix {
		m.Pix[i] = grey
	}
	m.Set(5, 5, color.Gray{byte(len(path))})
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	save(t, path, out.Bytes())
}

func save(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *server) run(t *testing.T, job Job) Summary {
	t.Helper()
	job.URL, job.Size, job.Language = s.url, "1-inch", problem.English
	sum, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// files lists a folder, without our own file.
func files(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != StateFile {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func codes(s Summary) string {
	var list []string
	for _, f := range s.Failures {
		list = append(list, f.Name+" "+f.Code)
	}
	return strings.Join(list, ", ")
}

// class is a folder with everything that offices have in folders.
func class(t *testing.T) (dir, out string) {
	dir, out = t.TempDir(), filepath.Join(t.TempDir(), "photos")
	write(t, dir+"/张三.png", face)
	write(t, dir+"/张三.jpg", face) // PNG under another name
	write(t, dir+"/李四", face)     // no extension
	write(t, dir+"/wall.png", noFace)
	write(t, dir+"/unlucky.png", broken)
	save(t, dir+"/text.jpg", []byte("no picture"))
	save(t, dir+"/list.xlsx", []byte("a table"))
	save(t, dir+"/.hidden.png", []byte("x"))
	write(t, dir+"/sub/赵六.png", face)
	if err := os.Symlink(dir+"/nowhere", dir+"/link.png"); err != nil {
		t.Fatal(err)
	}
	return dir, out
}

func TestAFolderBecomesAFolderOfPhotos(t *testing.T) {
	s, steps, total := serve(t, batch.Options{}), atomic.Int64{}, 0
	dir, out := class(t)
	sum := s.run(t, Job{Dir: dir, Out: out, Step: func() { steps.Add(1) }, Plan: func(n int) { total = n }})
	if sum.Made != 3 || sum.Kept != 0 || sum.Left != 0 || sum.Folders != 1 || strings.Join(sum.Others, " ") != "list.xlsx" ||
		strings.Join(sum.Renamed, " ") != "张三.png → 张三 (2).jpg" || steps.Load() != 6 || total != 6 {
		t.Errorf("summary is %+v after %d of %d steps", sum, steps.Load(), total)
	}
	if got := codes(sum); got != "link.png unreadable_file, text.jpg unsupported_type, unlucky.png internal, wall.png no_face" {
		t.Errorf("failures are %s", got)
	}
	if got := files(t, out); got != "failures.csv, 张三 (2).jpg, 张三.jpg, 李四.jpg" {
		t.Errorf("photos are %s", got)
	}
	if data, _ := os.ReadFile(out + "/李四.jpg"); string(data) != jpegData {
		t.Errorf("a photo is %q", data)
	}
	table, _ := os.ReadFile(out + "/failures.csv")
	if !strings.Contains(string(table), "wall.png,not possible,no_face,") || !strings.Contains(string(table), "unlucky.png,failed,internal,") {
		t.Errorf("failures.csv is %s", table)
	}
}

func TestASecondRunDoesOnlyWhatIsLeft(t *testing.T) {
	s := serve(t, batch.Options{})
	dir, out := class(t)
	s.run(t, Job{Dir: dir, Out: out})
	before := s.tasks.Load()
	did := func() int64 { n := s.tasks.Load() - before; before += n; return n }

	if sum := s.run(t, Job{Dir: dir, Out: out}); did() != 1 || sum.Made != 0 || sum.Kept != 3 || sum.Old != 2 || len(sum.Failures) != 4 {
		t.Errorf("with nothing new but what failed by our fault: %+v", sum)
	}
	write(t, dir+"/wall.png", face) // a better picture
	write(t, dir+"/new.png", face)
	if err := os.Remove(out + "/李四.jpg"); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/unlucky.png", face)
	if sum := s.run(t, Job{Dir: dir, Out: out}); did() != 4 || sum.Made != 4 || sum.Kept != 2 || codes(sum) != "link.png unreadable_file, text.jpg unsupported_type" {
		t.Errorf("with a new, two changed and a lost one: %+v", sum)
	}
	if sum := s.run(t, Job{Dir: dir, Out: out, Again: true}); did() != 0 || sum.Old != 0 || len(sum.Failures) != 2 {
		t.Errorf("again: %+v", sum) // text.jpg is sent, and refused before it is a task
	}
	if sum := s.run(t, Job{Dir: dir, Out: out, Background: "red"}); did() != 6 || sum.Made != 6 || sum.Kept != 0 {
		t.Errorf("with another background: %+v", sum)
	}
	for _, name := range []string{"text.jpg", "link.png"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if sum := s.run(t, Job{Dir: dir, Out: out, Background: "red"}); len(sum.Failures) != 0 || strings.Contains(files(t, out), FailuresFile) {
		t.Errorf("without failures: %+v, %s", sum, files(t, out))
	}
}

func TestFoldersAreKept(t *testing.T) {
	s := serve(t, batch.Options{})
	dir, _ := class(t)
	out := filepath.Join(dir, "sub", "photos") // inside: its photos are no pictures of the next run
	for range 2 {
		if sum := s.run(t, Job{Dir: dir, Out: out, Recursive: true}); sum.Made+sum.Kept != 4 || sum.Folders != 0 {
			t.Errorf("summary is %+v", sum)
		}
	}
	if got := files(t, out); got != "failures.csv, sub/赵六.jpg, 张三 (2).jpg, 张三.jpg, 李四.jpg" {
		t.Errorf("photos are %s", got)
	}
}

func TestNoFileOfOthersIsWrittenOver(t *testing.T) {
	s := serve(t, batch.Options{})
	dir, out := class(t)
	save(t, out+"/李四.jpg", []byte("somebody's own"))
	s.run(t, Job{Dir: dir, Out: out})
	if data, _ := os.ReadFile(out + "/李四.jpg"); string(data) != "somebody's own" {
		t.Errorf("a file that was there is now %q", data)
	}
	if data, _ := os.ReadFile(out + "/李四 (2).jpg"); string(data) != jpegData {
		t.Errorf("the photo is %q", data)
	}
	if _, err := Run(t.Context(), Job{Dir: dir, Out: dir, URL: s.url}); err == nil {
		t.Error("photos may go between the pictures")
	}
}

func TestSmallServersGetSmallBatches(t *testing.T) {
	s := serve(t, batch.Options{MaxFiles: 2})
	dir, out := t.TempDir(), t.TempDir()
	for i := range 45 {
		write(t, filepath.Join(dir, strings.Repeat("x", i+1)+".png"), face)
	}
	s.refuse.Store(2) // and busy at first
	if sum := s.run(t, Job{Dir: dir, Out: out, Forget: true}); sum.Made != 45 {
		t.Errorf("summary is %+v", sum)
	}
	counts, err := s.ledger.Counts(t.Context())
	if err != nil || counts[queue.Succeeded] != 45 {
		t.Errorf("tasks are %v, %v: none twice", counts, err)
	}
	batches, err := s.ledger.ListBatches(t.Context(), "", 100)
	for _, b := range batches {
		if !b.Erased {
			t.Errorf("batch %+v is not forgotten, %v", b, err)
		}
	}
}

func TestAFolderWithoutPicturesOfTheRightKind(t *testing.T) {
	s := serve(t, batch.Options{})
	dir, out := t.TempDir(), t.TempDir()
	if sum := s.run(t, Job{Dir: dir, Out: out}); sum.Made+sum.Left+len(sum.Failures) != 0 {
		t.Errorf("of an empty folder: %+v", sum)
	}
	save(t, dir+"/text.jpg", []byte("no picture"))
	if sum := s.run(t, Job{Dir: dir, Out: out}); codes(sum) != "text.jpg unsupported_type" {
		t.Errorf("summary is %+v", sum)
	}
}

// TestAStopLosesNothing stops while the server works, then goes on.
func TestAStopLosesNothing(t *testing.T) {
	s := serve(t, batch.Options{})
	s.asked = make(chan struct{})
	s.idle.Store(true)
	dir, out := class(t)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-s.asked
		stop()
		for range s.asked { // whatever is still asked
		}
	}()
	sum, err := Run(ctx, Job{Dir: dir, Out: out, URL: s.url, Size: "1-inch", Language: problem.English})
	if !errors.Is(err, context.Canceled) || sum.Left != 5 && sum.Left != 6 {
		t.Errorf("stopped: %+v, %v", sum, err)
	}
	counts, err := s.ledger.Counts(t.Context())
	if err != nil || counts[queue.Cancelled] != 5 {
		t.Errorf("the server goes on with %v, %v", counts, err)
	}
	s.idle.Store(false)
	if sum := s.run(t, Job{Dir: dir, Out: out}); sum.Made != 3 || sum.Left != 0 || len(sum.Failures) != 4 {
		t.Errorf("the next run: %+v", sum)
	}
	close(s.asked)
}

func TestAWrongAddressIsToldAtOnce(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	_, err := Run(t.Context(), Job{Dir: t.TempDir(), Out: t.TempDir(), URL: web.URL, Language: problem.English})
	if err == nil || !strings.Contains(err.Error(), "is it one of ours?") {
		t.Errorf("Run = %v", err)
	}
}

func TestAStrangeStateIsRefused(t *testing.T) {
	for data, want := range map[string]string{"{": "damaged", `{"version": 9}`: "another version"} {
		out := t.TempDir()
		save(t, filepath.Join(out, StateFile), []byte(data))
		if _, err := readState(out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("readState(%s) = %v", data, err)
		}
	}
	out := t.TempDir()
	save(t, filepath.Join(out, StateFile), []byte(`{"version":1,"photos":{"a.jpg":{"out":"../../a.jpg"},"b.jpg":{"out":"b.jpg"}}}`))
	if s, err := readState(out); err != nil || s.Photos["a.jpg"] != nil || s.Photos["b.jpg"] == nil {
		t.Errorf("readState = %+v, %v", s, err)
	}
}
