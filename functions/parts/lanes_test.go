package parts

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"idphoto/queue"
)

func TestEachLaneHasItsQueue(t *testing.T) {
	own := "mem://bulk-" + t.Name()
	for name, tc := range map[string]struct {
		environ []string
		bulk    string // where a bulk task's message is to come out
	}{
		"own":             {[]string{"BULK_TOPIC_URL=" + own, "BULK_SUBSCRIPTION_URL=" + own}, queue.Bulk},
		"shared":          {nil, queue.Express},
		"shared by a URL": {[]string{"BULK_TOPIC_URL=mem://" + t.Name(), "BULK_SUBSCRIPTION_URL=mem://" + t.Name()}, queue.Express},
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(t, append(tc.environ, "TOPIC_URL=mem://TestEachLaneHasItsQueue", "SUBSCRIPTION_URL=mem://TestEachLaneHasItsQueue")...)
			p, err := Open(t.Context(), c, Need{Topic: true}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(t.Context())
			subs, err := OpenSubscriptions(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer subs.Close(t.Context())
			if n := len(p.topics); n != len(subs.Lanes) || (n == 2) != (tc.bulk == queue.Bulk) {
				t.Errorf("%d topics and %d subscriptions are open", n, len(subs.Lanes))
			}
			task, _, err := p.Publisher.Submit(t.Context(), queue.Task{Kind: "photo", Lane: queue.Bulk})
			if err != nil {
				t.Fatal(err)
			}
			m, err := subs.Lanes[tc.bulk].Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := queue.ParseMessage(m.Body); err != nil || got.TaskID != task.ID {
				t.Errorf("message is %+v, %v", got, err)
			}
			m.Ack()
		})
	}
}

func TestASubscriptionThatCannotBeOpenedIsNamed(t *testing.T) {
	for _, variable := range []string{"SUBSCRIPTION_URL", "BULK_SUBSCRIPTION_URL"} {
		_, err := OpenSubscriptions(t.Context(), settings(t, variable+"=pigeon://x"))
		if err == nil || !strings.HasPrefix(err.Error(), variable) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestRetriesAreAsTheSettingsSay(t *testing.T) {
	r := Retries(settings(t, "MAX_ATTEMPTS=3", "RETRY_BASE=7s", "RETRY_KINDS=noop=1:1s"))
	if got, want := r.For("photo"), (queue.RetryPolicy{Attempts: 3, Base: 7 * time.Second, Limit: 10 * time.Minute}); got != want {
		t.Errorf("photo: %+v, want %+v", got, want)
	}
	if got, want := r.For("noop"), (queue.RetryPolicy{Attempts: 1, Base: time.Second, Limit: 10 * time.Minute}); got != want {
		t.Errorf("noop: %+v, want %+v", got, want)
	}
}
