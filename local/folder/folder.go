// Package folder makes a folder of photos of a folder of portraits, through the HTTP interface of
// a server, as any other program could.
//
// The folder of photos remembers in one file (.idphoto-batch.json) which picture gave which photo,
// so that the next run does only what is left: new pictures, changed ones, other options, what
// failed through no fault of the picture. That file and failures.csv hold names of persons, as the
// folders themselves do.
//
// A photo that is held counts as made only once somebody has looked at it. Where the server has
// operators, they do, and a later run fetches what they accepted. Otherwise it lies in HeldFolder: moved
// from there to its place it is accepted, removed it is refused.
//
// Nothing is written but photos and these two files, and no file that is not ours is written over.
package folder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"idphoto/functions/batch"
	"idphoto/functions/problem"
)

// Job says what to make of what.
type Job struct {
	Dir, Out         string
	Size, Background string      // as the customer writes them
	Wishes           [][2]string // further fields of the form and their values
	Transparent      bool        // the photos are PNG: their background is transparent
	Recursive        bool        // look into folders, and keep them
	Again            bool        // try again what the rules refused
	Name             string      // of the batches, for operators; default none
	URL              string      // of the server
	Forget           bool        // have the server erase each batch once its photos are here, what it holds with it
	Language         problem.Language

	// Release has the server hand out a photo that it holds: nobody looks there, so whoever runs this
	// does, in HeldFolder. Nil where the server has operators: the next run asks what they found.
	Release func(ctx context.Context, taskID string) error

	// Plan is told how many pictures there are to do, Step each that is done. Both may be nil.
	Plan func(total int)
	Step func()
}

// Summary is what became of a folder.
type Summary struct {
	Made     int          // photos written now
	Kept     int          // photos of earlier runs that are still right
	Failures []batch.Item // pictures of which there is no photo, by name; those of earlier runs among them
	Held     []batch.Item // pictures whose photo somebody has to look at, by name; those of earlier runs among them
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
		case rec.State == held:
			s.Held = append(s.Held, rec.item(p))
		default:
			s.Failures = append(s.Failures, rec.item(p))
		}
	}
	return s, errors.Join(trouble, r.save(), writeFailures(job.Out, slices.Concat(s.Failures, s.Held), job.Language))
}
