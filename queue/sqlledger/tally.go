package sqlledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"idphoto/queue"
)

// period names one row of the history: a minute (step 60) or an hour (step 3600) of a lane.
type period struct {
	step, beganAt int64
	lane          string
}

const minuteStep, hourStep = 60, 3600

// periodsOf returns the minute and the hour that a time, in microseconds, belongs to.
func periodsOf(at int64, lane string) [2]period {
	row := func(step int64) period { return period{step, at - at%(step*1e6), lane} }
	return [2]period{row(minuteStep), row(hourStep)}
}

// reason is one way to end.
type reason struct {
	state       queue.State
	label, code string
}

// tally is what a period gains, or has.
type tally struct {
	finished, failed map[reason]int64
	times            map[string]*queue.Histogram
}

// tallies collects what a transaction adds to the history.
type tallies map[period]*tally

func newTally() *tally {
	return &tally{make(map[reason]int64), make(map[reason]int64), make(map[string]*queue.Histogram)}
}

// each calls add for the minute and the hour of a time.
func (ts tallies) each(at int64, lane string, add func(*tally)) {
	for _, p := range periodsOf(at, lane) {
		if ts[p] == nil {
			ts[p] = newTally()
		}
		add(ts[p])
	}
}

func (t *tally) time(name string, d time.Duration) {
	if t.times[name] == nil {
		t.times[name] = new(queue.Histogram)
	}
	t.times[name].Add(d)
}

// save adds the tallies to the history's rows. Every transaction takes these in one order, and
// after all rows of tasks and attempts, so that no two wait for each other.
func (l *Ledger) save(ctx context.Context, tx *transaction, ts tallies) error {
	for _, p := range sortedPeriods(ts) {
		if err := l.saveTally(ctx, tx, p, ts[p]); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}

func sortedPeriods[V any](m map[period]V) []period {
	periods := make([]period, 0, len(m))
	for p := range m {
		periods = append(periods, p)
	}
	slices.SortFunc(periods, func(a, b period) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.beganAt, b.beganAt), cmp.Compare(a.lane, b.lane))
	})
	return periods
}

func (l *Ledger) saveTally(ctx context.Context, tx *transaction, p period, t *tally) error {
	err := tx.exec(ctx, `INSERT INTO history (step, began_at, lane) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, p.step, p.beganAt, p.lane)
	if err != nil {
		return err
	}
	var finished, failed, times string
	err = tx.queryRow(ctx, `SELECT finished, failed, times FROM history WHERE step = ? AND began_at = ? AND lane = ?`+l.d.lock,
		p.step, p.beganAt, p.lane).Scan(&finished, &failed, &times)
	if err != nil {
		return err
	}
	if err := errors.Join(t.addReasons(finished, failed), t.addTimes(times)); err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE history SET finished = ?, failed = ?, times = ? WHERE step = ? AND began_at = ? AND lane = ?`,
		reasonsText(t.finished), reasonsText(t.failed), timesText(t.times), p.step, p.beganAt, p.lane)
}

func (t *tally) addReasons(finished, failed string) error {
	for _, part := range []struct {
		text string
		into map[reason]int64
	}{{finished, t.finished}, {failed, t.failed}} {
		reasons, err := parseReasons(part.text)
		if err != nil {
			return err
		}
		for _, r := range reasons {
			part.into[reason{r.State, r.Label, r.Code}] += r.N
		}
	}
	return nil
}

func (t *tally) addTimes(text string) error {
	times, err := parseTimes(text)
	for name, h := range times {
		if t.times[name] == nil {
			t.times[name] = new(queue.Histogram)
		}
		t.times[name].Merge(h)
	}
	return err
}

// The texts have a line for each reason (state, label, code, count) or histogram (name, buckets),
// with tabs between the fields.
var (
	escape   = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)
	unescape = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n")

	errHistoryText = errors.New("a text of the history cannot be read")
)

func reasonsText(reasons map[reason]int64) string {
	lines := make([]string, 0, len(reasons))
	for r, n := range reasons {
		lines = append(lines, string(r.state)+"\t"+escape.Replace(r.label)+"\t"+escape.Replace(r.code)+"\t"+strconv.FormatInt(n, 10)+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func parseReasons(s string) ([]queue.Reason, error) {
	if s == "" {
		return nil, nil
	}
	reasons := make([]queue.Reason, 0, strings.Count(s, "\n"))
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		state, rest, _ := strings.Cut(line, "\t")
		label, rest, _ := strings.Cut(rest, "\t")
		code, count, _ := strings.Cut(rest, "\t")
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			return nil, errHistoryText
		}
		reasons = append(reasons, queue.Reason{State: queue.State(state), Label: word(label), Code: word(code), N: n})
	}
	return reasons, nil
}

func timesText(times map[string]*queue.Histogram) string {
	names := make([]string, 0, len(times))
	for name := range times {
		names = append(names, name)
	}
	slices.Sort(names)
	var b []byte
	for _, name := range names {
		b = append(b, escape.Replace(name)...)
		b = append(b, '\t')
		b, _ = times[name].AppendText(b) // never fails
		b = append(b, '\n')
	}
	return string(b)
}

func parseTimes(s string) (map[string]queue.Histogram, error) {
	times := make(map[string]queue.Histogram, strings.Count(s, "\n"))
	for s != "" {
		line, rest, _ := strings.Cut(s, "\n")
		name, buckets, found := strings.Cut(line, "\t")
		h, err := queue.ParseHistogram(buckets)
		if err != nil || !found {
			return nil, errHistoryText
		}
		times[word(name)] = h
		s = rest
	}
	return times, nil
}

// word undoes escape. Nearly every word needs none.
func word(s string) string {
	if strings.Contains(s, `\`) {
		return unescape.Replace(s)
	}
	return s
}
