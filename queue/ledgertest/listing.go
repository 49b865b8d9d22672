package ledgertest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"idphoto/queue"
)

// idAt makes an id as one that was made at t would be; n tells those of one millisecond apart.
func idAt(t time.Time, n int) string {
	var id [16]byte
	ms := t.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = 0x70, 0x80
	id[14], id[15] = byte(n>>8), byte(n)
	h := hex.EncodeToString(id[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// fill makes n tasks, one each second, and returns them, the newest first.
func (b *bench) fill(n int, edit func(i int, t *queue.Task)) []queue.Task {
	b.Helper()
	var tasks []queue.Task
	for i := range n {
		tasks = append(tasks, b.create(func(t *queue.Task) {
			t.ID = idAt(b.clock.Now(), i)
			if edit != nil {
				edit(i, t)
			}
		}))
		b.clock.Advance(time.Second)
	}
	slices.Reverse(tasks)
	return tasks
}

// list follows the cursors to the end, and returns the ids.
func (b *bench) list(f queue.Filter, limit int) []string {
	b.Helper()
	var found []string
	for after := queue.Cursor(""); ; {
		tasks, next, err := b.List(b.ctx(), f, after, limit)
		if err != nil || len(tasks) > limit {
			b.Fatalf("List: %d tasks, %v", len(tasks), err)
		}
		found = append(found, ids(tasks)...)
		if next == "" {
			return found
		}
		if after != "" && next >= after {
			b.Fatalf("List goes from %s to %s: it will not end", after, next)
		}
		after = next
	}
}

func ids(tasks []queue.Task) []string {
	list := make([]string, len(tasks))
	for i, t := range tasks {
		list[i] = t.ID
	}
	return list
}

// wantList checks a filter against the tasks it should select, in pages of different lengths.
func (b *bench) wantList(what string, f queue.Filter, want []string) {
	b.Helper()
	for _, limit := range []int{1, 3, 100} {
		if got := b.list(f, limit); !slices.Equal(got, want) {
			b.Errorf("%s, pages of %d = %v, want %v", what, limit, got, want)
		}
	}
}

// pick returns the ids of the tasks at the given places.
func pick(tasks []queue.Task, places ...int) []string {
	var list []string
	for _, p := range places {
		list = append(list, tasks[p].ID)
	}
	return list
}

var listing = []promise{
	{"AnEmptyLedgerHasAnEmptyList", func(b *bench) {
		b.wantList("nothing", queue.Filter{}, nil)
	}},
	{"ListsShowTheNewestFirstPageByPage", func(b *bench) {
		tasks := b.fill(7, nil)
		b.wantList("all", queue.Filter{}, ids(tasks))
		page, _, err := b.List(b.ctx(), queue.Filter{}, "", 1)
		if err != nil || len(page) != 1 {
			b.Fatalf("List = %d tasks, %v", len(page), err)
		}
		wantTask(b, "listed", page[0], b.get(tasks[0].ID))
	}},
	{"AFullLastPageHasNoNext", func(b *bench) {
		b.fill(4, nil)
		_, next, err := b.List(b.ctx(), queue.Filter{}, "", 4)
		if err != nil || next != "" {
			b.Errorf("next = %q, %v; want the end", next, err)
		}
	}},
	{"TasksThatComeMeanwhileDoNotMoveThePages", func(b *bench) {
		tasks := b.fill(4, nil)
		first, next, err := b.List(b.ctx(), queue.Filter{}, "", 2)
		if err != nil {
			b.Fatal(err)
		}
		b.fill(3, nil)
		second, _, err := b.List(b.ctx(), queue.Filter{}, next, 2)
		if err != nil {
			b.Fatal(err)
		}
		if got := ids(append(first, second...)); !slices.Equal(got, ids(tasks)) {
			b.Errorf("pages = %v, want %v", got, ids(tasks))
		}
	}},
	{"ListsSelectByEachField", func(b *bench) {
		batch := idAt(b.clock.Now(), 99)
		if _, _, err := b.CreateBatch(b.ctx(), queue.Batch{ID: batch, Name: "class 3", ManifestKey: "m"}, []queue.Task{
			{ID: idAt(b.clock.Now().Add(-time.Minute), 1), Kind: "noop", Lane: queue.Bulk, BatchID: batch, Label: "visa", MaxAttempts: 1},
		}); err != nil {
			b.Fatalf("CreateBatch: %v", err)
		}
		tasks := b.fill(6, func(i int, t *queue.Task) { // places 5 to 0
			t.Label = []string{"1-inch", "visa"}[i%2]
			t.Kind = []string{"photo", "photo", "noop"}[i%3]
		})
		inBatch := idAt(time.Date(2026, 3, 1, 11, 59, 0, 0, time.UTC), 1)
		all := append(ids(tasks), inBatch)

		b.finish(b.claim(tasks[0].ID), queue.Outcome{State: queue.Rejected, Code: "no_face"})
		b.finish(b.claim(tasks[1].ID), queue.Outcome{State: queue.Succeeded})
		slow, err := b.Claim(b.ctx(), tasks[2].ID, "slow", time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		b.clock.Advance(time.Minute)
		b.finish(slow, queue.Outcome{State: queue.Rejected, Code: "eyes_closed"})
		running := b.claim(tasks[3].ID).Task.ID

		for _, tc := range []struct {
			name   string
			filter queue.Filter
			want   []string
		}{
			{"all", queue.Filter{}, all},
			{"rejected", queue.Filter{States: []queue.State{queue.Rejected}}, pick(tasks, 0, 2)},
			{"running", queue.Filter{States: []queue.State{queue.Running}}, []string{running}},
			{"several states", queue.Filter{States: []queue.State{queue.Succeeded, queue.Running, queue.Rejected, queue.Running}}, pick(tasks, 0, 1, 2, 3)},
			{"code", queue.Filter{Code: "no_face"}, pick(tasks, 0)},
			{"code and another state", queue.Filter{Code: "no_face", States: []queue.State{queue.Dead}}, nil},
			{"code and one of the states", queue.Filter{Code: "no_face", States: []queue.State{queue.Dead, queue.Rejected}}, pick(tasks, 0)},
			{"label", queue.Filter{Label: "visa"}, append(pick(tasks, 0, 2, 4), inBatch)},
			{"label and state", queue.Filter{Label: "visa", States: []queue.State{queue.Rejected}}, pick(tasks, 0, 2)},
			{"label and the common state", queue.Filter{Label: "1-inch", States: []queue.State{queue.Succeeded}}, pick(tasks, 1)},
			{"batch", queue.Filter{BatchID: batch}, []string{inBatch}},
			{"batch, label, state, code", queue.Filter{BatchID: batch, Label: "visa", States: []queue.State{queue.Queued}, Code: "x"}, nil},
			{"kind", queue.Filter{Kind: "noop"}, append(pick(tasks, 0, 3), inBatch)},
			{"lane", queue.Filter{Lane: queue.Bulk}, []string{inBatch}},
			{"worker", queue.Filter{Worker: "slow"}, pick(tasks, 2)},
			{"longer", queue.Filter{LongerThan: 30 * time.Second}, pick(tasks, 2)},
			{"not so long", queue.Filter{LongerThan: time.Hour}, nil},
			{"all together", queue.Filter{States: []queue.State{queue.Rejected}, Code: "eyes_closed", Kind: tasks[2].Kind, Label: "visa",
				Lane: queue.Express, Worker: "slow", LongerThan: time.Second, IDPrefix: tasks[2].ID}, pick(tasks, 2)},
		} {
			b.wantList(tc.name, tc.filter, tc.want)
		}
	}},
	{"ListsSelectByTimeAndID", func(b *bench) {
		start := b.clock.Now()
		tasks := b.fill(6, func(i int, t *queue.Task) { t.Label = "visa" })
		at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) } // tasks[5-n] is made then
		for _, tc := range []struct {
			name   string
			filter queue.Filter
			want   []string
		}{
			{"from", queue.Filter{From: at(4)}, pick(tasks, 0, 1)},
			{"to", queue.Filter{To: at(2)}, pick(tasks, 4, 5)},
			{"between", queue.Filter{From: at(1), To: at(3), Label: "visa"}, pick(tasks, 3, 4)},
			{"nothing between", queue.Filter{From: at(3), To: at(3)}, nil},
			{"the wrong way round", queue.Filter{From: at(4), To: at(1)}, nil},
			{"before all", queue.Filter{To: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)}, nil},
			{"id", queue.Filter{IDPrefix: tasks[2].ID}, pick(tasks, 2)},
			{"id in capitals", queue.Filter{IDPrefix: strings.ToUpper(tasks[2].ID)}, pick(tasks, 2)},
			{"beginning", queue.Filter{IDPrefix: tasks[2].ID[:13]}, pick(tasks, 2)},
			{"common beginning", queue.Filter{IDPrefix: tasks[2].ID[:6]}, ids(tasks)},
			{"no id", queue.Filter{IDPrefix: "photo"}, nil},
			{"a pattern", queue.Filter{IDPrefix: "%"}, nil},
			{"longer than an id", queue.Filter{IDPrefix: tasks[2].ID + "0"}, nil},
		} {
			b.wantList(tc.name, tc.filter, tc.want)
		}
	}},
	{"FindFinishedReturnsTheNewestResultThatIsStillThere", func(b *bench) {
		const digest = "0123456789abcdef0123456789abcdef"
		tasks := b.fill(4, func(i int, t *queue.Task) { t.Digest = digest })
		b.fill(1, func(i int, t *queue.Task) { t.Digest = digest[:16] + "other" })
		if _, err := b.FindFinished(b.ctx(), digest); err == nil {
			b.Error("FindFinished found a waiting task")
		}
		for _, t := range tasks[1:] {
			b.finish(b.claim(t.ID), queue.Outcome{State: queue.Succeeded, ResultPrefix: queue.ResultPrefix(t.ID, 1)})
		}
		b.finish(b.claim(tasks[0].ID), queue.Outcome{State: queue.Rejected, Code: "no_face"})
		wantFound := func(want string) {
			b.Helper()
			if got, err := b.FindFinished(b.ctx(), digest); err != nil || got.ID != want {
				b.Errorf("FindFinished = %s, %v; want %s", got.ID, err, want)
			}
		}
		wantFound(tasks[1].ID)
		if _, err := b.Erase(b.ctx(), tasks[1].ID); err != nil {
			b.Fatal(err)
		}
		wantFound(tasks[2].ID)
		b.purged(queue.PurgeOriginal, tasks[2].ID)
		wantFound(tasks[2].ID)
		b.purged(queue.PurgeResult, tasks[2].ID)
		wantFound(tasks[3].ID)
		for _, unknown := range []string{"", "0123", digest + "0"} {
			_, err := b.FindFinished(b.ctx(), unknown)
			b.wantErr("FindFinished of "+unknown, err, queue.ErrNotFound)
		}
	}},
}
