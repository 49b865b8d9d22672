-- Lanes that pause, batches, the running attempt in its task's row, and what lists and retention
-- need of a task.

-- +goose Up
ALTER TABLE tasks ADD COLUMN batch_id TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN expired BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN purge_step BIGINT NOT NULL DEFAULT 0; -- the next one, see queue.PurgeOriginal
ALTER TABLE tasks ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;    -- whether its end is in the history
ALTER TABLE attempts ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;

-- A running attempt is its task's row (attempts is its number); its own row is written once, when
-- it has ended.
ALTER TABLE tasks ADD COLUMN claimed_at BIGINT NOT NULL DEFAULT 0; -- when the last attempt began
ALTER TABLE tasks ADD COLUMN ready_at BIGINT NOT NULL DEFAULT 0;   -- since when it could have; 0 if unknown
UPDATE tasks SET claimed_at = COALESCE((SELECT started_at FROM attempts WHERE task_id = id AND number = tasks.attempts), updated_at)
	WHERE state = 'running';
DELETE FROM attempts WHERE finished_at = 0;
ALTER TABLE tasks DROP COLUMN was;

-- Sweeps go lane by lane, so that a paused lane's backlog is never looked through.
DROP INDEX tasks_waiting;
DROP INDEX tasks_retry;
CREATE INDEX tasks_waiting ON tasks (lane, hinted_at) WHERE state = 'queued';
CREATE INDEX tasks_ready ON tasks (lane, due_at) WHERE state = 'queued';
CREATE INDEX tasks_retry ON tasks (lane, due_at) WHERE state = 'retrying';

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
	updated_at      BIGINT NOT NULL, -- of the row itself; when its tasks moved is in batch_counts
	finished_at     BIGINT NOT NULL DEFAULT 0
);

-- Tasks per batch and state, kept like task_counts.
CREATE TABLE batch_counts (
	batch_id   TEXT NOT NULL,
	state      TEXT NOT NULL,
	shard      BIGINT NOT NULL,
	n          BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (batch_id, state, shard)
);

-- +goose Down
DROP TABLE batch_counts;
DROP TABLE batches;
DROP TABLE lanes;
DROP INDEX tasks_retry;
DROP INDEX tasks_ready;
DROP INDEX tasks_waiting;
CREATE INDEX tasks_retry ON tasks (due_at) WHERE state = 'retrying';
CREATE INDEX tasks_waiting ON tasks (hinted_at) WHERE state = 'queued';
ALTER TABLE tasks ADD COLUMN was TEXT NOT NULL DEFAULT '';
INSERT INTO attempts (task_id, number, worker, token, state, started_at)
	SELECT id, attempts, worker, token, 'running', claimed_at FROM tasks WHERE state = 'running';
ALTER TABLE tasks DROP COLUMN ready_at;
ALTER TABLE tasks DROP COLUMN claimed_at;
ALTER TABLE attempts DROP COLUMN counted;
ALTER TABLE tasks DROP COLUMN counted;
ALTER TABLE tasks DROP COLUMN purge_step;
ALTER TABLE tasks DROP COLUMN expired;
ALTER TABLE tasks DROP COLUMN label;
ALTER TABLE tasks DROP COLUMN batch_id;
