package config

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreComplete(t *testing.T) {
	c, err := Read(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:8080" || c.MaxImageBytes != 20<<20 || c.MaxPixels != 50e6 || c.Lease != 10*time.Second || c.Workers < 1 {
		t.Errorf("defaults are %+v", c)
	}
}

func TestCloudRunsPortListensOnEveryInterface(t *testing.T) {
	c, err := Read([]string{"PORT=9000"})
	if err != nil || c.Addr != ":9000" {
		t.Errorf("Read = %+v, %v; want Addr :9000", c, err)
	}
}

func TestEveryBadVariableIsReportedAtOnceWithoutItsValue(t *testing.T) {
	_, err := Read([]string{
		"FUNCTION=uplaod", "MAX_PIXELS=many", "LEASE=2s", "RENEW_EVERY=3s", "WORKERS=-1", "ATTEMPT_TIMEOUT=soon",
		"LEDGER_URL=post gres:hunter2@", "OTLP_URL=localhost", "RETAIN_ORIGINALS=10h", "RETAIN_RESULTS=1h", "BULK_TOPIC_URL=tasks", "UPLOAD_MEMORY=1", "EVENT_STREAMS=0",
		"SAMPLE_RATIO=1.5", "SLOW_TASK=0s",
	})
	if err == nil {
		t.Fatal("bad settings were accepted")
	}
	for _, want := range []string{
		"FUNCTION: want one of", "MAX_PIXELS: not a valid int64", "RENEW_EVERY: must be shorter", "WORKERS:", "ATTEMPT_TIMEOUT: not a valid",
		"LEDGER_URL: not a URL", "OTLP_URL: not a URL", "RETAIN_RESULTS: must not be shorter", "BULK_TOPIC_URL: not a URL", "UPLOAD_MEMORY:", "EVENT_STREAMS:", "SAMPLE_RATIO:", "SLOW_TASK:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "MAX_PIXELS") != 1 {
		t.Errorf("the error tells a value, or a variable twice:\n%v", err)
	}
}
