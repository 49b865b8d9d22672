package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"idphoto/functions/photo"
	"idphoto/queue"
)

// tolerance is how old a blob without a row may be while a server runs: its upload may be between
// picture and row, and the janitor's sweep needs its time.
const tolerance = time.Hour

// verifyCmd checks that ledger and pictures agree.
type verifyCmd struct {
	Stores  storeFlags `embed:""`
	Running bool       `help:"A server is at work: blobs without a row are no fault for an hour."`
}

// Run prints a sentence per fault. Its error, for the exit status, counts them.
func (c *verifyCmd) Run(ctx context.Context, out io.Writer) (err error) {
	s, err := c.Stores.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	v := &verifier{stores: s, out: out}
	if c.Running {
		v.tolerate = tolerance
	}
	if err := v.run(ctx); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	fmt.Fprintf(out, "verified: %d tasks, %d blobs, %d faults\n", v.tasks, v.blobs, v.faults)
	if v.faults > 0 {
		return fmt.Errorf("%d faults", v.faults)
	}
	return nil
}

// verifier compares a ledger with the blobs. It goes through both in order and keeps one task in
// memory. Rows that come, go or change meanwhile are looked at again before they count as a fault.
type verifier struct {
	stores   *stores
	out      io.Writer
	tolerate time.Duration // age below which a blob needs no row

	tasks, blobs, faults int
}

func (v *verifier) fault(format string, args ...any) {
	v.faults++
	fmt.Fprintf(v.out, format+"\n", args...)
}

func (v *verifier) run(ctx context.Context) error {
	faults, err := v.stores.ledger.Verify(ctx)
	if err != nil {
		return err
	}
	for _, f := range faults {
		v.fault("%s", f)
	}
	if err := v.rows(ctx); err != nil {
		return err
	}
	if err := v.batches(ctx); err != nil {
		return err
	}
	for _, prefix := range []string{"tasks/", "batches/"} {
		if err := v.owners(ctx, prefix); err != nil {
			return err
		}
	}
	return nil
}

// rows checks that what tasks name is there.
func (v *verifier) rows(ctx context.Context) error {
	return eachTask(ctx, v.stores.ledger, queue.Filter{}, func(t queue.Task) (bool, error) {
		v.tasks++
		missing, err := v.missing(ctx, t)
		if err != nil || missing == "" {
			return true, err
		}
		switch t, err = v.stores.ledger.Get(ctx, t.ID); { // purged or erased meanwhile?
		case errors.Is(err, queue.ErrNotFound):
			return true, nil
		case err != nil:
			return false, err
		}
		if missing, err = v.missing(ctx, t); missing != "" {
			v.fault("task %s is %s, but %s is missing", t.ID, t.State, missing)
		}
		return true, err
	})
}

// missing returns what a task names that is not there; "" when all is.
func (v *verifier) missing(ctx context.Context, t queue.Task) (string, error) {
	finished := t.State == queue.Succeeded && !t.Erased && !t.Expired
	if t.InputKey == "" && !finished {
		return "", nil
	}
	there := make(map[string]bool) // keys of blobs that have bytes
	err := v.stores.blobs.List(ctx, queue.TaskPrefix(t.ID), "", func(key string, size int64, _ time.Time) bool {
		there[key] = size > 0
		return true
	})
	switch {
	case err != nil:
		return "", err
	case t.InputKey != "" && !there[t.InputKey]:
		return "its original", nil
	case !finished:
		return "", nil
	case t.ResultPrefix == "":
		return "the prefix of its result", nil
	}
	var result photo.Result
	if err := json.Unmarshal(t.Result, &result); err != nil {
		return "a readable result", nil
	}
	for part := range result.Parts {
		if !there[photo.Key(t.ResultPrefix, part)] {
			return "its part " + string(part), nil
		}
	}
	return "", nil
}

// batches checks that each batch that has a manifest has it.
func (v *verifier) batches(ctx context.Context) error {
	for after := ""; ; {
		some, err := v.stores.ledger.ListBatches(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for _, b := range some {
			after = b.ID
			if err := v.manifest(ctx, b); err != nil {
				return err
			}
		}
		if len(some) < pageSize {
			return nil
		}
	}
}

// manifest looks for the manifest of b, and again at b when there is none: it may be purged now.
func (v *verifier) manifest(ctx context.Context, b queue.Batch) error {
	for range 2 {
		if b.ManifestKey == "" {
			return nil
		}
		there := false
		err := v.stores.blobs.List(ctx, b.ManifestKey[:strings.LastIndex(b.ManifestKey, "/")+1], "", func(key string, _ int64, _ time.Time) bool {
			there = there || key == b.ManifestKey
			return true
		})
		if err != nil || there {
			return err
		}
		b, err = v.stores.ledger.GetBatch(ctx, b.ID)
		if errors.Is(err, queue.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	v.fault("batch %s has no manifest", b.ID)
	return nil
}

// owners checks that each blob below the prefix has a row that may own it.
func (v *verifier) owners(ctx context.Context, prefix string) error {
	var last, why string
	var failed error
	err := v.stores.blobs.List(ctx, prefix, "", func(key string, _ int64, modified time.Time) bool {
		v.blobs++
		id, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
		if id != last {
			last = id
			why, failed = disowned(ctx, v.stores.ledger, prefix, id)
		}
		if failed == nil && why != "" && time.Since(modified) >= v.tolerate {
			v.fault("blob %s %s", key, why)
		}
		return failed == nil
	})
	return errors.Join(failed, err)
}

// disowned says why no row owns the blobs of an id; "" when one does.
func disowned(ctx context.Context, l queue.Ledger, prefix, id string) (why string, err error) {
	erased := false
	if prefix == "batches/" {
		var b queue.Batch
		b, err = l.GetBatch(ctx, id)
		erased = b.Erased
	} else {
		var t queue.Task
		t, err = l.Get(ctx, id)
		erased = t.Erased && t.State.Final()
	}
	switch {
	case errors.Is(err, queue.ErrNotFound):
		return "has no row", nil
	case err != nil:
		return "", err
	case erased:
		return "belongs to what was erased", nil
	}
	return "", nil
}
