package monitor

import (
	"encoding/json"
	"fmt"
	"strconv"

	"idphoto/functions/again"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/touchup"
	"idphoto/queue"
)

// wish is what was asked for beside size and background: a field of photo.Fields, strings.json
// "wish.<Name>".
type wish struct {
	Name  string
	Value string // as a form has it; empty: not asked for
	Kind  string
}

// Kinds of wishes.
const (
	wishNumber = "number" // 0 to 100
	wishSwitch = "switch" // true or nothing
	wishText   = "text"
)

// wishesOf lists all of them, asked for or not.
func wishesOf(w photo.Wishes) []wish {
	all := []wish{{"size_kb", kilobytes(w.File), wishText}, {"hd", ifTrue(w.HD), wishSwitch}}
	fields := make(map[string]any) // touch-up's members are called as its fields
	if raw, err := json.Marshal(w.Touch); err != nil || json.Unmarshal(raw, &fields) != nil {
		return all
	}
	for _, name := range touchup.Fields {
		one := wish{Name: name, Kind: wishNumber}
		if v, asked := fields[name]; asked {
			one.Value = fmt.Sprint(v)
		}
		if name == "mirror" {
			one.Kind = wishSwitch
		}
		all = append(all, one)
	}
	return all
}

func ifTrue(on bool) string {
	if on {
		return "true"
	}
	return ""
}

// kilobytes writes a range as forms have it.
func kilobytes(r picture.SizeRange) string {
	text := func(kb float64) string { return strconv.FormatFloat(kb, 'f', -1, 64) }
	switch {
	case r == picture.SizeRange{}:
		return ""
	case r.MaxKB == 0:
		return text(r.MinKB) + "-"
	case r.MinKB == 0:
		return text(r.MaxKB)
	}
	return text(r.MinKB) + "-" + text(r.MaxKB)
}

// otherOrder is what t was ordered with, and what is asked for instead. A field that is left out
// stays as it was, an empty one is taken back. Another document comes with its own background unless
// one is asked for.
func otherOrder(t queue.Task, in values) (photo.Order, error) {
	order, err := again.Order(t)
	if err != nil {
		return order, fault.New(problem.NotFound, err)
	}
	if _, told := in["background"]; !told && in["size"] != "" {
		order.Background = ""
	}
	for _, field := range photo.Fields {
		value, told := in[field]
		switch {
		case !told:
			continue
		case value != "":
			err = order.Set(field, value)
		case field == "size":
			order.Size = ""
		case field == "background":
			order.Background = ""
		case field == "size_kb":
			order.File = picture.SizeRange{}
		default:
			err = order.Set(field, "0") // off, for numbers and switches
		}
		if err != nil {
			return order, err
		}
	}
	return order, nil
}
