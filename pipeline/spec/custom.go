package spec

import (
	"regexp"
	"strconv"
	"strings"

	"idphoto/pipeline/fault"
)

// Limits of a size that a customer writes: what a face can be cropped to without a mistake, and what
// fits the memory that a worker has for one photo.
const (
	MinSide   = 48 // px: 20 mm at 72 dpi have 57
	MaxSide   = 4096
	MaxPixels = 8_000_000
	MinDPI    = 72
	MaxDPI    = 1200
	maxAspect = 2
)

// customSize is WIDTHxHEIGHT in mm (two decimals at most) or px, and the resolution if it is not 300 dpi.
var customSize = regexp.MustCompile(`^([0-9]{1,5}(?:\.[0-9]{1,2})?)x([0-9]{1,5}(?:\.[0-9]{1,2})?)(mm|px)(?:@([0-9]{1,5})dpi)?$`)

var customWords = strings.NewReplacer("-", "", "*", "x", "毫米", "mm", "像素", "px")

// custom reads a size of the customer's own. ok is false when name is none.
func custom(name string) (s *Spec, ok bool, err error) {
	const maxName = 60 // longer than any size that could be written
	if len(name) > maxName {
		return nil, false, nil
	}
	m := customSize.FindStringSubmatch(customWords.Replace(fold(name)))
	if m == nil {
		return nil, false, nil
	}
	width, _ := strconv.ParseFloat(m[1], 64)
	height, _ := strconv.ParseFloat(m[2], 64)
	unit, dpi := m[3], 300
	if m[4] != "" {
		dpi, _ = strconv.Atoi(m[4])
	}
	s = &Spec{
		Document: Custom, Use: Custom, Aliases: []string{}, DPI: dpi, Background: "blue", Trade: true,
		Source: "a size of the customer's own: no authority's rule was checked", Grade: houseGrade,
		Authority: map[string]string{"en": "none", "zh": "无"},
		Editing:   Editing{Policy: Free, Source: "a size of the customer's own", Grade: houseGrade},
	}
	if unit == UnitMM {
		s.WidthMM, s.HeightMM = width, height
		s.WidthPx, s.HeightPx = MMToPixels(width, dpi), MMToPixels(height, dpi)
	} else {
		if width != float64(int(width)) || height != float64(int(height)) {
			return nil, false, nil // there are no parts of pixels
		}
		s.WidthPx, s.HeightPx, s.Nominal = int(width), int(height), true
	}
	if !s.withinLimits() {
		return nil, true, fault.New(fault.SizeOutOfRange, nil, "width", s.WidthPx, "height", s.HeightPx, "dpi", dpi,
			"min", MinSide, "max", MaxSide, "pixels", MaxPixels)
	}
	if s.Nominal {
		s.WidthMM, s.HeightMM = nominalMM(s.WidthPx, dpi), nominalMM(s.HeightPx, dpi)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	size, resolution := number(width)+"x"+number(height), strconv.Itoa(dpi)
	s.ID = size + unit + "@" + resolution + "dpi"
	s.Names = map[string]string{
		"en": strings.Replace(size, "x", " x ", 1) + " " + unit + " at " + resolution + " dpi",
		"zh": strings.Replace(size, "x", "×", 1) + map[string]string{UnitMM: " 毫米", UnitPx: " 像素"}[unit] + "，" + resolution + " dpi",
	}
	s.Note = map[string]string{
		"en": "A size of your own: the photo is checked against no document's rules.",
		"zh": "自定义尺寸：照片未按任何证件的规定检查。",
	}
	s.compose()
	s.NotChecked = s.notChecked()
	s.Available = true
	return s, true, nil
}

func (s *Spec) withinLimits() bool {
	long, short := max(s.WidthPx, s.HeightPx), min(s.WidthPx, s.HeightPx)
	return short >= MinSide && long <= MaxSide && short*long <= MaxPixels && long <= maxAspect*short &&
		s.DPI >= MinDPI && s.DPI <= MaxDPI
}
