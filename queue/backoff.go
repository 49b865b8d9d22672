package queue

import (
	"math/rand/v2"
	"time"
)

// FullJitter returns an exponential back-off: before retry n a wait drawn evenly from 0 to
// base*2^(n-1), at most limit. Drawing from the whole range spreads what failed together, which
// a fixed wait would send back together.
func FullJitter(base, limit time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		return time.Duration(rand.Int64N(int64(ceiling(base, limit, attempt)) + 1))
	}
}

// ceiling is the longest wait after this attempt (1 for the first).
func ceiling(base, limit time.Duration, attempt int) time.Duration {
	wait := base
	for i := 1; i < attempt && wait < limit; i++ {
		wait *= 2
	}
	return max(0, min(wait, limit))
}
