-- Kept counters on SQLite: every change of a task's state moves them in its own transaction.

CREATE TRIGGER tasks_added AFTER INSERT ON tasks BEGIN
	INSERT INTO task_counts (lane, state, shard, n) VALUES (NEW.lane, NEW.state, 0, 1)
		ON CONFLICT (lane, state, shard) DO UPDATE SET n = n + 1;
	INSERT INTO batch_counts (batch_id, state, shard, n, updated_at)
		SELECT NEW.batch_id, NEW.state, 0, 1, NEW.updated_at WHERE NEW.batch_id <> ''
		ON CONFLICT (batch_id, state, shard) DO UPDATE SET n = n + 1, updated_at = excluded.updated_at;
END;

CREATE TRIGGER tasks_moved AFTER UPDATE OF state ON tasks WHEN OLD.state <> NEW.state BEGIN
	INSERT INTO task_counts (lane, state, shard, n) VALUES (OLD.lane, OLD.state, 0, -1), (NEW.lane, NEW.state, 0, 1)
		ON CONFLICT (lane, state, shard) DO UPDATE SET n = n + excluded.n;
END;

CREATE TRIGGER batch_moved AFTER UPDATE OF state ON tasks WHEN OLD.state <> NEW.state AND NEW.batch_id <> '' BEGIN
	INSERT INTO batch_counts (batch_id, state, shard, n, updated_at)
		VALUES (NEW.batch_id, OLD.state, 0, -1, NEW.updated_at), (NEW.batch_id, NEW.state, 0, 1, NEW.updated_at)
		ON CONFLICT (batch_id, state, shard) DO UPDATE SET n = n + excluded.n, updated_at = excluded.updated_at;
	UPDATE batches SET finished_at = CASE WHEN EXISTS (SELECT 1 FROM batch_counts
			WHERE batch_id = NEW.batch_id AND state IN ('queued', 'running', 'retrying') AND n > 0)
		THEN 0 ELSE NEW.updated_at END
		WHERE id = NEW.batch_id AND (OLD.finished_at > 0) <> (NEW.finished_at > 0);
END;

CREATE TRIGGER tasks_removed AFTER DELETE ON tasks BEGIN
	UPDATE task_counts SET n = n - 1 WHERE lane = OLD.lane AND state = OLD.state AND shard = 0;
	UPDATE batch_counts SET n = n - 1 WHERE batch_id = OLD.batch_id AND state = OLD.state AND shard = 0 AND OLD.batch_id <> '';
END;

CREATE TRIGGER batches_removed AFTER DELETE ON batches BEGIN
	DELETE FROM batch_counts WHERE batch_id = OLD.id;
END;

-- Rows of the time before this migration may be in other shards.
DELETE FROM task_counts;
INSERT INTO task_counts (lane, state, shard, n) SELECT lane, state, 0, COUNT(*) FROM tasks GROUP BY lane, state;
