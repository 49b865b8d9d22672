package sqlledger

import (
	"testing"
	"time"
)

func TestOtherTablesLieBesideTheTasks(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			db := open(t, url, time.Now).SQL()
			add := `INSERT INTO guesses (who, n, last_at) VALUES (?, ?, ?) ON CONFLICT (who) DO UPDATE SET n = guesses.n + 1 RETURNING n`
			for want := range int64(3) {
				var n int64
				if err := db.Returning(t.Context(), add, "me", 0, 1).Scan(&n); err != nil || n != want {
					t.Fatalf("Returning = %d, %v; want %d", n, err, want)
				}
			}
			if n, err := db.Exec(t.Context(), `UPDATE guesses SET last_at = ? WHERE who = ?`, 7, "me"); n != 1 || err != nil {
				t.Errorf("Exec = %d, %v; want one row", n, err)
			}
			var at int64
			if err := db.QueryRow(t.Context(), `SELECT last_at FROM guesses WHERE who = ?`, "me").Scan(&at); err != nil || at != 7 {
				t.Errorf("QueryRow = %d, %v; want what was just written", at, err)
			}
			rows, err := db.Query(t.Context(), `SELECT who FROM guesses WHERE n > ?`, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			if !rows.Next() {
				t.Error("Query finds nothing")
			}
		})
	}
}
