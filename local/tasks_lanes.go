package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"idphoto/queue"
)

// lanesCmd shows how the lanes stand.
type lanesCmd struct {
	Stores storeFlags `embed:""`
}

// Run prints a line per lane.
func (c *lanesCmd) Run(ctx context.Context, out io.Writer) (err error) {
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	states, err := l.LaneStates(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LANE\tWAITING\tRUNNING\tOLDEST\tPAUSED")
	for _, s := range states {
		paused := "no"
		if s.Paused {
			paused = fmt.Sprintf("since %s by %s", clockTime(s.PausedAt), cmp.Or(s.PausedBy, "nobody named"))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", s.Lane, s.Waiting, s.Running, s.OldestAge.Round(time.Millisecond), paused)
	}
	return w.Flush()
}

// laneArg is a lane and the ledger it is in.
type laneArg struct {
	Lane   string     `arg:"" enum:"express,bulk" help:"express or bulk."`
	Stores storeFlags `embed:""`
}

// act does f to the lane and puts it on record.
func (c *laneArg) act(ctx context.Context, name string, f func(ctx context.Context, l queue.Operation) error) (err error) {
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := f(ctx, l); err != nil {
		return err
	}
	return audit(ctx, l, name, c.Lane, 0)
}

// pauseCmd keeps tasks of a lane from starting.
type pauseCmd struct {
	laneArg `embed:""`
}

// Run pauses it. Running tasks go on.
func (c *pauseCmd) Run(ctx context.Context, out io.Writer) error {
	err := c.act(ctx, "pause", func(ctx context.Context, l queue.Operation) error { return l.PauseLane(ctx, c.Lane, cliActor) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is paused: running tasks go on, no other starts\n", c.Lane)
	return err
}

// resumeCmd undoes it.
type resumeCmd struct {
	laneArg `embed:""`
}

// Run resumes it.
func (c *resumeCmd) Run(ctx context.Context, out io.Writer) error {
	err := c.act(ctx, "resume", func(ctx context.Context, l queue.Operation) error { return l.ResumeLane(ctx, c.Lane) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s goes on\n", c.Lane)
	return err
}

// workersCmd shows who works.
type workersCmd struct {
	Stores storeFlags `embed:""`
}

// Run prints a line per worker, those that were heard of last first.
func (c *workersCmd) Run(ctx context.Context, out io.Writer) (err error) {
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	workers, err := l.Workers(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORKER\tSTATE\tBUSY\tMEMORY\tPEAK\tPROVIDER\tSTARTED\tSEEN")
	for _, x := range workers {
		state := string(x.State)
		if x.DrainAsked && x.State == queue.Online {
			state += ",drain asked"
		}
		fmt.Fprintf(w, "%s\t%s\t%d/%d\t%d MiB\t%d MiB\t%s\t%s\t%s ago\n", x.Name, state, len(x.Tasks), x.Slots, x.Memory>>20, x.PeakMemory>>20,
			cmp.Or(x.Provider, "-"), clockTime(x.StartedAt), time.Since(x.SeenAt).Round(time.Second))
	}
	if len(workers) == 0 {
		fmt.Fprintln(w, "none has ever registered")
	}
	return w.Flush()
}
