package geometry

import (
	"math"

	"idphoto/pipeline/spec"
)

// Head is what the solver must know of a person, in the head's frame: source pixels, turned as they
// will be on the photo, the origin wherever the caller put it.
type Head struct {
	Crown, Skull, Eyes, Chin float64 // heights (y): of the hair's top, of the skull's, between the pupils, of the chin
	Axis                     float64 // x that goes to the middle of the photo

	EyesX    float64    // x between the pupils
	Pupils   float64    // from one to the other
	Face     [2]float64 // x of the face's outline at its widest: left, right; ears not counted
	HeadSide [2]float64 // x of the head's outline beside the face, with hair and ears

	// Where the picture's edges cut the person, if they do: the height of the lower cut (infinite
	// where there is none), and points along the side cuts.
	CutBottom         float64
	CutLeft, CutRight []Point
}

// Proportions of an ordinary head, in the distance from eyes to chin: medians over photos.
const (
	ordinaryPupils = .555
	ordinaryFace   = 1.3
	ordinarySides  = 1.6
)

// Uncut returns a head without hair whose person no edge of the picture cuts, as wide as ordinary
// heads of its height are.
func Uncut(crown, eyes, chin, axis float64) Head {
	unit := chin - eyes
	around := func(width float64) [2]float64 { return [2]float64{axis - width/2, axis + width/2} }
	return Head{
		Crown: crown, Skull: crown, Eyes: eyes, Chin: chin, Axis: axis,
		EyesX: axis, Pupils: ordinaryPupils * unit, Face: around(ordinaryFace * unit), HeadSide: around(ordinarySides * unit),
		CutBottom: math.Inf(1),
	}
}

// crown is the height of what s calls the head's top.
func (h Head) crown(s *spec.Spec) float64 {
	if s.Crown == spec.CrownSkull {
		return h.Skull
	}
	return h.Crown
}

// Measure returns a measure of the photo that c makes of h for s, in the measure's unit (millimetres).
// Of what must hold on both sides, it is the value on the side that is nearer to a limit of rule.
func (h Head) Measure(c Crop, s *spec.Spec, rule spec.Rule) float64 {
	x := func(v float64) float64 { return c.Scale*v + c.Slide }
	y := func(v float64) float64 { return c.Scale*v + c.Shift }
	width, height := float64(s.WidthPx), float64(s.HeightPx)
	var px []float64
	switch rule.Measure {
	case spec.HeadHeight:
		px = []float64{y(h.Chin) - y(h.crown(s))}
	case spec.HairHeight:
		px = []float64{y(h.Chin) - y(h.Crown)}
	case spec.EyeLine:
		px = []float64{height - y(h.Eyes)}
	case spec.CrownGap:
		px = []float64{y(h.crown(s))}
	case spec.HairGap:
		px = []float64{y(h.Crown)}
	case spec.ChinGap:
		px = []float64{height - y(h.Chin)}
	case spec.HeadWidth:
		px = []float64{x(h.HeadSide[1]) - x(h.HeadSide[0])}
	case spec.FaceWidth:
		px = []float64{x(h.Face[1]) - x(h.Face[0])}
	case spec.PupilDistance:
		px = []float64{c.Scale * h.Pupils}
	case spec.EyesFromLeft:
		px = []float64{x(h.EyesX)}
	case spec.Centring:
		px = []float64{x(h.Axis)}
	case spec.FaceFromSide:
		px = []float64{x(h.Axis), width - x(h.Axis)}
	case spec.SideGap:
		px = []float64{x(h.HeadSide[0]), width - x(h.HeadSide[1])}
	default:
		return math.NaN()
	}
	value, nearest := math.NaN(), math.Inf(1)
	for _, v := range px {
		v /= s.PxPer(rule.Measure)
		if room := min(v-rule.Min, rule.Upper()-v); room < nearest {
			value, nearest = v, room
		}
	}
	return value
}
