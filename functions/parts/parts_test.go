package parts

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/pubsub"

	"idphoto/infra/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	c, err := config.Read(append([]string{"LEDGER_URL=mem://", "BLOBS_URL=mem://", "TOPIC_URL=mem://" + t.Name()}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOnlyWhatIsNeededIsOpenedAndChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		need Need
		want []string
	}{
		"janitor": {Need{Topic: true}, []string{"ledger", "queue", "queue_bulk"}},
		"status":  {Need{Blobs: true}, []string{"ledger", "blobs"}},
		"upload":  {Need{Blobs: true, Topic: true}, []string{"ledger", "blobs", "queue", "queue_bulk"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(t.Context(), settings(t, "BULK_TOPIC_URL=mem://bulk-"+t.Name()), tc.need, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			checks := p.Checks()
			if len(checks) != len(tc.want) {
				t.Errorf("%d checks, want %v", len(checks), tc.want)
			}
			for _, part := range tc.want {
				if _, err := checks[part](t.Context()); err != nil {
					t.Errorf("%s is not ready: %v", part, err)
				}
			}
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := checks["ledger"](t.Context()); err == nil {
				t.Error("a closed ledger is ready")
			}
		})
	}
}

func TestAPartThatCannotBeOpenedIsNamed(t *testing.T) {
	for variable, environ := range map[string]string{
		"LEDGER_URL": "LEDGER_URL=oracle://x", "BLOBS_URL": "BLOBS_URL=ftp://x", "TOPIC_URL": "TOPIC_URL=pigeon://x",
		"BULK_TOPIC_URL": "BULK_TOPIC_URL=pigeon://x",
	} {
		p, err := Open(t.Context(), settings(t, environ), Need{Blobs: true, Topic: true}, slog.New(slog.DiscardHandler))
		if err == nil {
			p.Close(t.Context())
		}
		if err == nil || err.Error()[:len(variable)] != variable {
			t.Errorf("%s: %v", environ, err)
		}
	}
}

// sender answers as it is told.
type sender struct{ err error }

func (s *sender) Send(context.Context, *pubsub.Message) error { return s.err }

func TestAQueueThatTookNoMessageIsNotReadyForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &sender{err: errors.New("away")}
		topic := &watchedTopic{Topic: broker}
		if err := topic.check(); err != nil {
			t.Errorf("before the first message: %v", err)
		}
		left, leave := context.WithCancel(t.Context())
		leave()
		topic.Send(left, nil)
		if err := topic.check(); err != nil {
			t.Errorf("after a caller who left: %v", err)
		}
		topic.Send(t.Context(), nil)
		if topic.check() == nil {
			t.Error("ready after a message that was not taken")
		}
		time.Sleep(failureCounts)
		if err := topic.check(); err != nil {
			t.Errorf("not ready for ever, although nobody asks it to send: %v", err)
		}
		topic.Send(t.Context(), nil)
		broker.err = nil
		topic.Send(t.Context(), nil)
		if err := topic.check(); err != nil {
			t.Errorf("after a message that was taken: %v", err)
		}
	})
}
