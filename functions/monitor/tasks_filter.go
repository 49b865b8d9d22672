package monitor

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// taskFilter is a queue.Filter as a page's address has it: ?state=dead&code=no_face. Reading and
// writing are each other's inverse, so a link, a bulk action and the audit log mean the same tasks.
type taskFilter struct{ queue.Filter }

// States in the order in which a task can pass through them.
var taskStates = []queue.State{queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled}

// Times in an address. Those without a zone, as a form sends them, are in the reader's.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"}

// maxFilterWord bounds each value: codes, ids and labels are short.
const maxFilterWord = 200

// readFilter reads a filter for a reader in a zone. Fields it does not know are other people's; a value that cannot be is
// a *fault.Error naming its field, lest a misspelt filter act on all tasks.
func readFilter(q url.Values, zone *time.Location) (taskFilter, error) {
	f := taskFilter{queue.Filter{
		Code: word(q, "code"), Kind: word(q, "kind"), Label: word(q, "spec"), Lane: word(q, "lane"),
		BatchID: word(q, "batch"), Worker: word(q, "worker"), IDPrefix: strings.ToLower(word(q, "id")),
	}}
	for _, name := range []string{"code", "kind", "spec", "lane", "batch", "worker", "id"} {
		if len(q.Get(name)) > maxFilterWord {
			return taskFilter{}, badField(name)
		}
	}
	for _, list := range q["state"] {
		for name := range strings.SplitSeq(list, ",") {
			switch state := queue.State(strings.TrimSpace(name)); {
			case state == "", slices.Contains(f.States, state):
			case !slices.Contains(taskStates, state):
				return taskFilter{}, badField("state")
			default:
				f.States = append(f.States, state)
			}
		}
	}
	slices.SortFunc(f.States, func(a, b queue.State) int { return slices.Index(taskStates, a) - slices.Index(taskStates, b) })
	if f.Lane != "" && !slices.Contains(queue.Lanes, f.Lane) {
		return taskFilter{}, badField("lane")
	}
	if held := word(q, "held"); held != "" {
		var err error
		if f.Held, err = strconv.ParseBool(held); err != nil {
			return taskFilter{}, badField("held")
		}
	}
	return f, f.readBounds(q, zone)
}

func (f *taskFilter) readBounds(q url.Values, zone *time.Location) (err error) {
	if f.From, err = readTime(q, "from", zone); err != nil {
		return err
	}
	if f.To, err = readTime(q, "to", zone); err != nil {
		return err
	}
	if over := word(q, "over"); over != "" {
		f.LongerThan, err = time.ParseDuration(over)
		if seconds, bare := strconv.ParseFloat(over, 64); bare == nil {
			f.LongerThan, err = time.Duration(seconds*float64(time.Second)), nil
		}
		if err != nil || f.LongerThan <= 0 {
			return badField("over")
		}
	}
	return nil
}

func readTime(q url.Values, name string, zone *time.Location) (time.Time, error) {
	text := word(q, name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range timeLayouts {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, badField(name)
}

func word(q url.Values, name string) string { return strings.TrimSpace(q.Get(name)) }

func badField(name string) error { return fault.New(problem.BadOption, nil, "field", name) }

// values writes the filter: only what narrows.
func (f taskFilter) values() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"code": f.Code, "kind": f.Kind, "spec": f.Label, "lane": f.Lane, "batch": f.BatchID, "worker": f.Worker, "id": f.IDPrefix,
		"state": joinStates(f.States), "from": showTime(f.From), "to": showTime(f.To),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Held {
		q.Set("held", "true")
	}
	if f.LongerThan > 0 {
		q.Set("over", f.LongerThan.String())
	}
	return q
}

func joinStates(states []queue.State) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

func showTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// String is the filter as an address and the audit log have it, its fields in order; empty for all
// tasks.
func (f taskFilter) String() string { return f.values().Encode() }

// with is the address of the list with one more or another field, from its first page; an empty
// value takes the field away.
func (f taskFilter) with(name, value string) string {
	q := f.values()
	if value == "" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	return listPath(q)
}

func listPath(q url.Values) string { return addressOf(Base+"/tasks", q) }

func addressOf(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// filterField is one field of the form.
type filterField struct {
	Name, Value string
	Type        string   // of the input
	Choices     []string // of a select; none for an input
}

// fields are what the form shows beside the states, to a reader in a zone.
func (f taskFilter) fields(zone *time.Location) []filterField {
	second := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.In(zone).Format("2006-01-02T15:04:05")
	}
	over, held := "", ""
	if f.Held {
		held = "true"
	}
	if f.LongerThan > 0 {
		over = f.LongerThan.String()
	}
	return []filterField{
		{Name: "id", Value: f.IDPrefix, Type: "search"},
		{Name: "code", Value: f.Code, Type: "text"},
		{Name: "spec", Value: f.Label, Type: "text"},
		{Name: "kind", Value: f.Kind, Type: "text"},
		{Name: "lane", Value: f.Lane, Choices: queue.Lanes},
		{Name: "worker", Value: f.Worker, Type: "text"},
		{Name: "batch", Value: f.BatchID, Type: "text"},
		{Name: "from", Value: second(f.From), Type: "datetime-local"},
		{Name: "to", Value: second(f.To), Type: "datetime-local"},
		{Name: "over", Value: over, Type: "text"},
		{Name: "held", Value: held, Choices: []string{"true"}},
	}
}
