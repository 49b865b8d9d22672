package queue

import "time"

// RetryPolicy says how often a kind of task is tried, and how long after a failure.
type RetryPolicy struct {
	Attempts int           // 1 + retries; default DefaultMaxAttempts
	Base     time.Duration // back-off after the first failure; doubles, with full jitter; default 10 s
	Limit    time.Duration // longest back-off; default 10 min
}

// Retries are the policies of all kinds. The zero value is the default for every kind.
type Retries struct {
	Default RetryPolicy
	Kinds   map[string]RetryPolicy // zero fields are those of Default
}

// For returns the policy of a kind, complete.
func (r Retries) For(kind string) RetryPolicy {
	p := r.Kinds[kind]
	for _, from := range []RetryPolicy{r.Default, {DefaultMaxAttempts, 10 * time.Second, 10 * time.Minute}} {
		setDefault(&p.Attempts, from.Attempts)
		setDefault(&p.Base, from.Base)
		setDefault(&p.Limit, from.Limit)
	}
	return p
}

// Backoff returns the wait after the n-th failed attempt at a task of the kind.
func (r Retries) Backoff(kind string, attempt int) time.Duration {
	p := r.For(kind)
	return FullJitter(p.Base, p.Limit)(attempt)
}
