-- Lists, workers, the audit log, retention and history.

-- +goose Up

-- Lists page by id, the newest first, along one of these. Each is partial, and a query must repeat
-- its condition word for word for SQLite to use it (SQLite does not see that state = 'queued'
-- implies state <> 'running'). So a list picks its index, and a sweep or a claim, which says nothing
-- of the kind, is never tempted away from its own. Running tasks are few: they go by tasks_lease.
CREATE INDEX tasks_listed ON tasks (state, id) WHERE state <> 'running';
CREATE INDEX tasks_label ON tasks (label, id) WHERE label <> '';
CREATE INDEX tasks_code ON tasks (code, id) WHERE code <> '';
CREATE INDEX tasks_batch ON tasks (batch_id, id) WHERE batch_id <> '';

-- A part of the digest tells pictures apart well enough, in a quarter of the space.
CREATE INDEX tasks_digest ON tasks (substr(digest, 1, 16), id) WHERE state = 'succeeded' AND digest <> '';

CREATE INDEX tasks_purge ON tasks (purge_step, finished_at) WHERE finished_at > 0;
CREATE INDEX batches_purge ON batches (finished_at) WHERE finished_at > 0;

-- Ends that the history does not have yet: short, whatever the ledger's size.
CREATE INDEX tasks_uncounted ON tasks (finished_at) WHERE counted = 0 AND finished_at > 0;
CREATE INDEX attempts_uncounted ON attempts (finished_at) WHERE counted = 0 AND finished_at > 0;
ALTER TABLE attempts ADD COLUMN ready_at BIGINT NOT NULL DEFAULT 0; -- when the task could have been claimed; 0 if unknown

CREATE TABLE workers (
	name        TEXT PRIMARY KEY,
	host        TEXT NOT NULL,
	version     TEXT NOT NULL,
	provider    TEXT NOT NULL,
	state       TEXT NOT NULL,
	slots       BIGINT NOT NULL,
	tasks       TEXT NOT NULL, -- JSON
	memory      BIGINT NOT NULL,
	peak_memory BIGINT NOT NULL,
	load_time   BIGINT NOT NULL,
	cold_start  BIGINT NOT NULL,
	started_at  BIGINT NOT NULL,
	seen_at     BIGINT NOT NULL,
	drain_asked BIGINT NOT NULL DEFAULT 0
);

-- Entries are numbered 1, 2, 3 ...: one that is missing shows.
CREATE TABLE audit (
	number BIGINT PRIMARY KEY,
	at     BIGINT NOT NULL,
	actor  TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	n      BIGINT NOT NULL -- tasks changed
);

-- What happened in a lane during a minute (step 60) or an hour (step 3600). The texts are those of
-- history_text.go; one row per period keeps a week's history some thousand rows.
CREATE TABLE history (
	step             BIGINT NOT NULL,
	began_at         BIGINT NOT NULL,
	lane             TEXT NOT NULL,
	finished         TEXT NOT NULL DEFAULT '',
	failed           TEXT NOT NULL DEFAULT '',
	times            TEXT NOT NULL DEFAULT '',
	originals_purged BIGINT NOT NULL DEFAULT 0,
	results_purged   BIGINT NOT NULL DEFAULT 0,
	rows_purged      BIGINT NOT NULL DEFAULT 0,
	sampled          BIGINT NOT NULL DEFAULT 0, -- whether the rest says anything
	waiting          BIGINT NOT NULL DEFAULT 0,
	running          BIGINT NOT NULL DEFAULT 0,
	oldest_age       BIGINT NOT NULL DEFAULT 0,
	slots            BIGINT NOT NULL DEFAULT 0,
	busy             BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (step, began_at, lane)
);

-- +goose Down
DROP TABLE history;
DROP TABLE audit;
DROP TABLE workers;
DROP INDEX attempts_uncounted;
ALTER TABLE attempts DROP COLUMN ready_at;
DROP INDEX tasks_uncounted;
DROP INDEX batches_purge;
DROP INDEX tasks_purge;
DROP INDEX tasks_digest;
DROP INDEX tasks_batch;
DROP INDEX tasks_code;
DROP INDEX tasks_label;
DROP INDEX tasks_listed;
