package spec

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"idphoto/pipeline/fault"
)

// Default is the document that is made when none is named.
const Default = "1-inch"

//go:embed catalogue/*.json
var files embed.FS

// document is a data file.
type document struct {
	ID        string            `json:"id"` // the file's name
	Names     map[string]string `json:"names"`
	Authority map[string]string `json:"authority"`
	Trade     bool              `json:"trade_size"` // no authority judges the photo
	Records   []*Spec           `json:"records"`    // names default to the document's
}

type catalogue struct {
	specs   []*Spec
	byName  map[string]*Spec
	version string
}

var load = sync.OnceValues(func() (*catalogue, error) {
	entries, err := files.ReadDir("catalogue")
	if err != nil {
		return nil, err
	}
	c := &catalogue{byName: make(map[string]*Spec)}
	var errs []error
	for _, e := range entries {
		data, err := files.ReadFile("catalogue/" + e.Name())
		if err != nil {
			return nil, err
		}
		d, err := parse(data)
		if err == nil && d.ID+".json" != e.Name() {
			err = fmt.Errorf("document %q stands in a file of another name", d.ID)
		}
		if err == nil {
			err = c.add(d)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("catalogue/%s: %w", e.Name(), err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.version, err = version(c.specs)
	return c, err
})

// add makes the document's records known by id, names and aliases, each of which is one record's, and
// the document by its own.
func (c *catalogue) add(d *document) error {
	var errs []error
	for _, s := range d.Records {
		for _, name := range append([]string{s.ID, s.Names["en"], s.Names["zh"]}, s.Aliases...) {
			key := fold(name)
			if other := c.byName[key]; other != nil && other != s {
				errs = append(errs, fmt.Errorf("%q names %s and %s", name, other.ID, s.ID))
			}
			c.byName[key] = s
		}
		c.specs = append(c.specs, s)
	}
	// Whoever asks for the document itself gets its first record.
	for _, name := range []string{d.ID, d.Names["en"], d.Names["zh"]} {
		key := fold(name)
		if other := c.byName[key]; other != nil && other.Document != d.ID {
			errs = append(errs, fmt.Errorf("%q names %s and document %s", name, other.ID, d.ID))
		} else if other == nil && key != "" {
			c.byName[key] = d.Records[0]
		}
	}
	return errors.Join(errs...)
}

// version is the newest date of a source, and a digest of all that the catalogue says.
func version(specs []*Spec) (string, error) {
	data, err := json.Marshal(specs)
	if err != nil {
		return "", err
	}
	newest := slices.MaxFunc(specs, func(a, b *Spec) int { return cmp.Compare(a.Checked, b.Checked) })
	sum := sha256.Sum256(data)
	return newest.Checked + "-" + hex.EncodeToString(sum[:6]), nil
}

// fold makes names comparable: case, blanks, "_" and the typographic cross do not matter.
func fold(name string) string {
	return folder.Replace(strings.ToLower(strings.TrimSpace(name)))
}

var folder = strings.NewReplacer(" ", "-", "_", "-", "×", "x")

// must returns the catalogue, which is part of the program: TestCatalogue loads it.
func must() *catalogue {
	c, err := load()
	if err != nil {
		panic(err)
	}
	return c
}

// All returns every record of the catalogue, by document. Those that cannot be made are among
// them: see Spec.Available.
func All() []*Spec { return slices.Clone(must().specs) }

// Version names the state of the catalogue. It changes when anything that the catalogue says does.
func Version() string { return must().version }

// Lookup finds a record by id, name or alias; "" is Default. A size of the customer's own, such as
// 35x45mm or 413x531px@600dpi, gives a Spec that no authority stands behind. Others are
// fault.UnknownSize, or fault.SizeOutOfRange.
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
	if s, ok, err := custom(name); ok {
		return s, err
	}
	return nil, fault.New(fault.UnknownSize, nil)
}

// parse reads and completes a document. It reports everything that is wrong with it at once.
func parse(data []byte) (*document, error) {
	var d document
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the document")
	}
	if d.ID == "" || !bilingual(d.Names) || !bilingual(d.Authority) || len(d.Records) == 0 {
		return nil, errors.New("a document needs an id, names and an authority in both languages, and a record")
	}
	var errs []error
	for _, s := range d.Records {
		s.Document, s.Authority, s.Trade = d.ID, d.Authority, d.Trade
		if s.Names == nil {
			s.Names = d.Names
		}
		if err := s.complete(); err != nil {
			errs = append(errs, fmt.Errorf("record %q: %w", s.ID, err))
		}
	}
	return &d, errors.Join(errs...)
}

// complete fills in what follows from the record and then checks all of it.
func (s *Spec) complete() error {
	if s.WidthMM == 0 && s.HeightMM == 0 && s.sized() && s.DPI > 0 {
		s.Nominal = true
		s.WidthMM, s.HeightMM = nominalMM(s.WidthPx, s.DPI), nominalMM(s.HeightPx, s.DPI)
	}
	if s.sized() {
		if err := s.convert(); err != nil {
			return err
		}
		s.compose()
	}
	if d := s.Backdrop; d != nil {
		var err error
		if d.Tolerance != nil {
			return errors.New("background rule: the tolerance follows from the shades")
		}
		if d.Tolerance, err = tolerance(d.Accepts); err != nil {
			return err
		}
	}
	s.NotChecked = s.notChecked()
	s.Unavailable = s.unavailable()
	s.Available = s.Unavailable == ""
	return s.validate()
}

// convert writes rules that are published in pixels or percent in millimetres.
func (s *Spec) convert() error {
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Published == nil {
			continue
		}
		var unit float64 // in mm
		mm, px := s.side(r.Measure)
		switch r.Published.Unit {
		case UnitPx:
			unit = mm / float64(px)
		case UnitPercent:
			unit = mm / 100
		default:
			return fmt.Errorf("rule on %s: published in %q", r.Measure, r.Published.Unit)
		}
		if r.Min != 0 || r.Max != nil {
			return fmt.Errorf("rule on %s: given both as published and in mm", r.Measure)
		}
		r.Min = micron(r.Published.Min * unit)
		if r.Published.Max != nil {
			hi := micron(*r.Published.Max * unit)
			r.Max = &hi
		}
	}
	return nil
}

// micron rounds millimetres to a thousandth.
func micron(mm float64) float64 { return math.Round(mm*1000) / 1000 }
