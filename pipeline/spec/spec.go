// Package spec is the catalogue of documents: how large a photo is, where the head must be, what
// is behind it, and who says so.
//
// Every figure carries its source and grade (A official text seen, B official text quoted or two
// sources agree, C secondary or conflicting, X not confirmed, house our own choice), so that a
// report can say what a photo was checked against. Loading refuses a record that contradicts
// itself. Rules are bands in millimetres on the printed photo.
package spec

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"idphoto/pipeline/fault"
)

// Measures a rule can bound, in millimetres on the photo.
const (
	HeadHeight = "head_height" // chin to crown (top of the hair)
	EyeLine    = "eye_line"    // eyes above the bottom edge
	CrownGap   = "crown_gap"   // crown below the top edge
	ChinGap    = "chin_gap"    // chin above the bottom edge
)

// Rule bounds one measure.
type Rule struct {
	Measure string   `json:"measure"`
	Min     float64  `json:"min"`           // mm
	Max     *float64 `json:"max,omitempty"` // mm; nil: open above
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
}

// Upper returns Max, or +Inf where the rule is open above.
func (r Rule) Upper() float64 {
	if r.Max == nil {
		return math.Inf(1)
	}
	return *r.Max
}

// Spec is one document's photo.
type Spec struct {
	ID         string            `json:"id"`    // stable
	Names      map[string]string `json:"names"` // "en" and "zh"
	Aliases    []string          `json:"aliases"`
	WidthMM    float64           `json:"width_mm"`
	HeightMM   float64           `json:"height_mm"`
	WidthPx    int               `json:"width_px"`
	HeightPx   int               `json:"height_px"`
	DPI        int               `json:"dpi"`
	Background string            `json:"background"` // a name ParseBackground knows
	Source     string            `json:"source"`
	Grade      string            `json:"grade"`
	Checked    string            `json:"checked"` // date the source was read
	Note       map[string]string `json:"note,omitempty"`
	Rules      []Rule            `json:"rules"`
}

// PxPerMM is the vertical scale of the photo.
func (s *Spec) PxPerMM() float64 { return float64(s.HeightPx) / s.HeightMM }

// Rule returns the rule on a measure.
func (s *Spec) Rule(measure string) (Rule, bool) {
	i := slices.IndexFunc(s.Rules, func(r Rule) bool { return r.Measure == measure })
	if i < 0 {
		return Rule{}, false
	}
	return s.Rules[i], true
}

// Default is the document that is made when none is named.
const Default = "1-inch"

//go:embed catalogue/*.json
var files embed.FS

type catalogue struct {
	specs  []*Spec
	byName map[string]*Spec
}

var load = sync.OnceValues(func() (*catalogue, error) {
	entries, err := files.ReadDir("catalogue")
	if err != nil {
		return nil, err
	}
	c := &catalogue{byName: make(map[string]*Spec)}
	for _, e := range entries {
		data, err := files.ReadFile("catalogue/" + e.Name())
		if err != nil {
			return nil, err
		}
		s, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("catalogue/%s: %w", e.Name(), err)
		}
		if err := c.add(s); err != nil {
			return nil, fmt.Errorf("catalogue/%s: %w", e.Name(), err)
		}
	}
	return c, nil
})

func (c *catalogue) add(s *Spec) error {
	for _, name := range append([]string{s.ID, s.Names["en"], s.Names["zh"]}, s.Aliases...) {
		key := fold(name)
		if other := c.byName[key]; other != nil && other != s {
			return fmt.Errorf("%q also names %s", name, other.ID)
		}
		c.byName[key] = s
	}
	c.specs = append(c.specs, s)
	return nil
}

// fold makes names comparable: case, blanks, "_" and the typographic cross do not matter.
func fold(name string) string {
	return strings.NewReplacer(" ", "-", "_", "-", "×", "x").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// All returns the catalogue, by id.
func All() []*Spec {
	c, err := load()
	if err != nil {
		panic(err) // the catalogue is part of the program: TestCatalogue loads it
	}
	return slices.Clone(c.specs)
}

// Lookup finds a document by id, name or alias; "" is Default. Others are fault.UnknownSize.
func Lookup(name string) (*Spec, error) {
	if name == "" {
		name = Default
	}
	c, err := load()
	if err != nil {
		return nil, err
	}
	if s := c.byName[fold(name)]; s != nil {
		return s, nil
	}
	return nil, fault.New(fault.UnknownSize, nil)
}

func parse(data []byte) (*Spec, error) {
	var s Spec
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, err
	}
	return &s, s.validate()
}

// validate reports everything that is wrong with the record at once.
func (s *Spec) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.ID == "" || s.Names["en"] == "" || s.Names["zh"] == "" || s.Source == "" || s.Grade == "" || s.Checked == "" {
		fail("id, both names, source, grade and date checked are required")
	}
	if w := MMToPixels(s.WidthMM, s.DPI); w != s.WidthPx {
		fail("%v mm at %d dpi is %d px wide, the record says %d", s.WidthMM, s.DPI, w, s.WidthPx)
	}
	if h := MMToPixels(s.HeightMM, s.DPI); h != s.HeightPx {
		fail("%v mm at %d dpi is %d px high, the record says %d", s.HeightMM, s.DPI, h, s.HeightPx)
	}
	if _, err := ParseBackground(s.Background); err != nil || s.Background == "" {
		fail("background %q is not known", s.Background)
	}
	for _, r := range s.Rules {
		if !slices.Contains([]string{HeadHeight, EyeLine, CrownGap, ChinGap}, r.Measure) {
			fail("measure %q is not known", r.Measure)
		}
		if r.Min < 0 || r.Upper() <= r.Min || r.Source == "" || r.Grade == "" {
			fail("rule on %s: want 0 <= min < max, a source and a grade", r.Measure)
		}
	}
	if _, ok := s.Rule(HeadHeight); !ok {
		fail("a rule on %s is required: it fixes the scale", HeadHeight)
	}
	if err := s.bandsFit(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// bandsFit refuses rules that no head can meet together: crown gap, head and chin gap fill the
// height, and the eyes lie between crown and chin.
func (s *Spec) bandsFit() error {
	bounds := func(measure string) (lo, hi float64) {
		if r, ok := s.Rule(measure); ok {
			return r.Min, r.Upper()
		}
		return 0, math.Inf(1)
	}
	headLo, headHi := bounds(HeadHeight)
	crownLo, crownHi := bounds(CrownGap)
	chinLo, chinHi := bounds(ChinGap)
	eyeLo, eyeHi := bounds(EyeLine)
	if headLo+crownLo+chinLo > s.HeightMM || headHi+crownHi+chinHi < s.HeightMM {
		return fmt.Errorf("head, crown gap and chin gap cannot fill %v mm together", s.HeightMM)
	}
	if eyeHi < chinLo || eyeLo > s.HeightMM-crownLo {
		return errors.New("the eye line cannot lie between chin and crown")
	}
	return nil
}

// MMToPixels rounds once, at the final resolution, as print rules do: 35 mm at 600 dpi is 827.
func MMToPixels(mm float64, dpi int) int {
	return int(math.Round(mm / 25.4 * float64(dpi)))
}
