-- One schema for SQLite and Postgres. Times are microseconds since 1970 UTC, 0 for "not yet";
-- truth values are 0 and 1; JSON is text.

-- +goose Up
CREATE TABLE tasks (
	id               TEXT PRIMARY KEY,
	kind             TEXT NOT NULL,
	lane             TEXT NOT NULL,
	options          TEXT NOT NULL,
	input_key        TEXT NOT NULL,
	idempotency_key  TEXT UNIQUE, -- NULL when the client gave none, or once erased
	digest           TEXT NOT NULL,
	trace_parent     TEXT NOT NULL,
	trace_state      TEXT NOT NULL,
	state            TEXT NOT NULL,
	was              TEXT NOT NULL, -- the state before the last transition: tells a conditional update what it left
	stage            TEXT NOT NULL DEFAULT '',
	attempts         BIGINT NOT NULL DEFAULT 0,
	max_attempts     BIGINT NOT NULL,
	code             TEXT NOT NULL DEFAULT '',
	detail           TEXT NOT NULL DEFAULT '',
	result_prefix    TEXT NOT NULL DEFAULT '',
	result           TEXT NOT NULL DEFAULT '',
	cancel_requested BIGINT NOT NULL DEFAULT 0,
	erased           BIGINT NOT NULL DEFAULT 0,
	worker           TEXT NOT NULL DEFAULT '',
	token            TEXT NOT NULL DEFAULT '',
	lease_until      BIGINT NOT NULL DEFAULT 0,
	hints            BIGINT NOT NULL DEFAULT 0, -- messages sent since the task became Queued
	hinted_at        BIGINT NOT NULL DEFAULT 0, -- unclaimed is counted from here; in the future after repeated messages
	created_at       BIGINT NOT NULL,
	due_at           BIGINT NOT NULL,
	started_at       BIGINT NOT NULL DEFAULT 0,
	finished_at      BIGINT NOT NULL DEFAULT 0,
	updated_at       BIGINT NOT NULL
);

-- Each sweep has a partial index of its own, and nothing else indexes the state: beside an index
-- on (state, ...) SQLite prefers that one and sorts every waiting task for each look.
CREATE INDEX tasks_waiting ON tasks (hinted_at) WHERE state = 'queued';
CREATE INDEX tasks_retry ON tasks (due_at) WHERE state = 'retrying';
CREATE INDEX tasks_lease ON tasks (lease_until) WHERE state = 'running';

CREATE TABLE attempts (
	task_id     TEXT NOT NULL,
	number      BIGINT NOT NULL,
	worker      TEXT NOT NULL,
	token       TEXT NOT NULL,
	state       TEXT NOT NULL,
	code        TEXT NOT NULL DEFAULT '',
	error       TEXT NOT NULL DEFAULT '',
	stack       TEXT NOT NULL DEFAULT '',
	stages      TEXT NOT NULL DEFAULT '',
	started_at  BIGINT NOT NULL,
	finished_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (task_id, number)
);

-- Tasks per lane and state, kept by every transition in its own transaction. Postgres spreads the
-- writes over shards, so that transitions do not queue for one row; readers add the shards up.
CREATE TABLE task_counts (
	lane  TEXT NOT NULL,
	state TEXT NOT NULL,
	shard BIGINT NOT NULL,
	n     BIGINT NOT NULL,
	PRIMARY KEY (lane, state, shard)
);

-- Written by each readiness check: a full disk or a read-only file shows here first.
CREATE TABLE health (
	id         BIGINT PRIMARY KEY,
	checked_at BIGINT NOT NULL
);
INSERT INTO health (id, checked_at) VALUES (1, 0);

-- +goose Down
DROP TABLE health;
DROP TABLE task_counts;
DROP TABLE attempts;
DROP TABLE tasks;
