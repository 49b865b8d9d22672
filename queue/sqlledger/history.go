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

// How long the history is kept.
const (
	keepMinutes = 2 * 24 * time.Hour
	keepHours   = 400 * 24 * time.Hour
)

// What takes ends into the history: it marks and returns them in one statement.
const (
	uncountedTasks    = ` FROM tasks WHERE counted = 0 AND finished_at > 0 ORDER BY finished_at LIMIT ?`
	uncountedAttempts = ` FROM attempts WHERE counted = 0 AND finished_at > 0 ORDER BY finished_at LIMIT ?`

	countTasks = `UPDATE tasks SET counted = 1 WHERE `
	endOfTask  = ` RETURNING lane, state, label, code, created_at, finished_at`

	countAttempts = `UPDATE attempts SET counted = 1 WHERE `
	endOfAttempt  = ` RETURNING COALESCE((SELECT lane FROM tasks WHERE id = task_id), ''), state, code, stages, ready_at, started_at, finished_at`

	stillUncounted = ` AND counted = 0 AND finished_at > 0`
)

// RollUp adds ends to the minutes and hours they belong to.
func (l *Ledger) RollUp(ctx context.Context, limit int) (int, error) {
	some, err := l.uncounted(ctx)
	if err != nil || !some {
		return 0, wrap("roll up", err)
	}
	n := 0
	err = l.inTx(ctx, func(tx *transaction) error {
		ts := tallies{}
		tasks, err := l.tallyTasks(ctx, tx, ts, l.d.changePicked(uncountedTasks, countTasks, endOfTask), limit)
		if err != nil {
			return err
		}
		attempts, err := l.tallyAttempts(ctx, tx, ts, l.d.changePicked(uncountedAttempts, countAttempts, endOfAttempt), limit)
		n = tasks + attempts
		if err != nil {
			return err
		}
		return l.save(ctx, tx, ts)
	})
	if err != nil {
		return 0, wrap("roll up", err)
	}
	return n, nil
}

// uncounted reports whether there is something to roll up, without taking a lock: most ticks find
// nothing.
func (l *Ledger) uncounted(ctx context.Context) (bool, error) {
	for _, query := range []string{`SELECT 1` + uncountedTasks, `SELECT 1` + uncountedAttempts} {
		var one int
		err := l.queryRow(ctx, l.read, query, 1).Scan(&one)
		if !errors.Is(err, sql.ErrNoRows) {
			return err == nil, err
		}
	}
	return false, nil
}

// countEnds adds the ends of the given tasks to the history, unless they are in it: before a
// requeue or a purge makes the ledger forget them. The caller has locked the tasks.
func (l *Ledger) countEnds(ctx context.Context, tx *transaction, ids ...string) error {
	list, ts := idList(ids), tallies{}
	if _, err := l.tallyTasks(ctx, tx, ts, countTasks+l.d.oneOf("id")+stillUncounted+endOfTask, list); err != nil {
		return err
	}
	if _, err := l.tallyAttempts(ctx, tx, ts, countAttempts+l.d.oneOf("task_id")+stillUncounted+endOfAttempt, list); err != nil {
		return err
	}
	return l.save(ctx, tx, ts)
}

// tallyTasks runs an update that returns ended tasks, and adds these.
func (l *Ledger) tallyTasks(ctx context.Context, tx *transaction, ts tallies, update string, args ...any) (n int, err error) {
	rows, err := tx.query(ctx, update, args...)
	if err != nil {
		return 0, fmt.Errorf("counting tasks: %w", err)
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		var lane string
		var r reason
		var created, finished int64
		if err := rows.Scan(&lane, &r.state, &r.label, &r.code, &created, &finished); err != nil {
			return n, err
		}
		ts.each(finished, lane, func(t *tally) {
			t.finished[r]++
			if r.state != queue.Cancelled { // says how long somebody waited for a result
				t.time(queue.TimeTotal, time.Duration(finished-created)*time.Microsecond)
			}
		})
	}
	return n, rows.Err()
}

// tallyAttempts does the same with attempts.
func (l *Ledger) tallyAttempts(ctx context.Context, tx *transaction, ts tallies, update string, args ...any) (n int, err error) {
	rows, err := tx.query(ctx, update, args...)
	if err != nil {
		return 0, fmt.Errorf("counting attempts: %w", err)
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		var a attemptEnd
		var lane, stages string
		if err := rows.Scan(&lane, &a.state, &a.code, &stages, &a.ready, &a.started, &a.finished); err != nil {
			return n, err
		}
		if stages != "" {
			if err := json.Unmarshal([]byte(stages), &a.stages); err != nil {
				return n, fmt.Errorf("stages: %w", err)
			}
		}
		ts.each(a.finished, lane, a.addTo)
	}
	return n, rows.Err()
}

// attemptEnd is what the history needs of an attempt.
type attemptEnd struct {
	state                    queue.State
	code                     string
	stages                   []queue.StageTime
	ready, started, finished int64
}

// addTo counts the attempt. When a lost one ended, nobody knows.
func (a attemptEnd) addTo(t *tally) {
	if a.state == queue.Retrying {
		t.failed[reason{state: a.state, code: a.code}]++
	}
	if a.ready > 0 {
		t.time(queue.TimeWait, time.Duration(a.started-a.ready)*time.Microsecond)
	}
	if a.code != queue.CodeLeaseLost {
		t.time(queue.TimeRun, time.Duration(a.finished-a.started)*time.Microsecond)
	}
	for _, s := range a.stages {
		t.time(queue.TimeStage+s.Name, s.Duration)
	}
}

// Sample notes how the lanes stand, for the minute as it was last and for the hour at its worst,
// and drops what is past its keeping.
func (l *Ledger) Sample(ctx context.Context) error {
	lanes, err := l.LaneStates(ctx)
	if err != nil {
		return fmt.Errorf("sqlledger: sample: %w", err)
	}
	workers, err := l.Workers(ctx)
	if err != nil {
		return fmt.Errorf("sqlledger: sample: %w", err)
	}
	slots, busy := 0, 0
	for _, w := range workers {
		if w.State == queue.Online {
			slots, busy = slots+w.Slots, busy+len(w.Tasks)
		}
	}
	now := l.now()
	samples := make(map[period]queue.LaneState)
	for _, s := range lanes {
		for _, p := range periodsOf(micros(now), s.Lane) {
			samples[p] = s
		}
	}
	err = l.inTx(ctx, func(tx *transaction) error {
		for _, p := range sortedPeriods(samples) {
			s := samples[p]
			if err := l.saveSample(ctx, tx, p, s.Waiting, s.Running, s.OldestAge.Microseconds(), int64(slots), int64(busy)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return wrap("sample", err)
	}
	return wrap("sample", l.exec(ctx, `DELETE FROM history WHERE step = 60 AND began_at < ? OR step = 3600 AND began_at < ?`,
		micros(now.Add(-keepMinutes)), micros(now.Add(-keepHours))))
}

// saveSample replaces a minute's sample, and raises an hour's.
func (l *Ledger) saveSample(ctx context.Context, tx *transaction, p period, sample ...any) error {
	set := `waiting = excluded.waiting, running = excluded.running, oldest_age = excluded.oldest_age, slots = excluded.slots, busy = excluded.busy`
	if p.step == hourStep {
		highest := func(c string) string {
			return c + ` = CASE WHEN history.` + c + ` > excluded.` + c + ` THEN history.` + c + ` ELSE excluded.` + c + ` END`
		}
		set = highest("waiting") + `, ` + highest("running") + `, ` + highest("oldest_age") + `, ` + highest("slots") + `, ` + highest("busy")
	}
	return tx.exec(ctx, `INSERT INTO history (step, began_at, lane, sampled, waiting, running, oldest_age, slots, busy)
		VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?) ON CONFLICT (step, began_at, lane) DO UPDATE SET sampled = 1, `+set,
		append([]any{p.step, p.beganAt, p.lane}, sample...)...)
}

// History returns the minutes or hours that begin in [from, to).
func (l *Ledger) History(ctx context.Context, from, to time.Time, step time.Duration) ([]queue.Period, error) {
	seconds := int64(minuteStep)
	if step >= time.Hour {
		seconds = hourStep
	}
	rows, err := l.query(ctx, l.read, `SELECT began_at, lane, finished, failed, times, originals_purged, results_purged, rows_purged,
		sampled, waiting, running, oldest_age, slots, busy
		FROM history WHERE step = ? AND began_at >= ? AND began_at < ? ORDER BY began_at, lane`, seconds, micros(from), micros(to))
	if err != nil {
		return nil, wrap("history", err)
	}
	periods, err := collect(rows, scanPeriod)
	return periods, wrap("history", err)
}

func scanPeriod(scan func(...any) error) (queue.Period, error) {
	var p queue.Period
	var s queue.LaneSample
	var finished, failed, times string
	var began, sampled, age int64
	var purged [3]int64
	err := scan(&began, &p.Lane, &finished, &failed, &times, &purged[queue.PurgeOriginal], &purged[queue.PurgeResult], &purged[queue.PurgeRow],
		&sampled, &s.Waiting, &s.Running, &age, &s.Slots, &s.Busy)
	if err != nil {
		return p, err
	}
	p.Start, s.OldestAge = fromMicros(began), time.Duration(age)*time.Microsecond
	if sampled != 0 {
		p.Sample = &s
	}
	for step, n := range purged {
		if n > 0 {
			if p.Purged == nil {
				p.Purged = make(map[int]int64)
			}
			p.Purged[step] = n
		}
	}
	if p.Finished, err = parseReasons(finished); err != nil {
		return p, err
	}
	if p.Failed, err = parseReasons(failed); err != nil {
		return p, err
	}
	p.Times, err = parseTimes(times)
	return p, err
}
