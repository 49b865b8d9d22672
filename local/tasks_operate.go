package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"idphoto/queue"
)

// cliActor names the command line in the audit log.
const cliActor = "cli"

// selection picks the tasks of an action: by id, or by a filter, whose number is shown first.
type selection struct {
	IDs    []string    `arg:"" optional:"" name:"id" help:"Ids, or their beginnings."`
	Stores storeFlags  `embed:""`
	Filter filterFlags `embed:""`
	All    bool        `help:"Every task that the action fits; instead of a filter."`
	Yes    bool        `help:"Do it to all that the filter selects."`
}

// action is something an operator does to one task.
type action struct {
	name   string        // as in the audit log
	past   string        // "retried"
	states []queue.State // that it fits, when the filter names none
	fits   func(t queue.Task) bool
	do     func(ctx context.Context, s *stores, t queue.Task) error
	typed  bool // without --yes, the number is to be typed
}

// retryCmd lets tasks run again.
type retryCmd struct {
	selection `embed:""`
	Attempts  int `help:"How often each may be tried; 0: as often as a new one."`
}

// Run requeues them. A janitor, which every server has, sends their messages within seconds.
func (c *retryCmd) Run(ctx context.Context, out io.Writer) error {
	return c.run(ctx, os.Stdin, out, action{
		name: "retry", past: "run again", states: []queue.State{queue.Dead},
		fits: func(t queue.Task) bool {
			return !t.Erased && (t.State == queue.Dead || t.State == queue.Cancelled || t.State == queue.Retrying)
		},
		do: func(ctx context.Context, s *stores, t queue.Task) error {
			n := c.Attempts
			if n <= 0 {
				n = queue.Retries{}.For(t.Kind).Attempts
			}
			_, err := s.ledger.Requeue(ctx, t.ID, n)
			return err
		},
	})
}

// cancelCmd stops tasks.
type cancelCmd struct {
	selection `embed:""`
}

// Run cancels them: waiting ones at once, running ones at their next stage.
func (c *cancelCmd) Run(ctx context.Context, out io.Writer) error {
	return c.run(ctx, os.Stdin, out, action{
		name: "cancel", past: "cancelled", states: []queue.State{queue.Queued, queue.Running, queue.Retrying},
		fits: func(t queue.Task) bool { return !t.State.Final() },
		do: func(ctx context.Context, s *stores, t queue.Task) error {
			_, err := s.ledger.Cancel(ctx, t.ID)
			return err
		},
	})
}

// eraseCmd removes what tasks know of people.
type eraseCmd struct {
	selection `embed:""`
}

// Run erases them: the row first, so that nobody hands out what is about to go, then the pictures.
func (c *eraseCmd) Run(ctx context.Context, out io.Writer) error {
	return c.erase(ctx, os.Stdin, out)
}

func (c *eraseCmd) erase(ctx context.Context, in io.Reader, out io.Writer) error {
	return c.run(ctx, in, out, action{
		name: "erase", past: "erased", typed: true,
		fits: func(t queue.Task) bool { return !t.Erased },
		do: func(ctx context.Context, s *stores, t queue.Task) error {
			if _, err := s.ledger.Erase(ctx, t.ID); err != nil {
				return err
			}
			return s.blobs.DeletePrefix(ctx, queue.TaskPrefix(t.ID))
		},
	})
}

// run does a to the selected tasks, after asking where it should.
func (s *selection) run(ctx context.Context, in io.Reader, out io.Writer, a action) (err error) {
	if len(s.IDs) == 0 && s.Filter.String() == "" && !s.All {
		return errors.New("which tasks? Give ids, a filter such as --state dead, or --all")
	}
	if len(s.IDs) > 0 && (s.Filter.String() != "" || s.All) {
		return errors.New("give ids or a filter, not both")
	}
	open, err := s.Stores.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, open.close()) }()
	if len(s.IDs) > 0 {
		return s.byID(ctx, out, open, a)
	}
	return s.byFilter(ctx, in, out, open, a)
}

func (s *selection) byID(ctx context.Context, out io.Writer, open *stores, a action) error {
	for _, id := range s.IDs {
		t, err := findTask(ctx, open.ledger, id)
		if err != nil {
			return err
		}
		if err := a.do(ctx, open, t); err != nil {
			return fmt.Errorf("%s %s (%s): %w", a.name, t.ID, t.State, err)
		}
		if err := audit(ctx, open.ledger, a.name, t.ID, 1); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s\n", t.ID, a.past)
	}
	return nil
}

// byFilter counts first, then acts on tasks that were there at the count. What changed its state
// meanwhile is left alone.
func (s *selection) byFilter(ctx context.Context, in io.Reader, out io.Writer, open *stores, a action) (err error) {
	f := s.Filter.filter(time.Now())
	f.To = time.Now()
	if len(f.States) == 0 {
		f.States = a.states
	}
	n := 0
	err = eachTask(ctx, open.ledger, f, func(t queue.Task) (bool, error) {
		if a.fits(t) {
			n++
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d tasks to %s\n", n, a.name)
	if n == 0 {
		return nil
	}
	if !s.Yes {
		if err := agree(in, out, a, n); err != nil {
			return err
		}
	}
	return s.act(ctx, out, open, a, f)
}

// agree has the operator confirm the number, or ends the command.
func agree(in io.Reader, out io.Writer, a action, n int) error {
	if !a.typed {
		return errors.New("nothing done; say it again with --yes")
	}
	fmt.Fprintf(out, "This cannot be undone. Type the number of tasks to %s them: ", a.name)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if typed, err := strconv.Atoi(strings.TrimSpace(line)); err != nil || typed != n {
		return errors.New("nothing done: that is not the number")
	}
	return nil
}

func (s *selection) act(ctx context.Context, out io.Writer, open *stores, a action, f queue.Filter) (err error) {
	done, left := 0, 0
	defer func() { // what was done is on record even when the rest was not
		target := s.Filter.String()
		if s.All {
			target = "all " + target
		}
		err = errors.Join(err, audit(context.WithoutCancel(ctx), open.ledger, a.name, strings.TrimSpace(target), int64(done)))
		fmt.Fprintf(out, "%d %s, %d left alone\n", done, a.past, left)
	}()
	return eachTask(ctx, open.ledger, f, func(t queue.Task) (bool, error) {
		if !a.fits(t) {
			return true, nil
		}
		err := a.do(ctx, open, t)
		switch {
		case err == nil:
			done++
		case errors.Is(err, queue.ErrFinal), errors.Is(err, queue.ErrNotRequeued), errors.Is(err, queue.ErrNotFound):
			left++ // somebody or something was faster
		default:
			return false, fmt.Errorf("%s %s: %w", a.name, t.ID, err)
		}
		return true, nil
	})
}

func audit(ctx context.Context, l queue.Operation, what, target string, n int64) error {
	return l.Record(ctx, queue.AuditEntry{Actor: cliActor, Action: what, Target: target, Count: n})
}
