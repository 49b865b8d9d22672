// Package spec is the catalogue of documents: how large a photo is, where the head must be, what
// is behind it, what may be edited, and who says so.
//
// A document is one data file in catalogue/. It holds one or more records, each of them a Spec: the rule
// for print and the rule of an upload portal are different records, because neither follows from
// the other. Millimetres are those on the printed photo; a record that no source gives millimetres
// for has nominal ones, which follow from its pixels and dpi.
//
// # Grades
//
// Every figure carries its source and grade (A official text seen, B official text quoted or two
// sources agree, C secondary or conflicting, X not confirmed, house our own choice), so that a
// report can say what a photo was checked against. Where sources conflict a note says so.
//
// # What is checked
//
// Rules are solved for and checked on every photo; so is MaxTilt. Asks are checks on the picture
// itself that the document's sources ask for, beside those that every authority's document gets (see
// Trade). Demands names what File and Backdrop ask of the finished photo. What stands in Unchecked is
// quoted for people, and NotChecked names everything that no code says anything about. Loading
// refuses a record that contradicts itself.
//
// # Children
//
// A rule for children is a record of its own in the same document (de-passport-child): who orders
// knows the age, a picture does not tell it, and a report must name the one rule it was checked against.
package spec

import (
	"math"
	"slices"
)

// Uses of a photo.
const (
	Print  = "print"  // on paper
	Portal = "portal" // uploaded as a file
	Custom = "custom" // a size that a customer wrote: no document
)

// Spec is one record of a document: the photo for one use.
type Spec struct {
	ID       string            `json:"id"`       // stable
	Document string            `json:"document"` // the document's id; Custom for a customer's own size
	Use      string            `json:"use"`
	Names    map[string]string `json:"names"` // "en" and "zh"
	Aliases  []string          `json:"aliases"`

	// The size that is made; all zero where no source gives one.
	WidthMM  float64 `json:"width_mm,omitzero"`
	HeightMM float64 `json:"height_mm,omitzero"`
	WidthPx  int     `json:"width_px,omitzero"`
	HeightPx int     `json:"height_px,omitzero"`
	DPI      int     `json:"dpi,omitzero"`
	Nominal  bool    `json:"mm_nominal,omitzero"` // millimetres follow from pixels and dpi
	PxReason string  `json:"px_reason,omitzero"`  // why the pixels do not follow from mm and dpi
	Sizes    *Sizes  `json:"sizes,omitempty"`     // what else is accepted

	Crown      string            `json:"crown,omitzero"` // CrownHair or CrownSkull; empty: no source says
	Background string            `json:"background"`     // what is put there unless asked otherwise; ParseBackground knows it
	Backdrop   *Backdrop         `json:"background_rule,omitempty"`
	File       *File             `json:"file,omitempty"`
	Editing    Editing           `json:"editing"`
	Authority  map[string]string `json:"authority"` // who decides, "en" and "zh"
	Source     string            `json:"source"`    // link or page that was read
	Grade      string            `json:"grade"`
	Checked    string            `json:"checked,omitzero"` // date the source was read
	Note       map[string]string `json:"note,omitempty"`   // "en" and "zh"
	Rules      []Rule            `json:"rules"`
	Tilt       *Angle            `json:"max_tilt,omitempty"` // nil: the house's, see MaxTilt
	Asks       []Ask             `json:"asks,omitempty"`
	Unchecked  []Measure         `json:"unchecked_rules,omitempty"`

	// These follow from the rest; a data file does not hold them.
	Trade       bool     `json:"trade_size"`           // no authority judges the photo: its document says so
	NotChecked  []string `json:"not_checked"`          // what the record asks for and no code says anything about
	Available   bool     `json:"available"`            // whether a photo can be made
	Unavailable string   `json:"unavailable,omitzero"` // the code that an order is refused with, if it cannot
}

// Rule bounds one measure. It is solved for, and checked on the photo.
type Rule struct {
	Measure   string   `json:"measure"`
	Min       float64  `json:"min"`           // mm
	Max       *float64 `json:"max,omitempty"` // mm; nil: open above
	Published *Band    `json:"published,omitempty"`
	Yields    bool     `json:"yields,omitempty"` // gives way where the other rules cannot hold with it
	Source    string   `json:"source"`
	Grade     string   `json:"grade"`
}

// Band is a rule as its source words it, where that is not in millimetres.
type Band struct {
	Min  float64  `json:"min,omitzero"`
	Max  *float64 `json:"max,omitempty"` // nil: open above
	Unit string   `json:"unit"`          // UnitPx (of this record's pixels) or UnitPercent (of the side that the measure runs along)
}

// What a document calls the head's top; where no source says, photos are measured to the hair's.
const (
	CrownHair  = "hair"
	CrownSkull = "skull" // estimated from the face
)

// Units of published figures.
const (
	UnitMM      = "mm"
	UnitPx      = "px"
	UnitPercent = "percent"
	UnitDegrees = "degrees"
)

// Upper returns Max, or +Inf where the rule is open above.
func (r Rule) Upper() float64 {
	if r.Max == nil {
		return math.Inf(1)
	}
	return *r.Max
}

// PxPerMM is the vertical scale of the photo.
func (s *Spec) PxPerMM() float64 { return float64(s.HeightPx) / s.HeightMM }

// PxPer is the scale of the photo along a measure, in pixels per millimetre: where a portal's pixels
// have not quite the shape of the millimetres, widths have another than heights.
func (s *Spec) PxPer(measure string) float64 {
	if Across(measure) {
		return float64(s.WidthPx) / s.WidthMM
	}
	return s.PxPerMM()
}

// Rule returns the rule on a measure.
func (s *Spec) Rule(measure string) (Rule, bool) {
	i := slices.IndexFunc(s.Rules, func(r Rule) bool { return r.Measure == measure })
	if i < 0 {
		return Rule{}, false
	}
	return s.Rules[i], true
}

// sized tells whether the record says how large the photo is.
func (s *Spec) sized() bool { return s.WidthPx > 0 && s.HeightPx > 0 }

// MMToPixels rounds once, at the final resolution, as print rules do: 35 mm at 600 dpi is 827.
func MMToPixels(mm float64, dpi int) int {
	return int(math.Round(mm / 25.4 * float64(dpi)))
}

// nominalMM is how large pixels are on paper, to a hundredth of a millimetre.
func nominalMM(px, dpi int) float64 {
	return math.Round(float64(px)/float64(dpi)*2540) / 100
}
