package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
)

// sweeper finds blobs that no row names: of an upload that was killed between picture and row, of an
// attempt that was killed or overtaken while it wrote, of a task that was erased meanwhile.
//
// It goes round through all keys, a bounded number in one sweep. Where the last one ended is known
// to this process only, and a timer's function may be a new process each time: so a sweeper begins
// at a random place among the last day's tasks (ids sort by time), and everything has its turn.
type sweeper struct {
	ledger Ledger
	blobs  Blobs
	age    time.Duration
	keys   int

	turn  int    // index into sweepPrefixes
	after string // key that the last sweep ended at
}

// sweepPrefixes are the kinds of keys, each followed by an id.
var sweepPrefixes = []string{"tasks/", "batches/"}

func newSweeper(ledger Ledger, blobs Blobs, age time.Duration, keys int) *sweeper {
	began := time.Now().Add(-rand.N(24 * time.Hour))
	return &sweeper{ledger: ledger, blobs: blobs, age: age, keys: keys, after: sweepPrefixes[0] + firstID(began)}
}

// firstID is the smallest id that was made at a time.
func firstID(t time.Time) string {
	var id uuid.UUID
	ms := t.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	id[6], id[8] = 0x70, 0x80
	return id.String()
}

func (j *Janitor) sweep(ctx context.Context) error {
	removed, err := j.sweeper.sweep(ctx)
	if removed > 0 {
		j.meters.orphans.Add(ctx, int64(removed))
		j.opts.Logger.WarnContext(ctx, "blobs removed that no row names", "blobs", removed)
	}
	return err
}

// sweep looks at the next keys and removes the orphans among them. It looks at none twice.
func (s *sweeper) sweep(ctx context.Context) (removed int, err error) {
	left := s.keys
	for range len(sweepPrefixes) + 1 { // the first one's beginning comes last
		if left <= 0 || !timeLeft(ctx) {
			break
		}
		old, err := s.list(ctx, &left)
		if err != nil {
			return removed, err
		}
		n, err := s.remove(ctx, old)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// list returns the next keys that are old enough, until left is used up or the prefix ends. It moves
// on to the next prefix then.
func (s *sweeper) list(ctx context.Context, left *int) (old []string, err error) {
	ended := true
	prefix := sweepPrefixes[s.turn]
	err = s.blobs.List(ctx, prefix, s.after, func(key string, _ int64, modified time.Time) bool {
		if *left <= 0 {
			ended = false
			return false
		}
		*left--
		s.after = key
		if time.Since(modified) > s.age {
			old = append(old, key)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", prefix, err)
	}
	if ended {
		s.turn, s.after = (s.turn+1)%len(sweepPrefixes), ""
	}
	return old, nil
}

// remove deletes the keys that no row names. Keys of one id come together.
func (s *sweeper) remove(ctx context.Context, keys []string) (removed int, err error) {
	var last string
	var named func(key string) bool
	for _, key := range keys {
		prefix, rest, _ := strings.Cut(key, "/")
		id, _, _ := strings.Cut(rest, "/")
		if owner := prefix + "/" + id; owner != last {
			if named, err = s.naming(ctx, prefix, id); err != nil {
				return removed, err
			}
			last = owner
		}
		if named(key) {
			continue
		}
		if err := s.blobs.Delete(ctx, key); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// naming returns what tells the keys that the row of an id names, or may still come to name.
func (s *sweeper) naming(ctx context.Context, prefix, id string) (func(key string) bool, error) {
	none := func(string) bool { return false }
	if prefix == "batches" {
		b, err := s.ledger.GetBatch(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return none, nil
		}
		return func(key string) bool { return key == b.ManifestKey }, err
	}
	t, err := s.ledger.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return none, nil
	case err != nil:
		return nil, err
	}
	return func(key string) bool { return t.names(key) }, nil
}

// names reports whether a key of t's prefix is wanted. While t is not at its end, all are.
func (t Task) names(key string) bool {
	return !t.State.Final() || key == t.InputKey || t.ResultPrefix != "" && strings.HasPrefix(key, t.ResultPrefix)
}
