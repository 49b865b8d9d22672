// Package touchup improves a portrait as far as its customer asks and its document allows: light,
// skin, colours, sharpness. Nothing is done unless it is asked for.
package touchup

import (
	"strconv"

	"idphoto/pipeline/fault"
)

// Options says how much of each to do, from 0 (off) to 100. The zero value changes nothing.
type Options struct {
	Light      int  `json:"light,omitzero"`      // evens the light over the face
	Skin       int  `json:"skin,omitzero"`       // smooths skin, keeps its texture
	Spots      int  `json:"spots,omitzero"`      // removes small spots
	Whitening  int  `json:"whitening,omitzero"`  // of skin
	Brightness int  `json:"brightness,omitzero"` // of the person
	Contrast   int  `json:"contrast,omitzero"`
	Saturation int  `json:"saturation,omitzero"`
	Sharpening int  `json:"sharpening,omitzero"`
	Mirror     bool `json:"mirror,omitzero"` // left and right exchanged
}

// Zero tells whether nothing is asked for.
func (o Options) Zero() bool { return o == Options{} }

// Fields are the names of what can be asked for, as Set knows them.
var Fields = []string{"light", "skin", "spots", "whitening", "brightness", "contrast", "saturation", "sharpening", "mirror"}

// strength returns the field of this name; nil for mirror and for what is none.
func (o *Options) strength(field string) *int {
	return map[string]*int{
		"light": &o.Light, "skin": &o.Skin, "spots": &o.Spots, "whitening": &o.Whitening,
		"brightness": &o.Brightness, "contrast": &o.Contrast, "saturation": &o.Saturation, "sharpening": &o.Sharpening,
	}[field]
}

// Set reads one field as a form has it: a number from 0 to 100, for mirror true or false. The error
// is a *fault.Error.
func (o *Options) Set(field, value string) error {
	refused := fault.New(fault.BadTouch, nil, "field", field)
	if field == "mirror" {
		on, err := strconv.ParseBool(value)
		if err != nil {
			return refused
		}
		o.Mirror = on
		return nil
	}
	into := o.strength(field)
	n, err := strconv.Atoi(value)
	if into == nil || err != nil || n < 0 || n > 100 {
		return refused
	}
	*into = n
	return nil
}

// Validate refuses what Set would: options that came another way.
func (o Options) Validate() error {
	for _, field := range Fields {
		if n := o.strength(field); n != nil && (*n < 0 || *n > 100) {
			return fault.New(fault.BadTouch, nil, "field", field)
		}
	}
	return nil
}
