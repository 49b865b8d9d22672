package spec

// Our own composition: what a photo looks like where no source says where the head must be. The
// head fills about two thirds of the height, less on a narrow photo, and keeps clear of the top.
const (
	houseSource = "our own composition; no published figure"
	houseGrade  = "house"
)

// compose adds our own rules where the sources leave head height or crown gap open.
func (s *Spec) compose() {
	leastGap := .051 * s.HeightMM
	if _, ok := s.Rule(HeadHeight); ok {
		leastGap = .04 * s.HeightMM // a head's size that is given may leave little room
	} else {
		s.houseRule(HeadHeight, min(.58*s.HeightMM, .81*s.WidthMM), min(.78*s.HeightMM, 1.09*s.WidthMM))
	}
	if _, ok := s.Rule(CrownGap); !ok {
		s.houseRule(CrownGap, leastGap, .149*s.HeightMM)
	}
}

func (s *Spec) houseRule(measure string, lo, hi float64) {
	hi = micron(hi)
	s.Rules = append(s.Rules, Rule{Measure: measure, Min: micron(lo), Max: &hi, Source: houseSource, Grade: houseGrade})
}
