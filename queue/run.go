package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"gocloud.dev/pubsub"
)

// Run pulls messages of every lane in subs and does their tasks until ctx is done; how the lanes
// share the slots says the comment of lanes. Then it takes no more, lets running work finish for
// the grace time, and hands back what has not: those attempts do not count. It returns nil then, or
// a subscription's error when that gave up. The caller closes the subscriptions afterwards, which
// sends the last acknowledgements.
//
// A message is asked for only when a slot is free, one per lane at a time, so that hardly any waits
// here while another worker is idle. One that comes when the slots have filled meanwhile is kept for
// HoldFor and then put back, which is no attempt.
//
// The worker is registered in the ledger while Run runs. When an operator asks it to drain it takes
// no more tasks, and stays until ctx is done. When a handler is stuck, Run ends like at a signal but
// returns ErrStuck: the process is to end, for only that stops the handler.
func (w *Worker) Run(ctx context.Context, subs map[string]Subscription) error {
	ls, err := newLanes(subs, max(w.opts.HeadStart, 0))
	if err != nil {
		return err
	}
	// taking ends when no more is taken, working when running work is handed back.
	taking, stopTaking := context.WithCancel(ctx)
	defer stopTaking()
	working, handBack := context.WithCancel(context.WithoutCancel(ctx))
	defer handBack()
	r := &run{worker: w, lanes: ls, free: w.opts.Slots, freed: make(chan struct{}, w.opts.Slots),
		stuck: make(chan struct{}, 1), drain: make(chan struct{}, 1), taking: taking, stopTaking: stopTaking, working: working}
	leave := w.join(func() {
		select {
		case r.drain <- struct{}{}:
		default:
		}
	})
	defer leave()
	err = r.loop(ctx)
	stopTaking()
	w.drains()
	r.putBackAll()
	return errors.Join(err, r.finish(handBack))
}

// run is one call of Run.
type run struct {
	worker     *Worker
	lanes      *lanes
	free       int           // slots
	freed      chan struct{} // one for each slot that became free
	stuck      chan struct{} // a handler is
	drain      chan struct{} // an operator asks for it
	taking     context.Context
	stopTaking context.CancelFunc
	working    context.Context
	receives   sync.WaitGroup
	slots      sync.WaitGroup
}

// loop gives messages to slots until ctx is done, a subscription fails for good, or a handler is
// stuck.
func (r *run) loop(ctx context.Context) error {
	receiving, stop := context.WithCancel(ctx)
	defer r.receives.Wait()
	defer stop()
	for {
		wake := r.assign(receiving)
		select {
		case <-ctx.Done():
			return nil
		case <-r.stuck:
			return ErrStuck
		case <-r.drain:
			r.stopTaking()
			r.worker.drains()
		case <-r.freed:
			r.free++
		case a := <-r.lanes.arrivals:
			if err := r.lanes.arrive(a); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		case <-wake:
		}
	}
}

// assign fills the free slots, puts back what has waited too long, and returns what wakes it again.
func (r *run) assign(receiving context.Context) (wake <-chan time.Time) {
	if r.taking.Err() != nil {
		r.putBack(r.lanes.expired(time.Now()))
		return nil
	}
	for r.free > 0 {
		r.lanes.receive(receiving, r.receives.Go)
		l, m, again := r.lanes.next(time.Now())
		if m == nil {
			return after(again)
		}
		r.start(l, m)
	}
	holdFor := r.worker.opts.HoldFor
	oldest := r.putBack(r.lanes.expired(time.Now().Add(-holdFor)))
	if oldest.IsZero() {
		return nil
	}
	return after(max(time.Until(oldest.Add(holdFor)), time.Nanosecond))
}

// after is time.After, or never.
func after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.After(d)
}

// start has a slot work on a message.
func (r *run) start(l *lane, m *pubsub.Message) {
	r.free--
	r.slots.Go(func() {
		defer func() { r.freed <- struct{}{} }()
		if errors.Is(r.worker.deliver(r.taking, r.working, l.name, m), ErrStuck) {
			select {
			case r.stuck <- struct{}{}:
			default:
			}
		}
	})
}

// putBack gives messages to others, and passes on when the oldest of those in hand arrived.
func (r *run) putBack(back []arrival, oldest time.Time) time.Time {
	for _, a := range back {
		r.slots.Go(func() { r.worker.putBack(r.working, a.lane.name, a.m) })
	}
	return oldest
}

// putBackAll puts back what is in hand and what came at the last moment. No Receive is outstanding.
func (r *run) putBackAll() {
	for {
		select {
		case a := <-r.lanes.arrivals:
			_ = r.lanes.arrive(a) // the loop has ended for another reason, or for this one
			continue
		default:
		}
		r.putBack(r.lanes.expired(time.Now()))
		return
	}
}

// finish waits for the slots: for the grace time, then, once their work is handed back, for as long
// as a handler may take to notice.
func (r *run) finish(handBack func()) error {
	ended := make(chan struct{})
	go func() {
		r.slots.Wait()
		close(ended)
	}()
	if within(ended, r.worker.opts.Grace) {
		return nil
	}
	r.worker.log.Warn("grace time is over, running tasks are handed back")
	handBack()
	if within(ended, r.worker.opts.StopMargin+finishWithin) {
		return nil
	}
	return ErrStuck
}

func within(ended <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// deliver processes one message and acknowledges it once its outcome is durable. While the ledger
// does not answer, it waits and asks again, holding the message: giving it back (Nack) would only
// send it round in a circle. When the worker takes no more meanwhile, the message goes back for
// others. It returns ErrStuck when the handler did not return.
func (w *Worker) deliver(taking, working context.Context, lane string, m *pubsub.Message) error {
	wait := FullJitter(200*time.Millisecond, 5*time.Second)
	for n := 1; ; n++ {
		done, err := w.process(working, lane, m.Body)
		if err == nil || errors.Is(err, ErrStuck) {
			w.ack(working, m, done) // the ledger knows what becomes of the task
			return err
		}
		w.log.WarnContext(taking, "message not processed yet", "err", err)
		select {
		case <-time.After(wait(n)):
		case <-taking.Done():
			if m.Nackable() {
				m.Nack()
			}
			return nil
		}
	}
}

// ack tells the transport, which passes it on in its own time.
func (w *Worker) ack(ctx context.Context, m *pubsub.Message, done processed) {
	if done.span != nil {
		defer w.startAck(ctx, done).End()
	}
	m.Ack()
}

// putBack gives a message to others that no slot here was free for. Where the transport cannot take
// it back, the ledger has a janitor send another one.
func (w *Worker) putBack(ctx context.Context, lane string, m *pubsub.Message) {
	w.meters.putBack.Add(ctx, 1, laneLabel(lane))
	if m.Nackable() {
		m.Nack()
		return
	}
	parsed, err := ParseMessage(m.Body)
	if err == nil {
		err = w.ledger.Unpublished(ctx, parsed.TaskID)
	} else {
		_, err = w.process(ctx, lane, m.Body) // it names no task: this only makes it visible
	}
	if err != nil {
		w.log.WarnContext(ctx, "message not put back, it comes again in its own time", "err", err)
		return
	}
	m.Ack()
}
