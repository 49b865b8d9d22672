package sheet

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"idphoto/pipeline/fault"
)

// Paper is a sheet to print on, upright: its width is the shorter side.
type Paper struct {
	ID       string            `json:"id"`    // stable, such as 6-inch; 120x200mm for one of the customer's own
	Names    map[string]string `json:"names"` // "en" and "zh", with the size in mm
	Aliases  []string          `json:"aliases"`
	WidthMM  float64           `json:"width_mm"`
	HeightMM float64           `json:"height_mm"`
}

// Limits of a paper's sides: what home printers and photo shops take, A3 included.
const (
	MinPaperMM = 40
	MaxPaperMM = 450
)

// DefaultPaper is what shops print ID photos on.
const DefaultPaper = "6-inch"

// papers are in the order in which they are offered. Photo papers are sold by inches and cut to
// whole millimetres; 3R is 3.5 x 5 inches, and so on. A sizes are of ISO 216, Letter is 8.5 x 11 inches.
var papers = []Paper{
	named("6-inch", 102, 152, "6 inch / 4R", "6寸 / 4R", "4r", "6寸", "六寸", "6inch", "6in", "4x6"),
	named("5-inch", 89, 127, "5 inch / 3R", "5寸 / 3R", "3r", "5寸", "五寸", "5inch", "5in"),
	named("7-inch", 127, 178, "7 inch / 5R", "7寸 / 5R", "5r", "7寸", "七寸", "7inch", "7in", "5x7"),
	named("8-inch", 152, 203, "8 inch / 6R", "8寸 / 6R", "6r", "8寸", "八寸", "8inch", "8in", "6x8"),
	named("A6", 105, 148, "A6", "A6"),
	named("A5", 148, 210, "A5", "A5"),
	named("A4", 210, 297, "A4", "A4"),
	named("Letter", 215.9, 279.4, "Letter", "Letter 信纸", "信纸", "us-letter"),
}

func named(id string, width, height float64, english, chinese string, aliases ...string) Paper {
	size := number(width) + " × " + number(height)
	return Paper{ID: id, WidthMM: width, HeightMM: height, Aliases: append([]string{}, aliases...),
		Names: map[string]string{"en": english + " (" + size + " mm)", "zh": chinese + "（" + size + " 毫米）"}}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Papers lists the papers that have names.
func Papers() []Paper { return slices.Clone(papers) }

// customPaper is WIDTHxHEIGHT in mm, with one decimal at most.
var customPaper = regexp.MustCompile(`^([0-9]{1,4}(?:\.[0-9])?)x([0-9]{1,4}(?:\.[0-9])?)mm$`)

// plain writes what people write in the form that names are compared in.
var plain = strings.NewReplacer(" ", "", "-", "", "_", "", "*", "x", "×", "x", "毫米", "mm")

// ParsePaper returns the paper of this id, alias or size, such as "6-inch", "4R", "A4", "六寸" or
// "120x200mm". The error is a *fault.Error.
func ParsePaper(name string) (Paper, error) {
	const maxName = 40 // longer than any size that could be written
	bad := fault.New(fault.BadSheet, nil, "field", "paper")
	if len(name) > maxName {
		return Paper{}, bad
	}
	wanted := plain.Replace(strings.ToLower(name))
	for _, p := range papers {
		if wanted == plain.Replace(strings.ToLower(p.ID)) || slices.Contains(p.Aliases, wanted) {
			return p, nil
		}
	}
	m := customPaper.FindStringSubmatch(wanted)
	if m == nil {
		return Paper{}, bad
	}
	w, _ := strconv.ParseFloat(m[1], 64)
	h, _ := strconv.ParseFloat(m[2], 64)
	w, h = min(w, h), max(w, h)
	if w < MinPaperMM || h > MaxPaperMM {
		return Paper{}, bad
	}
	size := number(w) + " × " + number(h)
	p := named(number(w)+"x"+number(h)+"mm", w, h, "", "")
	p.Names = map[string]string{"en": size + " mm", "zh": size + " 毫米"}
	return p, nil
}
