// Package queue moves tasks from whoever accepts them to whoever does them, and loses none.
//
// The Ledger (SQL) is the truth; a message on a topic is only a hint that a task may be ready.
// Lost, repeated or reordered messages change nothing but timing: a claim decides who works, a
// lease decides for how long, and every later write names the lease's token. The package knows
// nothing of pictures: what a task does is a Handler, registered under the task's kind.
//
// Nothing here carries a picture, a file name or another personal datum: a Task names blobs by
// key, a Message names a task by id.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// State is where a task stands. Stored and shown to operators: add, never rename.
type State string

const (
	Queued    State = "queued"    // waits for a worker
	Running   State = "running"   // claimed, its lease is live or not yet reaped
	Retrying  State = "retrying"  // failed, runs again at Task.DueAt
	Succeeded State = "succeeded" // finished with a result
	Rejected  State = "rejected"  // the rules say no (no face, ...): final, never retried, no error
	Dead      State = "dead"      // attempts used up or a permanent error: an operator may requeue it
	Cancelled State = "cancelled" // stopped on request
)

// Final reports whether s is an end: no worker will touch the task again by itself.
func (s State) Final() bool {
	return s == Succeeded || s == Rejected || s == Dead || s == Cancelled
}

// Lanes order the work: someone waits for an express task, nobody watches a bulk one.
const (
	Express = "express"
	Bulk    = "bulk"
)

// Task is one piece of work, as the ledger keeps it.
type Task struct {
	ID             string          // UUIDv7: sorts by creation
	Kind           string          // picks the Handler
	Lane           string          // Express or Bulk
	Options        json.RawMessage // the kind's own options; never personal data
	InputKey       string          // blob key of what came in; empty once erased
	IdempotencyKey string          // the client's, unique when set
	Digest         string          // hex SHA-256 of input and options: tells a repeated submission from another one under the same key
	TraceParent    string          // W3C traceparent of the submission, so that every attempt joins its trace
	TraceState     string          // W3C tracestate that belongs to TraceParent

	State           State
	Stage           string // what the running attempt does now
	Attempts        int    // claims so far; counted before the work starts
	MaxAttempts     int
	Code            string          // why it was rejected or is dead
	Detail          json.RawMessage // values for the code's sentence, e.g. {"count":2}
	ResultPrefix    string          // blob key prefix of the attempt that finished; set with Succeeded
	Result          json.RawMessage // what the handler returned; small, no pictures
	CancelRequested bool
	Erased          bool // its blobs are to go or gone; the row keeps no key and no digest

	CreatedAt  time.Time
	DueAt      time.Time // not before this
	StartedAt  time.Time // first claim; zero before
	FinishedAt time.Time // zero until final
	UpdatedAt  time.Time
}

// Claim is the right to work on a task until the lease ends. Its token fences every later write.
type Claim struct {
	Task    Task
	Attempt int // 1 for the first
	Worker  string
	Token   string
}

// StageTime is one step of an attempt.
type StageTime struct {
	Name     string        `json:"name"`
	Start    time.Duration `json:"start_ns"` // since the attempt's start
	Duration time.Duration `json:"duration_ns"`
}

// Outcome says how an attempt ended.
type Outcome struct {
	State        State           // Succeeded, Rejected, Retrying, Dead or Cancelled
	Code         string          // for Rejected, Retrying and Dead
	Detail       json.RawMessage // for Rejected
	ResultPrefix string          // for Succeeded
	Result       json.RawMessage // for Succeeded
	RetryAfter   time.Duration   // for Retrying: the task is due this much after the ledger's now
	HandedBack   bool            // for Retrying: the worker had to stop, the attempt does not count (MaxAttempts grows by one)
	Error        string          // cause chain, for operators; no personal data
	Stack        string          // for a panic
	Stages       []StageTime
}

// Attempt is one claim's row: kept as it was, whatever later attempts do.
type Attempt struct {
	Number     int
	Worker     string
	State      State // Running until it ended; Retrying when it failed or lost its lease
	Code       string
	Error      string
	Stack      string
	Stages     []StageTime
	StartedAt  time.Time
	FinishedAt time.Time
}

// PublishGrace is how long a new task may wait for its submitter's own message before a janitor
// sends one: longer than a publish takes, short enough for nobody to notice.
const PublishGrace = time.Second

// Errors of a Ledger. Compare with errors.Is.
var (
	ErrNotFound     = errors.New("queue: no such task")
	ErrNotClaimable = errors.New("queue: task is finished, cancelled, not yet due or held by a live lease")
	ErrLeaseLost    = errors.New("queue: another claim followed this one")
	ErrCancelled    = errors.New("queue: cancel was requested")
	ErrConflict     = errors.New("queue: idempotency key is in use for another submission")
	ErrFinal        = errors.New("queue: task is already finished")
)

// Ledger keeps every task and decides who may work on it. Implementations neither retry nor log:
// package queue does both. Every method may be called from many goroutines and processes.
type Ledger interface {
	// Create inserts t as Queued and due now, and returns it as stored. When t.IdempotencyKey is
	// set and known it returns the existing task and created == false if the digests agree, else
	// ErrConflict.
	Create(ctx context.Context, t Task) (task Task, created bool, err error)

	// Get returns ErrNotFound for an unknown id.
	Get(ctx context.Context, id string) (Task, error)

	// Attempts returns a task's attempts, oldest first; none for an unknown id.
	Attempts(ctx context.Context, id string) ([]Attempt, error)

	// Published notes that a message for the task was handed to the transport. It does nothing
	// when the task no longer waits.
	Published(ctx context.Context, id string) error

	// Unpublished takes that back: the message was not handed over after all, and Stale is to
	// return the task again. It does nothing when the task no longer waits.
	Unpublished(ctx context.Context, id string) error

	// UnpublishAll does the same for every waiting task. It is for a transport that forgets its
	// messages when its process ends.
	UnpublishAll(ctx context.Context) error

	// Claim hands task id to worker until the lease ends, and counts the attempt. It returns
	// ErrNotFound for an unknown id and ErrNotClaimable when the task is finished, cancelled, not
	// yet due or held by a live lease. A running task whose lease has ended may be claimed again
	// while attempts remain; the attempt before ends with code "lease_lost".
	Claim(ctx context.Context, id, worker string, lease time.Duration) (*Claim, error)

	// Renew prolongs c's lease from now and notes the stage. It returns ErrLeaseLost, and changes
	// nothing, when another claim followed c, or c was reaped or finished, and ErrCancelled when
	// cancel was asked for (the lease is prolonged then too, so that the worker can tidy up).
	Renew(ctx context.Context, c *Claim, stage string, lease time.Duration) error

	// Finish records the outcome of c in the task and in the attempt's row. It returns
	// ErrLeaseLost, and changes nothing, when another claim followed c or c was reaped. A Retrying
	// outcome with no attempts left is stored as Dead. When cancel was asked for, every other
	// outcome is stored as Cancelled and Finish returns ErrCancelled: the caller removes what it wrote.
	// Repeating a Finish that was recorded returns what the first returned, so that a caller whose
	// answer was lost may ask again.
	Finish(ctx context.Context, c *Claim, o Outcome) error

	// Cancel ends a waiting task at once and marks a running one; ErrFinal when it is over.
	Cancel(ctx context.Context, id string) (Task, error)

	// Erase cancels the task if it is not final, and clears keys, digest, detail and result. It returns the
	// task as it was before, so that the caller can delete its blobs. Erasing twice is no error. A
	// running task stays Running until its worker, or the reaper, ends it as Cancelled.
	Erase(ctx context.Context, id string) (before Task, err error)

	// Reap ends attempts whose lease is over: the task is Retrying (due after backoff(attempt)), or Dead with
	// code "lease_lost" when its attempts are used up, or Cancelled when that was asked for. At most limit tasks; it returns
	// them as they are then.
	Reap(ctx context.Context, backoff func(attempt int) time.Duration, limit int) ([]Task, error)

	// Stale returns tasks that want a message: Retrying and due, or Queued and unpublished for
	// PublishGrace, or published but not claimed for unclaimedAfter. Each is made Queued and marked
	// as published now, so that several janitors share the work. A task that stays unclaimed is
	// returned again after 2, 4, 8 ... 64 times unclaimedAfter, lest a long backlog flood the
	// transport. At most limit.
	Stale(ctx context.Context, unclaimedAfter time.Duration, limit int) ([]Task, error)

	// Counts returns how many tasks are in each state, from kept counters.
	Counts(ctx context.Context) (map[State]int64, error)

	// Ping reports whether the ledger answers and can write.
	Ping(ctx context.Context) error

	Close() error
}
