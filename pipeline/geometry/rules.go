package geometry

import (
	"math"

	"idphoto/pipeline/spec"
)

// Names of conditions that come from the picture, beside the document's rules, in conflicts.
const (
	BodyBottom  = "body_bottom" // the person must reach the photo's lower edge, not float above it
	BodyLeft    = "body_left"   // where the picture's edge cuts the person, the photo ends too
	BodyRight   = "body_right"
	PictureEdge = "picture_edge" // the original background must cover the photo
)

// Bound is a linear condition on a crop. A point (u, v) of the head's frame lands on column
// Scale*u + Slide and row Scale*v + Shift of the photo, so every measure of a photo is Gain*Scale +
// Move*Shift + Aside*Slide + Const, and a Bound asks that this be at least 0. With Slack > 0 the solver
// keeps away from the limit: margin is the measure over Slack. With Slack 0 the limit is hard: it must
// hold, being close to it costs nothing. All in photo pixels.
type Bound struct {
	Name                     string
	Gain, Move, Aside, Const float64
	Slack                    float64
	Yields                   bool // gives way where the others cannot hold with it
}

func (b Bound) value(c Crop) float64 {
	return b.Gain*c.Scale + b.Move*c.Shift + b.Aside*c.Slide + b.Const
}

// Slack of rules without an upper end: millimetres for gaps and heights, a part of the limit for
// widths, which are met by a larger head only.
const (
	openGap   = 3
	openWidth = .1
)

// rules writes the document's bands as bounds. A band's two ends have its half width as slack, so
// margin 1 is its middle.
func (h Head) rules(s *spec.Spec) []Bound {
	var bounds []Bound
	for _, r := range s.Rules {
		k := s.PxPer(r.Measure)
		for _, value := range h.forms(s, r.Measure) {
			value.Name, value.Yields = r.Measure, r.Yields
			value.Slack = k * openGap
			if spec.Across(r.Measure) {
				value.Slack = k * openWidth * r.Min
			}
			if hi := r.Upper(); !math.IsInf(hi, 1) {
				value.Slack = k * (hi - r.Min) / 2
				above := value
				above.Gain, above.Move, above.Aside, above.Const = -value.Gain, -value.Move, -value.Aside, k*hi-value.Const
				bounds = append(bounds, above)
			}
			value.Const -= k * r.Min
			bounds = append(bounds, value)
		}
	}
	if !math.IsInf(h.CutBottom, 1) {
		bounds = append(bounds, Bound{Name: BodyBottom, Gain: h.CutBottom, Move: 1, Const: -float64(s.HeightPx)})
	}
	return bounds
}

// forms writes a measure in pixels as a linear form: two where it holds on both sides.
func (h Head) forms(s *spec.Spec, measure string) []Bound {
	width, height := float64(s.WidthPx), float64(s.HeightPx)
	switch measure {
	case spec.HeadHeight:
		return []Bound{{Gain: h.Chin - h.crown(s)}}
	case spec.HairHeight:
		return []Bound{{Gain: h.Chin - h.Crown}}
	case spec.EyeLine:
		return []Bound{{Gain: -h.Eyes, Move: -1, Const: height}}
	case spec.CrownGap:
		return []Bound{{Gain: h.crown(s), Move: 1}}
	case spec.HairGap:
		return []Bound{{Gain: h.Crown, Move: 1}}
	case spec.ChinGap:
		return []Bound{{Gain: -h.Chin, Move: -1, Const: height}}
	case spec.HeadWidth:
		return []Bound{{Gain: h.HeadSide[1] - h.HeadSide[0]}}
	case spec.FaceWidth:
		return []Bound{{Gain: h.Face[1] - h.Face[0]}}
	case spec.PupilDistance:
		return []Bound{{Gain: h.Pupils}}
	case spec.EyesFromLeft:
		return []Bound{{Gain: h.EyesX, Aside: 1}}
	case spec.Centring:
		return []Bound{{Gain: h.Axis, Aside: 1}}
	case spec.FaceFromSide:
		return []Bound{{Gain: h.Axis, Aside: 1}, {Gain: -h.Axis, Aside: -1, Const: width}}
	case spec.SideGap:
		return []Bound{{Gain: h.HeadSide[0], Aside: 1}, {Gain: -h.HeadSide[1], Aside: -1, Const: width}}
	}
	return nil
}

// HalfPlane is the set of points with NX*x + NY*y >= D.
type HalfPlane struct{ NX, NY, D float64 }

// bounds asks that the photo's four corners lie in p. Corner (X, Y) of the photo is the point
// ((X - slide)/scale, (Y - shift)/scale); times scale the condition is linear.
func (p HalfPlane) bounds(s *spec.Spec) []Bound {
	w, h := float64(s.WidthPx), float64(s.HeightPx)
	var bounds []Bound
	for _, c := range [4]Point{{0, 0}, {w, 0}, {0, h}, {w, h}} {
		bounds = append(bounds, Bound{Name: PictureEdge, Gain: -p.D, Move: -p.NY, Aside: -p.NX, Const: p.NX*c.X + p.NY*c.Y})
	}
	return bounds
}
