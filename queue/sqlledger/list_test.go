package sqlledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"idphoto/queue"
)

// TestListsUseTheirIndex: a list of a million tasks answers at once only if it goes along one
// index, whatever else it narrows by, and never sorts (but for the few running ones).
func TestListsUseTheirIndex(t *testing.T) {
	l := open(t, "mem://", time.Now)
	for _, tc := range []struct {
		filter queue.Filter
		want   []string
	}{
		{queue.Filter{}, []string{"sqlite_autoindex_tasks_1"}},
		{queue.Filter{Kind: "k", Lane: "l", Worker: "w", LongerThan: 1}, []string{"sqlite_autoindex_tasks_1"}},
		{queue.Filter{States: []queue.State{queue.Dead}}, []string{"tasks_listed"}},
		{queue.Filter{States: []queue.State{queue.Queued}, Lane: "l"}, []string{"tasks_listed"}},
		{queue.Filter{States: []queue.State{queue.Retrying, queue.Running, queue.Dead}}, []string{"tasks_listed", "tasks_listed", "tasks_lease"}},
		{queue.Filter{Label: "visa"}, []string{"tasks_label"}},
		{queue.Filter{Label: "visa", States: []queue.State{queue.Succeeded}}, []string{"tasks_label"}},
		{queue.Filter{Label: "visa", States: []queue.State{queue.Dead}}, []string{"tasks_listed"}},
		{queue.Filter{Code: "no_face", Label: "visa", States: []queue.State{queue.Rejected}}, []string{"tasks_code"}},
		{queue.Filter{BatchID: "b", Code: "no_face", Label: "visa", States: []queue.State{queue.Queued, queue.Running}}, []string{"tasks_batch"}},
	} {
		p := planList(tc.filter)
		var got []string
		for _, a := range p.along {
			for _, query := range []string{walk(a, columns, p), walk(a, `id`, listPlan{})} {
				plan := explain(t, l, query)
				sorts := strings.Contains(plan, "TEMP B-TREE")
				if strings.Contains(plan, "SCAN") && !strings.Contains(plan, "tasks_lease") || sorts != (a.value == "running") {
					t.Errorf("%+v is planned as %s", tc.filter, plan)
				}
				_, index, _ := strings.Cut(strings.Replace(plan, "COVERING ", "", 1), "USING INDEX ")
				index, _, _ = strings.Cut(strings.Fields(index)[0], ";")
				got = append(got, index)
			}
		}
		var want []string
		for _, index := range tc.want {
			want = append(want, index, index)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v goes along %v, want %v", tc.filter, got, want)
		}
	}
}

// walk is a page's query with its arguments in it.
func walk(a path, what string, p listPlan) string {
	query, args := a.walk(what, p.narrow, p.narrowArgs, idRange{"0", "g"})
	for _, arg := range args {
		query = strings.Replace(query, "?", fmt.Sprintf("'%v'", arg), 1)
	}
	return query + " LIMIT 50"
}

// TestUpkeepUsesItsIndexes: what a janitor asks each second must not look through all tasks.
func TestUpkeepUsesItsIndexes(t *testing.T) {
	l := open(t, "mem://", time.Now)
	for index, query := range map[string]string{
		"tasks_uncounted":    `SELECT 1` + uncountedTasks,
		"attempts_uncounted": `SELECT 1` + uncountedAttempts,
		"tasks_purge":        `SELECT id FROM tasks WHERE purge_step = ? AND finished_at > 0 AND finished_at < ? ORDER BY finished_at LIMIT ?`,
		"tasks_digest":       `SELECT id FROM tasks WHERE substr(digest, 1, 16) = ? AND state = 'succeeded' AND digest <> '' AND digest = ? ORDER BY id DESC LIMIT 1`,
	} {
		plan := explain(t, l, strings.ReplaceAll(query, "?", "'1'"))
		if !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("plan = %s, want the index %s and no sort", plan, index)
		}
	}
	for _, update := range []string{
		countTasks + l.d.oneOf("id") + stillUncounted,
		countAttempts + l.d.oneOf("task_id") + stillUncounted,
		l.d.changePicked(uncountedTasks, countTasks, ""),
		l.d.changePicked(uncountedAttempts, countAttempts, ""),
	} {
		plan := explain(t, l, strings.ReplaceAll(update, "?", "'1'"))
		if strings.Contains(plan+";", "SCAN tasks;") || strings.Contains(plan+";", "SCAN attempts;") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("an update is planned as %s", plan)
		}
	}
}

// TestAPageThatNarrowsGoesOn: matches far apart are found by following cursors, some of whose
// pages are short or empty, and each call looks at no more than its share.
func TestAPageThatNarrowsGoesOn(t *testing.T) {
	l := open(t, "mem://", time.Now)
	const tasks = 2*maxExamined + 100
	var list []queue.Task
	var want []string
	for i := range tasks {
		task := queue.Task{ID: queue.NewID(), Kind: "common", Lane: queue.Lanes[i%2], MaxAttempts: 1}
		if i%(maxExamined-10) == 7 {
			task.Kind = "rare"
			want = append([]string{task.ID}, want...)
		}
		list = append(list, task)
	}
	if _, _, err := l.CreateBatch(t.Context(), queue.Batch{ID: queue.NewID()}, list); err != nil {
		t.Fatal(err)
	}
	for _, f := range []queue.Filter{
		{Kind: "rare"},
		{Kind: "rare", States: []queue.State{queue.Queued}},
		{Kind: "rare", States: []queue.State{queue.Queued, queue.Dead, queue.Running}},
	} {
		var got []string
		calls, after := 0, queue.Cursor("")
		for {
			page, next, err := l.List(t.Context(), f, after, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range page {
				got = append(got, task.ID)
			}
			calls++
			if after = next; next == "" {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v = %v, want %v", f, got, want)
		}
		if calls < 3 {
			t.Errorf("%+v: %d calls looked at %d tasks", f, calls, tasks)
		}
	}
}
