package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"

	"gocloud.dev/gcerrors"
)

// Codes that the queue itself gives to failed attempts and dead or cancelled tasks. Stored and
// shown: add, never rename. A handler adds its own through Rejection, Permanent and ErrorCode.
const (
	CodeInternal    = "internal"    // an error that no class below fits
	CodePanic       = "panic"       // the handler panicked; the attempt keeps the stack
	CodeTimeout     = "timeout"     // the attempt, or one of its stages, took too long
	CodeUnavailable = "unavailable" // storage, network or a service did not answer
	CodeNoSpace     = "no_space"    // a disk or quota is full
	CodeOutOfMemory = "out_of_memory"
	CodeLeaseLost   = "lease_lost"   // the worker died, hung or lost the ledger
	CodeHandedBack  = "handed_back"  // the worker shut down and gave the task back
	CodeUnknownKind = "unknown_kind" // no handler for the task's kind in the worker that got it
	CodeUnreadable  = "unreadable_message"
	CodeCancelled   = "cancelled"
)

// Errors of Publisher and Worker. Compare with errors.Is.
var (
	// ErrNotPublished tells that the transport took no message for a task, and that the task was
	// therefore not accepted: nothing of it is in the ledger.
	ErrNotPublished = errors.New("queue: no message could be sent, the task was not accepted")

	// ErrStuck tells that a handler did not return although its time was over. Its goroutine cannot
	// be stopped: only the end of the process frees what it holds.
	ErrStuck = errors.New("queue: a handler does not return, the process has to end")
)

// ErrOutOfMemory tells that a handler could not get memory it needs now but may get later.
var ErrOutOfMemory = errors.New("queue: out of memory")

// Rejection is a handler's "the rules say no": the task ends Rejected, is not retried and is no
// error.
type Rejection struct {
	Code   string         // stable word, shown to clients
	Detail map[string]any // small JSON values for the code's sentence; never personal data
	Err    error          // cause for operators; may be nil

	// Result, when set, is what the attempt made nevertheless: the task is held, and Ledger.Accept
	// makes the result good once somebody has looked at it.
	Result json.RawMessage
}

func (r *Rejection) Error() string {
	if r.Err == nil {
		return "rejected: " + r.Code
	}
	return "rejected: " + r.Code + ": " + r.Err.Error()
}

func (r *Rejection) Unwrap() error { return r.Err }

// permanent marks an error that no retry can mend.
type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

// Permanent marks err as one that no retry can mend: the task is Dead at once. The code is that
// of err's ErrorCode method where it has one, else CodeInternal. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// panicError carries a handler's panic to the attempt's row.
type panicError struct {
	value any
	stack string
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// class is one row of the table of errors.
type class struct {
	code  string
	retry bool
	is    func(error) bool
}

// classes decides what becomes of an attempt that failed; the first row that fits counts. What
// no row fits is retried: a needless retry costs seconds, a wrong Dead costs somebody a photo.
var classes = []class{
	{CodePanic, true, func(err error) bool { _, ok := errors.AsType[*panicError](err); return ok }},
	{"", false, func(err error) bool { _, ok := errors.AsType[*permanent](err); return ok }}, // its own code
	{CodeUnknownKind, true, func(err error) bool { return errors.Is(err, errUnknownKind) }},
	{CodeOutOfMemory, true, func(err error) bool { return errors.Is(err, ErrOutOfMemory) || errors.Is(err, syscall.ENOMEM) }},
	{CodeNoSpace, true, func(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }},
	{CodeTimeout, true, func(err error) bool {
		return errors.Is(err, errAttemptTooLong) || errors.Is(err, errStageTooLong) || errors.Is(err, context.DeadlineExceeded)
	}},
	{CodeUnavailable, true, unavailable},
	{CodeInternal, true, func(error) bool { return true }},
}

func classOf(err error) class {
	for _, c := range classes {
		if !c.is(err) {
			continue
		}
		if c.code == "" {
			c.code = codeOf(err)
		}
		return c
	}
	panic("unreachable: the last class fits every error")
}

// codeOf is the code that an error brings along.
func codeOf(err error) string {
	if coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok && coded.ErrorCode() != "" {
		return coded.ErrorCode()
	}
	return CodeInternal
}

func unavailable(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	switch gcerrors.Code(err) {
	case gcerrors.ResourceExhausted, gcerrors.DeadlineExceeded, gcerrors.Internal, gcerrors.PermissionDenied, gcerrors.FailedPrecondition:
		return true
	}
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}
