package sqlledger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"idphoto/queue"
)

// counter names one kept number.
type counter struct {
	lane  string
	state queue.State
}

// moves collects what a transaction changes in the counters.
type moves map[counter]int64

// move notes that one task of the lane went from one state to another; from is "" for a new task.
func (m moves) move(lane string, from, to queue.State) {
	if from == to {
		return
	}
	if from != "" {
		m[counter{lane, from}]--
	}
	m[counter{lane, to}]++
}

// apply writes the moves. It goes last in its transaction and in a fixed order, so that two
// transactions never wait for each other's counters in a circle.
func (l *Ledger) apply(ctx context.Context, tx *transaction, m moves) error {
	keys := make([]counter, 0, len(m))
	for k, n := range m {
		if n != 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b counter) int {
		return strings.Compare(a.lane+"\x00"+string(a.state), b.lane+"\x00"+string(b.state))
	})
	shard := l.d.shard()
	for _, k := range keys {
		err := tx.exec(ctx, `INSERT INTO task_counts (lane, state, shard, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (lane, state, shard) DO UPDATE SET n = task_counts.n + excluded.n`,
			k.lane, string(k.state), shard, m[k])
		if err != nil {
			return fmt.Errorf("counting: %w", err)
		}
	}
	return nil
}

// Counts returns how many tasks are in each state.
func (l *Ledger) Counts(ctx context.Context) (map[queue.State]int64, error) {
	rows, err := l.query(ctx, l.read, `SELECT state, CAST(SUM(n) AS BIGINT) FROM task_counts GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("sqlledger: counts: %w", err)
	}
	defer rows.Close()
	counts := make(map[queue.State]int64)
	for rows.Next() {
		var state queue.State
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, fmt.Errorf("sqlledger: counts: %w", err)
		}
		counts[state] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlledger: counts: %w", err)
	}
	return counts, nil
}
