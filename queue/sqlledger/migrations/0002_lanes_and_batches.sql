-- Lanes that pause, batches, and what lists and retention need of a task.

-- +goose Up
ALTER TABLE tasks ADD COLUMN batch_id TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN expired BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN purge_step BIGINT NOT NULL DEFAULT 0; -- the next one, see queue.PurgeOriginal
ALTER TABLE tasks ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;    -- whether its end is in the history
ALTER TABLE attempts ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;

CREATE TABLE lanes (
	lane      TEXT PRIMARY KEY,
	paused_at BIGINT NOT NULL DEFAULT 0, -- 0: not paused
	paused_by TEXT NOT NULL DEFAULT ''
);
INSERT INTO lanes (lane) VALUES ('express'), ('bulk');

CREATE TABLE batches (
	id              TEXT PRIMARY KEY,
	name            TEXT NOT NULL,
	options         TEXT NOT NULL,
	manifest_key    TEXT NOT NULL,
	idempotency_key TEXT UNIQUE, -- NULL when the client gave none, or once erased
	digest          TEXT NOT NULL,
	total           BIGINT NOT NULL,
	refused         BIGINT NOT NULL,
	erased          BIGINT NOT NULL DEFAULT 0,
	created_at      BIGINT NOT NULL,
	updated_at      BIGINT NOT NULL,
	finished_at     BIGINT NOT NULL DEFAULT 0
);

-- Tasks per batch and state, kept like task_counts.
CREATE TABLE batch_counts (
	batch_id TEXT NOT NULL,
	state    TEXT NOT NULL,
	shard    BIGINT NOT NULL,
	n        BIGINT NOT NULL,
	PRIMARY KEY (batch_id, state, shard)
);

-- +goose Down
DROP TABLE batch_counts;
DROP TABLE batches;
DROP TABLE lanes;
ALTER TABLE attempts DROP COLUMN counted;
ALTER TABLE tasks DROP COLUMN counted;
ALTER TABLE tasks DROP COLUMN purge_step;
ALTER TABLE tasks DROP COLUMN expired;
ALTER TABLE tasks DROP COLUMN label;
ALTER TABLE tasks DROP COLUMN batch_id;
