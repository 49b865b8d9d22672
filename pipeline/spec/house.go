package spec

// Our own composition: what a photo looks like where no source says where the head must be. The
// head fills about two thirds of the height, less on a narrow photo, keeps clear of the top and stands in
// the middle.
const (
	houseSource = "our own composition; no published figure"
	houseGrade  = "house"
)

// A full frontal face is centred within 45 to 55 % of the width (ISO/IEC 19794-5). Within it the head
// moves aside where that keeps a cut arm out of the photo.
const (
	centringMin    = .45
	centringMax    = .55
	centringSource = "our own composition: the 45-55 % of ISO/IEC 19794-5"
)

// compose adds our own rules where the sources leave something open.
func (s *Spec) compose() {
	leastGap := .051 * s.HeightMM
	if _, ok := s.Rule(HeadHeight); ok {
		leastGap = .04 * s.HeightMM // a head's size that is given may leave little room
	} else if face, ok := s.Rule(FaceWidth); ok {
		s.composeHead(face)
	} else {
		s.houseRule(HeadHeight, min(.58*s.HeightMM, .81*s.WidthMM), min(.78*s.HeightMM, 1.09*s.WidthMM))
	}
	if s.Crown == CrownSkull {
		s.composeHair(leastGap)
	} else if _, ok := s.Rule(CrownGap); !ok {
		s.houseRule(CrownGap, leastGap, .149*s.HeightMM)
	}
	s.houseRule(Centring, centringMin*s.WidthMM, centringMax*s.WidthMM)
	s.Rules[len(s.Rules)-1].Source = centringSource
}

// composeHead bounds the head's height where a document bounds the face's width, which fixes the
// scale: by the heights of heads with such a face.
func (s *Spec) composeHead(face Rule) {
	widths := ordinaryWidths[FaceWidth]
	s.houseRule(HeadHeight, face.Min/widths[1], min(face.Upper()/widths[0], .95*s.HeightMM))
	s.Rules[len(s.Rules)-1].Yields = true
}

// composeHair adds our own rules on hair where the head is measured to the skull: where it can, the photo
// meets the head's band with the hair as well, since not everybody measures to the skull, and no hair
// is cut. Both give way to what is published.
func (s *Spec) composeHair(leastGap float64) {
	if head, ok := s.Rule(HeadHeight); ok && head.Max != nil {
		s.houseRule(HairHeight, head.Min, *head.Max)
		s.Rules[len(s.Rules)-1].Yields = true
	}
	if _, ok := s.Rule(HairGap); !ok {
		s.houseRule(HairGap, leastGap, .149*s.HeightMM)
		s.Rules[len(s.Rules)-1].Yields = true
	}
}

func (s *Spec) houseRule(measure string, lo, hi float64) {
	hi = micron(hi)
	s.Rules = append(s.Rules, Rule{Measure: measure, Min: micron(lo), Max: &hi, Source: houseSource, Grade: houseGrade})
}
