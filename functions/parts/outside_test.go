package parts

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"idphoto/infra/notify"
	"idphoto/queue"
)

// TestTheJanitorTellsTheWebhook: settings, ledger, janitor and request fit together.
func TestTheJanitorTellsTheWebhook(t *testing.T) {
	const secret = "sixteen bytes or more"
	told := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := notify.Verify(r.Header, body, secret, time.Now(), time.Minute); err != nil {
			t.Error(err)
		}
		told <- string(body)
	}))
	defer receiver.Close()
	c := settings(t, "WEBHOOK_URL="+receiver.URL, "WEBHOOK_SECRET="+secret, "WEBHOOK_HOSTS=127.0.0.0/8,hooks.example", "PUBLIC_URL=https://photos.example")
	p, err := Open(t.Context(), c, Need{Blobs: true, Topic: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	dead := queue.Task{ID: queue.NewID(), Kind: queue.KindUnreadable, Lane: queue.Express, State: queue.Dead, Code: queue.CodeUnreadable, MaxAttempts: 1,
		IdempotencyKey: "k", Digest: "d"}
	if err := p.Ledger.RecordDead(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Janitor().Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 1 {
		t.Fatalf("told %d times, want once", len(told))
	}
	if body := <-told; !strings.Contains(body, `"event":"task.dead"`) || !strings.Contains(body, "https://photos.example/monitor/tasks/"+dead.ID) {
		t.Errorf("told %s", body)
	}
}

func TestABadWebhookStopsTheStart(t *testing.T) {
	c := settings(t, "WEBHOOK_URL=https://hooks.example/x", "WEBHOOK_SECRET=hunter2")
	_, err := Open(t.Context(), c, Need{}, slog.New(slog.DiscardHandler))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("Open = %v, want an error without the secret", err)
	}
	for _, want := range []string{"WEBHOOK_URL", "16 bytes", "list of hosts"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

func TestSamplingIsAsTheSettingsSay(t *testing.T) {
	o := Telemetry(settings(t, "SAMPLE_RATIO=0.1", "SLOW_TASK=5s", "OTLP_URL=http://127.0.0.1:4318"), "idphoto-test")
	if o.Sampling.Ratio != 0.1 || o.Sampling.Slow != 5*time.Second || o.OTLPURL == "" || o.SpanID == nil || o.Service != "idphoto-test" {
		t.Errorf("options are %+v", o)
	}
	if o := Telemetry(settings(t), "x"); o.Sampling.Ratio != 1 {
		t.Errorf("without a setting the share is %v, want all", o.Sampling.Ratio)
	}
}
