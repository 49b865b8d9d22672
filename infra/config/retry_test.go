package config

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestRetriesOfAKind(t *testing.T) {
	c, err := Read([]string{"RETRY_KINDS=photo=6:5s:2m, noop=1,crash=:1s"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Retry{"photo": {6, 5 * time.Second, 2 * time.Minute}, "noop": {Attempts: 1}, "crash": {Base: time.Second}}
	if !maps.Equal(c.Retries, want) {
		t.Errorf("retries are %v, want %v", c.Retries, want)
	}
	if c, err := Read(nil); err != nil || len(c.Retries) != 0 {
		t.Errorf("without the setting: %v, %v", c.Retries, err)
	}
}

func TestBadRetriesStopTheStart(t *testing.T) {
	for _, bad := range []string{"photo", "photo=", "=4", "photo=0", "photo=-1", "photo=many", "photo=4:10", "photo=4:-1s", "photo=4:1s:0s", "photo=4:1s:2s:3s", "photo=4,photo=5"} {
		_, err := Read([]string{"RETRY_KINDS=" + bad})
		if err == nil || !strings.Contains(err.Error(), "RETRY_KINDS: entry") {
			t.Errorf("RETRY_KINDS=%s: %v", bad, err)
		}
	}
}
