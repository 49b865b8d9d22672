package photo

import (
	"fmt"
	"strconv"
	"time"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// Kinds that exist for measuring and killing, where the setting TEST_KINDS allows them. They need
// no picture.
const (
	Noop  = "noop"  // does nothing, in as many stages and as slowly as asked
	Crash = "crash" // takes its worker down, in the way asked
)

// Ways of a Crash to fail.
const (
	Kill  = "kill"  // the process kills itself with SIGKILL
	Panic = "panic" // the handler panics
	Hang  = "hang"  // the handler neither ends nor hears that it should
)

// TestOptions are the options of Noop and Crash, in the form that is stored.
type TestOptions struct {
	Sleep  time.Duration `json:"sleep_ns,omitempty"` // each stage lasts so long
	Stages int           `json:"stages,omitempty"`   // default 1
	How    string        `json:"how,omitempty"`      // of a Crash; default Kill
	Times  int           `json:"times,omitempty"`    // of a Crash: attempts that crash, later ones succeed; default all
}

// Bounds of what a client may ask for.
const (
	maxTestSleep  = 10 * time.Minute
	maxTestStages = 1000
)

// Set reads one form field of a test kind. Errors are *fault.Error.
func (o *TestOptions) Set(field, value string) error {
	refused := fault.New(problem.BadOption, nil, "field", field)
	switch field {
	case "sleep_ms":
		ms, err := strconv.Atoi(value)
		if err != nil || ms < 0 || ms > int(maxTestSleep/time.Millisecond) {
			return refused
		}
		o.Sleep = time.Duration(ms) * time.Millisecond
	case "stages":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxTestStages {
			return refused
		}
		o.Stages = n
	case "times":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return refused
		}
		o.Times = n
	case "how":
		if value != Kill && value != Panic && value != Hang {
			return refused
		}
		o.How = value
	default:
		return fmt.Errorf("%q is no option of a test kind", field)
	}
	return nil
}
