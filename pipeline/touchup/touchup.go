// Package touchup improves a portrait as far as its customer asks and its document allows: light,
// skin, colours, sharpness. Nothing is done unless it is asked for.
package touchup

// Options says how much of each to do, from 0 (off) to 100. The zero value changes nothing.
type Options struct {
	Light      int  `json:"light,omitempty"`      // evens the light over the face
	Skin       int  `json:"skin,omitempty"`       // smooths skin, keeps its texture
	Spots      int  `json:"spots,omitempty"`      // removes small spots
	Whitening  int  `json:"whitening,omitempty"`  // of skin
	Brightness int  `json:"brightness,omitempty"` // of the person
	Contrast   int  `json:"contrast,omitempty"`
	Saturation int  `json:"saturation,omitempty"`
	Sharpening int  `json:"sharpening,omitempty"`
	Mirror     bool `json:"mirror,omitempty"` // left and right exchanged
}
