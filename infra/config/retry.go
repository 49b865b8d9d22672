package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Retry says how often a kind of task is tried, and how long after a failure. A zero field is as for
// every kind (MAX_ATTEMPTS, RETRY_BASE, RETRY_LIMIT).
type Retry struct {
	Attempts    int
	Base, Limit time.Duration
}

// parseRetries reads entries like photo=4:10s:10m. Parts may be left out: photo=4, photo=:30s.
func parseRetries(entries []string) (map[string]Retry, error) {
	kinds := make(map[string]Retry)
	for i, entry := range entries {
		kind, policy, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if _, twice := kinds[kind]; !ok || kind == "" || twice {
			return nil, fmt.Errorf("entry %d is not KIND=ATTEMPTS:BASE:LIMIT, or its kind comes twice", i+1)
		}
		r, err := parseRetry(policy)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		kinds[kind] = r
	}
	return kinds, nil
}

func parseRetry(policy string) (r Retry, err error) {
	fields := strings.Split(policy, ":")
	if len(fields) > 3 || policy == "" {
		return r, errors.New("want ATTEMPTS:BASE:LIMIT, as 4:10s:10m")
	}
	fields = append(fields, "", "")
	if fields[0] != "" {
		if r.Attempts, err = strconv.Atoi(fields[0]); err != nil || r.Attempts < 1 {
			return r, errors.New("attempts must be a number above 0")
		}
	}
	for i, into := range []*time.Duration{&r.Base, &r.Limit} {
		if text := fields[i+1]; text != "" {
			if *into, err = time.ParseDuration(text); err != nil || *into <= 0 {
				return r, errors.New("base and limit must be times above 0, as 10s")
			}
		}
	}
	return r, nil
}
