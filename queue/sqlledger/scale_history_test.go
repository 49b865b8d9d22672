package sqlledger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"idphoto/queue"
	"idphoto/queue/sqlledger/postgrestest"
)

// TestHistoryOfABusyWeek measures what a chart reads: three photos a second in each lane, all day.
func TestHistoryOfABusyWeek(t *testing.T) {
	if testing.Short() || os.Getenv(scaleEnv) == "" {
		t.Skipf("takes minutes: %s is not set", scaleEnv)
	}
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			l := open(t, url, time.Now)
			to := time.Now().Truncate(time.Hour)
			busyWeek(t, l, to)
			for _, tc := range []struct {
				span, step time.Duration
				want       int
				limit      time.Duration
			}{
				{time.Hour, time.Minute, 2 * 60, pageLimit},
				{24 * time.Hour, time.Minute, 2 * 24 * 60, 2 * pageLimit}, // 8 MB: 54 ms on a machine with other work
				{7 * 24 * time.Hour, time.Hour, 2 * 7 * 24, pageLimit},
			} {
				measure(t, tc.limit, fmt.Sprintf("history of %v by %v", tc.span, tc.step), func(int) error {
					h, err := l.History(t.Context(), to.Add(-tc.span), to, tc.step)
					if err == nil && len(h) != tc.want {
						err = fmt.Errorf("%d periods, want %d", len(h), tc.want)
					}
					return err
				})
			}
			var size int64
			if err := l.queryRow(t.Context(), l.read, `SELECT SUM(length(finished) + length(times)) / COUNT(*) FROM history WHERE step = 60`).Scan(&size); err != nil {
				t.Fatal(err)
			}
			t.Logf("a minute of a lane takes %d bytes", size)
		})
	}
}

// BenchmarkRollUp is what a task's end costs the history, in batches of 500.
func BenchmarkRollUp(b *testing.B) {
	urls := map[string]string{"file": "sqlite://" + filepath.Join(b.TempDir(), "ledger.db")}
	if pg := os.Getenv(postgrestest.Env); pg != "" {
		urls["postgres"] = pg
	}
	for name, url := range urls {
		b.Run(name, func(b *testing.B) {
			l, err := Open(b.Context(), url, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			for range b.N {
				if err := oneTask(b.Context(), l); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for n := 1; n > 0; {
				if n, err = l.RollUp(b.Context(), 500); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// busyWeek writes a day of minutes and a week of hours that end at to.
func busyWeek(t *testing.T, l *Ledger, to time.Time) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	err := l.inTx(t.Context(), func(tx *transaction) error {
		for _, p := range []struct {
			step, span time.Duration
			tasks      int
		}{{time.Minute, 24 * time.Hour, 180}, {time.Hour, 7 * 24 * time.Hour, 3000}} {
			for at := to.Add(-p.span); at.Before(to); at = at.Add(p.step) {
				for _, lane := range queue.Lanes {
					row := period{int64(p.step / time.Second), micros(at), lane}
					if err := l.saveTally(t.Context(), tx, row, busyTally(rng, p.tasks)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// busyTally makes up a period with this many tasks, each of twelve stages.
func busyTally(rng *rand.Rand, tasks int) *tally {
	tl := newTally()
	scatter := func(middle time.Duration, width float64) time.Duration {
		return time.Duration(math.Exp(rng.NormFloat64()*width) * float64(middle))
	}
	for range tasks {
		r := reason{queue.Succeeded, fmt.Sprintf("label-%d", int(30*math.Pow(rng.Float64(), 3))), ""}
		if p := rng.IntN(100); p < 8 {
			r.state, r.code = queue.Rejected, []string{"no_face", "eyes_closed", "too_blurred", "head_cut_off"}[p%4]
		}
		tl.finished[r]++
		tl.time(queue.TimeWait, scatter(200*time.Millisecond, 1.2))
		tl.time(queue.TimeRun, scatter(400*time.Millisecond, 0.3))
		tl.time(queue.TimeTotal, scatter(700*time.Millisecond, 0.6))
		for s := range 12 {
			tl.time(fmt.Sprintf("%sstage-%d", queue.TimeStage, s), scatter(time.Duration(s+1)*10*time.Millisecond, 0.3))
		}
	}
	return tl
}
