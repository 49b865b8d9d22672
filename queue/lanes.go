package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gocloud.dev/pubsub"
)

// expressInARow is how many express tasks may be taken before a bulk one has its turn.
const expressInARow = 4

// lane is one subscription that Run pulls, with at most one message not yet given to a slot.
type lane struct {
	name      string
	sub       Subscription
	receiving bool      // a Receive is outstanding
	since     time.Time // when it began
	inHand    *pubsub.Message
	arrived   time.Time // of inHand
}

// arrival is what a Receive returned.
type arrival struct {
	lane *lane
	m    *pubsub.Message
	err  error
}

// lanes decides which message a free slot takes.
//
// The rule: express comes first, but when four express tasks or more have been taken since the last
// bulk one, a bulk one goes first. So while tasks of both lanes wait, at least one task of five is
// bulk and at least four are express; a lane without tasks holds up nobody.
//
// The lane whose turn it is may have its next message still on the way, because it is asked for one
// message at a time. Right after asking, it gets a head start before the other lane's message is
// taken.
//
// Only the goroutine of Run uses it.
type lanes struct {
	all       []*lane // one or two, in the order of Lanes
	streak    int     // express tasks taken since the last bulk one
	headStart time.Duration
	arrivals  chan arrival // holds one per lane, so that a Receive never waits to report
}

// newLanes takes subscriptions by lane. Lanes that share one are pulled once, under the first's name.
func newLanes(subs map[string]Subscription, headStart time.Duration) (*lanes, error) {
	ls := &lanes{headStart: headStart}
	for _, name := range Lanes {
		sub := subs[name]
		if sub == nil || slices.ContainsFunc(ls.all, func(l *lane) bool { return l.sub == sub }) {
			continue
		}
		ls.all = append(ls.all, &lane{name: name, sub: sub})
	}
	for name := range subs {
		if !slices.Contains(Lanes, name) {
			return nil, fmt.Errorf("queue: there is no lane %q", name)
		}
	}
	if len(ls.all) == 0 {
		return nil, errors.New("queue: no subscription to pull")
	}
	ls.arrivals = make(chan arrival, len(ls.all))
	return ls, nil
}

// receive asks every lane for a message that has none in hand and none on the way. A Receive cannot
// be taken back: it stays outstanding when the slots fill.
func (ls *lanes) receive(ctx context.Context, start func(func())) {
	for _, l := range ls.all {
		if l.receiving || l.inHand != nil {
			continue
		}
		l.receiving, l.since = true, time.Now()
		start(func() {
			m, err := l.sub.Receive(ctx)
			ls.arrivals <- arrival{l, m, err}
		})
	}
}

// arrive notes what a Receive returned.
func (ls *lanes) arrive(a arrival) error {
	a.lane.receiving = false
	if a.err != nil {
		return fmt.Errorf("receiving %s messages: %w", a.lane.name, a.err)
	}
	a.lane.inHand, a.lane.arrived = a.m, time.Now()
	return nil
}

// next takes the message that a free slot is to work on. Without one, it says after how long to ask
// again even if nothing arrives; 0 for never.
func (ls *lanes) next(now time.Time) (l *lane, m *pubsub.Message, again time.Duration) {
	order := ls.all
	if len(order) == 2 && ls.streak >= expressInARow {
		order = []*lane{order[1], order[0]}
	}
	for _, l := range order {
		if l.inHand != nil {
			return l, ls.take(l), 0
		}
		if left := ls.headStart - now.Sub(l.since); l.receiving && left > 0 {
			if slices.ContainsFunc(order, func(other *lane) bool { return other.inHand != nil }) {
				return nil, nil, left
			}
		}
	}
	return nil, nil, 0
}

func (ls *lanes) take(l *lane) *pubsub.Message {
	m := l.inHand
	l.inHand = nil
	if l == ls.all[0] {
		ls.streak++
	} else {
		ls.streak = 0
	}
	return m
}

// expired takes the messages out of hand that arrived before the time, and says when the oldest of
// the others arrived: zero when there is none.
func (ls *lanes) expired(before time.Time) (back []arrival, oldest time.Time) {
	for _, l := range ls.all {
		switch {
		case l.inHand == nil:
		case !l.arrived.After(before):
			back = append(back, arrival{lane: l, m: l.inHand})
			l.inHand = nil
		case oldest.IsZero() || l.arrived.Before(oldest):
			oldest = l.arrived
		}
	}
	return back, oldest
}
