-- Notices on SQLite: what people are told of is noted in the transaction in which it happens, so no
-- crash loses any. An event's id follows from what happened, also after a dump was loaded.

CREATE TRIGGER task_died AFTER UPDATE OF state ON tasks WHEN NEW.state = 'dead' AND OLD.state <> 'dead' BEGIN
	INSERT INTO notices (id, event, at, task_id, batch_id, lane, kind, label, code, attempts)
		VALUES ('task.dead/' || NEW.id || '/' || NEW.attempts, 'task.dead', NEW.updated_at,
			NEW.id, NEW.batch_id, NEW.lane, NEW.kind, NEW.label, NEW.code, NEW.attempts)
		ON CONFLICT (id) DO NOTHING;
END;

CREATE TRIGGER task_born_dead AFTER INSERT ON tasks WHEN NEW.state = 'dead' BEGIN
	INSERT INTO notices (id, event, at, task_id, batch_id, lane, kind, label, code, attempts)
		VALUES ('task.dead/' || NEW.id || '/' || NEW.attempts, 'task.dead', NEW.updated_at,
			NEW.id, NEW.batch_id, NEW.lane, NEW.kind, NEW.label, NEW.code, NEW.attempts)
		ON CONFLICT (id) DO NOTHING;
END;

CREATE TRIGGER batch_ended AFTER UPDATE OF finished_at ON batches WHEN NEW.finished_at > 0 AND OLD.finished_at = 0 BEGIN
	INSERT INTO notices (id, event, at, batch_id)
		VALUES ('batch.ended/' || NEW.id || '/' || NEW.finished_at, 'batch.ended', NEW.finished_at, NEW.id)
		ON CONFLICT (id) DO NOTHING;
END;

CREATE TRIGGER batch_born_ended AFTER INSERT ON batches WHEN NEW.finished_at > 0 BEGIN
	INSERT INTO notices (id, event, at, batch_id)
		VALUES ('batch.ended/' || NEW.id || '/' || NEW.finished_at, 'batch.ended', NEW.finished_at, NEW.id)
		ON CONFLICT (id) DO NOTHING;
END;

CREATE TRIGGER lane_late AFTER UPDATE OF late_told ON lanes WHEN NEW.late_told = 1 AND OLD.late_told = 0 BEGIN
	INSERT INTO notices (id, event, at, lane)
		VALUES ('lane.late/' || NEW.lane || '/' || NEW.late_since, 'lane.late', NEW.late_at, NEW.lane)
		ON CONFLICT (id) DO NOTHING;
END;

CREATE TRIGGER lane_recovered AFTER UPDATE OF late_told ON lanes WHEN NEW.late_told = 0 AND OLD.late_told = 1 BEGIN
	INSERT INTO notices (id, event, at, lane)
		VALUES ('lane.recovered/' || NEW.lane || '/' || OLD.late_since, 'lane.recovered', NEW.late_at, NEW.lane)
		ON CONFLICT (id) DO NOTHING;
END;
