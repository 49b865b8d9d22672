package folder

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

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
		same := rec != nil && rec.SHA256 == sum && rec.Size == r.job.Size && rec.Background == r.job.Background &&
			slices.Equal(rec.Wishes, r.job.Wishes)
		switch {
		case same && rec.State == done && exists(filepath.Join(r.job.Out, rec.Out)):
			kept++
			continue
		case same && rec.State == held:
			here := rec.Held != ""
			switch decided, err := r.decided(ctx, p, rec); {
			case err != nil:
				return nil, 0, 0, err
			case decided && rec.State == refused && r.job.Again:
			case decided:
				if rec.State == done && here { // else it was fetched just now
					kept++
				}
				continue
			}
		case same && rec.State == refused && !r.job.Again:
			old++
			continue
		}
		r.state.Photos[p.key] = &record{SHA256: sum, Size: r.job.Size, Background: r.job.Background, Wishes: r.job.Wishes, State: pending, Out: r.out(p, rec)}
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
