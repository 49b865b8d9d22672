package sqlledger

import (
	"context"
	"database/sql"
	"fmt"
)

// maxFaults is how many faults of one kind Verify names.
const maxFaults = 20

// faults are what can be wrong with a ledger: a sentence, and the query for its words. Each query
// ends where a LIMIT can follow.
var faults = []struct{ sentence, query string }{
	{"%v tasks of the %v lane are counted wrong by %v",
		`SELECT state, lane, CAST(SUM(n) AS BIGINT) FROM (SELECT lane, state, n FROM task_counts
			UNION ALL SELECT lane, state, -COUNT(*) FROM tasks GROUP BY lane, state) AS c GROUP BY lane, state HAVING SUM(n) <> 0`},
	{"the %v tasks of batch %v are counted wrong by %v",
		`SELECT state, batch_id, CAST(SUM(n) AS BIGINT) FROM (SELECT batch_id, state, n FROM batch_counts
			UNION ALL SELECT batch_id, state, -COUNT(*) FROM tasks WHERE batch_id <> '' GROUP BY batch_id, state) AS c
			GROUP BY batch_id, state HAVING SUM(n) <> 0`},
	{"batch %v should have %v tasks and has %v",
		`SELECT id, total, n FROM (SELECT id, total, (SELECT COUNT(*) FROM tasks WHERE batch_id = batches.id AND batch_id <> '') AS n FROM batches) AS b
			WHERE total <> n`},
	{"batch %v has ended, and a task of it has not",
		`SELECT id FROM batches WHERE finished_at > 0
			AND EXISTS (SELECT 1 FROM tasks WHERE batch_id = batches.id AND batch_id <> '' AND finished_at = 0)`},
	{"batch %v has not ended, and all its tasks have",
		`SELECT id FROM batches WHERE finished_at = 0
			AND NOT EXISTS (SELECT 1 FROM tasks WHERE batch_id = batches.id AND batch_id <> '' AND finished_at = 0)`},
	{"task %v belongs to no batch that is known",
		`SELECT id FROM tasks WHERE batch_id <> '' AND NOT EXISTS (SELECT 1 FROM batches WHERE batches.id = tasks.batch_id)`},
	{"task %v ended %v attempts and has the rows of %v", // that of a running one comes when it ends
		`SELECT id, ended, n FROM (SELECT id, attempts - CASE WHEN state = 'running' THEN 1 ELSE 0 END AS ended,
			(SELECT COUNT(*) FROM attempts WHERE task_id = tasks.id) AS n FROM tasks) AS t WHERE ended <> n`},
	{"attempt %[2]v of task %[1]v belongs to no task",
		`SELECT task_id, number FROM attempts WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = attempts.task_id)`},
	{"attempt %[2]v of task %[1]v has a row and no end",
		`SELECT task_id, number FROM attempts WHERE finished_at = 0 OR state = 'running'`},
	{"task %v runs without a lease",
		`SELECT id FROM tasks WHERE state = 'running' AND (lease_until = 0 OR token = '' OR worker = '')`},
	{"task %v is %v and has a lease",
		`SELECT id, state FROM tasks WHERE lease_until > 0 AND state IN ('queued', 'retrying', 'succeeded', 'rejected', 'dead', 'cancelled')`},
	{"task %v is %v and has the time of an end",
		`SELECT id, state FROM tasks WHERE finished_at > 0 AND state IN ('queued', 'running', 'retrying')`},
	{"task %v is %v and has no time of its end",
		`SELECT id, state FROM tasks WHERE finished_at = 0 AND state IN ('succeeded', 'rejected', 'dead', 'cancelled')`},
	{"task %v has the unknown state %q",
		`SELECT id, state FROM tasks WHERE state NOT IN ('queued', 'running', 'retrying', 'succeeded', 'rejected', 'dead', 'cancelled')`},
	{"the audit log has %v entries and numbers up to %v",
		`SELECT COUNT(*), COALESCE(MAX(number), 0) FROM audit HAVING COUNT(*) <> COALESCE(MAX(number), 0)`},
}

// Verify compares what the ledger keeps twice, as it is at one moment, and returns a sentence for
// each fault, at most 20 of a kind; none when all is well. It reads every task and attempt.
func (l *Ledger) Verify(ctx context.Context) ([]string, error) {
	var found []string
	err := l.snapshot(ctx, func(tx *sql.Tx) error {
		for _, f := range faults {
			sentences, err := find(ctx, tx, f.sentence, fmt.Sprintf("%s LIMIT %d", f.query, maxFaults+1))
			if err != nil {
				return fmt.Errorf("looking whether %q: %w", f.sentence, err)
			}
			found = append(found, sentences...)
		}
		return nil
	})
	if err != nil {
		return nil, wrap("verify", err)
	}
	return found, nil
}

// find puts each row of a query into the sentence.
func find(ctx context.Context, tx *sql.Tx, sentence, query string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var found []string
	for rows.Next() {
		if len(found) == maxFaults {
			return append(found, "and more of this kind"), nil
		}
		words, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range words {
			into[i] = &words[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		args := make([]any, len(words))
		for i, w := range words {
			args[i] = w.String
		}
		found = append(found, fmt.Sprintf(sentence, args...))
	}
	return found, rows.Err()
}
