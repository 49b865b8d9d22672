package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"gocloud.dev/pubsub"

	"idphoto/queue"
)

// relay is the soak's own message broker: queues in the parent's memory that its processes reach
// over HTTP on loopback. What a process has taken and not done when it is killed is lost, which the
// ledger must make up for.
type relay struct {
	lanes    map[string]chan []byte
	capacity atomic.Int64 // beyond it a lane is full
	refused  atomic.Int64 // messages, because of that
}

const relayRoom = 10_000

func newRelay() *relay {
	r := &relay{lanes: make(map[string]chan []byte)}
	for _, lane := range queue.Lanes {
		r.lanes[lane] = make(chan []byte, relayRoom)
	}
	r.capacity.Store(relayRoom)
	return r
}

// relayPoll is how long a request for a message waits.
const relayPoll = time.Second

// ServeHTTP takes a message (POST /lane: 503 when the lane is full) or gives one (GET /lane: 204
// when none comes).
func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	lane := r.lanes[req.URL.Path[1:]]
	switch {
	case lane == nil:
		w.WriteHeader(http.StatusNotFound)
	case req.Method == http.MethodPost:
		r.take(w, req, lane)
	default:
		r.give(w, req, lane)
	}
}

func (r *relay) take(w http.ResponseWriter, req *http.Request, lane chan []byte) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 4<<10))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if int64(len(lane)) < r.capacity.Load() {
		select {
		case lane <- body:
			w.WriteHeader(http.StatusNoContent)
			return
		default:
		}
	}
	r.refused.Add(1)
	w.WriteHeader(http.StatusServiceUnavailable)
}

func (r *relay) give(w http.ResponseWriter, req *http.Request, lane chan []byte) {
	timer := time.NewTimer(relayPoll)
	defer timer.Stop()
	select {
	case body := <-lane:
		if rand.N(10) == 0 { // out of order: the next one first, when there is one
			select {
			case next := <-lane:
				select {
				case lane <- body:
				default: // senders were faster: lost
				}
				body = next
			default:
			}
		}
		_, _ = w.Write(body) // a client that is gone has lost its message
	case <-timer.C:
		w.WriteHeader(http.StatusNoContent)
	case <-req.Context().Done():
	}
}

// relayTopic sends messages of a lane to the relay.
type relayTopic struct {
	client *http.Client
	url    string // of the lane
}

func (t relayTopic) Send(ctx context.Context, m *pubsub.Message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(m.Body))
	if err != nil {
		return err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the relay answers %s", resp.Status)
	}
	return nil
}

// feed passes a lane's messages from the relay to topic, one at a time, until ctx is done.
func feed(ctx context.Context, client *http.Client, url string, topic queue.Topic) {
	pause := queue.FullJitter(10*time.Millisecond, 200*time.Millisecond)
	failed := 0
	for ctx.Err() == nil {
		body, err := fetch(ctx, client, url)
		for err == nil && len(body) > 0 && ctx.Err() == nil {
			if topic.Send(ctx, &pubsub.Message{Body: body}) == nil {
				break
			}
			wait(ctx, pause(1)) // the worker has all it can hold
		}
		if err == nil {
			failed = 0
			continue
		}
		failed++
		wait(ctx, pause(failed))
	}
}

func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// wait returns after d, or earlier when ctx is done.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// leakyTopic loses some messages and sends others twice, as brokers do.
type leakyTopic struct {
	queue.Topic
	dropped, doubled atomic.Int64
}

func (t *leakyTopic) Send(ctx context.Context, m *pubsub.Message) error {
	switch rand.N(20) {
	case 0:
		t.dropped.Add(1)
		return nil
	case 1, 2:
		t.doubled.Add(1)
		if err := t.Topic.Send(ctx, &pubsub.Message{Body: m.Body}); err != nil {
			return err
		}
	}
	return t.Topic.Send(ctx, m)
}
