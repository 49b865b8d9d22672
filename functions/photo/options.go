package photo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

// Order is what a customer writes: ids, aliases, colour names. The zero value is the default
// document with its own background and nothing else.
type Order struct {
	Size       string
	Background string
	Wishes
}

// Wishes are what can be asked for beside size and background.
type Wishes struct {
	Touch touchup.Options   `json:"touch_up,omitzero"`
	File  picture.SizeRange `json:"size_kb,omitzero"` // zero: the document's own
	HD    bool              `json:"hd,omitzero"`      // also with as many pixels as the picture has
}

// Fields are the names of an order's fields in forms.
var Fields = append([]string{"size", "background", "size_kb", "hd"}, touchup.Fields...)

// Set reads one of Fields. The error is a *fault.Error.
func (o *Order) Set(field, value string) (err error) {
	switch field {
	case "size":
		o.Size = value
		_, err = spec.Lookup(value)
	case "background":
		o.Background = value
		_, err = spec.ParseBackground(value)
	case "size_kb":
		o.File, err = parseRange(value)
	case "hd":
		if o.HD, err = strconv.ParseBool(value); err != nil {
			err = fault.New(problem.BadOption, err, "field", field)
		}
	default:
		err = o.Touch.Set(field, value)
	}
	return err
}

// parseRange reads a range of kilobytes: "20-50", "20-" or "50", which is at most 50.
func parseRange(value string) (r picture.SizeRange, err error) {
	lo, hi, isRange := strings.Cut(value, "-")
	if !isRange {
		lo, hi = "", lo
	}
	if r.MinKB, err = parseKB(lo); err == nil {
		r.MaxKB, err = parseKB(hi)
	}
	if err == nil {
		err = r.Validate()
	}
	if err != nil || r == (picture.SizeRange{}) {
		return r, fault.New(problem.BadOption, err, "field", "size_kb")
	}
	return r, nil
}

// parseKB reads a number of kilobytes; "" is 0, which stands for no bound.
func parseKB(text string) (float64, error) {
	if text = strings.TrimSpace(text); text == "" {
		return 0, nil
	}
	kb, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(kb) || math.IsInf(kb, 0)) {
		err = fmt.Errorf("%s is no size", text)
	}
	return kb, err
}

// Options is what the customer chose, in the form that is stored.
type Options struct {
	Size       string `json:"size"`       // a specification's id
	Background string `json:"background"` // as spec.Background.String writes it
	Wishes

	// Person is set when the picture is a part of a group's, and shows others too.
	Person *Person `json:"person,omitempty"`

	// Analysed says that an earlier task's analysis of the same picture lies at AnalysisKey.
	Analysed bool `json:"analysed,omitzero"`

	// Approved says that somebody has found the cut in that analysis good, or the checks did. It is no
	// word on any other cut of the picture.
	Approved bool `json:"approved,omitzero"`

	// Catalogue is the version of the catalogue that the order was made by. The report says which
	// one the photo was made by.
	Catalogue string `json:"catalogue,omitzero"`
}

// Choose makes options of an order. Errors are *fault.Error; what the document's authority forbids
// is one.
func Choose(o Order) (Options, error) {
	s, err := spec.Lookup(o.Size)
	if err != nil {
		return Options{}, err
	}
	if o.Background == "" {
		o.Background = s.Background
	}
	b, err := spec.ParseBackground(o.Background)
	if err != nil {
		return Options{}, err
	}
	if err := s.Permit(b); err != nil {
		return Options{}, err
	}
	if !o.Touch.Zero() {
		if err := s.PermitTouch(); err != nil {
			return Options{}, err
		}
	}
	return Options{Size: s.ID, Background: b.String(), Wishes: o.Wishes, Catalogue: spec.Version()}, nil
}

// Read parses options as Choose made them.
func Read(raw json.RawMessage) (o Options, s *spec.Spec, b spec.Background, err error) {
	if err = json.Unmarshal(raw, &o); err != nil {
		return o, nil, b, fmt.Errorf("reading a task's options: %w", err)
	}
	s, b, err = o.Resolve()
	return o, s, b, err
}

// Resolve returns what the options name.
func (o Options) Resolve() (*spec.Spec, spec.Background, error) {
	s, err := spec.Lookup(o.Size)
	if err != nil {
		return nil, spec.Background{}, err
	}
	b, err := spec.ParseBackground(o.Background)
	return s, b, err
}

// Digest tells whether two submissions ask for the same: hex SHA-256 of what was chosen and the
// picture.
func Digest(image []byte, options json.RawMessage) string {
	h := sha256.New()
	h.Write(Unversioned(options))
	h.Write([]byte{0})
	h.Write(image)
	return hex.EncodeToString(h.Sum(nil))
}

// Unversioned returns stored options without the catalogue's version and without how the photo is
// to be made: the same order a day later is the same order.
func Unversioned(options json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(options, &fields) != nil {
		return options
	}
	for _, name := range []string{"catalogue", "analysed", "approved"} {
		delete(fields, name)
	}
	plain, err := json.Marshal(fields)
	if err != nil {
		return options
	}
	return plain
}
