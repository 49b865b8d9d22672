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

// Lanes lists them, the first to be served first.
var Lanes = []string{Express, Bulk}

// Promises returns how long a task may wait in each lane when nobody says otherwise.
func Promises() map[string]time.Duration {
	return map[string]time.Duration{Express: 10 * time.Second, Bulk: 10 * time.Minute}
}

// Task is one piece of work, as the ledger keeps it.
type Task struct {
	ID             string          // UUIDv7: sorts by creation
	Kind           string          // picks the Handler
	Lane           string          // Express or Bulk
	BatchID        string          // the batch it belongs to; empty for none
	Label          string          // a short public word to find tasks by, as the specification's id; never personal data
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
	Expired         bool // its result went when its retention was over

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
	ResultPrefix string          // for Succeeded, and for Rejected with a result to look at
	Result       json.RawMessage // likewise
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
	ErrPaused       = errors.New("queue: the task's lane is paused")
	ErrNotHeld      = errors.New("queue: the task has no result that waits for somebody's look")
	ErrNotRequeued  = errors.New("queue: only a dead, cancelled or retrying task that still has its original can run again")
)
