// Package pipeline turns one portrait into one ID photo that meets a specification.
//
// A run is a fixed list of stages: decode, detect, landmarks, matte, geometry, compose, encode.
// What the customer can put right comes back as an *Error with a stable code; anything else is
// a fault of ours and may be tried again. The package knows no HTTP, no queue and no database.
package pipeline

import "context"

// StageFunc runs one named stage. The caller may time it, trace it, renew a lease, or refuse to
// go on by returning an error without calling f.
type StageFunc func(ctx context.Context, name string, f func(ctx context.Context) error) error
