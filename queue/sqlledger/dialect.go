package sqlledger

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
)

// dialect is what differs between the databases.
type dialect struct {
	postgres bool
	shards   int64 // rows per counter
	skip     string
	lock     string
	queries  *sync.Map // query with ? -> query as this database wants it
}

func sqliteDialect() dialect {
	// One writer at a time: rows need no locks of their own and counters no shards.
	return dialect{shards: 1, queries: new(sync.Map)}
}

func postgresDialect() dialect {
	return dialect{postgres: true, shards: 16, lock: " FOR UPDATE", skip: " FOR UPDATE SKIP LOCKED", queries: new(sync.Map)}
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

// shard picks the counter row of one transaction.
func (d dialect) shard() int64 {
	if d.shards == 1 {
		return 0
	}
	return rand.Int64N(d.shards)
}
