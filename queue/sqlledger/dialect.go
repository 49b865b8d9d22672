package sqlledger

import (
	"strconv"
	"strings"
	"sync"
)

// dialect is what differs between the databases.
type dialect struct {
	postgres bool
	skip     string    // locks the rows of a SELECT, passing over those that are locked
	lock     string    // locks them, waiting for them
	lightly  string    // after SET in an UPDATE: the commit need not reach the disk at once
	queries  *sync.Map // query with ? -> query as this database wants it
}

func sqliteDialect() dialect {
	// One writer at a time: rows need no locks of their own.
	return dialect{queries: new(sync.Map)}
}

func postgresDialect() dialect {
	return dialect{postgres: true, lock: " FOR UPDATE", skip: " FOR UPDATE SKIP LOCKED", queries: new(sync.Map),
		lightly: " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lightly"}
}

// along makes SQLite use the index, or fail: left to choose, it may sort all waiting tasks for each
// look. Postgres goes by its statistics.
func (d dialect) along(index string) string {
	if d.postgres {
		return ""
	}
	return " INDEXED BY " + index
}

// q turns the ? of a query into $1, $2 ... for Postgres. No query here has a ? in a literal.
func (l *Ledger) q(query string) string {
	if !l.d.postgres {
		return query
	}
	if s, ok := l.d.queries.Load(query); ok {
		return s.(string)
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	l.d.queries.Store(query, b.String())
	return b.String()
}
