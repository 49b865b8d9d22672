-- Notices on Postgres: what people are told of is noted in the transaction in which it happens, so no
-- crash loses any. An event's id follows from what happened, also after a dump was loaded.

CREATE FUNCTION notice_death() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO notices (id, event, at, task_id, batch_id, lane, kind, label, code, attempts)
		VALUES ('task.dead/' || NEW.id || '/' || NEW.attempts, 'task.dead', NEW.updated_at,
			NEW.id, NEW.batch_id, NEW.lane, NEW.kind, NEW.label, NEW.code, NEW.attempts)
		ON CONFLICT (id) DO NOTHING;
	RETURN NULL;
END $$;

CREATE FUNCTION notice_batch_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO notices (id, event, at, batch_id)
		VALUES ('batch.ended/' || NEW.id || '/' || NEW.finished_at, 'batch.ended', NEW.finished_at, NEW.id)
		ON CONFLICT (id) DO NOTHING;
	RETURN NULL;
END $$;

CREATE FUNCTION notice_lane() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	event TEXT := CASE WHEN NEW.late_told = 1 THEN 'lane.late' ELSE 'lane.recovered' END;
BEGIN
	INSERT INTO notices (id, event, at, lane)
		VALUES (event || '/' || NEW.lane || '/' || CASE WHEN NEW.late_told = 1 THEN NEW.late_since ELSE OLD.late_since END,
			event, NEW.late_at, NEW.lane)
		ON CONFLICT (id) DO NOTHING;
	RETURN NULL;
END $$;

CREATE TRIGGER task_died AFTER UPDATE OF state ON tasks
	FOR EACH ROW WHEN (NEW.state = 'dead' AND OLD.state <> 'dead') EXECUTE FUNCTION notice_death();
CREATE TRIGGER task_born_dead AFTER INSERT ON tasks
	FOR EACH ROW WHEN (NEW.state = 'dead') EXECUTE FUNCTION notice_death();
CREATE TRIGGER batch_ended AFTER UPDATE OF finished_at ON batches
	FOR EACH ROW WHEN (NEW.finished_at > 0 AND OLD.finished_at = 0) EXECUTE FUNCTION notice_batch_end();
CREATE TRIGGER batch_born_ended AFTER INSERT ON batches
	FOR EACH ROW WHEN (NEW.finished_at > 0) EXECUTE FUNCTION notice_batch_end();
CREATE TRIGGER lane_told AFTER UPDATE OF late_told ON lanes
	FOR EACH ROW WHEN (NEW.late_told <> OLD.late_told) EXECUTE FUNCTION notice_lane();
