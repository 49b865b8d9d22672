package queue_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if ledger := os.Getenv(victimEnv); ledger != "" {
		victim(ledger) // this process is one that a kill test started
		return
	}
	goleak.VerifyTestMain(m)
}
