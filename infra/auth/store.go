package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// DB is the database of people, keys, sessions and guesses. Queries have ? for values.
// sqlledger.SQL is one, and has the tables.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) (changed int64, err error)
	Returning(ctx context.Context, query string, args ...any) *sql.Row // a statement that writes
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Store keeps people, keys, sessions and guesses. Its methods may be called from many goroutines
// and processes.
type Store struct {
	db  DB
	now func() time.Time
}

// NewStore returns the store on db. A nil now is time.Now.
func NewStore(db DB, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, now: now}
}

// Errors of a Store. Compare with errors.Is.
var (
	ErrNotFound  = errors.New("auth: no such person or key")
	ErrTaken     = errors.New("auth: the name is taken")
	ErrName      = errors.New("auth: a name has 2 to 64 of a-z, 0-9, dot, dash and underscore, and starts with a letter or digit")
	ErrRole      = errors.New("auth: this role cannot be given here")
	ErrLastAdmin = errors.New("auth: one admin must remain")
	ErrForeign   = errors.New("auth: the person's password and role are kept at the OpenID provider")
)

// micros is t as the database has it; 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// one turns the outcome of an update of one row into an error.
func one(changed int64, err error) error {
	if err == nil && changed == 0 {
		return ErrNotFound
	}
	return err
}
