package main

import (
	"strconv"

	"idphoto/functions/photo"
)

// wishFlags are what can be asked for beside size and background, in the words of the interface's
// forms.
type wishFlags struct {
	SizeKB     string `name:"size-kb" placeholder:"20-50" help:"Size of the photo's file in KB: 20-50, 20- (at least) or 50 (at most); default: as the document asks."`
	Light      int    `placeholder:"0-100" help:"Touch-up: even the light over the face."`
	Skin       int    `placeholder:"0-100" help:"Touch-up: smooth skin, keep its texture."`
	Spots      int    `placeholder:"0-100" help:"Touch-up: remove small spots."`
	Whitening  int    `placeholder:"0-100" help:"Touch-up: lighten skin."`
	Brightness int    `placeholder:"0-100" help:"Touch-up: brighten the person."`
	Contrast   int    `placeholder:"0-100" help:"Touch-up: more contrast."`
	Saturation int    `placeholder:"0-100" help:"Touch-up: stronger colours."`
	Sharpening int    `placeholder:"0-100" help:"Touch-up: sharpen."`
	Mirror     bool   `help:"Exchange left and right."`
}

// fields lists what was asked for, names and values, as a form has it.
func (w *wishFlags) fields() (asked [][2]string) {
	if w.SizeKB != "" {
		asked = append(asked, [2]string{"size_kb", w.SizeKB})
	}
	for _, f := range []struct {
		name     string
		strength int
	}{
		{"light", w.Light}, {"skin", w.Skin}, {"spots", w.Spots}, {"whitening", w.Whitening}, {"brightness", w.Brightness},
		{"contrast", w.Contrast}, {"saturation", w.Saturation}, {"sharpening", w.Sharpening},
	} {
		if f.strength != 0 {
			asked = append(asked, [2]string{f.name, strconv.Itoa(f.strength)})
		}
	}
	if w.Mirror {
		asked = append(asked, [2]string{"mirror", "true"})
	}
	return asked
}

// order reads size, background and wishes as the interface does. Errors are *fault.Error.
func (w *wishFlags) order(size, background string) (o photo.Order, err error) {
	all := append([][2]string{{"size", size}}, w.fields()...)
	if background != "" {
		all = append(all, [2]string{"background", background})
	}
	for _, f := range all {
		if err := o.Set(f[0], f[1]); err != nil {
			return o, err
		}
	}
	return o, nil
}
