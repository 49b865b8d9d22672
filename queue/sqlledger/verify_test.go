package sqlledger

import (
	"regexp"
	"slices"
	"testing"
)

// TestVerifyNamesEachFault breaks a sound ledger in each way.
func TestVerifyNamesEachFault(t *testing.T) {
	for _, tc := range []struct{ fault, want string }{
		{`UPDATE task_counts SET n = n + 2 WHERE state = 'succeeded'`, `^succeeded tasks of the express lane are counted wrong by 2$`},
		{`UPDATE batch_counts SET n = n - 1 WHERE state = 'dead'`, `^the dead tasks of batch \S+ are counted wrong by -1$`},
		{`UPDATE batches SET total = 9`, `^batch \S+ should have 9 tasks and has 3$`},
		{`UPDATE batches SET finished_at = 0`, `^batch \S+ has not ended, and all its tasks have$`},
		{`UPDATE tasks SET finished_at = 0 WHERE code = 'no_face'`, `^batch \S+ has ended, and a task of it has not$`},
		{`UPDATE tasks SET batch_id = 'x' WHERE code = 'no_face'`, `^task \S+ belongs to no batch that is known$`},
		{`DELETE FROM attempts WHERE code = 'no_face'`, `^task \S+ ended 1 attempts and has the rows of 0$`},
		{`UPDATE attempts SET task_id = 'x' WHERE code = 'no_face'`, `^attempt 1 of task x belongs to no task$`},
		{`UPDATE attempts SET finished_at = 0 WHERE code = 'no_face'`, `^attempt 1 of task \S+ has a row and no end$`},
		{`UPDATE tasks SET lease_until = 0 WHERE state = 'running'`, `^task \S+ runs without a lease$`},
		{`UPDATE tasks SET lease_until = 1 WHERE state = 'queued'`, `^task \S+ is queued and has a lease$`},
		{`UPDATE tasks SET finished_at = 1 WHERE state = 'queued'`, `^task \S+ is queued and has the time of an end$`},
		{`UPDATE tasks SET finished_at = 0 WHERE state = 'cancelled'`, `^task \S+ is cancelled and has no time of its end$`},
		{`UPDATE tasks SET state = 'lost' WHERE state = 'queued'`, `^task \S+ has the unknown state "lost"$`},
		{`UPDATE audit SET number = 2`, `^the audit log has 1 entries and numbers up to 2$`},
	} {
		t.Run(tc.want, func(t *testing.T) { wantFault(t, lived(t, "mem://"), tc.fault, tc.want) })
	}
}

// TestVerifyOnEveryDatabase tries the two faults whose queries are the least plain.
func TestVerifyOnEveryDatabase(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			l := lived(t, url)
			wantFault(t, l, `DELETE FROM attempts WHERE code = 'no_face'`, `^task \S+ ended 1 attempts and has the rows of 0$`)
			wantFault(t, l, `UPDATE task_counts SET n = n + 2 WHERE state = 'succeeded'`, `^succeeded tasks of the express lane are counted wrong by 2$`)
		})
	}
}

// wantFault does damage, and wants one sentence that says so.
func wantFault(t *testing.T, l *Ledger, damage, want string) {
	t.Helper()
	if err := l.exec(t.Context(), damage); err != nil {
		t.Fatal(err)
	}
	faults, err := l.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := slices.DeleteFunc(slices.Clone(faults), func(f string) bool { return !regexp.MustCompile(want).MatchString(f) })
	if len(found) != 1 {
		t.Errorf("Verify = %q, want one like %s", faults, want)
	}
}

func TestVerifyNamesAFewOfManyFaults(t *testing.T) {
	l := lived(t, "mem://")
	for range 3 * maxFaults {
		if err := oneTask(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.exec(t.Context(), `UPDATE tasks SET finished_at = 0 WHERE state = 'succeeded'`); err != nil {
		t.Fatal(err)
	}
	faults, err := l.Verify(t.Context())
	if err != nil || len(faults) > maxFaults+3 {
		t.Errorf("Verify = %d faults, %v", len(faults), err)
	}
}
