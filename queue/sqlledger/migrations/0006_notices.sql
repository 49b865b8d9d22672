-- What is to be told to people outside (package infra/notify): each row until it has been told.
-- Migration 7 is the triggers that add them, in the transaction in which it happens.

-- +goose Up
CREATE TABLE notices (
	id       TEXT PRIMARY KEY, -- follows from what happened: the same noticed twice is one row
	event    TEXT NOT NULL,
	at       BIGINT NOT NULL,
	task_id  TEXT NOT NULL DEFAULT '',
	batch_id TEXT NOT NULL DEFAULT '',
	lane     TEXT NOT NULL DEFAULT '',
	kind     TEXT NOT NULL DEFAULT '',
	label    TEXT NOT NULL DEFAULT '',
	code     TEXT NOT NULL DEFAULT '',
	attempts BIGINT NOT NULL DEFAULT 0,
	tries    BIGINT NOT NULL DEFAULT 0, -- of telling it
	due_at   BIGINT NOT NULL DEFAULT 0  -- of the next one
);
CREATE INDEX notices_due ON notices (due_at);

ALTER TABLE lanes ADD COLUMN late_since BIGINT NOT NULL DEFAULT 0; -- 0: the lane keeps its promise
ALTER TABLE lanes ADD COLUMN late_told BIGINT NOT NULL DEFAULT 0;  -- whether there has been a notice
ALTER TABLE lanes ADD COLUMN late_at BIGINT NOT NULL DEFAULT 0;    -- when these changed

-- +goose Down
ALTER TABLE lanes DROP COLUMN late_at;
ALTER TABLE lanes DROP COLUMN late_told;
ALTER TABLE lanes DROP COLUMN late_since;
DROP TABLE notices;
