// Package folder makes a folder of photos of a folder of portraits, through the HTTP interface of
// a server, as any other program could.
//
// The folder of photos remembers in one file (.idphoto-batch.json) which picture gave which photo,
// so that the next run does only what is left: new pictures, changed ones, other options, what
// failed through no fault of the picture. That file and failures.csv hold names of persons, as the
// folders themselves do.
//
// Nothing is written but photos and these two files, and no file that is not ours is written over.
package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"idphoto/functions/batch"
	"idphoto/functions/problem"
	"idphoto/queue"
)

// Job says what to make of what.
type Job struct {
	Dir, Out         string
	Size, Background string // as the customer writes them
	Transparent      bool   // the photos are PNG: their background is transparent
	Recursive        bool   // look into folders, and keep them
	Again            bool   // try again what the rules refused
	Name             string // of the batches, for operators; default none
	URL              string // of the server
	Forget           bool   // have the server erase each batch once its photos are here
	Language         problem.Language

	// Plan is told how many pictures there are to do, Step each that is done. Both may be nil.
	Plan func(total int)
	Step func()
}

// Summary is what became of a folder.
type Summary struct {
	Made     int          // photos written now
	Kept     int          // photos of earlier runs that are still right
	Failures []batch.Item // pictures of which there is no photo, by name; those of earlier runs among them
	Old      int          // failures that were not tried again
	Left     int          // pictures not done because the run was stopped
	Renamed  []string     // "picture → photo", where another picture had the name
	Others   []string     // files that are no pictures and do not claim to be
	Folders  int          // folders that were not looked into
}

// Chunks are small, so that the first photos are here soon and a stop loses little; two are under
// way at once, so that the server has work while one is sent.
const (
	chunkFiles = 40
	chunkBytes = 128 << 20
	chunks     = 2
)

// run is a Job under way.
type run struct {
	job    Job
	client *client
	mu     sync.Mutex // guards what is below
	state  *state
	made   int
}

// Run does the job. When ctx ends it stops: the summary then says what is left.
func Run(ctx context.Context, job Job) (Summary, error) {
	found, err := scan(job)
	if err != nil {
		return Summary{}, err
	}
	if err := os.MkdirAll(job.Out, 0o755); err != nil {
		return Summary{}, err
	}
	r := &run{job: job, client: newClient(job.URL, job.Language)}
	defer r.client.close()
	if r.state, err = readState(job.Out); err != nil {
		return Summary{}, err
	}
	if err := r.client.hello(ctx); err != nil {
		return Summary{}, err
	}
	todo, kept, old, err := r.plan(ctx, found.pictures)
	if err != nil {
		return Summary{}, err
	}
	if job.Plan != nil {
		job.Plan(len(todo))
	}
	trouble := r.save()
	if trouble == nil {
		trouble = r.all(ctx, todo)
	}
	s := Summary{Made: r.made, Kept: kept, Old: old, Others: found.others, Folders: found.folders}
	for _, p := range found.pictures {
		switch rec := r.state.Photos[p.key]; {
		case rec == nil || rec.State == pending:
			s.Left++
		case rec.State == done:
			if name := p.photo(filepath.Ext(rec.Out)); name != rec.Out {
				s.Renamed = append(s.Renamed, p.shown()+" → "+strings.ToValidUTF8(rec.Out, "\ufffd"))
			}
		default:
			s.Failures = append(s.Failures, rec.item(p))
		}
	}
	return s, errors.Join(trouble, r.save(), writeFailures(job.Out, s.Failures, job.Language))
}

// plan decides for each picture whether there is something to do, and notes what it will become.
func (r *run) plan(ctx context.Context, pictures []*source) (todo []*source, kept, old int, err error) {
	for _, p := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, 0, 0, err
		}
		rec := r.state.Photos[p.key]
		sum, err := p.sum()
		if err != nil {
			text := unreadable[r.job.Language]
			r.state.Photos[p.key] = &record{Out: outOf(rec), State: failed, Code: codeUnreadable, Message: text.Sentence, Advice: text.Advice}
			continue
		}
		same := rec != nil && rec.SHA256 == sum && rec.Size == r.job.Size && rec.Background == r.job.Background
		switch {
		case same && rec.State == done && exists(filepath.Join(r.job.Out, rec.Out)):
			kept++
			continue
		case same && rec.State == refused && !r.job.Again:
			old++
			continue
		}
		r.state.Photos[p.key] = &record{SHA256: sum, Size: r.job.Size, Background: r.job.Background, State: pending, Out: r.out(p, rec)}
		todo = append(todo, p)
	}
	return todo, kept, old, nil
}

func outOf(rec *record) string {
	if rec == nil {
		return ""
	}
	return rec.Out
}

// out chooses the photo's place: where it was before, else after its source, numbered when the
// name is taken.
func (r *run) out(p *source, before *record) string {
	extension := ".jpg"
	if r.job.Transparent {
		extension = ".png"
	}
	if before != nil && filepath.Ext(before.Out) == extension {
		return before.Out
	}
	name := p.photo(extension)
	for n := 2; ; n++ {
		if !r.state.has(name) && !exists(filepath.Join(r.job.Out, name)) {
			return name
		}
		name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(p.photo(extension), extension), n, extension)
	}
}

// all sends the pictures, chunk by chunk.
func (r *run) all(ctx context.Context, todo []*source) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(chunks)
	for len(todo) > 0 {
		n, bytes := 0, int64(0)
		for n < len(todo) && n < chunkFiles && (n == 0 || bytes+todo[n].size <= chunkBytes) {
			bytes += todo[n].size
			n++
		}
		chunk := todo[:n]
		todo = todo[n:]
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return r.chunk(ctx, chunk)
		})
	}
	return g.Wait()
}

// chunk sends some pictures as one batch and takes their photos as they come. One that is too much
// for the server is sent in halves.
func (r *run) chunk(ctx context.Context, pictures []*source) error {
	b, err := r.client.submit(ctx, r.job, pictures)
	if p, ok := errors.AsType[*refusal](err); ok {
		switch {
		case p.Code == problem.NoPictures:
			return r.take(ctx, pictures, p.Items, make(map[int]bool))
		case len(pictures) > 1 && (p.Code == problem.BatchTooLarge || p.Code == problem.TooManyFiles):
			half := len(pictures) / 2
			if err := r.chunk(ctx, pictures[:half]); err != nil {
				return err
			}
			return r.chunk(ctx, pictures[half:])
		}
	}
	if err != nil {
		return err
	}
	err = r.follow(ctx, b, pictures)
	switch {
	case err != nil:
		r.client.cancel(ctx, b)
	case r.job.Forget:
		err = r.client.erase(ctx, b)
	}
	return err
}

// follow asks how a batch fares until all its pictures are done.
func (r *run) follow(ctx context.Context, batchID string, pictures []*source) error {
	taken := make(map[int]bool)
	for {
		items, err := r.client.items(ctx, batchID)
		if err != nil {
			return err
		}
		if err := r.take(ctx, pictures, items, taken); err != nil {
			return err
		}
		if len(taken) == len(pictures) {
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// take writes the photos that are new among the items, and notes what failed.
func (r *run) take(ctx context.Context, pictures []*source, items []batch.Item, taken map[int]bool) error {
	if len(items) != len(pictures) {
		return fmt.Errorf("the server tells of %d files, %d were sent", len(items), len(pictures))
	}
	news := false
	for i, item := range items {
		ended := item.State == batch.Refused || item.State == batch.Missing || item.State.Final()
		if taken[i] || !ended {
			continue
		}
		p := pictures[i]
		if item.DownloadURL != "" {
			err := r.fetch(ctx, p, item.TaskID)
			if gone, ok := errors.AsType[*refusal](err); ok && gone.Code != "" && gone.Status < 500 { // erased meanwhile
				item.Code, item.Message, item.Advice = gone.Code, gone.Detail, gone.Advice
				r.note(p, func(rec *record) { rec.fail(item) })
			} else if err != nil {
				return err
			}
		} else {
			r.note(p, func(rec *record) { rec.fail(item) })
		}
		taken[i], news = true, true
		if r.job.Step != nil {
			r.job.Step()
		}
	}
	if !news {
		return nil
	}
	return r.save()
}

// fetch writes one photo.
func (r *run) fetch(ctx context.Context, p *source, taskID string) error {
	data, err := r.client.photo(ctx, taskID)
	if err != nil {
		return err
	}
	r.mu.Lock()
	out := filepath.Join(r.job.Out, r.state.Photos[p.key].Out)
	r.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if err := replace(out, data); err != nil {
		return err
	}
	r.note(p, func(rec *record) { rec.State = done })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	return nil
}

func (r *run) note(p *source, change func(*record)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.state.Photos[p.key])
}

func (r *run) save() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.write(r.job.Out)
}

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
