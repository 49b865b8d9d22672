package sqlledger

import (
	"context"
	"database/sql"

	"idphoto/queue"
)

// Counts returns how many tasks are in each state. Triggers keep the numbers, see triggers/.
func (l *Ledger) Counts(ctx context.Context) (map[queue.State]int64, error) {
	lanes, err := l.LaneCounts(ctx)
	if err != nil {
		return nil, err
	}
	counts := make(map[queue.State]int64)
	for _, lane := range lanes {
		for state, n := range lane {
			counts[state] += n
		}
	}
	return counts, nil
}

// LaneCounts returns the same per lane.
func (l *Ledger) LaneCounts(ctx context.Context) (map[string]map[queue.State]int64, error) {
	rows, err := l.query(ctx, l.read, `SELECT lane, state, CAST(SUM(n) AS BIGINT) FROM task_counts GROUP BY lane, state`)
	if err != nil {
		return nil, wrap("counts", err)
	}
	counts, err := sumUp(rows)
	return counts, wrap("counts", err)
}

// sumUp reads rows of a name, a state and a number.
func sumUp(rows *sql.Rows) (map[string]map[queue.State]int64, error) {
	defer rows.Close()
	counts := make(map[string]map[queue.State]int64)
	for rows.Next() {
		var name string
		var state queue.State
		var n int64
		if err := rows.Scan(&name, &state, &n); err != nil {
			return nil, err
		}
		if counts[name] == nil {
			counts[name] = make(map[queue.State]int64)
		}
		counts[name][state] = n
	}
	return counts, rows.Err()
}

// foldCounts adds up what server processes that are gone have counted: on Postgres each process
// counts for itself. The lock is for ledgers that are opened at once.
func (l *Ledger) foldCounts(ctx context.Context) error {
	if !l.d.postgres {
		return nil
	}
	return l.inTx(ctx, func(tx *transaction) error {
		if err := tx.exec(ctx, `LOCK TABLE lanes IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		const gone = ` WHERE shard <> 0 AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = shard)`
		for _, fold := range []string{
			`WITH gone AS (DELETE FROM task_counts` + gone + ` RETURNING lane, state, n)
				INSERT INTO task_counts AS c (lane, state, shard, n) SELECT lane, state, 0, SUM(n) FROM gone GROUP BY lane, state
				ON CONFLICT (lane, state, shard) DO UPDATE SET n = c.n + excluded.n`,
			`WITH gone AS (DELETE FROM batch_counts` + gone + ` RETURNING batch_id, state, n, updated_at)
				INSERT INTO batch_counts AS c (batch_id, state, shard, n, updated_at)
				SELECT batch_id, state, 0, SUM(n), MAX(updated_at) FROM gone GROUP BY batch_id, state
				ON CONFLICT (batch_id, state, shard) DO UPDATE SET n = c.n + excluded.n, updated_at = GREATEST(c.updated_at, excluded.updated_at)`,
		} {
			if err := tx.exec(ctx, fold); err != nil {
				return err
			}
		}
		return nil
	})
}
