package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"idphoto/queue"
)

const workerColumns = `name, host, version, provider, state, slots, tasks, memory, peak_memory, load_time, cold_start,
	started_at, seen_at, drain_asked`

// Heartbeat stores what the worker says of itself. A worker that was lost and is heard again is
// what it says it is.
func (l *Ledger) Heartbeat(ctx context.Context, w queue.WorkerInfo) (drain bool, err error) {
	if w.Name == "" || w.State == "" {
		return false, errors.New("sqlledger: heartbeat: a worker needs Name and State")
	}
	tasks, err := json.Marshal(w.Tasks)
	if err != nil {
		return false, fmt.Errorf("sqlledger: heartbeat: %w", err)
	}
	var asked int64
	err = l.queryRow(ctx, l.write, `INSERT INTO workers (`+workerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
		ON CONFLICT (name) DO UPDATE SET host = excluded.host, version = excluded.version, provider = excluded.provider,
			state = excluded.state, slots = excluded.slots, tasks = excluded.tasks, memory = excluded.memory,
			peak_memory = excluded.peak_memory, load_time = excluded.load_time, cold_start = excluded.cold_start,
			started_at = excluded.started_at, seen_at = excluded.seen_at
		RETURNING drain_asked`,
		w.Name, text(w.Host), text(w.Version), text(w.Provider), string(w.State), w.Slots, string(tasks), w.Memory, w.PeakMemory,
		w.LoadTime.Microseconds(), truth(w.ColdStart), micros(w.StartedAt), micros(l.now())).Scan(&asked)
	if err != nil {
		return false, fmt.Errorf("sqlledger: heartbeat: %w", err)
	}
	return asked != 0, nil
}

// Drain notes the wish; the worker learns of it by its next heartbeat.
func (l *Ledger) Drain(ctx context.Context, name string) error {
	err := l.queryRow(ctx, l.write, `UPDATE workers SET drain_asked = 1 WHERE name = ? RETURNING name`, name).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.ErrNotFound
	}
	return wrap("drain", err)
}

// Workers returns all workers, the longest silent last.
func (l *Ledger) Workers(ctx context.Context) ([]queue.WorkerInfo, error) {
	rows, err := l.query(ctx, l.read, `SELECT `+workerColumns+` FROM workers ORDER BY seen_at DESC, name`)
	if err != nil {
		return nil, wrap("workers", err)
	}
	workers, err := collect(rows, scanWorker)
	if err != nil {
		return nil, wrap("workers", err)
	}
	silent := l.now().Add(-queue.LostAfter)
	for i := range workers {
		if w := &workers[i]; alive(w.State) && !w.SeenAt.After(silent) {
			w.State = queue.Lost
		}
	}
	return workers, nil
}

func alive(s queue.WorkerState) bool { return s == queue.Online || s == queue.Draining }

// MarkLost marks silent workers. Of several that do so at once, one gets each worker.
func (l *Ledger) MarkLost(ctx context.Context, forget time.Time) ([]queue.WorkerInfo, error) {
	silent, old := micros(l.now().Add(-queue.LostAfter)), micros(forget)
	var some int64
	err := l.queryRow(ctx, l.read, `SELECT COUNT(*) FROM workers WHERE state IN ('online', 'draining') AND seen_at <= ?
		OR state IN ('stopped', 'lost') AND seen_at < ?`, silent, old).Scan(&some)
	if err != nil || some == 0 { // nothing to write, as at most ticks
		return nil, wrap("mark lost", err)
	}
	var lost []queue.WorkerInfo
	err = l.inTx(ctx, func(tx *transaction) error {
		rows, err := tx.query(ctx, `UPDATE workers SET state = 'lost' WHERE state IN ('online', 'draining') AND seen_at <= ?
			RETURNING `+workerColumns, silent)
		if err != nil {
			return err
		}
		if lost, err = collect(rows, scanWorker); err != nil {
			return err
		}
		return tx.exec(ctx, `DELETE FROM workers WHERE state IN ('stopped', 'lost') AND seen_at < ?`, old)
	})
	if err != nil {
		return nil, wrap("mark lost", err)
	}
	return lost, nil
}

func scanWorker(scan func(...any) error) (queue.WorkerInfo, error) {
	var w queue.WorkerInfo
	var tasks string
	var load, cold, started, seen, drain int64
	err := scan(&w.Name, &w.Host, &w.Version, &w.Provider, &w.State, &w.Slots, &tasks, &w.Memory, &w.PeakMemory, &load, &cold,
		&started, &seen, &drain)
	if err != nil {
		return w, err
	}
	w.LoadTime, w.ColdStart, w.DrainAsked = time.Duration(load)*time.Microsecond, cold != 0, drain != 0
	w.StartedAt, w.SeenAt = fromMicros(started), fromMicros(seen)
	if err := json.Unmarshal([]byte(tasks), &w.Tasks); err != nil {
		return w, fmt.Errorf("a worker's tasks: %w", err)
	}
	return w, nil
}

// truth is b as the ledger stores it.
func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
