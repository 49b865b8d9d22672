-- Kept counters on Postgres: every change of a task's state moves them in its own transaction.
--
-- Each server process has counters of its own (shard = its process id) and readers add them up: no
-- transition waits for another's counter, and none can wait for another in a circle. What processes
-- that are gone have left is added to shard 0 when a ledger is opened.
--
-- The end of a batch is decided under a lock on its row, taken before the look at the counters:
-- of two tasks that end at once, the second one sees the first.

CREATE FUNCTION count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO task_counts AS c (lane, state, shard, n)
		SELECT lane, state, pg_backend_pid(), COUNT(*) FROM added GROUP BY lane, state
		ON CONFLICT (lane, state, shard) DO UPDATE SET n = c.n + excluded.n;
	INSERT INTO batch_counts AS c (batch_id, state, shard, n, updated_at)
		SELECT batch_id, state, pg_backend_pid(), COUNT(*), MAX(updated_at) FROM added WHERE batch_id <> '' GROUP BY batch_id, state
		ON CONFLICT (batch_id, state, shard) DO UPDATE SET n = c.n + excluded.n, updated_at = excluded.updated_at;
	RETURN NULL;
END $$;

CREATE FUNCTION count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	ends_or_begins BOOLEAN := (OLD.finished_at > 0) <> (NEW.finished_at > 0);
BEGIN
	INSERT INTO task_counts AS c (lane, state, shard, n)
		VALUES (OLD.lane, OLD.state, pg_backend_pid(), -1), (NEW.lane, NEW.state, pg_backend_pid(), 1)
		ON CONFLICT (lane, state, shard) DO UPDATE SET n = c.n + excluded.n;
	IF NEW.batch_id = '' THEN
		RETURN NULL;
	END IF;
	IF ends_or_begins THEN
		PERFORM 1 FROM batches WHERE id = NEW.batch_id FOR UPDATE;
	END IF;
	INSERT INTO batch_counts AS c (batch_id, state, shard, n, updated_at)
		VALUES (NEW.batch_id, OLD.state, pg_backend_pid(), -1, NEW.updated_at), (NEW.batch_id, NEW.state, pg_backend_pid(), 1, NEW.updated_at)
		ON CONFLICT (batch_id, state, shard) DO UPDATE SET n = c.n + excluded.n, updated_at = excluded.updated_at;
	IF ends_or_begins THEN
		UPDATE batches SET finished_at = CASE WHEN (SELECT SUM(n) FROM batch_counts
				WHERE batch_id = NEW.batch_id AND state IN ('queued', 'running', 'retrying')) > 0
			THEN 0 ELSE NEW.updated_at END
			WHERE id = NEW.batch_id;
	END IF;
	RETURN NULL;
END $$;

CREATE FUNCTION count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO task_counts AS c (lane, state, shard, n)
		SELECT lane, state, pg_backend_pid(), -COUNT(*) FROM removed GROUP BY lane, state
		ON CONFLICT (lane, state, shard) DO UPDATE SET n = c.n + excluded.n;
	INSERT INTO batch_counts AS c (batch_id, state, shard, n, updated_at)
		SELECT batch_id, state, pg_backend_pid(), -COUNT(*), MAX(updated_at) FROM removed WHERE batch_id <> '' GROUP BY batch_id, state
		ON CONFLICT (batch_id, state, shard) DO UPDATE SET n = c.n + excluded.n;
	RETURN NULL;
END $$;

CREATE FUNCTION forget_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM batch_counts WHERE batch_id = OLD.id;
	RETURN NULL;
END $$;

CREATE TRIGGER tasks_added AFTER INSERT ON tasks REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION count_added();
CREATE TRIGGER tasks_moved AFTER UPDATE OF state ON tasks
	FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION count_moved();
CREATE TRIGGER tasks_removed AFTER DELETE ON tasks REFERENCING OLD TABLE AS removed
	FOR EACH STATEMENT EXECUTE FUNCTION count_removed();
CREATE TRIGGER batches_removed AFTER DELETE ON batches
	FOR EACH ROW EXECUTE FUNCTION forget_batch();

DELETE FROM task_counts;
INSERT INTO task_counts (lane, state, shard, n) SELECT lane, state, 0, COUNT(*) FROM tasks GROUP BY lane, state;
