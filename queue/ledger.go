package queue

import (
	"context"
	"time"
)

// Ledger keeps every task and decides who may work on it. Implementations neither retry nor log:
// package queue does both. Every method may be called from many goroutines and processes.
//
// What a caller needs is mostly one of its parts.
type Ledger interface {
	Work
	Reading
	Operation
	Batches
	Registry
	Upkeep

	// Ping reports whether the ledger answers and can write.
	Ping(ctx context.Context) error

	Close() error
}

// Work is a task's way from its submission to its end.
type Work interface {
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
	// yet due or held by a live lease, and ErrPaused when its lane is paused (the task is then
	// unpublished: resuming publishes it). A running task whose lease has ended may be claimed again
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
	// transport. Tasks of paused lanes are left out. At most limit.
	Stale(ctx context.Context, unclaimedAfter time.Duration, limit int) ([]Task, error)

	// Withdraw removes a task that was stored a moment ago and could not be published. withdrawn is
	// false, and nothing changes, when a worker has claimed it, it left Queued in another way, or it
	// counts as published meanwhile: a janitor found it, or a repeated submission relies on it.
	// ErrNotFound for an unknown id.
	Withdraw(ctx context.Context, id string) (withdrawn bool, err error)

	// RecordDead stores t as Dead with its Code and Detail: a message that nobody can read, made
	// visible. A repeated one (the same IdempotencyKey) changes nothing.
	RecordDead(ctx context.Context, t Task) error
}

// Reading shows what is in the ledger. It changes nothing and scans no table.
type Reading interface {
	// Counts returns how many tasks are in each state, from kept counters.
	Counts(ctx context.Context) (map[State]int64, error)

	// LaneCounts returns the same per lane.
	LaneCounts(ctx context.Context) (map[string]map[State]int64, error)

	// List returns the tasks that f selects, the newest first, at most limit. next goes on after
	// this page and is empty at the end. A page may be short, even empty, and not be the end: a call
	// looks at a bounded number of tasks when f narrows by fields that have no index, see Filter.
	List(ctx context.Context, f Filter, after Cursor, limit int) (tasks []Task, next Cursor, err error)

	// FindFinished returns the newest Succeeded task with this digest whose result is still there,
	// or ErrNotFound.
	FindFinished(ctx context.Context, digest string) (Task, error)
}

// Filter selects tasks; zero fields select all. State, Code, Label, BatchID and the time bounds
// have an index each; the other fields narrow what these leave.
type Filter struct {
	States     []State
	Code       string
	Kind       string
	Label      string
	Lane       string
	BatchID    string
	Worker     string // of the current or last attempt
	IDPrefix   string
	Held       bool          // only those whose result waits for somebody's look, see Operation.Accept
	From, To   time.Time     // created in [From, To), by the time in the id: to the millisecond
	LongerThan time.Duration // between first claim and end
}

// Cursor is where a page ended: the id of the last task that it looked at.
type Cursor string

// Operation is what operators do.
type Operation interface {
	// Requeue lets a Dead or Cancelled task run again, at once and at least the given number of
	// times; a Retrying one need not wait any longer. Its attempts stay. ErrNotRequeued for any
	// other and for one that is erased or whose original was purged, ErrNotFound for an unknown id.
	Requeue(ctx context.Context, id string, attempts int) (Task, error)

	// Accept makes the result of a held task good: one that was Rejected with a result, for
	// somebody to look at. It is Succeeded then; its attempts stay as they were. ErrNotHeld for any
	// other and for one that is erased or purged, ErrNotFound for an unknown id.
	Accept(ctx context.Context, id string) (Task, error)

	// Refuse settles a held task the other way: it stays Rejected, as it was counted, with its code
	// and detail, and has no result any more. It returns the task as it was before, so that the
	// caller can delete the result's blobs. ErrNotHeld and ErrNotFound as for Accept: of those who
	// accept or refuse at once, exactly one does.
	Refuse(ctx context.Context, id string) (before Task, err error)

	// PauseLane keeps tasks of the lane from being claimed; running ones go on. Pausing twice keeps
	// the first time and name.
	PauseLane(ctx context.Context, lane, by string) error

	// ResumeLane undoes it: the waiting tasks of the lane count as unpublished.
	ResumeLane(ctx context.Context, lane string) error

	// LaneStates returns every lane with its pause and its backlog, in the order of Lanes.
	LaneStates(ctx context.Context) ([]LaneState, error)

	// Record adds an entry to the audit log. Entries are never changed.
	Record(ctx context.Context, e AuditEntry) error

	// AuditLog returns entries, the newest first, at most limit, older than the one numbered
	// before (0: from the newest).
	AuditLog(ctx context.Context, before int64, limit int) ([]AuditEntry, error)
}

// LaneState is how a lane stands.
type LaneState struct {
	Lane      string
	Paused    bool
	PausedAt  time.Time
	PausedBy  string
	Waiting   int64 // Queued, and Retrying that are due or not
	Running   int64
	OldestAge time.Duration // how long the oldest ready task has waited; deliberate back-off is not waiting

	// Unsent is about how long a task has wanted a message that nobody sent: queued and never
	// published, or its retry due. More than seconds means that no janitor works, or that the
	// transport takes nothing. 0 in a paused lane, whose tasks get no messages.
	Unsent time.Duration
}

// AuditEntry is one thing that somebody did.
type AuditEntry struct {
	Number int64 // given by the ledger, rising
	At     time.Time
	Actor  string // who: a user's name, a key's name, "cli"
	Action string // what: "retry", "cancel", "erase", "pause", ...
	Target string // on what: a task's id, a lane, a filter
	Count  int64  // how many tasks it changed
}

// Batch is many tasks that were handed in together. File names are not in it: they are personal
// data and lie in the manifest blob.
type Batch struct {
	ID             string // UUIDv7
	Name           string // the operator's own word for it
	Options        []byte // JSON, as the tasks have them
	ManifestKey    string // blob key; empty once expired or erased
	IdempotencyKey string
	Digest         string
	Total          int64 // tasks in it
	Refused        int64 // files that were not accepted; they are in the manifest only
	Counts         map[State]int64
	Erased         bool
	CreatedAt      time.Time
	UpdatedAt      time.Time // when a task of it changed its state last
	FinishedAt     time.Time // when its last task ended; zero before, and again after a requeue
}

// Done returns how many tasks have ended.
func (b Batch) Done() int64 {
	var n int64
	for s, c := range b.Counts {
		if s.Final() {
			n += c
		}
	}
	return n
}

// Left estimates the time until the last task ends, from the pace so far; false while nothing
// has ended yet.
func (b Batch) Left(now time.Time) (time.Duration, bool) {
	done := b.Done()
	switch {
	case done >= b.Total:
		return 0, true
	case done == 0:
		return 0, false
	}
	return time.Duration(float64(now.Sub(b.CreatedAt)) / float64(done) * float64(b.Total-done)), true
}

// Batches keeps what was handed in together. Counts are kept, not counted.
type Batches interface {
	// CreateBatch stores b and its tasks (Queued, due now, unpublished) or nothing. Idempotency is
	// as for Create.
	CreateBatch(ctx context.Context, b Batch, tasks []Task) (batch Batch, created bool, err error)

	// Extend adds tasks to the batch of c's task, stored as CreateBatch does, or nothing, and returns
	// those it added. A task whose id is known is left alone, so that a repeated attempt adds each
	// once; refused joins the batch's own with the first call that adds any. It returns ErrLeaseLost
	// when c is over, and ErrCancelled when cancel was asked for or the batch is erased.
	Extend(ctx context.Context, c *Claim, tasks []Task, refused int64) (added []Task, err error)

	// GetBatch returns ErrNotFound for an unknown id.
	GetBatch(ctx context.Context, id string) (Batch, error)

	// ListBatches returns batches, the newest first, those before the id after (empty: from the newest).
	ListBatches(ctx context.Context, after string, limit int) ([]Batch, error)

	// EraseBatch clears what the batch's row knows of a person, and returns it as it was before. Its
	// tasks are erased one by one, by the caller.
	EraseBatch(ctx context.Context, id string) (before Batch, err error)
}

// WorkerState is how a worker stands.
type WorkerState string

// States of workers. Stored and shown: add, never rename.
const (
	Online   WorkerState = "online"
	Draining WorkerState = "draining" // takes no more tasks
	Stopped  WorkerState = "stopped"  // ended in order
	Lost     WorkerState = "lost"     // has not been heard of for LostAfter
)

// LostAfter is how long a worker may be silent before it counts as lost: long enough for some
// heartbeats to be late, short enough for operators to see it within 15 s.
const LostAfter = 12 * time.Second

// WorkerInfo is what a worker tells of itself with each heartbeat.
type WorkerInfo struct {
	Name       string // of this process: host, process id and a random part
	Host       string
	Version    string // of the program
	Provider   string // execution provider of the networks; empty when it has none
	State      WorkerState
	Slots      int
	Tasks      []WorkerTask
	Memory     int64         // bytes resident now
	PeakMemory int64         // bytes resident at most
	LoadTime   time.Duration // how long opening the networks took
	ColdStart  bool          // it runs where a process is started for work (a function)
	StartedAt  time.Time
	SeenAt     time.Time // by the ledger's clock
	DrainAsked bool      // an operator wants it to drain
}

// WorkerTask is a task in a worker's hands.
type WorkerTask struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Attempt   int       `json:"attempt"`
	Stage     string    `json:"stage"`
	StartedAt time.Time `json:"started_at"`
}

// Registry knows the workers.
type Registry interface {
	// Heartbeat stores w under its name, as seen now. drain reports whether an operator asked it to.
	Heartbeat(ctx context.Context, w WorkerInfo) (drain bool, err error)

	// Drain asks a worker to take no more tasks; ErrNotFound for an unknown name.
	Drain(ctx context.Context, name string) error

	// Workers returns all workers, the longest silent last. One silent for LostAfter is Lost,
	// whether a janitor has marked it or not.
	Workers(ctx context.Context) ([]WorkerInfo, error)

	// MarkLost marks workers silent for LostAfter, and returns those it marked now. It forgets
	// workers that stopped or were lost before the time forget.
	MarkLost(ctx context.Context, forget time.Time) ([]WorkerInfo, error)
}

// Purge steps: what of a finished task goes, one after the other.
const (
	PurgeOriginal = iota // the uploaded picture
	PurgeResult          // what its attempts wrote; the row says Expired
	PurgeRow             // the row and its attempts
)

// Upkeep is a janitor's regular work beside Reap and Stale.
type Upkeep interface {
	// Purgeable returns finished tasks whose step is the next to purge and that ended before the
	// given time, at most limit, the oldest first.
	Purgeable(ctx context.Context, step int, endedBefore time.Time, limit int) ([]Task, error)

	// Purged notes that the step is done for these tasks, and counts it per lane. PurgeOriginal
	// clears InputKey. PurgeResult clears ResultPrefix, Result, Detail, digest and idempotency key
	// and sets Expired: a repeated submission is a new task then. PurgeRow deletes, and makes the
	// batch's Total smaller. A task that was requeued meanwhile is left alone.
	Purged(ctx context.Context, step int, ids []string) error

	// PurgeableBatches returns batches that ended before the given time and still have a manifest
	// (step PurgeResult) or a row without tasks (step PurgeRow).
	PurgeableBatches(ctx context.Context, step int, endedBefore time.Time, limit int) ([]Batch, error)

	// PurgedBatches notes it: PurgeResult clears ManifestKey, digest and idempotency key, PurgeRow
	// deletes the row.
	PurgedBatches(ctx context.Context, step int, ids []string) error

	// RollUp adds tasks and attempts that ended since the last call to the history, at most limit
	// of each, each exactly once, and returns how many it added. Several at once share the work.
	RollUp(ctx context.Context, limit int) (n int, err error)

	// Sample notes backlog, oldest age and busy slots of every lane: for the current minute as they
	// are, for the hour the highest. It drops minutes of the history after two days and hours after
	// 400.
	Sample(ctx context.Context) error

	// History returns the minutes, or the hours when step is an hour or more, that begin in
	// [from, to), by time and lane. Periods in which nothing happened are left out.
	History(ctx context.Context, from, to time.Time, step time.Duration) ([]Period, error)
}

// Period is what happened in a lane during a minute or an hour.
type Period struct {
	Start    time.Time
	Lane     string
	Finished []Reason             // tasks that ended
	Failed   []Reason             // attempts that failed and are tried again, by code alone
	Times    map[string]Histogram // see below
	Purged   map[int]int64        // tasks per purge step
	Sample   *LaneSample          // nil when no janitor ran
}

// Names in Period.Times. A time belongs to the period in which what it measures ended: an
// attempt, or for TimeTotal the task.
const (
	TimeWait  = "wait"   // from ready to claimed, of each attempt; deliberate back-off is not waiting
	TimeRun   = "run"    // of each attempt but lost ones: nobody knows when those ended
	TimeTotal = "total"  // from created to ended, of each task that was not cancelled
	TimeStage = "stage " // and the stage's name
)

// Reason counts one way to end.
type Reason struct {
	State State
	Label string
	Code  string
	N     int64
}

// LaneSample is a lane's backlog at a moment.
type LaneSample struct {
	Waiting, Running int64
	OldestAge        time.Duration
	Slots, Busy      int64 // of all online workers, whatever the lane
}
