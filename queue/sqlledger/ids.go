package sqlledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"idphoto/queue"
)

// idRange is the tasks with from <= id < to.
type idRange struct{ from, to string }

// The lowest and highest text in the shape of an id. Bounds are whole ids, since a database may
// order texts of different length, or with dashes in other places, by the rules of a language.
const (
	lowestID  = "00000000-0000-0000-0000-000000000000"
	highestID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

// idsOf is the range of ids that a filter leaves after a cursor. ok is false when it holds none.
// Times count to the millisecond, as ids do.
func idsOf(f queue.Filter, after string) (ids idRange, ok bool) {
	ids.to = "g" // after every hexadecimal digit
	if after != "" {
		ids.to = after
	}
	if !f.From.IsZero() {
		ids.from = firstID(f.From)
	}
	if !f.To.IsZero() {
		ids.to = min(ids.to, firstID(f.To))
	}
	if f.IDPrefix != "" {
		prefix := strings.ToLower(f.IDPrefix)
		if !isIDPrefix(prefix) {
			return ids, false
		}
		ids.from = max(ids.from, prefix+lowestID[len(prefix):])
		if last := prefix + highestID[len(prefix):]; last < ids.to {
			ids.to = last + "~" // after it: a range excludes its end
		}
	}
	return ids, ids.from < ids.to
}

// firstID is the lowest UUIDv7 of t's millisecond. Times before 1970 count as 1970.
func firstID(t time.Time) string {
	ms := fmt.Sprintf("%012x", max(0, t.UnixMilli()))
	return ms[:8] + "-" + ms[8:12] + lowestID[13:]
}

// isIDPrefix reports whether an id can begin like this.
func isIDPrefix(s string) bool {
	if len(s) > len(lowestID) {
		return false
	}
	for i := range len(s) {
		if dash := lowestID[i] == '-'; dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}

// idList is the argument for a dialect's oneOf.
func idList(ids []string) string {
	b, err := json.Marshal(ids)
	if err != nil {
		panic("sqlledger: strings do not encode: " + err.Error())
	}
	return string(b)
}

// oneOf is the condition that a column has one of the ids in an idList: one statement and one
// argument, however many they are.
func (d dialect) oneOf(column string) string {
	if d.postgres { // as an array: joined with a set, a table without statistics is read whole
		return column + ` = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(? AS jsonb))))`
	}
	return column + ` IN (SELECT value FROM json_each(?))`
}

// changePicked is an update of the rows that "FROM ..." finds, but for those that somebody has
// locked. It goes to them by their place in the table, whatever statistics say.
func (d dialect) changePicked(from, update, returning string) string {
	if d.postgres {
		return `WITH picked AS MATERIALIZED (SELECT ctid AS place` + from + d.skip + `) ` +
			update + `ctid = ANY (ARRAY(SELECT place FROM picked))` + returning
	}
	return update + `rowid IN (SELECT rowid` + from + `)` + returning
}
