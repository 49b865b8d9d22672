package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"idphoto/queue"
)

// maxExamined is how many tasks one page of a list looks at when it narrows by fields that have no
// index. A page with too few matches among these ends early, with a cursor that goes on.
const maxExamined = 5_000

// List pages by id, which is a UUIDv7: the newest first; times and prefixes are ranges of ids.
func (l *Ledger) List(ctx context.Context, f queue.Filter, after queue.Cursor, limit int) ([]queue.Task, queue.Cursor, error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("sqlledger: list: limit is %d", limit)
	}
	ids, ok := idsOf(f, string(after))
	if !ok {
		return nil, "", nil
	}
	p := planList(f)
	cut, err := l.cut(ctx, p, ids)
	if err != nil {
		return nil, "", wrap("list", err)
	}
	ids.from = max(ids.from, cut)
	var tasks []queue.Task
	for _, a := range p.along {
		page, err := l.page(ctx, a, p, ids, limit+1)
		if err != nil {
			return nil, "", wrap("list", err)
		}
		tasks = append(tasks, page...)
	}
	if len(p.along) > 1 {
		slices.SortFunc(tasks, func(a, b queue.Task) int { return cmp.Compare(b.ID, a.ID) })
	}
	if len(tasks) > limit {
		tasks = slices.Clip(tasks[:limit])
		return tasks, queue.Cursor(tasks[limit-1].ID), nil
	}
	return tasks, queue.Cursor(cut), nil
}

// path is one index to go along: by its column, which has this value, and then by id.
type path struct {
	column, value string // empty: by id alone
	condition     string // the index's own, see migration 3
}

// listPlan is how a list goes through the tasks: along one path, or several whose pages are
// merged, narrowed by what no index serves.
type listPlan struct {
	along      []path
	narrow     string // " AND ..." or empty
	narrowArgs []any
}

// planList picks the index that leaves the least to narrow. What goes along an index repeats the
// index's condition, see migration 3; what only narrows must not.
func planList(f queue.Filter) listPlan {
	var p listPlan
	code, label, states := f.Code, f.Label, slices.Compact(slices.Sorted(slices.Values(f.States)))
	// Most tasks succeed: a label tells more than that state, and less than any other.
	labelFirst := label != "" && (len(states) == 0 || slices.Contains(states, queue.Succeeded))
	switch {
	case f.BatchID != "":
		p.follow(path{"batch_id", f.BatchID, `batch_id <> ''`})
	case code != "":
		p.follow(path{"code", code, `code <> ''`})
		code = ""
	case labelFirst:
		p.follow(path{"label", label, `label <> ''`})
		label = ""
	case len(states) > 0:
		for _, s := range states {
			p.follow(path{"state", string(s), `state <> 'running'`})
		}
		states = nil
	default:
		p.follow(path{})
	}
	p.equal("code", code)
	p.equal("label", label)
	p.equal("kind", f.Kind)
	p.equal("lane", f.Lane)
	p.equal("worker", f.Worker)
	if len(states) > 0 {
		p.and(`state IN (?`+strings.Repeat(`, ?`, len(states)-1)+`)`, anys(states)...)
	}
	if f.Held {
		p.and(isHeld)
	}
	if f.LongerThan > 0 {
		p.and(`started_at > 0 AND finished_at - started_at > ?`, f.LongerThan.Microseconds())
	}
	return p
}

func (p *listPlan) follow(a path) { p.along = append(p.along, a) }

func (p *listPlan) and(where string, args ...any) {
	p.narrow += ` AND ` + where
	p.narrowArgs = append(p.narrowArgs, args...)
}

func (p *listPlan) equal(column, value string) {
	if value != "" {
		p.and(column+` = ?`, value)
	}
}

func anys(states []queue.State) []any {
	args := make([]any, len(states))
	for i, s := range states {
		args[i] = string(s)
	}
	return args
}

// cut returns the id down to which a page may look, "" when it may look at all of ids. Several
// paths share the number of tasks to look at; the page ends where the first of them does.
func (l *Ledger) cut(ctx context.Context, p listPlan, ids idRange) (string, error) {
	cut := ""
	if p.narrow == "" {
		return cut, nil
	}
	for _, a := range p.along {
		query, args := a.walk(`id`, "", nil, ids)
		var id string
		err := l.queryRow(ctx, l.read, query+` LIMIT 1 OFFSET ?`, append(args, maxExamined/len(p.along)-1)...).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return "", err
		}
		cut = max(cut, id)
	}
	return cut, nil
}

// page reads along one path.
func (l *Ledger) page(ctx context.Context, a path, p listPlan, ids idRange, limit int) ([]queue.Task, error) {
	query, args := a.walk(columns, p.narrow, p.narrowArgs, ids)
	if l.d.postgres && p.narrow != "" {
		// Expecting few matches, Postgres would rather read the table than the index: here it must
		// walk first. No walk that cut has bounded is longer.
		walk, bounds := a.walk(`*`, "", nil, ids)
		query = fmt.Sprintf(`SELECT %s FROM (%s LIMIT %d) AS walk WHERE true%s ORDER BY id DESC`, columns, walk, maxExamined, p.narrow)
		args = append(bounds, p.narrowArgs...)
	}
	rows, err := l.query(ctx, l.read, query+` LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(scan func(...any) error) (queue.Task, error) {
		r, err := scanTask(scan)
		return r.Task, err
	})
}

// walk is the query that goes along a path, the newest first. Column and id are compared and
// sorted as one: only the index serves that, while to "column = ? ORDER BY id" Postgres may prefer
// the primary key, and pass over all other tasks. The few running ones are read all.
func (a path) walk(what, narrow string, narrowArgs []any, ids idRange) (query string, args []any) {
	where, order := `id >= ? AND id < ?`, `id DESC`
	args = []any{ids.from, ids.to}
	switch {
	case a.value == string(queue.Running) && a.column == "state":
		where, order = `state = 'running' AND (id || '') >= ? AND (id || '') < ?`, `(id || '') DESC`
	case a.column != "":
		key := `(` + a.column + `, id)`
		where, order = a.condition+` AND `+key+` >= (?, ?) AND `+key+` < (?, ?)`, a.column+` DESC, id DESC`
		args = []any{a.value, ids.from, a.value, ids.to}
	}
	return `SELECT ` + what + ` FROM tasks WHERE ` + where + narrow + ` ORDER BY ` + order, append(args, narrowArgs...)
}

// FindFinished looks at the newest task with this digest. Who takes a result away clears the
// digest, so a digest says that the result is there.
func (l *Ledger) FindFinished(ctx context.Context, digest string) (queue.Task, error) {
	if digest == "" {
		return queue.Task{}, queue.ErrNotFound
	}
	r, err := scanTask(l.queryRow(ctx, l.read, `SELECT `+columns+` FROM tasks
		WHERE substr(digest, 1, 16) = ? AND state = 'succeeded' AND digest <> '' AND digest = ? ORDER BY id DESC LIMIT 1`,
		digest[:min(16, len(digest))], digest).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.Task{}, queue.ErrNotFound
	}
	return r.Task, wrap("find finished", err)
}
