package geometry

import (
	"cmp"
	"math"
	"slices"

	"idphoto/pipeline/spec"
)

// Names of conditions that come from the picture, beside the document's rules, in conflicts.
const (
	BodyBottom  = "body_bottom" // the person must reach the photo's lower edge, not float above it
	BodyLeft    = "body_left"   // where the picture's edge cuts the person, the photo ends too
	BodyRight   = "body_right"
	PictureEdge = "picture_edge" // the original background must cover the photo
)

// Head is what the solver must know of a person, in the head's upright frame: source pixels,
// turned so that the eyes are level, the origin wherever the caller put it.
type Head struct {
	Crown, Eyes, Chin float64 // heights (y)
	Axis              float64 // x that goes to the middle of the photo

	// Where the picture's edges cut the person, if they do: the height of the lower cut (infinite
	// where there is none), and points along the side cuts.
	CutBottom         float64
	CutLeft, CutRight []Point
}

// Uncut returns a Head whose person no edge of the picture cuts.
func Uncut(crown, eyes, chin, axis float64) Head {
	return Head{Crown: crown, Eyes: eyes, Chin: chin, Axis: axis, CutBottom: math.Inf(1)}
}

// Crop is a photo's frame: photo = Scale*(x - Axis) + Width/2, Scale*y + Shift.
type Crop struct {
	Placement
	Axis  float64
	Width int
}

// ToPhoto maps the head's frame to the photo.
func (c Crop) ToPhoto() Affine {
	return Affine{A: c.Scale, C: float64(c.Width)/2 - c.Scale*c.Axis, E: c.Scale, F: c.Shift}
}

// Solve finds the crop of head that meets the document's rules with the largest margin. cover, when not
// nil, is a quadrilateral's set of half planes n.x >= d (in the head's frame) that the photo must
// not leave. When there is none, conflict names rules that cannot hold together.
func (h Head) Solve(s *spec.Spec, cover []HalfPlane) (crop Crop, conflict []string, ok bool) {
	rules := h.rules(s)
	// Each part of a side cut is left beside the photo or below it: take what has the larger margin.
	for _, left := range h.sides(h.CutLeft, BodyLeft, s) {
		for _, right := range h.sides(h.CutRight, BodyRight, s) {
			bounds := append(append(append([]Bound(nil), rules...), left...), right...)
			for _, p := range cover {
				bounds = append(bounds, p.bounds(h.Axis, s)...)
			}
			p, c, found := Solve(bounds)
			switch {
			case found && (!ok || p.Margin > crop.Margin):
				crop, ok = Crop{p, h.Axis, s.WidthPx}, true
			case !found && conflict == nil:
				conflict = c
			}
		}
	}
	return crop, conflict, ok
}

// rules writes the document's bands as bounds. A band's two ends have its half width as slack, so
// margin 1 is its middle; an open band keeps 3 mm away.
func (h Head) rules(s *spec.Spec) []Bound {
	k := s.PxPerMM()
	var bounds []Bound
	for _, r := range s.Rules {
		// value in px = gain*scale + move*shift + constant
		var gain, move, constant float64
		switch r.Measure {
		case spec.HeadHeight:
			gain = h.Chin - h.Crown
		case spec.EyeLine:
			gain, move, constant = -h.Eyes, -1, float64(s.HeightPx)
		case spec.CrownGap:
			gain, move = h.Crown, 1
		case spec.ChinGap:
			gain, move, constant = -h.Chin, -1, float64(s.HeightPx)
		}
		slack := 3.0
		if !math.IsInf(r.Upper(), 1) {
			slack = (r.Upper() - r.Min) / 2
			bounds = append(bounds, Bound{r.Measure, -gain, -move, k*r.Upper() - constant, k * slack})
		}
		bounds = append(bounds, Bound{r.Measure, gain, move, constant - k*r.Min, k * slack})
	}
	if !math.IsInf(h.CutBottom, 1) {
		bounds = append(bounds, Bound{Name: BodyBottom, Gain: h.CutBottom, Move: 1, Const: -float64(s.HeightPx)})
	}
	return bounds
}

// maxSplits bounds how many ways of splitting a side cut are tried.
const maxSplits = 6

// sides returns the alternatives of keeping a side cut out of the photo: its upper part beside
// the photo and the rest below, for several heights of the split. A cut along a picture's edge leans when the
// head is levelled, so where it is split matters.
func (h Head) sides(cut []Point, name string, s *spec.Spec) [][]Bound {
	if len(cut) == 0 {
		return [][]Bound{nil}
	}
	cut = slices.Clone(cut)
	slices.SortFunc(cut, func(p, q Point) int { return cmp.Compare(p.Y, q.Y) })
	var alternatives [][]Bound
	splits := min(len(cut), maxSplits)
	for i := range splits + 1 {
		n := len(cut) * i / splits // points beside the photo
		var bounds []Bound
		if n > 0 {
			nearest := math.Inf(1)
			for _, p := range cut[:n] {
				nearest = min(nearest, math.Abs(p.X-h.Axis))
			}
			bounds = append(bounds, Bound{Name: name, Gain: nearest, Const: -float64(s.WidthPx) / 2})
		}
		if n < len(cut) {
			bounds = append(bounds, Bound{Name: name, Gain: cut[n].Y, Move: 1, Const: -float64(s.HeightPx)})
		}
		alternatives = append(alternatives, bounds)
	}
	return alternatives
}

// HalfPlane is the set of points with NX*x + NY*y >= D.
type HalfPlane struct{ NX, NY, D float64 }

// bounds asks that the photo's four corners lie in p. Corner (X, Y) of the photo is the point
// ((X - W/2)/scale + axis, (Y - shift)/scale); times scale the condition is linear.
func (p HalfPlane) bounds(axis float64, s *spec.Spec) []Bound {
	w, h := float64(s.WidthPx), float64(s.HeightPx)
	var bounds []Bound
	for _, c := range [4]Point{{0, 0}, {w, 0}, {0, h}, {w, h}} {
		bounds = append(bounds, Bound{Name: PictureEdge, Gain: p.NX*axis - p.D, Move: -p.NY, Const: p.NX*(c.X-w/2) + p.NY*c.Y})
	}
	return bounds
}
