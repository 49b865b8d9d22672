package memory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"gocloud.dev/pubsub/driver"
)

var errFull = errors.New("memory: the queue is full")

// message is one message from Send to its acknowledgement.
type message struct {
	id       uint64 // in order of sending
	body     []byte
	metadata map[string]string
	holder   *subscription // who has it unacknowledged
	deadline time.Time     // when it goes back to the front
}

// queue is a bounded first-in-first-out queue with acknowledgements.
type queue struct {
	wake chan struct{} // holds one token when there may be something to receive

	mu    sync.Mutex // guards what is below
	last  uint64
	ready []*message // in order of id
	held  map[uint64]*message
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), held: make(map[uint64]*message)}
}

// signal wakes one receiver. It in turn wakes the next, if it leaves something.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// send appends the messages, or none of them when there is no room for all.
func (q *queue) send(ms []*driver.Message, capacity int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready)+len(q.held)+len(ms) > capacity {
		return errFull
	}
	for _, m := range ms {
		q.last++
		q.ready = append(q.ready, &message{id: q.last, body: slices.Clone(m.Body), metadata: maps.Clone(m.Metadata)})
	}
	q.signal()
	return nil
}

// receive takes up to limit messages for s, and waits for the first until ctx is done.
func (q *queue) receive(ctx context.Context, s *subscription, limit int) ([]*message, error) {
	for {
		taken, next := q.take(s, limit)
		if len(taken) > 0 {
			return taken, nil
		}
		if err := q.wait(ctx, next); err != nil {
			return nil, err
		}
	}
}

// wait returns when there may be something: after a signal, or when the next deadline passes.
func (q *queue) wait(ctx context.Context, next time.Time) error {
	var expired <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-q.wake:
	case <-expired:
	}
	return nil
}

// take returns what is ready now, or else when the next held message comes back.
func (q *queue) take(s *subscription, limit int) (taken []*message, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	next = q.expire(now)
	n := min(limit, len(q.ready))
	taken = slices.Clone(q.ready[:n])
	clear(q.ready[:n])
	q.ready = q.ready[n:]
	for _, m := range taken {
		m.holder, m.deadline = s, now.Add(s.deadline)
		q.held[m.id] = m
	}
	if len(q.ready) > 0 {
		q.signal()
	}
	return taken, next
}

// expire puts messages whose deadline has passed back to the front, and returns the next
// deadline. q.mu is held. There are as many held messages as busy receivers: few.
func (q *queue) expire(now time.Time) (next time.Time) {
	for _, m := range q.held {
		switch {
		case !m.deadline.After(now):
			q.giveBack(m)
		case next.IsZero() || m.deadline.Before(next):
			next = m.deadline
		}
	}
	return next
}

// giveBack makes a held message ready again, in front of all that was sent later. q.mu is held.
func (q *queue) giveBack(m *message) {
	delete(q.held, m.id)
	m.holder = nil
	at, _ := q.find(m.id)
	q.ready = slices.Insert(q.ready, at, m)
	q.signal()
}

// find returns where in ready the message with this id is, or belongs. q.mu is held.
func (q *queue) find(id uint64) (at int, found bool) {
	return slices.BinarySearchFunc(q.ready, id, func(m *message, id uint64) int { return cmp.Compare(m.id, id) })
}

// ack forgets messages, even those that went back to the queue meanwhile.
func (q *queue) ack(ids []driver.AckID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		id := id.(uint64)
		delete(q.held, id)
		if at, found := q.find(id); found {
			q.ready = slices.Delete(q.ready, at, at+1)
		}
	}
}

// nack makes messages ready that are still held.
func (q *queue) nack(ids []driver.AckID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		if m := q.held[id.(uint64)]; m != nil {
			q.giveBack(m)
		}
	}
}

// release gives back all that s holds.
func (q *queue) release(s *subscription) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.held {
		if m.holder == s {
			q.giveBack(m)
		}
	}
}
