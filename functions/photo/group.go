package photo

import (
	"encoding/json"
	"fmt"

	"idphoto/pipeline/geometry"
)

// Group is the kind of task that finds the people of a group picture. It has the options of a photo
// and makes none itself: it adds one task of Kind for each person to its batch.
const Group = "group"

// Person says whom of a group picture a task's photo is of. The original is a piece of that picture,
// and others may be in it.
type Person struct {
	Number int            `json:"number"` // from 1, over all rows, those without a photo included
	Row    int            `json:"row"`    // from 1: the uppermost
	Seat   int            `json:"seat"`   // from 1: the left one
	At     geometry.Point `json:"at"`     // the face's middle, in fractions of the original
}

// Name is what the photo is called.
func (p Person) Name() string { return PersonName(p.Number) }

// PersonName is the name of a person who has none but a number.
func PersonName(number int) string { return fmt.Sprintf("person-%02d", number) }

// OfPerson returns a photo's stored options for one person.
func OfPerson(options json.RawMessage, p Person) (json.RawMessage, error) {
	fields := make(map[string]json.RawMessage)
	if err := json.Unmarshal(options, &fields); err != nil {
		return nil, fmt.Errorf("reading a task's options: %w", err)
	}
	var err error
	if fields[personField], err = json.Marshal(p); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// PersonOf returns the person in stored options; nil when the photo is of whoever is in the picture.
func PersonOf(options json.RawMessage) *Person {
	var o struct {
		Person *Person `json:"person"`
	}
	if json.Unmarshal(options, &o) != nil {
		return nil // who reads the options themselves will say it
	}
	return o.Person
}

const personField = "person"

// Point is where the face is, as the pipeline takes it; nil for nil.
func (p *Person) Point() *geometry.Point {
	if p == nil {
		return nil
	}
	return &p.At
}

// GroupResult is what a finished task of kind Group keeps in the ledger. It holds numbers only.
type GroupResult struct {
	People  int      `json:"people"`            // in the picture
	Refused []Member `json:"refused,omitempty"` // those of them who get no photo
}

// Member is a person of a group picture who gets no photo.
type Member struct {
	Number int            `json:"number"`
	Row    int            `json:"row"`
	Seat   int            `json:"seat"`
	Code   string         `json:"code"`
	Detail map[string]any `json:"detail,omitempty"` // values for the code's sentence
}
