package drill

import (
	"context"
	"time"

	"idphoto/queue"
)

// scene breaks one thing until its alert fires, and mends it until the alert clears.
type scene struct {
	alert string
	what  string // is broken, for people
	begin func(ctx context.Context, h *house) error
	end   func(ctx context.Context, h *house) error // beside turning all knobs back; nil: nothing more
	every time.Duration                             // another length of a step; 0: the usual one
	warm  time.Duration                             // what goes before, unbroken
}

// turn is a scene that only turns knobs.
func turn(f func(h *house)) func(context.Context, *house) error {
	return func(_ context.Context, h *house) error { f(h); return nil }
}

// scenes has one for each alert but the Watchdog.
var scenes = []scene{
	{alert: "TaskQueueOldestTaskTooOld", what: "messages of the express lane are not delivered",
		begin: turn(func(h *house) { h.held[queue.Express] = true })},
	{alert: "TaskQueueNotDraining", what: "messages of the express lane are not delivered, for long",
		begin: turn(func(h *house) { h.held[queue.Express] = true })},
	{alert: "TaskQueueNoWorkers", what: "the only worker stops",
		begin: turn(func(h *house) { h.workerRuns = false })},
	{alert: "TaskQueuePausedTooLong", what: "somebody pauses the bulk lane and forgets it",
		begin: func(ctx context.Context, h *house) error { return h.ledger.PauseLane(ctx, queue.Bulk, "drill") },
		end:   func(ctx context.Context, h *house) error { return h.ledger.ResumeLane(ctx, queue.Bulk) }},
	{alert: "OutboxStalled", what: "the transport takes no messages, and an upload died after its row",
		begin: func(ctx context.Context, h *house) error {
			h.transportDown = true
			return storeOnly(ctx, h)
		}},
	{alert: "BatchStalled", what: "a batch comes in, and messages of the bulk lane are not delivered",
		begin: func(ctx context.Context, h *house) error {
			h.held[queue.Bulk] = true
			t, err := h.task(ctx, queue.Bulk)
			if err != nil {
				return err
			}
			_, _, err = h.publish.SubmitBatch(ctx, queue.Batch{ID: queue.NewID(), Total: 1}, []queue.Task{t})
			return err
		}},
	{alert: "TaskStuckRunning", what: "a photo does not end, and its worker does not notice",
		begin: turn((*house).hangNextPhoto)},
	{alert: "TaskFailureRatioHigh", what: "each fourth attempt fails",
		begin: turn(func(h *house) { h.failEvery = 4 }), end: requeueDead},
	{alert: "TaskRetryStorm", what: "every attempt fails",
		begin: turn(func(h *house) { h.failEvery = 1 }), end: requeueDead},
	{alert: "TaskLeasesLost", what: "workers take five tasks and die",
		begin: func(ctx context.Context, h *house) error { return loseLeases(ctx, h, 5) }},
	{alert: "TaskDuplicateDeliveriesHigh", what: "the transport delivers every message twice",
		begin: turn(func(h *house) { h.copies = 2 })},
	{alert: "TaskDeadLettered", what: "one photo fails for good",
		begin: turn(func(h *house) { h.failNext = 1 }), end: requeueDead},
	{alert: "DeadLetterBacklog", what: "fifty photos fail for good, and nobody looks at them",
		begin: turn(func(h *house) { h.failNext = 50 }), end: requeueDead},
	{alert: "CanaryLate", what: "nobody sends canaries",
		begin: turn(func(h *house) { h.canariesFly = false })},
	{alert: "JanitorSilent", what: "no janitor works",
		begin: turn(func(h *house) { h.janitorWorks = false })},
	{alert: "LedgerErrors", what: "the ledger answers no claims",
		begin: turn(func(h *house) { h.claimsFail = true })},
	{alert: "MonitorDown", what: "the ledger does not say how it stands",
		begin: turn(func(h *house) { h.readsFail = true })},
	{alert: "PhotoRejectionRatioShift", what: "after a day of photos, all are rejected",
		begin: turn(func(h *house) { h.reject = true }), every: 4 * time.Minute, warm: 25 * time.Hour},
}

func (h *house) hangNextPhoto() { h.hangNext() }

// storeOnly stores a task as an upload does that dies before it sent the message.
func storeOnly(ctx context.Context, h *house) error {
	t, err := h.task(ctx, queue.Express)
	if err != nil {
		return err
	}
	_, _, err = h.ledger.Create(ctx, t)
	return err
}

// loseLeases claims tasks for workers that will not be heard of again.
func loseLeases(ctx context.Context, h *house, n int) error {
	for range n {
		t, err := h.task(ctx, queue.Express)
		if err != nil {
			return err
		}
		if _, _, err := h.ledger.Create(ctx, t); err != nil {
			return err
		}
		if _, err := h.ledger.Ledger.Claim(ctx, t.ID, "gone", time.Second); err != nil {
			return err
		}
	}
	return nil
}

// requeueDead is the operator who retries all dead tasks.
func requeueDead(ctx context.Context, h *house) error {
	for {
		dead, _, err := h.ledger.List(ctx, queue.Filter{States: []queue.State{queue.Dead}}, "", 100)
		if err != nil || len(dead) == 0 {
			return err
		}
		for _, t := range dead {
			if _, err := h.ledger.Requeue(ctx, t.ID, queue.DefaultMaxAttempts); err != nil {
				return err
			}
		}
	}
}
