package spec

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// problems collects what is wrong with a record.
type problems []error

func (p *problems) addf(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// validate reports everything that is wrong with the record at once.
func (s *Spec) validate() error {
	var p problems
	s.checkWords(&p)
	s.checkSize(&p)
	s.checkBackground(&p)
	s.checkQuoted(&p)
	if s.sized() {
		s.checkRules(&p)
	}
	return errors.Join(p...)
}

var (
	grades = []string{"A", "B", "C", "X", houseGrade}
	uses   = []string{Print, Portal}
)

func bilingual(text map[string]string) bool {
	return len(text) == 2 && text["en"] != "" && text["zh"] != ""
}

// sourced tells whether a figure says where it comes from.
func sourced(source, grade string) bool { return source != "" && slices.Contains(grades, grade) }

func (s *Spec) checkWords(p *problems) {
	if s.ID == "" || s.ID != fold(s.ID) {
		p.addf("id %q: want one that folding does not change", s.ID)
	}
	if !bilingual(s.Names) || s.Note != nil && !bilingual(s.Note) {
		p.addf("names and note are in English and Chinese")
	}
	if !slices.Contains(uses, s.Use) {
		p.addf("use %q is not one of %v", s.Use, uses)
	}
	if !slices.Contains([]string{"", CrownHair, CrownSkull}, s.Crown) {
		p.addf("crown %q is neither hair nor skull", s.Crown)
	}
	if !sourced(s.Source, s.Grade) {
		p.addf("source %q, grade %q: want a source and a grade of %v", s.Source, s.Grade, grades)
	}
	if _, err := time.Parse(time.DateOnly, s.Checked); err != nil {
		p.addf("date checked: %w", err)
	}
	if !slices.Contains([]Policy{Free, BackgroundOnly, CropOnly}, s.Editing.Policy) || !sourced(s.Editing.Source, s.Editing.Grade) {
		p.addf("editing %+v: want a policy, a source and a grade", s.Editing)
	}
	if (s.Editing.Policy == CropOnly) != bilingual(s.Editing.Rule) {
		p.addf("editing %+v: who forbids it is quoted in English and Chinese, who does not is not", s.Editing)
	}
	seen := []string{fold(s.ID), fold(s.Names["en"]), fold(s.Names["zh"])}
	for _, a := range s.Aliases {
		if a == "" || slices.Contains(seen, fold(a)) {
			p.addf("alias %q is empty or says the same as another name", a)
		}
		if _, isSize, _ := custom(a); isSize {
			p.addf("alias %q would hide a size of the customer's own", a)
		}
		seen = append(seen, fold(a))
	}
}

// checkSize asks that the pixels follow from millimetres and dpi, or that the record says why not; a
// photo is never stretched, whatever it says.
func (s *Spec) checkSize(p *problems) {
	if !s.sized() {
		if s.WidthPx != 0 || s.HeightPx != 0 || s.WidthMM != 0 || s.HeightMM != 0 || s.DPI != 0 || len(s.Rules) > 0 {
			p.addf("half a size, or rules without one")
		}
		return
	}
	if !s.withinLimits() || !(s.WidthMM > 0 && s.HeightMM > 0) {
		p.addf("%v x %v mm, %d x %d px, %d dpi: out of range", s.WidthMM, s.HeightMM, s.WidthPx, s.HeightPx, s.DPI)
		return
	}
	w, h := MMToPixels(s.WidthMM, s.DPI), MMToPixels(s.HeightMM, s.DPI)
	follow := w == s.WidthPx && h == s.HeightPx
	if follow == (s.PxReason != "") {
		p.addf("%v x %v mm at %d dpi are %d x %d px, the record says %d x %d for the reason %q",
			s.WidthMM, s.HeightMM, s.DPI, w, h, s.WidthPx, s.HeightPx, s.PxReason)
	}
	if stretch := float64(s.WidthPx) / float64(s.HeightPx) * s.HeightMM / s.WidthMM; math.Abs(stretch-1) > .01 {
		p.addf("pixels and millimetres have different shapes (%.3f)", stretch)
	}
	if s.Sizes != nil {
		s.Sizes.check(p, s)
	}
}

// check asks that the size that is made is one of those accepted.
func (z *Sizes) check(p *problems, s *Spec) {
	made := [2]float64{s.WidthMM, s.HeightMM}
	if z.Unit == UnitPx {
		made = [2]float64{float64(s.WidthPx), float64(s.HeightPx)}
	}
	if z.Unit != UnitPx && z.Unit != UnitMM || z.Min == nil && z.Max == nil || !sourced(z.Source, z.Grade) {
		p.addf("sizes: want a unit, a bound, a source and a grade")
	}
	for i := range made {
		if z.Min != nil && made[i] < z.Min[i] || z.Max != nil && made[i] > z.Max[i] {
			p.addf("%v %s is not among the sizes accepted", made, z.Unit)
		}
	}
}

func (s *Spec) checkBackground(p *problems) {
	b, err := ParseBackground(s.Background)
	if err != nil || s.Background == "" {
		p.addf("background %q is not known", s.Background)
	}
	if (s.Editing.Policy == CropOnly) != (b.Kind == Original) {
		p.addf("background %q does not go with the editing policy %s", s.Background, s.Editing.Policy)
	}
	if d := s.Backdrop; d != nil && (len(d.Accepts) == 0 || !sourced(d.Source, d.Grade)) {
		p.addf("background rule: want accepted shades, a source and a grade")
	}
}

// checkRules asks that each rule is sane and that a head exists which meets them all.
func (s *Spec) checkRules(p *problems) {
	var seen []string
	for _, r := range s.Rules {
		if _, known := along[r.Measure]; !known || slices.Contains(seen, r.Measure) {
			p.addf("measure %q is not known, or bounded twice", r.Measure)
		}
		seen = append(seen, r.Measure)
		side, _ := s.side(r.Measure)
		if r.Min < 0 || r.Upper() <= r.Min || r.Min >= side || r.Max != nil && *r.Max > side || !sourced(r.Source, r.Grade) {
			p.addf("rule on %s: want 0 <= min < max within the photo, a source and a grade", r.Measure)
		}
		if ofHair := r.Measure == HairHeight || r.Measure == HairGap; ofHair && s.Crown != CrownSkull {
			p.addf("rule on %s: this document's crown is the hair's anyway", r.Measure)
		}
	}
	if !s.placeable() {
		p.addf("no head meets all rules together")
	}
	if t := s.Tilt; t != nil && (t.Degrees <= 0 || t.Degrees > 45 || !sourced(t.Source, t.Grade)) {
		p.addf("tilt: want 0 < degrees <= 45, a source and a grade")
	}
}

// checkQuoted asks that what is asked for in words says by whom, and that what nothing checks is at
// least possible.
func (s *Spec) checkQuoted(p *problems) {
	for _, a := range s.Asks {
		if a.Name == "" || !bilingual(a.Words) || !sourced(a.Source, a.Grade) || a.Check == "" && (a.Rejects || a.Max != nil) {
			p.addf("ask %q: want a name, words in both languages, a source, a grade, and a check for what is to be limited", a.Name)
		}
	}
	for _, m := range s.Unchecked {
		if _, known := along[m.Measure]; !known {
			p.addf("measure %q is not known", m.Measure)
		}
		if _, solved := s.Rule(m.Measure); solved || m.Reason == "" {
			p.addf("unchecked rule on %s: want a reason, and no rule on the same", m.Measure)
		}
		mm, px := s.side(m.Measure)
		largest := map[string]float64{UnitMM: mm, UnitPx: float64(px), UnitPercent: 100}[m.Unit]
		lo, hi := 0., largest
		if m.Min != nil {
			lo = *m.Min
		}
		if m.Max != nil {
			hi = *m.Max
		}
		if m.Min == nil && m.Max == nil || lo < 0 || hi < lo || hi > largest || !sourced(m.Source, m.Grade) {
			p.addf("unchecked rule on %s: want bounds that are possible in %s, a source and a grade", m.Measure, m.Unit)
		}
	}
	if f := s.File; f != nil {
		known := []string{"jpeg", "jpeg2000", "png", "heic"}
		for _, t := range f.Types {
			if !slices.Contains(known, t) {
				p.addf("file type %q is not one of %v", t, known)
			}
		}
		if f.MinKB < 0 || f.MaxKB < 0 || f.MaxKB > 0 && f.MaxKB <= f.MinKB || f.Quality < 0 || f.Quality > 100 || !sourced(f.Source, f.Grade) {
			p.addf("file: want min < max KB, a quality of at most 100, a source and a grade")
		}
	}
}

// eyesAboveChin is how far above the chin the eyes of an ordinary head are, in head heights (hair
// included).
const eyesAboveChin = .435

// ordinaryWidths are those of most heads, in head heights.
var ordinaryWidths = map[string][2]float64{
	HeadWidth: {.55, .9}, FaceWidth: {.48, .68}, PupilDistance: {.2, .3},
}

// placeable tells whether some size and height of an ordinary head meets every rule. For a head of
// height h the rules bound the gap above it; it needs an h whose bounds leave room.
func (s *Spec) placeable() bool {
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
	headHi = min(headHi, s.HeightMM)
	for measure, share := range ordinaryWidths {
		lo, hi := bounds(measure)
		headLo, headHi = max(headLo, lo/share[1]), min(headHi, hi/share[0])
	}
	axisLo, axisHi := bounds(Centring)
	sideLo, sideHi := bounds(FaceFromSide)
	if max(axisLo, sideLo, s.WidthMM-sideHi) > min(axisHi, sideHi, s.WidthMM-sideLo) {
		return false
	}
	const steps = 64
	for i := range steps + 1 {
		h := headLo + (headHi-headLo)*float64(i)/steps
		underHead, underEyes := s.HeightMM-h, s.HeightMM-(1-eyesAboveChin)*h
		lo := max(crownLo, underHead-chinHi, underEyes-eyeHi)
		hi := min(crownHi, underHead-chinLo, underEyes-eyeLo)
		if h > 0 && headLo <= headHi && lo <= hi {
			return true
		}
	}
	return false
}
