package sqlledger

import (
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/queue"
)

// TestWhatPeopleAreToldOfIsNoted on every database, by its triggers: each event once, with what tells
// it apart.
func TestWhatPeopleAreToldOfIsNoted(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			l := open(t, url, time.Now)
			finish := func(id string, o queue.Outcome) {
				t.Helper()
				c, err := l.Claim(t.Context(), id, "w", time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Finish(t.Context(), c, o); err != nil {
					t.Fatal(err)
				}
			}
			notices := func() (all []string) {
				t.Helper()
				rows, err := l.SQL().Query(t.Context(), `SELECT event, task_id, batch_id, lane, code FROM notices`)
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				for rows.Next() {
					var words [5]string
					if err := rows.Scan(&words[0], &words[1], &words[2], &words[3], &words[4]); err != nil {
						t.Fatal(err)
					}
					all = append(all, strings.Join(words[:], " "))
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				slices.Sort(all)
				return all
			}

			b := queue.Batch{ID: queue.NewID()}
			dies := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, MaxAttempts: 1, InputKey: "k"}
			lives := queue.Task{ID: queue.NewID(), Kind: "noop", Lane: queue.Bulk, MaxAttempts: 1}
			if _, _, err := l.CreateBatch(t.Context(), b, []queue.Task{dies, lives}); err != nil {
				t.Fatal(err)
			}
			finish(dies.ID, queue.Outcome{State: queue.Retrying, Code: "internal"}) // the last attempt: stored as dead
			death := "task.dead " + dies.ID + " " + b.ID + " bulk internal"
			if got := notices(); !slices.Equal(got, []string{death}) {
				t.Fatalf("noted %q, want the death", got)
			}
			finish(lives.ID, queue.Outcome{State: queue.Succeeded})
			end := "batch.ended  " + b.ID + "  "
			if got := notices(); !slices.Equal(got, []string{end, death}) {
				t.Fatalf("noted %q, want the end of the batch too", got)
			}
			if _, err := l.Requeue(t.Context(), dies.ID, 1); err != nil {
				t.Fatal(err)
			}
			finish(dies.ID, queue.Outcome{State: queue.Dead, Code: "internal"})
			if got := notices(); !slices.Equal(got, []string{end, end, death, death}) {
				t.Errorf("noted %q, want the second death and the second end", got)
			}

			unreadable := queue.Task{ID: queue.NewID(), Kind: queue.KindUnreadable, Lane: queue.Express, Code: queue.CodeUnreadable, MaxAttempts: 1,
				IdempotencyKey: "k", Digest: "d"}
			for range 2 {
				if err := l.RecordDead(t.Context(), unreadable); err != nil {
					t.Fatal(err)
				}
			}
			empty := queue.Batch{ID: queue.NewID()}
			if _, _, err := l.CreateBatch(t.Context(), empty, nil); err != nil {
				t.Fatal(err)
			}
			for _, change := range []string{`late_since = 1, late_at = 1`, `late_told = 1, late_at = 2`, `late_told = 0, late_since = 0, late_at = 3`} {
				if err := l.exec(t.Context(), `UPDATE lanes SET `+change+` WHERE lane = 'express'`); err != nil {
					t.Fatal(err)
				}
			}
			got := notices()
			for _, want := range []string{"task.dead " + unreadable.ID + "  express unreadable_message", "batch.ended  " + empty.ID + "  ",
				"lane.late   express ", "lane.recovered   express "} {
				if !slices.Contains(got, want) {
					t.Errorf("noted %q, want %q too", got, want)
				}
			}
			if len(got) != 8 {
				t.Errorf("noted %d events, want 8", len(got))
			}
		})
	}
}
