package sqlledger

import (
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
