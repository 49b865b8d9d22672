package process

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"idphoto/functions/photo"
)

// passing is a stage function that notes the names.
func passing(names *[]string) stageFunc {
	return func(ctx context.Context, name string, f func(context.Context) error) error {
		*names = append(*names, name)
		return f(ctx)
	}
}

func TestANoopTakesItsTimeInEachStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		start := time.Now()
		if err := noop(t.Context(), photo.TestOptions{Sleep: time.Second, Stages: 3}, 1, passing(&names)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second || len(names) != 3 {
			t.Errorf("stages %v took %v", names, took)
		}
		stopped, stop := context.WithCancelCause(t.Context())
		why := errors.New("not wanted any more")
		time.AfterFunc(time.Second, func() { stop(why) })
		if err := noop(stopped, photo.TestOptions{Sleep: time.Hour}, 1, passing(&names)); !errors.Is(err, why) {
			t.Errorf("a stopped noop = %v", err)
		}
	})
}

func TestACrashPanicsWhenAsked(t *testing.T) {
	var names []string
	defer func() {
		if v := recover(); v == nil || len(names) != 3 {
			t.Errorf("recovered %v after %v", v, names)
		}
	}()
	_ = crash(t.Context(), photo.TestOptions{How: photo.Panic, Stages: 2, Times: 2}, 2, passing(&names))
}

func TestACrashSucceedsOnceItHasCrashedOftenEnough(t *testing.T) {
	var names []string
	if err := crash(t.Context(), photo.TestOptions{How: photo.Panic, Times: 2}, 3, passing(&names)); err != nil {
		t.Errorf("the third attempt of a task that crashes twice = %v", err)
	}
}
